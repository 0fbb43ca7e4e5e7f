"""What a check looks at: a function's value and gradients on one case.

A learner's function may give anything at all. What cannot be looked at becomes
:class:`Unusable`, with words for the learner, and never another exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "Case",
    "Function",
    "NotStarted",
    "Observation",
    "Unusable",
    "as_tensor",
    "differing",
    "distance",
    "gradients",
    "of_shape",
    "value",
    "value_and_gradient",
]

Function = Callable[..., Any]
Case = tuple[Any, ...]
Observation = dict[str, Tensor]

GRADIENT = "gradient with respect to argument "


class NotStarted(Exception):
    """The stub's ``...`` came back."""


class Unusable(Exception):
    """Something came back that can't be observed; the learner sees the message
    and the hint. For ``observe`` functions that need, say, a certain shape."""

    def __init__(self, message: str, hint: str):
        super().__init__(message)
        self.hint = hint


def value(function: Function, case: Case) -> Observation:
    """The simplest observation: the value alone, where no gradient is wanted.
    The arguments are plain data: NumPy reads them, and they may be overwritten."""
    return {"value": as_tensor(function(*map(_copy, case))).detach()}


def value_and_gradient(
    function: Function, case: Case, wrt: Sequence[int] | None = None
) -> Observation:
    """The value, and the gradient of its sum with respect to the arguments at
    the places ``wrt`` (by default all that hold floating-point numbers): zero
    where none arrives, so that a detached answer shows."""
    leaves = {
        i: _copy(a).requires_grad_()
        for i, a in enumerate(case)
        if _is_float(a) and (wrt is None or i in wrt)
    }
    # A view of each leaf, as what comes from a network is no leaf either: then
    # `mu += …` is no error.
    args = [leaves[i].clone() if i in leaves else _copy(a) for i, a in enumerate(case)]
    result = as_tensor(function(*args))
    found = gradients(result.sum(), list(leaves.values()))
    seen = {"value": result.detach()}
    return seen | {
        f"{GRADIENT}{i}": g for i, g in zip(leaves, found.values(), strict=True)
    }


def gradients(total: Tensor, args: Sequence[Any]) -> dict[int, Tensor]:
    """Gradients of ``total`` by position; zeros where it does not depend."""
    leaves = {i: a for i, a in enumerate(args) if _is_float(a) and a.requires_grad}
    if not leaves or not total.requires_grad:
        return {i: torch.zeros_like(a) for i, a in leaves.items()}
    found = torch.autograd.grad(
        total, list(leaves.values()), allow_unused=True, retain_graph=True
    )
    return {
        i: torch.zeros_like(a) if g is None else g
        for (i, a), g in zip(leaves.items(), found, strict=True)
    }


def as_tensor(value: Any) -> Tensor:
    """What the learner's function gave, as an ordinary tensor on the CPU, or an
    exception that the check turns into words."""
    if value is ...:
        raise NotStarted
    if value is None:
        raise Unusable(
            "your function gave None.", "Does it end with return, on every path?"
        )
    if isinstance(value, Real):
        return torch.tensor(float(value))
    if not isinstance(value, Tensor):
        raise Unusable(
            f"your function gave {type(value).__name__}, wanted a tensor.",
            "Return the tensor itself; a distribution still has to be drawn from, "
            "and torch.as_tensor makes a tensor of an array.",
        )
    if value.is_complex():
        raise Unusable(
            "your function gave complex numbers, wanted real ones.",
            "Which step leads out of the real numbers? .real takes them back.",
        )
    if value.device.type == "meta":
        raise Unusable(
            "your function gave a tensor on 'meta', which holds no numbers.",
            "Make your tensors where the arguments are: device=x.device.",
        )
    dense = value if value.layout == torch.strided else value.to_dense()
    return dense.cpu()


def of_shape(given: Any, wanted: tuple[int, ...], what: str, hint: str) -> Tensor:
    """As a tensor of this shape, or :class:`Unusable`: "your ``what`` …"."""
    found = as_tensor(given)
    if found.shape != wanted:
        raise Unusable(
            f"your {what} of shape {tuple(found.shape)}, wanted {wanted}.", hint
        )
    return found


def distance(a: Tensor, b: Tensor) -> float:
    """Largest |a − b| / (1 + |b|); infinite for other shapes. What is not finite
    equals only its like at the same place."""
    if a.shape != b.shape:
        return float("inf")
    if a.numel() == 0:
        return 0.0
    a, b = a.double(), b.double()
    same = (a == b) | (a.isnan() & b.isnan())
    gap = ((a - b).abs() / (1 + b.abs())).nan_to_num(nan=float("inf"))
    return float(torch.where(same, 0.0, gap).max())


def differing(
    a: Observation, b: Observation, allowed: Callable[[str], float]
) -> Iterator[str]:
    """The keys under which two observations differ by more than is allowed."""
    for key in b:
        if not distance(a[key], b[key]) <= allowed(key):
            yield key


def _is_float(argument: Any) -> bool:
    return isinstance(argument, Tensor) and argument.is_floating_point()


def _copy(argument: Any) -> Any:
    """A fresh one, so that no function can spoil the next one's input."""
    return argument.detach().clone() if isinstance(argument, Tensor) else argument
