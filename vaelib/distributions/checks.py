"""What counts as bad input: what the likelihood's support says."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

_CHECKING = ContextVar("checking", default=True)


@contextmanager
def unchecked() -> Iterator[None]:
    """Inside the block, inputs are taken at their word.

    A look at every pixel costs a pass over the data, and on a GPU a wait;
    ``vaelib.fit`` looks once at all of it and then says this.
    """
    token = _CHECKING.set(False)
    try:
        yield
    finally:
        _CHECKING.reset(token)


def checking() -> bool:
    """Whether inputs are to be looked at (see :func:`unchecked`)."""
    return _CHECKING.get()


def check_data(x: Tensor, likelihood: Distribution, name: str = "x") -> None:
    """Refuse data that this likelihood cannot have produced.

    Args:
        x: a batch, ``(B, *event_shape)``.
        likelihood: a distribution over x; its event shape and support decide.
        name: what to call ``x`` in the message.

    Raises:
        TypeError: if ``x`` is not a floating-point tensor.
        ValueError: for a wrong shape, NaN, or values outside the support.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        hint = " and divide by 255" if kind == torch.uint8 else ""
        raise TypeError(
            f"{name}: got {kind}, wanted a floating-point tensor. "
            f"Convert it with .float(){hint}."
        )
    event = tuple(likelihood.event_shape)
    if x.shape[1:] != event:
        wanted = ", ".join(map(str, ("B", *event)))
        raise ValueError(
            f"{name}: got shape {tuple(x.shape)}, the likelihood is over ({wanted}). "
            "Build the decoder for this data shape, or reshape the data."
        )
    if len(x) == 0:
        return
    x = _without_padding(x, likelihood)
    extremes = torch.stack(x.aminmax())  # one pass; NaN wins over every number
    if extremes.isnan().any():
        count = int(x.isnan().flatten(1).any(1).sum())
        raise ValueError(
            f"{name}: {count} of {len(x)} examples hold NaN. "
            "Drop or fill them before training: x.nan_to_num(0)."
        )
    if not _in_support(x, extremes, likelihood.support):
        low, high = extremes.tolist()
        raise ValueError(
            f"{name}: got values from {low:g} to {high:g}, outside the likelihood's "
            f"support {likelihood.support}. {_range_mend(low, high)}"
        )


def fill_padding(x: Tensor, real: Tensor, dims: int) -> Tensor:
    """Sequences ``(…, B, T, *step)`` with each one's first step in its padding:
    numbers that can be asked about, whatever the support.

    Args:
        x: the sequences.
        real: what is no padding, ``(B, T)``.
        dims: of one sequence, steps included.
    """
    first = x.narrow(x.dim() - dims, 0, 1)
    return torch.where(real.view(*real.shape, *[1] * (dims - 1)), x, first)


def _without_padding(x: Tensor, likelihood: Distribution) -> Tensor:
    real = getattr(likelihood, "real", None)  # Padded has it, (L·B, T)
    if real is None or len(real) < len(x):  # all the data, and one example's p(x|z)
        return x
    return fill_padding(x, real[: len(x)], x.dim() - 1)


# Supports without gaps: the extremes lie in them only if everything does.
_INTERVALS = (type(constraints.unit_interval), type(constraints.real))


def _in_support(x: Tensor, extremes: Tensor, support: Any) -> bool:
    if not extremes.isfinite().all():
        return False
    base = getattr(support, "base_constraint", support)
    if isinstance(base, _INTERVALS):
        return bool(base.check(extremes).all())  # type: ignore[no-untyped-call]
    return support is None or bool(support.check(x).all())


def _range_mend(low: float, high: float) -> str:
    if low >= 0 and 1 < high <= 255:
        return "These look like grey values in 0–255: divide by 255."
    if -1 <= low < 0 and high <= 1:
        return "These look scaled to [-1, 1]: use (x + 1) / 2."
    return "Rescale the data, or choose a likelihood for this range (GaussianHead)."
