"""Layers that bring numbers to mean 0 and variance 1."""

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from vaelib.layers.entry import (
    CannotTravel,
    Entry,
    Op,
    Shape,
    Stacked,
    Writer,
    name,
)

_KEEPS = "keeps running statistics, which are no weights"


def _batch_norm(m: nn.BatchNorm2d, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    if m.running_mean is None or m.running_var is None:
        raise CannotTravel(f"{name(m)} without running statistics")
    scale = (m.running_var + m.eps).rsqrt() * (1 if m.weight is None else m.weight)
    shift = (0 if m.bias is None else m.bias) - m.running_mean * scale
    each = prod(into[1:])
    return [{"op": "affine", "w": w.add(scale), "b": w.add(shift), "each": each}]


def _layer_norm(m: nn.LayerNorm, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [
        {
            "op": "layer_norm",
            "size": prod(into),
            "each": prod(m.normalized_shape),
            "eps": m.eps,
            "w": w.add(m.weight),
            "b": w.add(m.bias),
        }
    ]


class StackedLayerNorm(Stacked):
    """K layer normalisations over the last axes: ``(K, B, …)`` → ``(K, B, …)``."""

    weight: Tensor | None
    bias: Tensor | None

    def __init__(self, layers: Sequence[nn.LayerNorm]):
        super().__init__(layers, "weight", "bias")
        self.shape, self.eps = layers[0].normalized_shape, layers[0].eps

    def forward(self, x: Tensor) -> Tensor:
        out = F.layer_norm(x, self.shape, eps=self.eps)
        between = [1] * (x.dim() - 1 - len(self.shape))
        if self.weight is not None:
            out = out * self.weight.view(-1, *between, *self.shape)
        if self.bias is not None:
            out = out + self.bias.view(-1, *between, *self.shape)
        return out


LAYERS: dict[type[nn.Module], Entry[Any]] = {
    nn.BatchNorm1d: Entry(_batch_norm, _KEEPS),
    nn.BatchNorm2d: Entry(_batch_norm, _KEEPS),
    nn.LayerNorm: Entry(_layer_norm, lambda layers, _: StackedLayerNorm(layers)),
}
