"""Attention: every step looks at every other (Vaswani et al. 2017)."""

from math import prod

import torch
from torch import Tensor, nn

from vaelib.networks.body import Body, Shape, as_shape
from vaelib.networks.convolution import image_shape
from vaelib.networks.sequence import (
    Mean,
    OverTime,
    SequenceBody,
    inside,
    read_off,
    sequence_shape,
)


class SelfAttention(OverTime):
    """``nn.MultiheadAttention`` of a sequence with itself.

    Args:
        width: D, divisible by ``heads``.
        heads: how many attentions side by side.
        causal: a step sees itself and the steps before it only.

    Shapes:
        ``(B, T, D)``, optionally with lengths ``(B,)`` → ``(B, T, D)``.
    """

    def __init__(self, width: int, heads: int = 4, *, causal: bool = False):
        super().__init__()
        refuse_odd_heads(width, heads)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.causal = causal

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        mixed, _ = self.attention(
            x,
            x,
            x,
            attn_mask=later(x) if self.causal else None,
            key_padding_mask=None if lengths is None else ~inside(lengths, x[..., 0]),
            need_weights=False,
        )
        out: Tensor = mixed
        return out

    def extra_repr(self) -> str:
        return f"causal={self.causal}"


class Block(OverTime):
    """A Transformer's block: ``nn.TransformerEncoderLayer`` that normalises first,
    which trains without warm-up (Xiong et al. 2020), with GELU and no dropout.

    Args:
        width: D, divisible by ``heads``.
        heads: how many attentions side by side.
        causal: a step sees itself and the steps before it only.

    Shapes:
        ``(B, T, D)``, optionally with lengths ``(B,)`` → ``(B, T, D)``.
    """

    def __init__(self, width: int, heads: int = 4, *, causal: bool = False):
        super().__init__()
        refuse_odd_heads(width, heads)
        self.layer = nn.TransformerEncoderLayer(
            width,
            heads,
            dim_feedforward=4 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.causal = causal

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        out: Tensor = self.layer(
            x,
            src_mask=later(x) if self.causal else None,
            src_key_padding_mask=(
                None if lengths is None else ~inside(lengths, x[..., 0])
            ),
        )
        return out

    def extra_repr(self) -> str:
        return f"causal={self.causal}"


class Positions(nn.Module):
    """Adds a learned vector to each step, since attention itself is blind to order.

    Shapes:
        ``(B, T, D)`` → ``(B, T, D)``.
    """

    def __init__(self, steps: int, width: int):
        super().__init__()
        self.shift = nn.Parameter(0.02 * torch.randn(steps, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.shift

    def extra_repr(self) -> str:
        return "steps={}, width={}".format(*self.shift.shape)


class Transpose(nn.Module):
    """``(B, M, N)`` → ``(B, N, M)``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


class TransformerEncoder(SequenceBody):
    """Sequence or image → features: blocks of attention, then the mean over steps.

    An image is cut into patches, each of them a step (Dosovitskiy et al. 2021).

    Args:
        in_shape: ``(T, D)``, or ``(C, H, W)`` with H and W divisible by ``patch``.
        out_shape: shape of one output, usually a number of features.
        width: of each step inside, divisible by ``heads``.
        depth: blocks, one above the other.
        heads: attentions side by side in each block.
        causal: a step sees itself and the steps before it only.
        patch: side of a patch in pixels, for images.

    Shapes:
        ``(B, *in_shape)``, sequences optionally with lengths ``(B,)``
        → ``(B, *out_shape)``.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        *,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        causal: bool = False,
        patch: int = 4,
    ):
        ins, outs = as_shape("in_shape", in_shape), as_shape("out_shape", out_shape)
        layers: list[nn.Module]
        if len(ins) == 3:
            c, h, w = image_shape("in_shape", ins, patch)
            steps = h * w // patch**2
            layers = [nn.Conv2d(c, width, patch, patch), nn.Flatten(2), Transpose()]
        else:
            steps, numbers = sequence_shape("in_shape", ins)
            layers = [nn.Linear(numbers, width)]
        layers += [Positions(steps, width), *_blocks(width, depth, heads, causal)]
        super().__init__(ins, outs, *layers, Mean(), *read_off(width, outs))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is not None and len(self.in_shape) == 3:
            raise ValueError("lengths: an image has none; leave them out")
        return super().forward(x, lengths)


class TransformerDecoder(Body):
    """Code → sequence or image: the mirror of :class:`TransformerEncoder`.

    The first layer makes all steps from the code; its bias is their position.

    Args:
        in_shape: shape of one code, usually ``latent_dim``.
        out_shape: ``(T, D)``, or ``(C, H, W)`` with H and W divisible by ``patch``.
        width, depth, heads, causal, patch: as in :class:`TransformerEncoder`.

    Shapes:
        ``(B, *in_shape)`` → ``(B, *out_shape)``.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        *,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        causal: bool = False,
        patch: int = 4,
    ):
        ins, outs = as_shape("in_shape", in_shape), as_shape("out_shape", out_shape)
        end: list[nn.Module]
        if len(outs) == 3:
            c, h, w = image_shape("out_shape", outs, patch)
            rows, columns = h // patch, w // patch
            steps, numbers = rows * columns, c * patch**2
            end = [
                Transpose(),
                nn.Unflatten(2, (rows, columns)),
                nn.PixelShuffle(patch),
            ]
        else:
            (steps, numbers), end = sequence_shape("out_shape", outs), []
        layers: list[nn.Module] = [nn.Flatten()] if len(ins) > 1 else []
        layers += [nn.Linear(prod(ins), steps * width), nn.Unflatten(1, (steps, width))]
        layers += [*_blocks(width, depth, heads, causal), nn.Linear(width, numbers)]
        super().__init__(ins, outs, *layers, *end)


def _blocks(width: int, depth: int, heads: int, causal: bool) -> list[nn.Module]:
    blocks = [Block(width, heads, causal=causal) for _ in range(depth)]
    return [*blocks, nn.LayerNorm(width)]


def later(x: Tensor) -> Tensor:
    """Which steps a step of ``x`` ``(B, T, …)`` must not see: ``(T, T)``, bool."""
    steps = x.shape[1]
    return torch.ones(steps, steps, dtype=torch.bool, device=x.device).triu(1)


def refuse_odd_heads(width: int, heads: int) -> None:
    if heads < 1 or width % heads:
        raise ValueError(
            f"heads: got {heads} for width {width}, wanted a divisor of the width"
        )
