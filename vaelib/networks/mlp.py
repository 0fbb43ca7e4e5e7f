"""Multilayer perceptrons, and the residual block that makes them deep."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from vaelib.networks.body import Body, Shape, as_shape


class Residual(nn.Module):
    """``x + body(x)``: a block that starts close to the identity, so that depth
    costs the gradient nothing (He et al. 2016, eq. 1)."""

    def __init__(self, *body: nn.Module):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.body(x)
        return x + change


class MLP(Body):
    """A multilayer perceptron: flatten, linear layers, unflatten.

    Each hidden layer ends in the activation; the last layer is linear, so that
    what comes out may be any number. A hidden layer as wide as the hidden layer
    before it is residual: it adds to its input in place of replacing it.

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
        >>> import torch
        >>> MLP((1, 28, 28), (400,), 40)(torch.zeros(8, 1, 28, 28)).shape
        torch.Size([8, 40])
    """

    def __init__(
        self,
        in_shape: Shape,
        hidden: Shape,
        out_shape: Shape,
        *,
        activation: type[nn.Module] = nn.GELU,
        residual: bool = True,
    ):
        ins, outs = as_shape("in_shape", in_shape), as_shape("out_shape", out_shape)
        widths = [prod(ins), *as_widths(hidden)]
        layers: list[nn.Module] = [nn.Flatten()] if len(ins) > 1 else []
        for i, (a, b) in enumerate(pairwise(widths)):
            block: list[nn.Module] = [nn.Linear(a, b), activation()]
            layers += [Residual(*block)] if residual and i > 0 and a == b else block
        layers.append(nn.Linear(widths[-1], prod(outs)))
        if len(outs) > 1:
            layers.append(nn.Unflatten(1, outs))
        super().__init__(ins, outs, *layers)


def as_widths(hidden: Shape) -> tuple[int, ...]:
    """Widths of hidden layers as ints; there may be none."""
    none = isinstance(hidden, Sequence) and len(hidden) == 0
    return () if none else as_shape("hidden", hidden)
