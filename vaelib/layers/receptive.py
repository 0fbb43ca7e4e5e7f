"""A network as a row of maps: shapes, parameters, and what each place depends on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelib.layers import pointwise
from vaelib.networks.mlp import Residual

_ALONE = (*pointwise.LAYERS, nn.Identity, nn.Dropout, nn.Dropout2d, nn.BatchNorm2d)
_VIEWS = (nn.Flatten, nn.Unflatten)


@dataclass(frozen=True)
class Stage:
    """A layer and the map it makes, with what follows it place by place.

    Attributes:
        name: of the layers, e.g. ``"Conv2d 4×4, stride 2 · GELU"``.
        values: what it made of the input it was shown, ``(1, *shape)``.
        parameters: how many it has.
        rows: ``(H, H_before)``, bool: on which rows of the map before a row depends.
        columns: the same, ``(W, W_before)``; both None where each place depends on
            the whole map before.
    """

    name: str
    values: Tensor
    parameters: int = 0
    rows: Tensor | None = None
    columns: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the map, without the batch."""
        return tuple(self.values.shape[1:])


@torch.no_grad()
def stages(x: Tensor, *bodies: nn.Module) -> list[Stage]:
    """The input and all maps that networks, one after the other, make of it.

    A sequence is taken apart; any other layer is one stage, and an activation or a
    change of shape belongs to the stage before it. Of a distribution the mean goes
    on. Kernels are taken to be full and channels to be connected all with all (no
    groups). Of a layer that is not known here each place depends on everything.

    Args:
        x: one example, ``(1, *data_shape)``.
        bodies: e.g. ``model.encoder, model.decoder``; put them in ``eval()`` first.

    Raises:
        ValueError: for another number of examples than one.
    """
    if len(x) != 1:
        raise ValueError(f"x: got {len(x)} examples, wanted one: x[:1]")
    made = [Stage("input", x)]
    for layer in (each for body in bodies for each in _leaves(body)):
        out = layer(x)
        heads = isinstance(out, Distribution)
        x = out.mean if heads else out
        # Once flattened, a map keeps its places: what comes next reads all of them.
        if not isinstance(layer, nn.Flatten):
            made[-1:] = _after(made[-1], layer, x, heads)
    return made


def receptive_field(
    made: Sequence[Stage], at: int, row: int = 0, column: int = 0, *, on: int = 0
) -> Tensor:
    """Where map ``on`` can move one place of map ``at``.

    It is exact where sums do not happen to cancel: each map's rows and columns are
    followed back by themselves, as kernels are rectangles.

    Args:
        made: from :func:`stages`.
        at: number of the map, 0 for the input.
        row, column: of the place; of no account where the map is a vector.
        on: number of a map before it.

    Returns:
        ``(H, W)`` bool for a map ``(C, H, W)``, otherwise all of its shape.

    Raises:
        ValueError: for a map or a place that there is not.
    """
    if not 0 <= on <= at < len(made):
        raise ValueError(
            f"at, on: got {at} and {on}, wanted 0 ≤ on ≤ at < {len(made)} maps"
        )
    sides: list[Tensor] = []
    for side, (name, place) in enumerate((("row", row), ("column", column))):
        size = _size(made[at], side)
        if not 0 <= place < size:
            raise ValueError(f"{name}: got {place}, wanted 0 to {size - 1}")
        seen = torch.arange(size) == place
        for k in range(at, on, -1):
            reach = (made[k].rows, made[k].columns)[side]
            whole = torch.ones(_size(made[k - 1], side), dtype=torch.bool)
            seen = whole if reach is None else reach[seen].any(0)
        sides.append(seen)
    if len(made[on].shape) != 3:  # all of a vector, as nothing in it is a place
        return torch.ones(made[on].shape, dtype=torch.bool)
    return sides[0][:, None] & sides[1]


def _size(stage: Stage, side: int) -> int:
    return stage.shape[1 + side] if len(stage.shape) == 3 else 1


def _leaves(module: nn.Module) -> Iterator[nn.Module]:
    """Sequences taken apart, in order."""
    if isinstance(module, nn.Sequential):
        for part in module:
            yield from _leaves(part)
    else:
        yield module


def _after(last: Stage, layer: nn.Module, x: Tensor, heads: bool) -> list[Stage]:
    """The last stage with this layer in it, or followed by a stage of its own."""
    own = sum(p.numel() for p in layer.parameters())
    kept = x.shape == last.values.shape
    if isinstance(layer, _VIEWS) or (kept and (heads or isinstance(layer, _ALONE))):
        silent = heads or isinstance(layer, _VIEWS)
        words = last.name if silent else f"{last.name} · {_name(layer)}"
        return [Stage(words, x, last.parameters + own, last.rows, last.columns)]
    reach = _reach(layer, last.values, x)
    return [last, Stage(_name(layer), x, own, *reach)]


Sides = tuple[Tensor | None, Tensor | None]


def _reach(layer: nn.Module, before: Tensor, after: Tensor) -> Sides:
    """(H, H_before) and (W, W_before) of a layer, or twice None."""
    if before.dim() != 4 or after.dim() != 4:
        return None, None
    if isinstance(layer, Residual):
        return _around(layer, before)
    sides = [_along(layer, i, before.shape[2 + i], after.shape[2 + i]) for i in (0, 1)]
    return sides[0], sides[1]


def _around(block: Residual, x: Tensor) -> Sides:
    """What the body reaches, and the place itself, which it must reach as well."""
    inner = stages(x, block.body)[1:]
    sides: list[Tensor | None] = []
    for i in (0, 1):
        reach = torch.eye(x.shape[2 + i], dtype=torch.bool)
        for stage in inner:
            step = (stage.rows, stage.columns)[i]
            if step is None:
                return None, None
            reach = (step.float() @ reach.float()) > 0
        sides.append(reach | torch.eye(len(reach), dtype=torch.bool))
    return sides[0], sides[1]


def _along(layer: nn.Module, i: int, before: int, after: int) -> Tensor | None:
    """(after, before) along one side, or None: all."""
    if isinstance(layer, nn.Conv2d):
        return _taps(layer, i, after, before)
    if isinstance(layer, nn.ConvTranspose2d):
        return _taps(layer, i, before, after).T
    if isinstance(layer, nn.PixelShuffle | nn.Upsample):
        return torch.arange(after)[:, None] // (after // before) == torch.arange(before)
    if isinstance(layer, _ALONE):
        return torch.eye(after, dtype=torch.bool)
    return None


def _taps(
    layer: nn.Conv2d | nn.ConvTranspose2d, i: int, coarse: int, fine: int
) -> Tensor:
    """(coarse, fine): whether the kernel laid at a coarse place covers a fine one."""
    k, s, d = layer.kernel_size[i], layer.stride[i], layer.dilation[i]
    p = layer.padding[i] if not isinstance(layer.padding, str) else d * (k - 1) // 2
    into = torch.arange(fine) + p - s * torch.arange(coarse)[:, None]
    return (into >= 0) & (into <= d * (k - 1)) & (into % d == 0)


def _name(layer: nn.Module) -> str:
    """What a drawing says of a layer."""
    kind = type(layer).__name__
    if isinstance(layer, Residual):
        return "residual " + " · ".join(_name(each) for each in _leaves(layer.body))
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        size = "×".join(map(str, layer.kernel_size))
        stride = f", stride {layer.stride[0]}" if layer.stride[0] > 1 else ""
        return f"{kind} {size}{stride}"
    return {"DiagonalGaussianHead": "mean of q(z|x)"}.get(kind, kind)
