"""What every data set is: pictures, and what is known about each of them."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vaelib.devices import resolve_device

__all__ = ["Dataset", "as_tensor"]

Index = int | slice | Tensor | list[int] | list[bool]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Pictures with what is known about them, all on one device.

    Attributes:
        name: what :func:`vaelib.load` was asked for.
        split: ``"train"`` or ``"test"``.
        x: pictures, ``(N, C, H, W)`` float32 in [0, 1].
        labels: class of each picture, ``(N,)`` int64, or None.
        factors: what produced each picture, ``(N, F)`` float32, or None.
        factor_names: a name for each of the F columns.
        trajectories: the pen's path, ``(N, T, 3)`` float32: x and y in pixels
            and 1 where the pen drew on its way to this point, 0 where it was
            lifted; or None.

    ``len(data)`` is N. ``data[index]`` takes a slice, a tensor or list of
    indices, or a boolean mask, and gives a smaller ``Dataset``.

    Raises:
        ValueError: a field has another length than ``x``, or the number of
            names is not that of factors.
    """

    name: str
    split: str
    x: Tensor
    labels: Tensor | None = None
    factors: Tensor | None = None
    factor_names: tuple[str, ...] = ()
    trajectories: Tensor | None = None

    def __post_init__(self) -> None:
        if self.x.ndim != 4:
            raise ValueError(
                f"x has shape {tuple(self.x.shape)}, wanted (N, C, H, W); "
                "add the missing axes, e.g. x[:, None] for grey pictures."
            )
        for name in ("labels", "factors", "trajectories"):
            tensor = getattr(self, name)
            if tensor is not None and len(tensor) != len(self.x):
                raise ValueError(
                    f"{name} has {len(tensor)} rows but x has {len(self.x)}; "
                    "index both alike."
                )
        columns = 0 if self.factors is None else self.factors.shape[1]
        if columns != len(self.factor_names):
            raise ValueError(
                f"factor_names has {len(self.factor_names)} names for "
                f"{columns} columns of factors; give one name per column."
            )

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Index) -> Dataset:
        rows = _as_rows(index, len(self))
        return self._map(lambda tensor: tensor[rows])

    def sample(self, n: int | None, seed: int = 0) -> Dataset:
        """``n`` pictures drawn without replacement; None means all, in order.

        The same seed draws the same pictures, and a larger ``n`` begins with
        the pictures of a smaller one.

        Raises:
            ValueError: ``n`` is negative or more than there are.
        """
        if n is None:
            return self
        if not 0 <= n <= len(self):
            raise ValueError(
                f"n={n:,} but {self.name!r} has {len(self):,} pictures in its "
                f"{self.split!r} split; ask for 0 … {len(self):,}, or n=None for all."
            )
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        return self[order[:n].to(self.x.device)]

    def to(self, device: str | torch.device) -> Dataset:
        """The same data on ``device`` (as :func:`vaelib.resolve_device`)."""
        there = resolve_device(device)
        return self._map(lambda tensor: tensor.to(there))

    def _map(self, change: Callable[[Tensor], Tensor]) -> Dataset:
        def maybe(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else change(tensor)

        return replace(
            self,
            x=change(self.x),
            labels=maybe(self.labels),
            factors=maybe(self.factors),
            trajectories=maybe(self.trajectories),
        )

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {self.split!r}: {', '.join(self._facts())})"

    def _facts(self) -> list[str]:
        facts = [f"x {_shape(self.x)} {_range(self.x)}"]
        if self.labels is not None:
            facts.append(f"labels {_shape(self.labels)} {_range(self.labels)}")
        if self.factors is not None:
            names = " ".join(self.factor_names)
            facts.append(f"factors {_shape(self.factors)}: {names}")
        if self.trajectories is not None:
            facts.append(f"trajectories {_shape(self.trajectories)}")
        return [*facts, f"on {self.x.device}"]

    def _repr_html_(self) -> str:
        # Colours are inherited, so the text is readable in a light and in a
        # dark theme; the pictures bring their own black ground.
        facts = "".join(f"<li>{html.escape(fact)}</li>" for fact in self._facts())
        title = f"{html.escape(self.name)}, {html.escape(self.split)}"
        return (
            '<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:center">'
            f'{self._thumbnails()}<div style="color:inherit;flex:1 1 16em">'
            f"<strong>{title}</strong>: {len(self):,} pictures"
            f'<ul style="margin:.4em 0;padding-left:1.2em">{facts}</ul>'
            "</div></div>"
        )

    def _thumbnails(self, rows: int = 4, columns: int = 10) -> str:
        shown = min(rows * columns, len(self))
        if shown == 0:
            return ""
        grid = _grid(self.x[:shown], columns)
        height, width = grid.shape[:2]
        zoom = max(1, round(400 / width))
        alt = f"The first {shown} pictures of {self.name}, {self.split}"
        return (
            f'<img alt="{html.escape(alt)}" src="{_data_uri(grid)}" '
            f'width="{width * zoom}" height="{height * zoom}" '
            'style="image-rendering:pixelated;max-width:100%;height:auto;'
            'border:1px solid gray">'
        )


