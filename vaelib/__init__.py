"""vaelib: the small library behind the course. Every formula stands in one place."""

from vaelib import data, metrics, plots, widgets
from vaelib.data import Dataset, load
from vaelib.distributions import (
    Bernoulli,
    BernoulliHead,
    CategoricalHead,
    DiagonalGaussian,
    DiagonalGaussianHead,
    Gaussian,
    GaussianHead,
    GreyLevels,
    StandardNormal,
    unchecked,
)
from vaelib.models import VAE, Autoencoder, conv_vae, mlp_vae
from vaelib.networks import (
    MLP,
    ConvDecoder,
    ConvEncoder,
    GRUDecoder,
    GRUEncoder,
    Residual,
    SelfAttention,
    TransformerDecoder,
    TransformerEncoder,
)
from vaelib.objectives import (
    Elbo,
    elbo,
    iwae,
    kl_standard_normal,
    log_likelihood,
    reconstruction,
)
from vaelib.pca import PCA
from vaelib.plots import show
from vaelib.randomness import seeded
from vaelib.storage import load_model, save
from vaelib.sweep import Sweep, sweep
from vaelib.training import History, TrainingDiverged, fit

__all__ = [
    "MLP",
    "PCA",
    "VAE",
    "Autoencoder",
    "Bernoulli",
    "BernoulliHead",
    "CategoricalHead",
    "ConvDecoder",
    "ConvEncoder",
    "Dataset",
    "DiagonalGaussian",
    "DiagonalGaussianHead",
    "Elbo",
    "GRUDecoder",
    "GRUEncoder",
    "Gaussian",
    "GaussianHead",
    "GreyLevels",
    "History",
    "Residual",
    "SelfAttention",
    "StandardNormal",
    "Sweep",
    "TrainingDiverged",
    "TransformerDecoder",
    "TransformerEncoder",
    "conv_vae",
    "data",
    "elbo",
    "fit",
    "iwae",
    "kl_standard_normal",
    "load",
    "load_model",
    "log_likelihood",
    "metrics",
    "mlp_vae",
    "plots",
    "reconstruction",
    "save",
    "seeded",
    "show",
    "sweep",
    "unchecked",
    "widgets",
]
