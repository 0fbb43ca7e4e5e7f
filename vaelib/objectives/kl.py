"""KL(q‖p): in closed form where there is one, and then of each dimension."""

from torch import Tensor
from torch.distributions import Distribution, Independent, kl_divergence

from vaelib.distributions.gaussian import (
    DiagonalGaussian,
    StandardNormal,
    kl_diagonal_gaussian_per_dim,
)


def kl_standard_normal(mu: Tensor, log_var: Tensor, *, per_dim: bool = False) -> Tensor:
    """KL(N(μ, σ²)‖N(0, I)) in nats (Kingma & Welling 2014, appendix B).

    ½ Σ (μ² + σ² − 1 − log σ²), with σ² − 1 written as ``expm1(log σ²)``, exact
    also where q is close to the prior.

    Args:
        mu: means, ``(B, Z)``.
        log_var: log σ², ``(B, Z)``; not σ, not log σ.
        per_dim: give each dimension's share.

    Returns:
        ``(B,)``, or ``(B, Z)`` with ``per_dim``.

    Raises:
        ValueError: if the two shapes differ.
    """
    if mu.shape != log_var.shape:
        raise ValueError(
            f"log_var: got shape {tuple(log_var.shape)} beside mu's "
            f"{tuple(mu.shape)}; wanted the same. Expand one to the other."
        )
    each = 0.5 * (mu**2 + log_var.expm1() - log_var)
    return each if per_dim else each.sum(-1)


def closed_kl(
    q: Distribution, prior: Distribution
) -> tuple[Tensor, Tensor | None] | None:
    """KL(q‖prior), ``(B,)``, and its share per dimension, ``(B, *event)``, where it
    is a sum over dimensions; None where no closed form is registered."""
    if isinstance(q, DiagonalGaussian) and isinstance(prior, DiagonalGaussian):
        each = _per_dim(q, prior)
        return each.sum(-1), each
    prior = _alike(prior, q)
    try:
        if _same_parts(q, prior):
            each = kl_divergence(q.base_dist, prior.base_dist)  # type: ignore[attr-defined]
            return each.flatten(1).sum(-1), each
        return kl_divergence(q, prior), None
    except NotImplementedError:
        return None


def _per_dim(q: DiagonalGaussian, prior: DiagonalGaussian) -> Tensor:
    if isinstance(prior, StandardNormal):
        return kl_standard_normal(q.mu, q.log_var, per_dim=True)
    return kl_diagonal_gaussian_per_dim(q, prior)


def _alike(prior: Distribution, q: Distribution) -> Distribution:
    """The prior, once for each of q: torch's KL of two Bernoullis, or of two
    categoricals, does not broadcast."""
    if prior.batch_shape == q.batch_shape:
        return prior
    try:
        expanded: Distribution = prior.expand(q.batch_shape)
        return expanded
    except NotImplementedError:  # then its KL, if it has one, sees to that
        return prior


def _same_parts(q: Distribution, prior: Distribution) -> bool:
    """Whether both are products over the same axes, of one row per example."""
    if not (isinstance(q, Independent) and isinstance(prior, Independent)):
        return False
    parts: int = q.reinterpreted_batch_ndims
    return parts == prior.reinterpreted_batch_ndims and len(q.batch_shape) == 1
