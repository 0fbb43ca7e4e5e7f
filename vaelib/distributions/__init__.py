"""Distributions of our own, heads that turn features into them, and checks.

Every distribution here is one of ``torch.distributions`` (batch ``(B,)``, event
the shape of one code or one image), so ``log_prob``, ``rsample``, ``mean`` and
``kl_divergence`` mean what they mean there. Log-probabilities are in nats.
"""

from vaelib.distributions.autoregressive import Autoregressive, AutoregressiveHead
from vaelib.distributions.bernoulli import Bernoulli
from vaelib.distributions.chain import Chain
from vaelib.distributions.checks import check_data, checking, unchecked
from vaelib.distributions.continuous_bernoulli import ContinuousBernoulli
from vaelib.distributions.expectation import mean_of
from vaelib.distributions.gaussian import (
    DiagonalGaussian,
    Gaussian,
    StandardNormal,
    kl_diagonal_gaussian_per_dim,
)
from vaelib.distributions.grey_levels import GreyLevels
from vaelib.distributions.heads import (
    BernoulliHead,
    CategoricalHead,
    ContinuousBernoulliHead,
    DiagonalGaussianHead,
    GaussianHead,
    smooth_bound,
)
from vaelib.distributions.padded import Padded

__all__ = [
    "Autoregressive",
    "AutoregressiveHead",
    "Bernoulli",
    "BernoulliHead",
    "CategoricalHead",
    "Chain",
    "ContinuousBernoulli",
    "ContinuousBernoulliHead",
    "DiagonalGaussian",
    "DiagonalGaussianHead",
    "Gaussian",
    "GaussianHead",
    "GreyLevels",
    "Padded",
    "StandardNormal",
    "check_data",
    "checking",
    "kl_diagonal_gaussian_per_dim",
    "mean_of",
    "smooth_bound",
    "unchecked",
]
