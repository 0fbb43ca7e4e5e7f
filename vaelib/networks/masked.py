"""Convolutions that see only the pixels before, in reading order (PixelCNN)."""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from vaelib.networks.body import Shape, as_shape, as_size


class MaskedConv2d(nn.Conv2d):
    """A convolution whose output at a pixel depends on the pixels before it, in
    reading order: the rows above, and what is left of it in its own row (van den
    Oord et al. 2016, §3.4).

    Args:
        in_channels, out_channels: as for ``torch.nn.Conv2d``.
        size: of the kernel, odd; the picture keeps its size.
        itself: whether the pixel itself is seen, too. The first layer of a network
            must not see it (mask A), all others may (mask B).

    Shapes:
        ``(B, in_channels, H, W)`` → ``(B, out_channels, H, W)``.
    """

    mask: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, size: int = 3, *, itself: bool
    ):
        if as_size("size", size) % 2 == 0:
            raise ValueError(f"size: got {size}, wanted an odd number, e.g. 3")
        super().__init__(in_channels, out_channels, size, padding=size // 2)
        middle = size * size // 2 + itself  # so many places of the kernel come first
        before = torch.arange(size * size) < middle
        self.register_buffer("mask", before.view(size, size).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class PixelCNN(nn.Module):
    """Logits of every pixel from the pixels before it and a code.

    Masked convolutions, residual but for the first. The code comes in as features
    that are added in the first layer, or in every layer: the same at all places
    (van den Oord et al. 2016b, eq. 4), or a map of them (eq. 5). Stacked masks
    leave a blind spot, some pixels above and to the right that no path reaches
    (van den Oord et al. 2016b, §2.2): what a pixel depends on is less than all
    before it, which costs likelihood and breaks nothing.

    Args:
        data_shape: ``(C, H, W)``. The channels of one pixel do not see each other.
        latent_dim: Z.
        width: channels inside.
        layers: masked convolutions; one row and column more is seen with each
            (for ``size=3``).
        size: of the kernels.
        places: whether the code says something else at each place.
        skip: whether the code is added in every layer, each time by a linear map
            of its own.

    Shapes:
        x ``(B, C, H, W)``, z ``(B, Z)`` → logits ``(B, C, H, W)``.
    """

    def __init__(
        self,
        data_shape: Shape,
        latent_dim: int,
        width: int = 16,
        layers: int = 4,
        *,
        size: int = 3,
        places: bool = False,
        skip: bool = False,
    ):
        super().__init__()
        self.event_shape = as_shape("data_shape", data_shape)
        if len(self.event_shape) != 3:
            raise ValueError(f"data_shape: got {data_shape}, wanted (C, H, W)")
        channels, height, columns = self.event_shape
        inner = (as_size("width", width), *((height, columns) if places else (1, 1)))
        self.latent_dim = as_size("latent_dim", latent_dim)
        self.see = nn.ModuleList(
            MaskedConv2d(width if i else channels, width, size, itself=i > 0)
            for i in range(as_size("layers", layers))
        )
        maps = layers if skip else 1
        self.tell = nn.ModuleList(
            nn.Sequential(nn.Linear(latent_dim, prod(inner)), nn.Unflatten(1, inner))
            for _ in range(maps)
        )
        self.last = nn.Conv2d(width, channels, 1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        h = self.see[0](x) + self.tell[0](z)
        for i, layer in enumerate(self.see[1:], 1):
            seen = nn.functional.gelu(h)
            if i < len(self.tell):
                seen = seen + self.tell[i](z)
            h = h + layer(seen)
        logits: Tensor = self.last(nn.functional.gelu(h))
        return logits
