"""How a network travels to the page: a description of its layers, the functions
that evaluate them there, and one buffer of weights.

``decoder.js`` puts the three together. What :mod:`vaelib.layers` cannot describe
exactly it refuses (:class:`CannotTravel`), and the widget asks the kernel in its place.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import chain
from typing import TypedDict

import torch
from torch import Tensor, nn

from vaelib.distributions import unchecked
from vaelib.layers import TABLE
from vaelib.layers.entry import CannotTravel, Op, Writer, numbers_of
from vaelib.widgets.esm import functions

__all__ = ["CannotTravel", "Packed", "evaluating", "pack"]


class Packed(TypedDict):
    """A network on its way to the page.

    Keys:
        layers: what to compute, in order; spans ``[start, length]`` point into
            the weights.
        code: of the functions that compute it, and of no others.
        wide: float32 where true, float16 where false.
        weights: all numbers, little-endian.
        size: how many numbers come out.
    """

    layers: list[Op]
    code: str
    wide: bool
    weights: bytes
    size: int


def pack(module: nn.Module, probe: Tensor, *, tolerance: float = 5e-4) -> Packed:
    """Describe a network so that a page can evaluate it.

    The weights are written as float16 where rounding them changes what comes
    out for ``probe`` by less than ``tolerance`` (relative where the output is
    above 1), else as float32.

    Args:
        module: bodies of :mod:`vaelib.networks` or ``nn.Sequential``, which may
            end in a head of :mod:`vaelib.distributions`. A likelihood gives its
            mean; a diagonal Gaussian its means, then its log-variances.
        probe: typical inputs, ``(B, *in_shape)``.
        tolerance: the largest change allowed.

    Raises:
        CannotTravel: for any other layer, for hooks and replaced ``forward``
            methods, for weights that are not finite, and for networks above
            four million numbers.
    """
    with torch.no_grad(), evaluating(module), unchecked():
        writer = Writer(TABLE)
        layers, out = writer.describe(module, probe[:1])
        wide = _rounding_error(module, probe) > tolerance
    return Packed(
        layers=layers,
        code=code_of(layers),
        wide=wide,
        weights=writer.bytes(wide),
        size=numbers_of(out).numel(),
    )


def code_of(layers: Iterable[Op]) -> str:
    """The functions that these layers name, as ``decoder.js`` wants them."""
    return functions(tuple(sorted(_names(layers))))


@contextmanager
def evaluating(*modules: object) -> Iterator[None]:
    """Inside the block, modules are in evaluation mode; then each as it was."""
    parts = [p for m in modules if isinstance(m, nn.Module) for p in m.modules()]
    modes = [part.training for part in parts]
    try:
        for part in parts:
            part.training = False
        yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


def _names(ops: Iterable[Op]) -> set[str]:
    """The functions that ops name, those within them included."""
    return {op["op"] for op in ops}.union(*(_names(op.get("body", ())) for op in ops))


def _rounding_error(module: nn.Module, probe: Tensor) -> float:
    """How far float16 weights move the output, at worst."""
    # A copy, since a GRU keeps its weights where functional_call does not look.
    rounded = deepcopy(module)
    for value in chain(rounded.parameters(), rounded.buffers()):
        if value.is_floating_point():
            value.copy_(value.half())
    exact, near = numbers_of(module(probe)), numbers_of(rounded(probe))
    error = (near - exact).abs() / exact.abs().clamp(min=1)
    # A weight above 65504 becomes infinite, and what comes out perhaps NaN.
    return float(error.nan_to_num(float("inf")).max())
