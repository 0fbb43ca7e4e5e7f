"""vaelib: the small library behind the course. Every formula stands in one place."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vaelib import data, metrics
from vaelib.data import Dataset, load
from vaelib.distributions import (
    Autoregressive,
    AutoregressiveHead,
    Bernoulli,
    BernoulliHead,
    CategoricalHead,
    Chain,
    ContinuousBernoulli,
    ContinuousBernoulliHead,
    DiagonalGaussian,
    DiagonalGaussianHead,
    Gaussian,
    GaussianHead,
    GreyLevels,
    Padded,
    StandardNormal,
    unchecked,
)
from vaelib.models import VAE, Autoencoder, ConditionalVAE, conv_vae, mlp_vae
from vaelib.networks import (
    MLP,
    ConvDecoder,
    ConvEncoder,
    GRUDecoder,
    GRUEncoder,
    MaskedConv2d,
    PixelCNN,
    Residual,
    SelfAttention,
    TransformerDecoder,
    TransformerEncoder,
)
from vaelib.objectives import (
    Elbo,
    anneal,
    elbo,
    iwae,
    kl_standard_normal,
    log_likelihood,
    reconstruction,
)
from vaelib.pca import PCA
from vaelib.randomness import seeded
from vaelib.storage import load_model, save
from vaelib.sweep import Sweep, sweep
from vaelib.training import History, TrainingDiverged, fit

if TYPE_CHECKING:
    from vaelib import plots, widgets
    from vaelib.course import progress
    from vaelib.plots import show
    from vaelib.widgets.predict import predict

__all__ = [
    "MLP",
    "PCA",
    "VAE",
    "Autoencoder",
    "Autoregressive",
    "AutoregressiveHead",
    "Bernoulli",
    "BernoulliHead",
    "CategoricalHead",
    "Chain",
    "ConditionalVAE",
    "ContinuousBernoulli",
    "ContinuousBernoulliHead",
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
    "MaskedConv2d",
    "Padded",
    "PixelCNN",
    "Residual",
    "SelfAttention",
    "StandardNormal",
    "Sweep",
    "TrainingDiverged",
    "TransformerDecoder",
    "TransformerEncoder",
    "anneal",
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
    "predict",
    "progress",
    "reconstruction",
    "save",
    "seeded",
    "show",
    "sweep",
    "unchecked",
    "widgets",
]

# Pictures and widgets bring matplotlib and ipywidgets, half as long to import as
# torch: they come when they are first asked for (PEP 562).
_LAZY = {
    "plots": "vaelib.plots",
    "predict": "vaelib.widgets.predict",
    "progress": "vaelib.course",
    "show": "vaelib.plots",
    "widgets": "vaelib.widgets",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'vaelib' has no attribute {name!r}")
    module = import_module(_LAZY[name])
    return globals().setdefault(name, getattr(module, name, module))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
