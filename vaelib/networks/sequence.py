"""Sequences ``(T, D)``: the layers along time, and bodies that know lengths."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from vaelib.networks.body import Body, Shape, as_shape


class OverTime(nn.Module):
    """A layer called with ``(x, lengths)``, since it looks at other steps.

    Padding, what lies at or beyond an example's length, changes nothing of what
    comes out for the steps before it.
    """

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``x`` ``(B, T, D)``; ``lengths`` ``(B,)``, whole numbers from 1 to T, or
        None where all examples have T steps."""
        raise NotImplementedError


class SequenceBody(Body):
    """A :class:`Body` that hands ``lengths`` to those of its layers that ask."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``(B, *in_shape)``, ``lengths (B,)`` or None → ``(B, *out_shape)``.

        Raises:
            ValueError: for another shape, or lengths that are not ``(B,)`` whole
                numbers from 1 to T.
        """
        self.refuse_other_shapes(x)
        if lengths is not None:
            refuse_bad_lengths(lengths, x)
            # Whatever fills the padding, NaN above all, reaches no gradient.
            x = x.where(inside(lengths, x), 0.0)
        for layer in self:
            x = layer(x, lengths) if isinstance(layer, OverTime) else layer(x)
        return x


class Last(OverTime):
    """The last step of each example, ``(B, T, D)`` → ``(B, D)``."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is None:
            return x[:, -1]
        return x[torch.arange(len(x), device=x.device), lengths - 1]


class Mean(OverTime):
    """The mean over the steps of each example, ``(B, T, D)`` → ``(B, D)``."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is None:
            return x.mean(1)
        return x.where(inside(lengths, x), 0.0).sum(1) / lengths[:, None]


class Repeat(nn.Module):
    """The same at every step, ``(B, D)`` → ``(B, T, D)``."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        return x[:, None].expand(-1, self.steps, -1)

    def extra_repr(self) -> str:
        return f"steps={self.steps}"


class Recurrent(nn.GRU):
    """``nn.GRU`` (Cho et al. 2014) that gives its outputs alone, so that layers may
    follow: ``(B, T, D)`` → ``(B, T, hidden)``. It reads forwards only: padding,
    which comes last, cannot reach the steps before it.
    """

    def __init__(self, width: int, hidden: int, depth: int = 1):
        super().__init__(width, hidden, depth, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        outputs: Tensor = super().forward(x)[0]
        return outputs


class GRUEncoder(SequenceBody):
    """Sequence → features: read step by step, then the last state.

    Args:
        in_shape: ``(T, D)``.
        out_shape: shape of one output, usually a number of features.
        hidden: width of the state.
        depth: recurrent layers, one above the other.

    Shapes:
        ``(B, T, D)``, optionally with lengths ``(B,)`` → ``(B, *out_shape)``.
    """

    def __init__(
        self, in_shape: Shape, out_shape: Shape, *, hidden: int = 64, depth: int = 1
    ):
        steps, width = sequence_shape("in_shape", in_shape)
        outs = as_shape("out_shape", out_shape)
        layers = [Recurrent(width, hidden, depth), Last(), *read_off(hidden, outs)]
        super().__init__((steps, width), outs, *layers)


class GRUDecoder(Body):
    """Code → sequence: the code is the input of every step.

    Args:
        in_shape: shape of one code, usually ``latent_dim``.
        out_shape: ``(T, D)``.
        hidden, depth: as in :class:`GRUEncoder`.

    Shapes:
        ``(B, *in_shape)`` → ``(B, T, D)``.
    """

    def __init__(
        self, in_shape: Shape, out_shape: Shape, *, hidden: int = 64, depth: int = 1
    ):
        steps, width = sequence_shape("out_shape", out_shape)
        ins = as_shape("in_shape", in_shape)
        layers: list[nn.Module] = [nn.Flatten()] if len(ins) > 1 else []
        layers += [Repeat(steps), Recurrent(prod(ins), hidden, depth)]
        super().__init__(ins, (steps, width), *layers, nn.Linear(hidden, width))


def inside(lengths: Tensor, x: Tensor) -> Tensor:
    """Which steps of ``x`` ``(B, T, …)`` are no padding: ``(B, T, 1, …)``, bool."""
    steps = torch.arange(x.shape[1], device=x.device)
    return (steps < lengths[:, None]).view(*x.shape[:2], *[1] * (x.dim() - 2))


def refuse_bad_lengths(lengths: Tensor, x: Tensor) -> None:
    """Raise a ValueError unless they are ``(B,)`` whole numbers from 1 to T."""
    whole = not (lengths.is_floating_point() or lengths.dtype == torch.bool)
    if lengths.shape != x.shape[:1] or not whole:
        raise ValueError(
            f"lengths: got {lengths.dtype} of shape {tuple(lengths.shape)}, wanted "
            f"one whole number for each of the {len(x)} examples"
        )
    if len(x) and not (lengths.amin() >= 1 and lengths.amax() <= x.shape[1]):
        raise ValueError(
            f"lengths: got {lengths.min()} to {lengths.max()}, wanted 1 to "
            f"{x.shape[1]}, the steps of x"
        )


def sequence_shape(name: str, shape: Shape) -> tuple[int, int]:
    """``(T, D)``, or a ValueError that names the argument."""
    dims = as_shape(name, shape)
    if len(dims) != 2:
        raise ValueError(
            f"{name}: got {dims}, wanted (T, D): steps, and numbers in each step"
        )
    return dims[0], dims[1]


def read_off(width: int, outs: Sequence[int]) -> list[nn.Module]:
    """Features ``(B, width)`` → ``(B, *outs)``."""
    out = nn.Linear(width, prod(outs))
    return [out, nn.Unflatten(1, tuple(outs))] if len(outs) > 1 else [out]
