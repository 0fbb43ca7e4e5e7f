"""What all bodies share: shapes, and a sequence of layers that checks its input."""

from collections.abc import Iterable, Sequence
from math import prod
from numbers import Integral
from reprlib import repr as shortened
from typing import Any

import torch
from torch import Tensor, nn

Shape = int | Sequence[int]


class Body(nn.Sequential):
    """A ``Sequential`` that knows, and checks, the shape of what it is given.

    Args:
        in_shape: shape of one example, without the batch.
        out_shape: shape of one output, without the batch.
        layers: the layers in order.

    Raises:
        ValueError: when called with anything but ``(B, *in_shape)``.
    """

    def __init__(self, in_shape: Shape, out_shape: Shape, *layers: nn.Module):
        super().__init__(*layers)
        self.in_shape = as_shape("in_shape", in_shape)
        self.out_shape = as_shape("out_shape", out_shape)

    def forward(self, x: Tensor) -> Tensor:
        self.refuse_other_shapes(x)
        try:
            return super().forward(x)  # type: ignore[no-untyped-call,no-any-return]
        except RuntimeError as error:
            self._blame_type(x, error)
            raise

    def _blame_type(self, x: Tensor, error: RuntimeError) -> None:
        """Where input and weights differ in type, say so in place of torch."""
        weights = next((p.dtype for p in self.parameters()), x.dtype)
        if x.dtype != weights:
            scale = " / 255" if x.dtype == torch.uint8 else ""
            raise RuntimeError(
                f"input: got {x.dtype}, this network's weights are {weights}. Convert "
                f"it: x.to({weights}){scale}."
            ) from error

    def refuse_other_shapes(self, x: Tensor) -> None:
        """An error that names the mend, for all but ``(B, *in_shape)``."""
        refuse_no_tensor("input", x)
        if x.shape[1:] != self.in_shape:
            wanted = ", ".join(map(str, ("B", *self.in_shape)))
            raise ValueError(
                f"input: got shape {tuple(x.shape)}, this network wants ({wanted}). "
                f"{_shape_mend(tuple(x.shape), self.in_shape)}"
            )


def as_shape(name: str, shape: Shape) -> tuple[int, ...]:
    """``shape`` as a tuple of positive ints; a plain number is one dimension.

    Raises:
        ValueError: if it is empty or holds anything but positive whole numbers.
    """
    several: Any = shape if isinstance(shape, Iterable) else (shape,)
    dims = tuple(several)
    if not dims or not all(_is_whole(d) and d > 0 for d in dims):
        raise ValueError(
            f"{name}: got {shortened(shape)}, wanted positive whole numbers, "
            "e.g. 20 or (1, 28, 28)"
        )
    return tuple(map(int, dims))


def as_size(name: str, size: int, *, least: int = 1) -> int:
    """``size`` as an int; NumPy's whole numbers are accepted.

    Raises:
        ValueError: if it is anything but a whole number, ``least`` or more.
    """
    if not _is_whole(size) or size < least:
        raise ValueError(
            f"{name}: got {shortened(size)}, wanted a whole number ≥ {least}"
        )
    return int(size)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def refuse_no_tensor(name: str, value: object) -> None:
    """A TypeError for anything but a tensor, with the mend."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}: got a {type(value).__name__}, wanted a tensor. Convert it: "
            "torch.as_tensor(value, dtype=torch.float32)."
        )


def _shape_mend(got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if got == wanted:
        return "Add the batch dimension: x[None] or x.unsqueeze(0)."
    if prod(got[1:]) == prod(wanted) and got:
        return f"Reshape it: x.reshape(-1, {', '.join(map(str, wanted))})."
    if len(wanted) == 1:
        return "Its last dimension and the size it was built for must agree."
    return "Build the network for this data shape, or resize the data."


def device_of(module: nn.Module) -> torch.device:
    """The device of a module's first parameter; the CPU if it has none."""
    first = next(module.parameters(), None)
    return torch.device("cpu") if first is None else first.device
