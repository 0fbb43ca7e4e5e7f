"""What the bounds ask of a model, and of each other: codes, and log p(x|z)."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaelib.distributions.checks import check_data, checking
from vaelib.distributions.enumeration import (
    MOST_VALUES,
    count_values,
    listable,
    values_of,
)
from vaelib.distributions.gaussian import DiagonalGaussian


class LatentModel(Protocol):
    """What the bounds need: three distributions. :class:`vaelib.VAE` is one."""

    @property
    def prior(self) -> Distribution: ...

    def posterior(self, x: Tensor, /) -> Distribution: ...

    def likelihood(self, z: Tensor, /) -> Distribution: ...


class Codes(NamedTuple):
    """Codes of which an average over axis 0 is an expectation under q(z|x).

    Attributes:
        z: ``(L, B, *event)``, L draws, or all L values q can take.
        weights: q(z|x) of each value, ``(L, B)``; None for draws, which all
            weigh the same.
    """

    z: Tensor
    weights: Tensor | None

    def average(self, values: Tensor) -> Tensor:
        """E_q of ``values`` ``(L, B)``: ``(B,)``."""
        if self.weights is None:
            return values.squeeze(0) if len(values) == 1 else values.mean(0)
        # A value that q never takes counts for nothing, be it infinite.
        taken = torch.where(self.weights > 0, values, torch.zeros_like(values))
        return (self.weights * taken).sum(0)


def codes_of(q: Distribution, samples: int, *, gradient: bool = True) -> Codes:
    """All of q's values where they can be listed, else draws.

    Raises:
        ValueError: if it has too many values, or the draws would have no gradient
            and want one.
    """
    if sums(q):
        z = values_of(q)
        return Codes(z, q.log_prob(z).exp())
    if gradient and not q.has_rsample:
        raise ValueError(
            f"posterior: {type(q).__name__} cannot be sampled with a gradient (it has "
            "no rsample), so the encoder would never learn. Use one that can, e.g. "
            "DiagonalGaussian."
        )
    return Codes(draws(q, samples), None)


def draws(q: Distribution, samples: int) -> Tensor:
    """``(samples, B, *event)``, with a gradient where q gives one."""
    draw = q.rsample if q.has_rsample else q.sample
    return draw(torch.Size([samples]))


def sums(q: Distribution) -> bool:
    """Whether an expectation under q is summed: its values can be listed, and they
    are few, or there is no other way."""
    if isinstance(q, DiagonalGaussian) or not listable(q):
        return False
    return not q.has_rsample or count_values(q) <= MOST_VALUES


def log_likelihood_given(model: LatentModel, z: Tensor, x: Tensor, name: str) -> Tensor:
    """log p(x|z) for codes ``(L, B, *event)``, as ``(L, B)``."""
    p = model.likelihood(z.flatten(0, 1))
    if checking():
        check_data(x, p, name)
    if len(z) == 1:
        return p.log_prob(x)[None]
    repeated = x.expand(len(z), *x.shape).flatten(0, 1)
    return p.log_prob(repeated).view(z.shape[:2])


def target_or_x(x: Tensor, target: Tensor | None) -> tuple[Tensor, str]:
    """What the likelihood is asked about, and its name.

    Raises:
        ValueError: if the target has not a row for each example.
    """
    if target is None:
        return x, "x"
    if len(target) != len(x):
        raise ValueError(
            f"target: got {len(target)} rows for {len(x)} examples, wanted one each. "
            "Index both alike."
        )
    return target, "target"


def check_count(name: str, value: int) -> None:
    """Refuse what is no number of samples.

    Raises:
        ValueError: if it is not a whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}: got {value!r}, wanted a whole number ≥ 1")


def _mend_sizes(q: Distribution, prior: Distribution) -> str:
    apart = len(q.event_shape) - len(prior.event_shape)
    if apart > 0 and prior.batch_shape + prior.event_shape == q.event_shape:
        return (
            "Its numbers count as a batch, not as one code: wrap it, "
            f"torch.distributions.Independent(prior, {apart})."
        )
    return "Give both the same latent_dim."


def check_sizes(q: Distribution, prior: Distribution) -> None:
    """Refuse a prior over other codes than the posterior's.

    Raises:
        ValueError: if their events differ in shape.
    """
    if q.event_shape != prior.event_shape:
        raise ValueError(
            f"prior: its codes have shape {tuple(prior.event_shape)}, the posterior's "
            f"{tuple(q.event_shape)}. {_mend_sizes(q, prior)}"
        )
