"""What a trained model has learned, as numbers.

The disentanglement scores compare codes ``(N, Z)`` with the factors ``(N, F)``
that made the pictures. They know nothing of a model: give them
``model.encode(data.x)`` and ``data.factors``.
"""

from vaelib.metrics.dci import DCI, dci
from vaelib.metrics.factor_vae import factor_vae_score
from vaelib.metrics.information import MutualInformation, mutual_information
from vaelib.metrics.mig import mig
from vaelib.metrics.units import active_units

__all__ = [
    "DCI",
    "MutualInformation",
    "active_units",
    "dci",
    "factor_vae_score",
    "mig",
    "mutual_information",
]
