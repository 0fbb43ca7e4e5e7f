"""Convolutions, and pixels out of channels."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from vaelib.layers.dense import ALONE, CHAIN
from vaelib.layers.entry import CannotTravel, Entry, Op, Shape, Writer, name
from vaelib.networks.convolution import ConvDecoder, ConvEncoder


def _conv(m: nn.Conv2d, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    sliding = _sliding("conv", m, into, outof)
    return [{**sliding, "w": w.add(m.weight), "b": w.add(m.bias)}]


def _deconv(m: nn.ConvTranspose2d, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    sliding = _sliding("deconv", m, into, outof)
    # (in, out, kh, kw) → one row per number that is strewn over the image.
    rows = m.weight.permute(1, 2, 3, 0)
    return [{**sliding, "w": w.add(rows), "b": w.add(m.bias)}]


def _sliding(
    op: str, m: nn.Conv2d | nn.ConvTranspose2d, into: Shape, outof: Shape
) -> Op:
    if m.groups != 1 or m.padding_mode != "zeros":
        raise CannotTravel(f"{name(m)} with groups or padding other than zeros")
    padding: Sequence[int]
    if m.padding == "same":
        sides = zip(m.dilation, m.kernel_size, strict=True)
        padding = [d * (k - 1) // 2 for d, k in sides]
    else:
        padding = (0, 0) if isinstance(m.padding, str) else m.padding
    return {
        "op": op,
        "in": into,
        "out": outof,
        "kernel": m.kernel_size,
        "stride": m.stride,
        "padding": padding,
        "dilation": m.dilation,
    }


def _shuffle(m: nn.PixelShuffle, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    if len(into) != 3:
        raise CannotTravel("PixelShuffle of anything but (C, H, W)")
    return [{"op": "shuffle", "in": into, "by": m.upscale_factor}]


LAYERS: dict[type[nn.Module], Entry[Any]] = {
    nn.Conv2d: Entry(_conv, ALONE),
    nn.ConvTranspose2d: Entry(_deconv, ALONE),
    nn.PixelShuffle: Entry(_shuffle, ALONE),
    ConvEncoder: CHAIN,
    ConvDecoder: CHAIN,
}
