"""The evidence lower bound, and its terms by name."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaelib.objectives.kl import closed_kl
from vaelib.objectives.latent import (
    Codes,
    LatentModel,
    check_count,
    check_sizes,
    codes_of,
    log_likelihood_given,
    target_or_x,
)


class Elbo(NamedTuple):
    """The evidence lower bound and its two terms, in nats per example.

    Attributes:
        value: what is maximised, reconstruction − β·KL, ``(B,)``.
        reconstruction: E_q[log p(x|z)], ``(B,)``.
        kl: KL(q(z|x)‖p(z)), ``(B,)``; always without β.
        kl_per_dim: the KL of each latent dimension, ``(B, Z)``; ``None`` where
            the KL is not a sum over dimensions (e.g. a flow).
    """

    value: Tensor
    reconstruction: Tensor
    kl: Tensor
    kl_per_dim: Tensor | None

    def terms(self) -> dict[str, Tensor]:
        """What a training history records, by name, each ``(B,)``; the first is
        what is maximised, ``"elbo"`` the bound without β."""
        return {
            "objective": self.value,
            "elbo": self.reconstruction - self.kl,
            "reconstruction": self.reconstruction,
            "kl": self.kl,
        }

    def mean(self) -> "Elbo":
        """The same, averaged over examples: scalars, and ``(Z,)``."""
        per_dim = None if self.kl_per_dim is None else self.kl_per_dim.mean(0)
        return Elbo(
            self.value.mean(), self.reconstruction.mean(), self.kl.mean(), per_dim
        )


def elbo(
    model: LatentModel,
    x: Tensor,
    beta: float = 1.0,
    samples: int = 1,
    free_bits: float = 0.0,
    target: Tensor | None = None,
) -> Elbo:
    """The evidence lower bound (Kingma & Welling 2014, eq. 3; β: Higgins et al.
    2017, eq. 4).

    The KL is exact where ``torch.distributions`` knows a closed form, and else
    estimated with the samples of the reconstruction. A posterior whose values
    can be listed (a ``Categorical``, an ``Independent`` of Bernoullis) is summed
    over, not sampled: bound and gradient are then exact.

    Args:
        model: gives ``posterior(x)``, ``prior``, ``likelihood(z)``.
        x: data, ``(B, *data_shape)``.
        beta: weight of the KL; the bound is one on log p(x) for β ≥ 1 only.
        samples: L, draws of z per example.
        free_bits: nats per latent dimension that cost nothing: each dimension
            pays max(λ, its KL averaged over the batch) (Kingma et al. 2016,
            eq. 15). ``kl`` still reports what was really spent.
        target: what the decoder is to give, ``(B, *target_shape)``, where that is
            not x: codes of x, log p(target|z).

    Raises:
        TypeError, ValueError: for data the likelihood cannot have produced, a
            posterior that cannot be differentiated through, or a bad argument.
    """
    _check_arguments(beta, samples, free_bits)
    q, prior = model.posterior(x), model.prior
    check_sizes(q, prior)
    codes = codes_of(q, samples)
    wanted = target_or_x(x, target)
    reconstruction = codes.average(log_likelihood_given(model, codes.z, *wanted))
    kl, kl_per_dim = _kl(q, prior, codes)
    price = kl if free_bits == 0 else _with_free_bits(kl_per_dim, free_bits)
    return Elbo(reconstruction - beta * price, reconstruction, kl, kl_per_dim)


def _kl(
    q: Distribution, prior: Distribution, codes: Codes
) -> tuple[Tensor, Tensor | None]:
    closed = closed_kl(q, prior)
    if closed is not None:
        return closed
    return codes.average(q.log_prob(codes.z) - prior.log_prob(codes.z)), None


def _with_free_bits(kl_per_dim: Tensor | None, free_bits: float) -> Tensor:
    if kl_per_dim is None:
        raise ValueError(
            f"free_bits: got {free_bits}, but this posterior's KL is not a sum over "
            "dimensions, so none can be given to each. Use free_bits=0."
        )
    free = kl_per_dim.mean(0) < free_bits
    return torch.where(free, free_bits, kl_per_dim).flatten(1).sum(-1)


def _check_arguments(beta: float, samples: int, free_bits: float) -> None:
    if isinstance(beta, str) or not beta >= 0:
        raise ValueError(f"beta: got {beta!r}, wanted a number ≥ 0")
    check_count("samples", samples)
    if not free_bits >= 0:
        raise ValueError(f"free_bits: got {free_bits!r}, wanted nats ≥ 0")
