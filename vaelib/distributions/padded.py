"""Sequences of different lengths in one rectangle."""

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, constraints, kl_divergence
from torch.distributions.kl import register_kl

from vaelib.distributions.checks import checking, fill_padding


class Padded(Distribution):
    """Sequences of T steps of which only the first ``lengths`` count.

    log p(x) = Σ_{t < length} log p(x_t): what stands in the padding, be it NaN,
    changes neither a log-probability nor a gradient. Samples and means are zero
    there.

    Args:
        steps: the steps' distributions: batch ``(B, T)`` and event one step's
            shape, or, as a head gives it, an ``Independent`` with batch ``(B,)``
            and event ``(T, *step)``.
        lengths: ``(B,)`` whole numbers from 1 to T.

    Shapes:
        batch ``(B,)``, event ``(T, *step)``.

    Example:
        >>> from vaelib import GaussianHead
        >>> head = GaussianHead((10, 2))  # T = 10 steps in the plane
        >>> p = Padded(head(torch.zeros(3, 10, 2)), torch.tensor([10, 4, 7]))
        >>> p.log_prob(torch.zeros(3, 10, 2)).shape
        torch.Size([3])
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 - as torch's

    def __init__(self, steps: Distribution, lengths: Tensor):
        self.steps = _apart(steps)
        self.lengths = lengths
        batch, step = self.steps.batch_shape, self.steps.event_shape
        _check(batch, lengths)
        super().__init__(batch[:1], batch[1:] + step, validate_args=False)
        places = torch.arange(batch[1], device=lengths.device)
        self.real = places < lengths[:, None]  # (B, T)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.steps.has_rsample

    @property
    def support(self) -> Any:
        step = self.steps
        return constraints.independent(step.support, 1 + len(step.event_shape))

    @property
    def mean(self) -> Tensor:
        return self._blanked(self.steps.mean)

    @property
    def mode(self) -> Tensor:
        return self._blanked(self.steps.mode)

    @property
    def variance(self) -> Tensor:
        return self._blanked(self.steps.variance)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self._blanked(self.steps.sample(torch.Size(sample_shape)))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._blanked(self.steps.rsample(torch.Size(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        filled = fill_padding(value, self.real, len(self.event_shape))
        return self._summed(self.steps.log_prob(filled))

    def entropy(self) -> Tensor:
        return self._summed(self.steps.entropy())

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Padded":
        (rows,) = torch.Size(batch_shape)
        steps = self.steps.expand(torch.Size((rows, *self.steps.batch_shape[1:])))
        return Padded(steps, self.lengths.expand(rows))

    def _blanked(self, value: Tensor) -> Tensor:
        real = self.real.view(*self.real.shape, *[1] * (len(self.event_shape) - 1))
        return torch.where(real, value, torch.zeros_like(value))

    def _summed(self, each: Tensor) -> Tensor:
        return torch.where(self.real, each, torch.zeros_like(each)).sum(-1)


@register_kl(Padded, Padded)  # type: ignore[untyped-decorator]
def _kl_padded(q: Padded, p: Padded) -> Tensor:
    return q._summed(kl_divergence(q.steps, p.steps))


def _apart(steps: Distribution) -> Distribution:
    """With batch ``(B, T)``: a head's ``Independent`` sums over the steps, too."""
    if len(steps.batch_shape) == 2 or not isinstance(steps, Independent):
        return steps
    inner, own = steps.base_dist, steps.reinterpreted_batch_ndims
    return Independent(inner, own - 1, validate_args=False) if own else _apart(inner)


def _check(batch: torch.Size, lengths: Tensor) -> None:
    if len(batch) != 2:
        raise ValueError(
            f"steps: got batch shape {tuple(batch)}, wanted (B, T), one distribution "
            "per step, or an Independent over (T, *step)"
        )
    if lengths.shape != batch[:1] or lengths.is_floating_point():
        raise ValueError(
            f"lengths: got {lengths.dtype} of shape {tuple(lengths.shape)}, wanted "
            f"whole numbers ({batch[0]},), one for each sequence"
        )
    if checking() and not ((lengths >= 1) & (lengths <= batch[1])).all():
        raise ValueError(
            f"lengths: got {int(lengths.min())} … {int(lengths.max())}, wanted "
            f"1 … {batch[1]}, the number of steps"
        )