def _as_rows(index: Index, length: int) -> slice | Tensor:
    if isinstance(index, slice):
        return index
    if isinstance(index, int):
        # One picture stays a data set, so x keeps its four axes.
        if not -length <= index < length:
            raise IndexError(
                f"index {index} is outside this data set of {length} pictures; "
                f"use {-length} … {length - 1}."
            )
        return torch.tensor([index])
    rows = torch.as_tensor(index)
    if rows.numel() == 0 and rows.dtype != torch.bool:
        rows = rows.long()
    if rows.is_floating_point() or rows.is_complex() or rows.ndim != 1:
        raise TypeError(
            f"index is a {rows.dtype} tensor of shape {tuple(rows.shape)}; "
            "wanted one row of whole numbers, one of booleans, or a slice."
        )
    if rows.dtype == torch.bool and len(rows) != length:
        raise IndexError(
            f"index is a mask of {len(rows)} booleans for {length} pictures; "
            "make it from this data set, e.g. data[data.labels == 3]."
        )
    # torch reads a uint8 tensor as a mask: whole numbers must mean indices.
    return rows if rows.dtype == torch.bool else rows.long()


def _shape(tensor: Tensor) -> str:
    sizes = ", ".join(f"{size:,}" for size in tensor.shape)
    return f"({sizes}{',' * (tensor.ndim == 1)}) {str(tensor.dtype)[6:]}"


def _range(tensor: Tensor) -> str:
    if tensor.numel() == 0:
        return "empty"
    return f"in [{tensor.min().item():.3g}, {tensor.max().item():.3g}]"


def _grid(x: Tensor, columns: int) -> NDArray[np.uint8]:
    """Pictures ``(N, C, H, W)`` → one array ``(H', W', 3)``, a grey line between."""
    count, channels, height, width = x.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    high, wide = height + 1, width + 1
    cells = torch.zeros(rows * columns, 3, high, wide)
    cells[:, :, -1], cells[:, :, :, -1] = 0.4, 0.4
    shown = x.detach().float().cpu()
    cells[:count, :, :-1, :-1] = shown[:, : 1 if channels < 3 else 3]
    table = cells.reshape(rows, columns, 3, high, wide).permute(0, 3, 1, 4, 2)
    sheet = table.reshape(rows * high, columns * wide, 3)[:-1, :-1]
    pixels: NDArray[np.uint8] = sheet.clamp(0, 1).mul(255).round().byte().numpy()
    return pixels


def _data_uri(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def as_tensor(data: Dataset | Tensor) -> Tensor:
    """The pictures of a data set, or the tensor itself, ``(N, *data_shape)``.

    Raises:
        TypeError: for anything else.
        ValueError: without a batch dimension, or empty.
    """
    x = data.x if isinstance(data, Dataset) else data
    if not isinstance(x, Tensor):
        raise TypeError(
            f"data: got {type(x).__name__}, wanted a Dataset or a tensor. Convert an "
            "array with torch.as_tensor(array, dtype=torch.float32)."
        )
    if x.dim() < 2 or len(x) == 0:
        raise ValueError(
            f"data: got shape {tuple(x.shape)}, wanted (N, *data_shape) with N ≥ 1"
        )
    return x
