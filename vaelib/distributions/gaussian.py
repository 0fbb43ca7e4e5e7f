"""Gaussians by mean and log σ², of codes and of data, and their KL divergence."""

from math import log, pi
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Independent, Normal
from torch.distributions.kl import register_kl


class DiagonalGaussian(Independent):  # type: ignore[type-arg]
    """A Gaussian with independent dimensions, known by its log-variance.

    Args:
        mu: means, ``(..., Z)``.
        log_var: log σ² (never log σ), ``(..., Z)``.

    Shapes:
        batch ``(...)``, event ``(Z,)``.
    """

    def __init__(self, mu: Tensor, log_var: Tensor):
        self.mu, self.log_var = mu, log_var
        sigma = (0.5 * log_var).exp()
        super().__init__(Normal(mu, sigma, validate_args=False), 1, validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "DiagonalGaussian":
        shape = torch.Size(batch_shape) + self.event_shape
        return DiagonalGaussian(self.mu.expand(shape), self.log_var.expand(shape))


class StandardNormal(DiagonalGaussian):
    """N(0, I) over codes: batch ``()``, event ``(latent_dim,)``."""

    def __init__(
        self,
        latent_dim: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        zeros = torch.zeros(latent_dim, device=device, dtype=dtype)
        super().__init__(zeros, zeros)


class Gaussian(Normal):
    """A Gaussian for data, by mean and log σ² (which may broadcast)."""

    def __init__(self, mean: Tensor, log_var: Tensor):
        self.log_var = log_var
        super().__init__(mean, (0.5 * log_var).exp(), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        error = (value - self.loc) ** 2 * (-self.log_var).exp()
        return -0.5 * (error + self.log_var + log(2 * pi))

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Gaussian":
        shape = torch.Size(batch_shape)
        return Gaussian(self.loc.expand(shape), self.log_var.expand(shape))


@register_kl(DiagonalGaussian, DiagonalGaussian)  # type: ignore[untyped-decorator]
def _kl_diagonal_gaussian(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    return kl_diagonal_gaussian_per_dim(q, p).sum(-1)


def kl_diagonal_gaussian_per_dim(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    """KL(q‖p) of each dimension, ``(..., Z)``, in nats.

    ``expm1`` keeps it exact near q = p, where exp(d) − 1 would lose every
    digit: in float32 the plain form gives −0.0 at d = 1e-4.
    """
    d = q.log_var - p.log_var
    distance = (q.mu - p.mu) ** 2 * (-p.log_var).exp()
    return 0.5 * (distance + d.expm1() - d)
