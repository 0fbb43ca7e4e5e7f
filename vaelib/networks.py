"""Bodies: networks from tensor to tensor. What their output means is for a
head of :mod:`vaelib.distributions` to say."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

Shape = int | Sequence[int]


class Residual(nn.Module):
    """``x + body(x)``: a block that starts close to the identity, so that depth
    costs the gradient nothing (He et al. 2016, eq. 1)."""

    def __init__(self, *body: nn.Module):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.body(x)
        return x + change


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
        if x.shape[1:] != self.in_shape:
            wanted = ", ".join(map(str, ("B", *self.in_shape)))
            raise ValueError(
                f"input: got shape {tuple(x.shape)}, this network wants ({wanted}). "
                f"{_shape_mend(tuple(x.shape), self.in_shape)}"
            )
        return super().forward(x)  # type: ignore[no-untyped-call,no-any-return]


class MLP(Body):
    """A multilayer perceptron: flatten, linear layers, unflatten.

    A hidden layer as wide as the one before it is residual: it adds to its
    input in place of replacing it.

    Args:
        in_shape: shape of one example, e.g. ``(1, 28, 28)`` or ``2``.
        hidden: widths of the hidden layers, e.g. ``(256, 256, 256)``; ``()``
            gives a linear map.
        out_shape: shape of one output.
        activation: class of the non-linearity.
        residual: ``False`` makes repeated widths ordinary layers.

    Shapes:
        ``(B, *in_shape)`` → ``(B, *out_shape)``.

    Example:
        >>> MLP((1, 28, 28), (400,), 40)(torch.zeros(8, 1, 28, 28)).shape
        torch.Size([8, 40])
    """

    def __init__(
        self,
        in_shape: Shape,
        hidden: Sequence[int],
        out_shape: Shape,
        *,
        activation: type[nn.Module] = nn.GELU,
        residual: bool = True,
    ):
        ins, outs = as_shape("in_shape", in_shape), as_shape("out_shape", out_shape)
        widths = [prod(ins), *(as_shape("hidden", hidden) if hidden else ())]
        layers: list[nn.Module] = [nn.Flatten()] if len(ins) > 1 else []
        for i, (a, b) in enumerate(pairwise(widths)):
            block: list[nn.Module] = [nn.Linear(a, b), activation()]
            layers += [Residual(*block)] if residual and i > 0 and a == b else block
        layers.append(nn.Linear(widths[-1], prod(outs)))
        if len(outs) > 1:
            layers.append(nn.Unflatten(1, outs))
        super().__init__(ins, outs, *layers)


class ConvEncoder(Body):
    """Image → features: cut into patches, mix neighbours, read off.

    The first layer has kernel = stride = ``patch`` ("patchify", Liu et al.
    2022, §2.2): several times faster on a CPU than a stack of strided layers.

    Args:
        in_shape: ``(C, H, W)``, with H and W divisible by ``patch``.
        out_shape: shape of one output, usually a number of features.
        channels: width of the feature maps.
        depth: residual 3×3 layers after the first.
        patch: side of a patch in pixels.

    Shapes:
        ``(B, C, H, W)`` → ``(B, *out_shape)``.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        out_shape: Shape,
        *,
        channels: int = 64,
        depth: int = 1,
        patch: int = 4,
    ):
        c, h, w = _image_shape("in_shape", in_shape, patch)
        outs = as_shape("out_shape", out_shape)
        layers: list[nn.Module] = [nn.Conv2d(c, channels, patch, patch), nn.GELU()]
        layers += [_mix(channels) for _ in range(depth)]
        layers += [nn.Flatten(), nn.Linear(channels * h * w // patch**2, prod(outs))]
        if len(outs) > 1:
            layers.append(nn.Unflatten(1, outs))
        super().__init__((c, h, w), outs, *layers)


class ConvDecoder(Body):
    """Code → image: the mirror of :class:`ConvEncoder`.

    The last layer computes all pixels of a patch as channels and a pixel
    shuffle lays them out (Shi et al. 2016), faster than a transposed
    convolution and free of its checkerboard (Odena et al. 2016).

    Args:
        in_shape: shape of one code, usually ``latent_dim``.
        out_shape: ``(C, H, W)``, with H and W divisible by ``patch``.
        channels: width of the feature maps.
        depth: residual 3×3 layers before the last.
        patch: side of a patch in pixels.

    Shapes:
        ``(B, *in_shape)`` → ``(B, C, H, W)``.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Sequence[int],
        *,
        channels: int = 64,
        depth: int = 1,
        patch: int = 4,
    ):
        c, h, w = _image_shape("out_shape", out_shape, patch)
        ins = as_shape("in_shape", in_shape)
        grid = (channels, h // patch, w // patch)
        layers: list[nn.Module] = [nn.Flatten()] if len(ins) > 1 else []
        layers += [nn.Linear(prod(ins), prod(grid)), nn.GELU(), nn.Unflatten(1, grid)]
        layers += [_mix(channels) for _ in range(depth)]
        layers += [nn.Conv2d(channels, c * patch**2, 1), nn.PixelShuffle(patch)]
        super().__init__(ins, (c, h, w), *layers)


def _mix(channels: int) -> Residual:
    return Residual(nn.Conv2d(channels, channels, 3, padding=1), nn.GELU())


def as_shape(name: str, shape: Shape) -> tuple[int, ...]:
    """``shape`` as a tuple of positive ints; a plain number is one dimension.

    Raises:
        ValueError: if it is empty or holds anything but positive whole numbers.
    """
    dims = (shape,) if isinstance(shape, int) else tuple(shape)
    if not dims or not all(isinstance(d, int) and d > 0 for d in dims):
        raise ValueError(
            f"{name}: got {shape!r}, wanted positive whole numbers, "
            "e.g. 20 or (1, 28, 28)"
        )
    return dims


def _image_shape(name: str, shape: Sequence[int], patch: int) -> tuple[int, int, int]:
    dims = as_shape(name, shape)
    if len(dims) != 3 or dims[1] % patch or dims[2] % patch:
        raise ValueError(
            f"{name}: got {tuple(dims)}, wanted (C, H, W) with H and W divisible by "
            f"patch={patch}. Choose another patch, or pad the images."
        )
    return dims[0], dims[1], dims[2]


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
