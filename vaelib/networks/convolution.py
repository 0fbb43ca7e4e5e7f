"""Convolutional bodies, by patches."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from vaelib.networks.body import Body, Shape, as_shape, as_size
from vaelib.networks.mlp import Residual


class ConvEncoder(Body):
    """Image → features: cut into patches, mix neighbours, read off.

    The first layer has kernel = stride = ``patch`` ("patchify", Liu et al.
    2022, §2.2): several times faster on a CPU than a stack of strided layers,
    which ``overlap=True`` gives.

    Args:
        in_shape: ``(C, H, W)``, with H and W divisible by ``patch``.
        out_shape: shape of one output, usually a number of features.
        channels: width of the feature maps.
        depth: residual 3×3 layers after the first.
        patch: side of a patch in pixels.
        overlap: in place of the first layer, strided 4×4 ones that halve the image
            until ``patch``, a power of two, is 1 (Radford et al. 2016).

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
        overlap: bool = False,
    ):
        c, h, w = image_shape("in_shape", in_shape, patch)
        outs = as_shape("out_shape", out_shape)
        layers: list[nn.Module] = [nn.Conv2d(c, channels, patch, patch), nn.GELU()]
        if overlap:
            widths = [c, *[channels] * _halvings(patch)]
            layers = _sliding(nn.Conv2d, widths)
        layers += [_mix(channels) for _ in range(depth)]
        layers += [nn.Flatten(), nn.Linear(channels * h * w // patch**2, prod(outs))]
        if len(outs) > 1:
            layers.append(nn.Unflatten(1, outs))
        super().__init__((c, h, w), outs, *layers)


class ConvDecoder(Body):
    """Code → image: the mirror of :class:`ConvEncoder`.

    The last layer computes all pixels of a patch as channels and a pixel
    shuffle lays them out (Shi et al. 2016), faster than a transposed
    convolution and free of its checkerboard (Odena et al. 2016). ``overlap=True``
    gives transposed convolutions.

    Args:
        in_shape: shape of one code, usually ``latent_dim``.
        out_shape: ``(C, H, W)``, with H and W divisible by ``patch``.
        channels: width of the feature maps.
        depth: residual 3×3 layers before the last.
        patch: side of a patch in pixels.
        overlap: in place of the last layer, transposed 4×4 convolutions that each
            double the image.

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
        overlap: bool = False,
    ):
        c, h, w = image_shape("out_shape", out_shape, patch)
        ins = as_shape("in_shape", in_shape)
        grid = (channels, h // patch, w // patch)
        layers: list[nn.Module] = [nn.Flatten()] if len(ins) > 1 else []
        layers += [nn.Linear(prod(ins), prod(grid)), nn.GELU(), nn.Unflatten(1, grid)]
        layers += [_mix(channels) for _ in range(depth)]
        if overlap:
            widths = [*[channels] * _halvings(patch), c]
            layers += _sliding(nn.ConvTranspose2d, widths)[:-1]
        else:
            layers += [nn.Conv2d(channels, c * patch**2, 1), nn.PixelShuffle(patch)]
        super().__init__(ins, (c, h, w), *layers)


def _mix(channels: int) -> Residual:
    return Residual(nn.Conv2d(channels, channels, 3, padding=1), nn.GELU())


def _sliding(
    kind: type[nn.Conv2d] | type[nn.ConvTranspose2d], widths: Sequence[int]
) -> list[nn.Module]:
    """Layers that each halve (or double) the image, activations between them."""
    pairs = [(kind(a, b, 4, 2, 1), nn.GELU()) for a, b in pairwise(widths)]
    return [layer for pair in pairs for layer in pair]


def _halvings(patch: int) -> int:
    times = patch.bit_length() - 1
    if times < 1 or patch != 2**times:
        raise ValueError(
            f"patch: got {patch}, wanted 2, 4, 8, … where overlap=True, since each "
            "layer halves the image"
        )
    return times


def image_shape(name: str, shape: Sequence[int], patch: int) -> tuple[int, int, int]:
    """``(C, H, W)`` that divides into patches, or a ValueError that says so."""
    dims, patch = as_shape(name, shape), as_size("patch", patch)
    if len(dims) != 3 or dims[1] % patch or dims[2] % patch:
        raise ValueError(
            f"{name}: got {tuple(dims)}, wanted (C, H, W) with H and W divisible by "
            f"patch={patch}. Choose another patch, or pad the images."
        )
    return dims[0], dims[1], dims[2]
