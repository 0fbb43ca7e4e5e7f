"""Checks for lesson @NUMBER@, *@TITLE@*."""

from __future__ import annotations

import torch
from torch import Tensor

from vaelib.exercises.checking import Case, Exercise, Mistake

__all__ = ["first"]


def _numbers(g: torch.Generator) -> Case:
    """The arguments of one random case, drawn from ``g`` alone."""
    return (torch.randn(5, generator=g),)


def _oracle(x: Tensor) -> Tensor:
    """The right answer by other means than the solution's."""
    return x + x


# For a "find the bug", give the mistake that the stub holds an empty hint and
# as_given=True. Where only values are asked for: ``observe=value``, of
# vaelib.exercises.observing. A solution that draws at random needs an ``observe`` of
# its own: see sample_codes in start_here.py, and cases.py for what lessons share.
first = Exercise(
    "first",
    "Values and gradients",
    _numbers,
    _oracle,
    (
        Mistake("squared", "That is x times x.", lambda x: x**2),
        Mistake("halved", "That is half of x.", lambda x: x / 2),
        Mistake(
            "no_gradient",
            "The value is right, but no gradient reaches x.",
            lambda x: (2 * x).detach(),
        ),
    ),
)
