"""A data set as a notebook shows it: its facts and, of pictures, the first few."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from vaelib.data.dataset import Dataset


def card(data: Dataset, facts: Sequence[str]) -> str:
    """The data set in HTML.

    Colours are inherited, so the text is readable in a light and in a dark
    theme; the pictures bring their own black ground.
    """
    listed = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts)
    title = f"{html.escape(data.name)}, {html.escape(data.split)}"
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:center">'
        f'{_thumbnails(data)}<div style="color:inherit;flex:1 1 16em">'
        f"<strong>{title}</strong>: {len(data):,} {data.kind}"
        f'<ul style="margin:.4em 0;padding-left:1.2em">{listed}</ul>'
        "</div></div>"
    )


def shape_of(tensor: Tensor) -> str:
    """Its sizes and type, e.g. ``(5,) int64``."""
    sizes = ", ".join(f"{size:,}" for size in tensor.shape)
    return f"({sizes}{',' * (tensor.ndim == 1)}) {str(tensor.dtype)[6:]}"


def range_of(tensor: Tensor) -> str:
    """Its smallest and largest value in words."""
    if tensor.numel() == 0:
        return "empty"
    return f"in [{tensor.min().item():.3g}, {tensor.max().item():.3g}]"


def _thumbnails(data: Dataset, rows: int = 4, columns: int = 10) -> str:
    shown = min(rows * columns, len(data))
    if shown == 0 or data.kind != "pictures":
        return ""
    grid = _grid(data.x[:shown], columns)
    height, width = grid.shape[:2]
    zoom = max(1, round(400 / width))
    alt = f"The first {shown} pictures of {data.name}, {data.split}"
    return (
        f'<img alt="{html.escape(alt)}" src="{_data_uri(grid)}" '
        f'width="{width * zoom}" height="{height * zoom}" '
        'style="image-rendering:pixelated;max-width:100%;height:auto;'
        'border:1px solid gray">'
    )


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
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
