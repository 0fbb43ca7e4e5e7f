"""Linear layers, and what puts layers together."""

from collections.abc import Sequence
from math import prod
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaelib.layers.entry import (
    Entry,
    Op,
    Shape,
    Stack,
    Stacked,
    Writer,
    as_they_are,
    in_place,
)
from vaelib.networks.beside import Beside
from vaelib.networks.body import Body
from vaelib.networks.mlp import MLP, Residual


def _linear(m: nn.Linear, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [
        {
            "op": "linear",
            "points": prod(into[:-1]),
            "in": m.in_features,
            "out": m.out_features,
            "w": w.add(m.weight),
            "b": w.add(m.bias),
        }
    ]


class StackedLinear(Stacked):
    """K linear layers: ``(1, B, …, in)`` for all, or ``(K, B, …, in)``
    → ``(K, B, …, out)``."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, layers: Sequence[nn.Linear]):
        super().__init__(layers, "weight", "bias")

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 3:
            return self._product(x)
        out: Tensor = self._product(x.flatten(1, -2)).unflatten(1, x.shape[1:-1])
        return out

    def _product(self, x: Tensor) -> Tensor:
        out: Tensor
        if len(x) == 1:  # one input for all: a single wide product
            wide = F.linear(x[0], self.weight.flatten(0, 1))
            out = wide.view(x.shape[1], len(self.weight), -1).transpose(0, 1)
            out = out if self.bias is None else out + self.bias[:, None]
        elif self.bias is None:
            out = torch.bmm(x, self.weight.mT)
        else:
            out = torch.baddbmm(self.bias[:, None], x, self.weight.mT)
        return out


def _beside(m: Beside, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    body: list[Op] = []
    ends: list[int] = []
    like = next(m.parameters(), torch.zeros(()))
    for network in m:
        body += w.describe(network, like.new_zeros((1, *into)))[0]
        ends.append(len(body))
    return [{"op": "beside", "body": body, "ends": ends, "size": prod(outof)}]


def _residual(m: Residual, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [{"op": "residual", "body": w.inner(m.body, into), "size": prod(into)}]


def _stack_residual(layers: Sequence[Residual], stack: Stack) -> nn.Module:
    return Residual(stack([layer.body for layer in layers]))


def stack_in_order(layers: Sequence[nn.Module], stack: Stack) -> nn.Module:
    """The stack of K sequences of layers."""
    columns = zip(*cast(Sequence[nn.Sequential], layers), strict=True)
    return nn.Sequential(*[stack(column) for column in columns])


def _stack_flatten(layers: Sequence[nn.Flatten], _: Stack) -> nn.Module:
    return nn.Flatten(_after(layers[0].start_dim), _after(layers[0].end_dim))


def _stack_unflatten(layers: Sequence[nn.Unflatten], _: Stack) -> nn.Module:
    first = layers[0]
    return nn.Unflatten(_after(first.dim), first.unflattened_size)


def _after(axis: int) -> int:
    """Where an axis is once the models' own stands before all."""
    return axis if axis < 0 else axis + 1


CHAIN: Entry[Any] = Entry(None, stack_in_order)
# Why a layer is not stacked.
ALONE = "has no stack: only perceptrons were found to train faster together"
NOISE = "draws noise of its own, other than models apart"

LAYERS: dict[type[nn.Module], Entry[Any]] = {
    nn.Linear: Entry(_linear, lambda layers, _: StackedLinear(layers)),
    Residual: Entry(_residual, _stack_residual),
    Beside: Entry(_beside, ALONE),
    nn.Sequential: CHAIN,
    Body: CHAIN,
    MLP: CHAIN,
    nn.Flatten: Entry(in_place, _stack_flatten),
    nn.Unflatten: Entry(in_place, _stack_unflatten),
    nn.Identity: Entry(in_place, as_they_are),
    nn.Dropout: Entry(in_place, NOISE),
    nn.Dropout2d: Entry(in_place, NOISE),
}
