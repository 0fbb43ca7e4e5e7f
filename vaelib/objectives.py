"""What is maximised, and the bounds that tell how good it is.

Every result is in nats per example, ``(B,)``: summed over dimensions, never
averaged, constants kept. So it does not depend on the batch's size, and no β
hides in a mean. All of them are to be *maximised*; ``vaelib.fit`` descends the
negative of their mean.
"""

from collections.abc import Iterator
from math import log
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, kl_divergence

from vaelib.distributions import (
    DiagonalGaussian,
    StandardNormal,
    check_data,
    checking,
    kl_diagonal_gaussian_per_dim,
)


class LatentModel(Protocol):
    """What the bounds need: three distributions. :class:`vaelib.VAE` is one."""

    @property
    def prior(self) -> Distribution: ...

    def posterior(self, x: Tensor, /) -> Distribution: ...

    def likelihood(self, z: Tensor, /) -> Distribution: ...


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

    def mean(self) -> "Elbo":
        """The same, averaged over examples: scalars, and ``(Z,)``."""
        per_dim = None if self.kl_per_dim is None else self.kl_per_dim.mean(0)
        return Elbo(
            self.value.mean(), self.reconstruction.mean(), self.kl.mean(), per_dim
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


def elbo(
    model: LatentModel,
    x: Tensor,
    beta: float = 1.0,
    samples: int = 1,
    free_bits: float = 0.0,
) -> Elbo:
    """The evidence lower bound (Kingma & Welling 2014, eq. 3; β: Higgins et al.
    2017, eq. 4).

    The KL is exact where ``torch.distributions`` knows a closed form, and else
    estimated with the samples of the reconstruction.

    Args:
        model: gives ``posterior(x)``, ``prior``, ``likelihood(z)``.
        x: data, ``(B, *data_shape)``.
        beta: weight of the KL; the bound is one on log p(x) for β ≥ 1 only.
        samples: L, draws of z per example.
        free_bits: nats per latent dimension that cost nothing: each dimension
            pays max(λ, its KL averaged over the batch) (Kingma et al. 2016,
            eq. 15). ``kl`` still reports what was really spent.

    Raises:
        TypeError, ValueError: for data the likelihood cannot have produced, a
            posterior that cannot be differentiated through, or a bad argument.
    """
    _check_arguments(beta, samples, free_bits)
    q, prior = model.posterior(x), model.prior
    _check_sizes(q, prior)
    z = q.rsample((samples,))  # (L, B, Z)
    log_p = _log_likelihood_given(model, x, z)
    reconstruction = log_p.squeeze(0) if samples == 1 else log_p.mean(0)
    kl, kl_per_dim = _kl(q, prior, z)
    price = kl if free_bits == 0 else _with_free_bits(kl_per_dim, free_bits)
    return Elbo(reconstruction - beta * price, reconstruction, kl, kl_per_dim)


def reconstruction(model: "Reconstructing", x: Tensor) -> Tensor:
    """log p(x | z = encode(x)) in nats, ``(B,)``: the objective of an autoencoder.

    With a decoder that gives bare numbers, p is a Gaussian with σ = 1, and this
    is −½ ‖x − x̂‖² minus a constant (d/2 · log 2π).
    """
    p = model.likelihood(model.encode(x))
    if checking():
        check_data(x, p)
    return p.log_prob(x)


class Reconstructing(Protocol):
    """What :func:`reconstruction` needs: :class:`vaelib.Autoencoder` or ``VAE``."""

    def encode(self, x: Tensor, /) -> Tensor: ...

    def likelihood(self, z: Tensor, /) -> Distribution: ...


def iwae(model: LatentModel, x: Tensor, k: int) -> Tensor:
    """The importance-weighted bound with ``k`` samples (Burda et al. 2015, eq. 8).

    log 1/k Σ p(x|z)p(z)/q(z|x). Its mean rises with k, from the ELBO (k = 1) to
    log p(x).

    Args:
        model: gives ``posterior(x)``, ``prior``, ``likelihood(z)``.
        x: data, ``(B, *data_shape)``.
        k: samples per example, all decoded at once.

    Returns:
        ``(B,)`` nats; differentiable.
    """
    _check_count("k", k)
    return _log_weights(model, x, model.posterior(x), k).logsumexp(0) - log(k)


@torch.no_grad()
def log_likelihood(
    model: LatentModel, x: Tensor, k: int = 1000, *, chunk: int = 10_000
) -> Tensor:
    """log p(x), estimated by importance sampling with ``k`` samples.

    The same number as ``iwae(model, x, k)``, in bounded memory and without
    gradients. It is a lower bound in expectation, tighter as k grows.

    Args:
        model: gives ``posterior(x)``, ``prior``, ``likelihood(z)``.
        x: data, ``(B, *data_shape)``.
        k: samples per example.
        chunk: codes decoded at once; lower it when memory runs out.

    Returns:
        ``(B,)`` nats.
    """
    _check_count("k", k)
    _check_count("chunk", chunk)
    rows = min(len(x), chunk)
    results = []
    for part in x.split(rows):
        q = model.posterior(part)
        weights = [
            _log_weights(model, part, q, count).logsumexp(0)
            for count in _shares(k, max(1, chunk // len(part)))
        ]
        results.append(torch.stack(weights).logsumexp(0) - log(k))
    return torch.cat(results) if results else x.new_empty(0)


# ---------------------------------------------------------------------- details


def _log_weights(model: LatentModel, x: Tensor, q: Distribution, k: int) -> Tensor:
    """log p(x|z) + log p(z) − log q(z|x) for k draws from q, ``(k, B)``."""
    prior = model.prior
    _check_sizes(q, prior)
    z = q.rsample((k,))
    return _log_likelihood_given(model, x, z) + prior.log_prob(z) - q.log_prob(z)


def _log_likelihood_given(model: LatentModel, x: Tensor, z: Tensor) -> Tensor:
    """log p(x|z) for codes ``(L, B, Z)``, as ``(L, B)``."""
    p = model.likelihood(z.flatten(0, 1))
    if checking():
        check_data(x, p)
    if len(z) == 1:
        return p.log_prob(x)[None]
    repeated = x.expand(len(z), *x.shape).flatten(0, 1)
    return p.log_prob(repeated).view(z.shape[:2])


def _kl(
    q: Distribution, prior: Distribution, z: Tensor
) -> tuple[Tensor, Tensor | None]:
    """KL(q‖prior), ``(B,)``, and its share per dimension where it has one."""
    if isinstance(q, DiagonalGaussian) and isinstance(prior, StandardNormal):
        each = kl_standard_normal(q.mu, q.log_var, per_dim=True)
        return each.sum(-1), each
    if isinstance(q, DiagonalGaussian) and isinstance(prior, DiagonalGaussian):
        each = kl_diagonal_gaussian_per_dim(q, prior)
        return each.sum(-1), each
    try:
        if isinstance(q, Independent) and isinstance(prior, Independent):
            each = kl_divergence(q.base_dist, prior.base_dist)
            if each.dim() == 2:  # (B, Z): every dimension has its own
                return each.sum(-1), each
        return kl_divergence(q, prior), None
    except NotImplementedError:  # no closed form registered for this pair
        return (q.log_prob(z) - prior.log_prob(z)).mean(0), None


def _with_free_bits(kl_per_dim: Tensor | None, free_bits: float) -> Tensor:
    if kl_per_dim is None:
        raise ValueError(
            f"free_bits: got {free_bits}, but this posterior's KL is not a sum over "
            "dimensions, so none can be given to each. Use free_bits=0."
        )
    free = kl_per_dim.mean(0) < free_bits
    return torch.where(free, free_bits, kl_per_dim).sum(-1)


def _shares(total: int, most: int) -> Iterator[int]:
    """``total`` cut into pieces of at most ``most``."""
    for start in range(0, total, most):
        yield min(most, total - start)


def _check_arguments(beta: float, samples: int, free_bits: float) -> None:
    if not beta >= 0:
        raise ValueError(f"beta: got {beta!r}, wanted a number ≥ 0")
    _check_count("samples", samples)
    if not free_bits >= 0:
        raise ValueError(f"free_bits: got {free_bits!r}, wanted nats ≥ 0")


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}: got {value!r}, wanted a whole number ≥ 1")


def _check_sizes(q: Distribution, prior: Distribution) -> None:
    if not q.has_rsample:
        raise ValueError(
            f"posterior: {type(q).__name__} cannot be sampled with a gradient (it has "
            "no rsample), so the encoder would never learn. Use one that can, e.g. "
            "DiagonalGaussian."
        )
    if q.event_shape != prior.event_shape:
        raise ValueError(
            f"prior: its codes have shape {tuple(prior.event_shape)}, the posterior's "
            f"{tuple(q.event_shape)}. Give both the same latent_dim."
        )
