"""Convolutional bodies, by patches."""

from collections.abc import Sequence
from math import prod

from torch import nn

from vaelib.networks.body import Body, Shape, as_shape
from vaelib.networks.mlp import Residual


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


def _image_shape(name: str, shape: Sequence[int], patch: int) -> tuple[int, int, int]:
    dims = as_shape(name, shape)
    if len(dims) != 3 or dims[1] % patch or dims[2] % patch:
        raise ValueError(
            f"{name}: got {tuple(dims)}, wanted (C, H, W) with H and W divisible by "
            f"patch={patch}. Choose another patch, or pad the images."
        )
    return dims[0], dims[1], dims[2]
