"""How numbers become a picture, and bytes for the page."""

from dataclasses import dataclass
from math import isqrt, prod

from torch import Tensor

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class PictureFormat:
    """How numbers become a picture: ``(C, H, W)``, and which are black and white."""

    shape: Shape
    range: tuple[float, float]

    def grey(self, x: Tensor) -> Tensor:
        """Examples ``(N, …)`` as bytes from black to white, ``(N, C, H, W)``."""
        low, high = self.range
        part = (x.reshape(len(x), *self.shape) - low) / (high - low)
        return (part.nan_to_num(0).clamp(0, 1) * 255).round().byte()

    def side_by_side(self, x: Tensor) -> bytes:
        """The same in one row, as the bytes of ``(C, H, N·W)``."""
        return self.grey(x).permute(1, 2, 0, 3).numpy().tobytes()


def format_of(x: Tensor, shape: Shape) -> PictureFormat:
    """Grey values in [0, 1]; where the data ``x`` leaves that range, its own range."""
    if len(x) and (x.min() < -0.01 or x.max() > 1.01):
        return PictureFormat(shape, (x.min().item(), x.max().item()))
    return PictureFormat(shape, (0.0, 1.0))


def image_shape(data_shape: tuple[int, ...], wanted: Shape | None) -> Shape:
    """``(C, H, W)`` as which an example is drawn.

    Raises:
        ValueError: if the wanted one does not hold as many numbers.
    """
    count = prod(data_shape)
    if wanted is not None:
        if len(wanted) != 3 or prod(wanted) != count:
            raise ValueError(
                f"image_shape: got {wanted!r}, wanted (C, H, W) with C·H·W = {count}"
            )
        channels, height, width = wanted
        return channels, height, width
    match data_shape:
        case (channels, height, width):
            return channels, height, width
        case (height, width):
            return 1, height, width
    side = isqrt(count)
    return (1, side, side) if side * side == count else (1, 1, count)


def float32(values: Tensor) -> bytes:
    """Numbers as the page reads them."""
    numbers: bytes = values.numpy().astype("<f4").tobytes()
    return numbers
