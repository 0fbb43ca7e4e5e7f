"""The importance-weighted bound, and log p(x) by importance sampling."""

from collections.abc import Iterator
from math import log

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaelib.distributions.enumeration import values_of
from vaelib.models.conditional import in_parts
from vaelib.objectives.latent import (
    LatentModel,
    check_count,
    check_sizes,
    draws,
    log_likelihood_given,
    sums,
    target_or_x,
)


def iwae(model: LatentModel, x: Tensor, k: int, target: Tensor | None = None) -> Tensor:
    """The importance-weighted bound with ``k`` samples (Burda et al. 2015, eq. 8).

    log 1/k Σ p(x|z)p(z)/q(z|x). Its mean rises with k, from the ELBO (k = 1) to
    log p(x).

    Args:
        model: gives ``posterior(x)``, ``prior``, ``likelihood(z)``.
        x: data, ``(B, *data_shape)``.
        k: samples per example, all decoded at once.
        target: what the decoder is to give, as in :func:`elbo`; then the bound is
            one on log p(target).

    Returns:
        ``(B,)`` nats; differentiable.

    Raises:
        ValueError: for a posterior that cannot be sampled with a gradient (where
            its values can be listed, :func:`elbo` sums over them, and
            :func:`log_likelihood` is exact).
    """
    check_count("k", k)
    q = model.posterior(x)
    if not q.has_rsample:
        raise ValueError(
            f"posterior: {type(q).__name__} cannot be sampled with a gradient (it has "
            "no rsample). Train with vl.elbo, which sums over codes that can be "
            "listed, and measure with vl.log_likelihood, which does so, too."
        )
    wanted = target_or_x(x, target)
    return _log_weights(model, q, draws(q, k), *wanted).logsumexp(0) - log(k)


@torch.no_grad()
def log_likelihood(
    model: LatentModel,
    x: Tensor,
    k: int = 1000,
    *,
    chunk: int = 10_000,
    target: Tensor | None = None,
) -> Tensor:
    """log p(x), estimated by importance sampling with ``k`` samples.

    The same number as ``iwae(model, x, k)``, in bounded memory and without
    gradients. It is a lower bound in expectation, tighter as k grows; exact,
    whatever k, where the codes can be listed.

    Args:
        model: gives ``posterior(x)``, ``prior``, ``likelihood(z)``.
        x: data, ``(B, *data_shape)``.
        k: samples per example.
        chunk: codes decoded at once; lower it when memory runs out.
        target: as in :func:`iwae`.

    Returns:
        ``(B,)`` nats.
    """
    check_count("k", k)
    check_count("chunk", chunk)
    if len(x) == 0:
        return x.new_empty(0)
    wanted, name = target_or_x(x, target)
    estimates = [
        _estimate(part, some, (asked, name), k, chunk)
        for part, some, asked in in_parts(model, chunk, x, wanted)
    ]
    return torch.cat(estimates)


def _estimate(
    model: LatentModel, x: Tensor, wanted: tuple[Tensor, str], k: int, chunk: int
) -> Tensor:
    q, prior, at_once = model.posterior(x), model.prior, max(1, chunk // len(x))
    check_sizes(q, prior)
    if sums(q):  # Σ p(x|z) p(z) over all values: the marginal itself
        terms = [
            log_likelihood_given(model, z, *wanted) + prior.log_prob(z)
            for z in values_of(q).split(at_once)
        ]
        return torch.cat(terms).logsumexp(0)
    weights = [
        _log_weights(model, q, draws(q, count), *wanted).logsumexp(0)
        for count in _shares(k, at_once)
    ]
    return torch.stack(weights).logsumexp(0) - log(k)


def _log_weights(
    model: LatentModel, q: Distribution, z: Tensor, x: Tensor, name: str
) -> Tensor:
    """log p(x|z) + log p(z) − log q(z|x) for draws z ``(k, B, …)``: ``(k, B)``."""
    prior = model.prior
    check_sizes(q, prior)
    given = log_likelihood_given(model, z, x, name)
    return given + prior.log_prob(z) - q.log_prob(z)


def _shares(total: int, most: int) -> Iterator[int]:
    """``total`` cut into pieces of at most ``most``."""
    for start in range(0, total, most):
        yield min(most, total - start)
