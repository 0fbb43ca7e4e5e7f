"""Pictures of pictures: grids, and what a model makes of what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Protocol

import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.distributions import Distribution

from vaelib.plots.figures import Picture, bare, figure, style, titled
from vaelib.randomness import seeded


class Model(Protocol):
    """What these pictures ask of a model; :class:`vaelib.VAE` has all of it."""

    @property
    def prior(self) -> Distribution: ...
    def encode(self, x: Tensor) -> Tensor: ...
    def decode(self, z: Tensor) -> Tensor: ...
    def reconstruct(self, x: Tensor) -> Tensor: ...


class Data(Protocol):
    """What these pictures ask of a data set; :class:`vaelib.Dataset` has it."""

    @property
    def x(self) -> Tensor: ...
    @property
    def labels(self) -> Tensor | None: ...


def images(
    x: Tensor | Data,
    n: int | None = None,
    *,
    columns: int = 10,
    title: str = "",
    titles: Sequence[str] = (),
) -> Picture:
    """A grid of pictures.

    Args:
        x: ``(N, C, H, W)`` in [0, 1], or a data set.
        n: how many of them, from the first; None means all, at most 100.
        columns: pictures in a row.
        title: above the grid.
        titles: a caption for each picture.

    Raises:
        ValueError: if ``x`` is not of that shape or there are none.
    """
    chosen = pictures(x)[: min(n or 100, 100)]
    columns = min(columns, len(chosen))
    rows = ceil(len(chosen) / columns)
    side = 0.7 if columns > 5 else 1.2
    height = rows * (side + 0.3 * bool(titles)) + 0.4 * bool(title)
    fig, ax = figure(size=(max(columns * side, 3.0), height))
    draw_grid(ax, chosen, columns, titles)
    about = f": {title}" if title else ""
    return titled(fig, title, f"A grid of {len(chosen)} pictures{about}.")


def reconstructions(model: Model, x: Tensor | Data, n: int = 10) -> Picture:
    """The first ``n`` pictures above what the model makes of them.

    Args:
        model: has ``reconstruct``.
        x: ``(N, C, H, W)`` in [0, 1], or a data set.
    """
    given = pictures(x)[:n]
    with torch.no_grad():
        made = model.reconstruct(given)
    error = (made - given).flatten(1).pow(2).sum(1).mean().item()
    fig, ax = figure(size=(max(0.8 * len(given), 3.0), 2.2))
    height = draw_grid(ax, torch.cat([given, made]), len(given))
    with style():
        ax.set_yticks([0.5 * height, 1.5 * height], ["given", "rebuilt"])
    text = (
        f"Upper row: {len(given)} pictures. Lower row: the same, encoded and decoded. "
        f"The squared error is {error:.1f} per picture."
    )
    return titled(fig, "Given and rebuilt", text)


def samples(model: Model, n: int = 40, *, columns: int = 10, seed: int = 0) -> Picture:
    """``n`` pictures the model invents: z from the prior, decoded.

    Args:
        model: has ``prior`` and ``decode``.
        seed: of the codes.
    """
    with torch.no_grad(), seeded(seed):
        x = model.decode(model.prior.sample(torch.Size((n,))))
    fig = images(x, columns=columns, title="Decoded codes from the prior")
    fig.alt = f"{n} pictures that the model invented, decoded from codes of the prior."
    return fig


def pictures(x: Tensor | Data) -> Tensor:
    tensor = x if isinstance(x, Tensor) else x.x
    if tensor.ndim != 4 or len(tensor) == 0 or tensor.shape[1] not in (1, 3):
        raise ValueError(
            f"x: got shape {tuple(tensor.shape)}, wanted (N, 1, H, W) or (N, 3, H, W), "
            "N at least 1. One picture: x[None]; grey pictures: x[:, None]."
        )
    return tensor


def draw_grid(
    ax: Axes, x: Tensor, columns: int, captions: Sequence[str] = (), gap: int = 1
) -> int:
    """Paint ``(N, C, H, W)`` in rows as one image (an axes for each picture takes
    seconds), with a caption above each; gives the height of a row in pixels."""
    n, c, h, w = x.shape
    head = (h // 3 if captions else 0) + gap
    rows = ceil(n / columns)
    cells = x.new_ones(rows * columns, c, h + head, w + gap)  # gaps are card-white
    cells[:n, :, head:, gap:] = x
    tiles = cells.reshape(rows, columns, c, h + head, w + gap).permute(2, 0, 3, 1, 4)
    pixels = tiles.reshape(c, rows * (h + head), -1).detach().cpu().clamp(0, 1)
    with style():
        bare(ax)
        picture = pixels[0] if c == 1 else pixels.permute(1, 2, 0)
        extent = (0, columns * (w + gap), rows * (h + head), 0)
        ax.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1, extent=extent)
        for i, caption in enumerate(captions[:n]):
            at = (i % columns + 0.5) * (w + gap), i // columns * (h + head) + head
            ax.text(*at, caption, ha="center", va="bottom", fontsize=9)
    return h + head
