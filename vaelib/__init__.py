"""vaelib: the small library behind the course. Every formula stands in one place."""

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
    standard_normal,
    unchecked,
)
from vaelib.models import VAE, Autoencoder, conv_vae, mlp_vae
from vaelib.networks import MLP, ConvDecoder, ConvEncoder, Residual
from vaelib.randomness import seeded
from vaelib.storage import load_model, save

__all__ = [
    "MLP",
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
    "Gaussian",
    "GaussianHead",
    "GreyLevels",
    "Residual",
    "conv_vae",
    "load",
    "load_model",
    "mlp_vae",
    "save",
    "seeded",
    "standard_normal",
    "unchecked",
]
