"""The same curve for every number."""

from math import prod
from typing import Any

from torch import nn

from vaelib.layers.entry import Entry, Op, Shape, Writer, as_they_are


def elementwise(name: str, size: int, a: float = 0, b: float = 0) -> Op:
    """A curve of ``pointwise.js``, with its settings."""
    return {"op": "pointwise", "name": name, "size": size, "a": a, "b": b}


def _curve(name: str, *settings: str) -> Entry[Any]:
    def describe(m: nn.Module, into: Shape, outof: Shape, w: Writer) -> list[Op]:
        values = [float(getattr(m, s)) for s in settings]
        return [elementwise(name, prod(outof), *values)]

    return Entry(describe, as_they_are)


def _gelu(m: nn.GELU, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [elementwise(_GELUS[m.approximate], prod(outof))]


_GELUS = {"none": "gelu", "tanh": "gelu_tanh"}

LAYERS: dict[type[nn.Module], Entry[Any]] = {
    nn.ReLU: _curve("relu"),
    nn.GELU: Entry(_gelu, as_they_are),
    nn.SiLU: _curve("silu"),
    nn.Tanh: _curve("tanh"),
    nn.Sigmoid: _curve("sigmoid"),
    nn.LeakyReLU: _curve("leaky_relu", "negative_slope"),
    nn.ELU: _curve("elu", "alpha"),
    nn.Softplus: _curve("softplus", "beta", "threshold"),
}
