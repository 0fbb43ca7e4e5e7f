"""Pictures of the latent plane: where codes lie, and what its points decode to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.distributions import Distribution, Normal

from vaelib.plots.figures import (
    CLASS_COLOURS,
    COLOURS,
    Picture,
    figure,
    style,
    titled,
)
from vaelib.plots.tiles import Data, Model, draw_grid, pictures


def latent_scatter(model: Model, data: Data, n: int = 2000) -> Picture:
    """Where the encoder puts the data on the plane of its first two dimensions.

    Each point is one picture, at the mean of q(z|x). Classes are told apart by
    colour and by a label at their median.

    Args:
        model: has ``encode``, with two latent dimensions or more.
        data: pictures and, if there are any, labels.
        n: points drawn, from the first.

    Raises:
        ValueError: if the model's codes have one dimension only.
    """
    with torch.no_grad():
        z = model.encode(data.x[:n]).cpu()
    if z.shape[1] < 2:
        raise ValueError("model: its codes have one dimension; a plane needs two")
    fig, ax = figure(size=(6.0, 5.6))
    labels = None if data.labels is None else data.labels[:n].cpu()
    with style():
        for name, mask, colour in by_class(labels, len(z)):
            points = z[mask]
            ax.scatter(points[:, 0], points[:, 1], s=7, color=colour, linewidths=0)
            if name:
                _label(ax, points.median(0).values, name, colour)
        ax.set(xlabel="$z_1$", ylabel="$z_2$")
        ax.set_aspect("equal", adjustable="datalim")
    return titled(fig, f"The codes of {len(z):,} pictures", _scatter_text(z, labels))


def manifold(model: Model, n: int = 15, *, reach: float = 0.98) -> Picture:
    """What the decoder paints all over a two-dimensional latent space.

    The grid is spaced evenly in the prior's probability, not in z: each picture
    stands for the same share of the prior (Kingma & Welling 2014, fig. 4). The
    prior is taken as Gaussian, by its mean and standard deviation.

    Args:
        model: has ``decode`` and a ``prior`` over two dimensions.
        n: pictures along each side.
        reach: the share of each dimension's probability that the grid covers.

    Raises:
        ValueError: if the latent space is not two-dimensional.
    """
    prior = model.prior
    if tuple(prior.event_shape) != (2,):
        raise ValueError(
            f"model: its prior is over {tuple(prior.event_shape)}, this picture wants "
            "(2,). Use vl.plots.samples(model), or train with latent_dim=2."
        )
    z, ticks = quantile_grid(prior, n, reach)
    with torch.no_grad():
        x = pictures(model.decode(z))
    fig, ax = figure(size=(6.2, 6.4))
    h, w = x.shape[2:]
    draw_grid(ax, x, n, gap=0)
    shown = [0, n // 2, n - 1]
    names = [[f"{v:.1f}" for v in side[shown]] for side in ticks]
    with style():
        ax.set_xticks([w * (i + 0.5) for i in shown], names[0])
        ax.set_yticks([h * (n - i - 0.5) for i in shown], names[1])
        ax.set(xlabel="$z_1$", ylabel="$z_2$")
    text = (
        f"A sheet of {n} by {n} decoded pictures, one for each point of a grid over "
        f"the latent plane from {names[0][0]} to {names[0][-1]}."
    )
    return titled(fig, "The decoder's atlas", text)


def by_class(labels: Tensor | None, n: int) -> Iterator[tuple[str, Tensor, str]]:
    if labels is None:
        yield "", torch.ones(n, dtype=torch.bool), COLOURS[0]
        return
    for k, label in enumerate(labels.unique().tolist()):
        yield str(label), labels == label, CLASS_COLOURS[k % len(CLASS_COLOURS)]


def _label(ax: Axes, at: Tensor, name: str, colour: str) -> None:
    box = {"boxstyle": "circle,pad=0.2", "fc": "white", "ec": colour, "lw": 2.0}
    where = at[0].item(), at[1].item()
    ax.text(*where, name, ha="center", va="center", weight="bold", bbox=box)


def _scatter_text(z: Tensor, labels: Tensor | None) -> str:
    wide = z[:, :2].std(0)
    text = (
        f"A plane with {len(z)} points, one per picture, spread {wide[0]:.1f} by "
        f"{wide[1]:.1f} around the middle."
    )
    if labels is None:
        return text
    middles = [
        f"{name} at ({z[mask, 0].median():.1f}, {z[mask, 1].median():.1f})"
        for name, mask, _ in by_class(labels, len(z))
    ]
    return f"{text} Middles of the classes: {', '.join(middles)}."


def quantile_grid(
    prior: Distribution, n: int, reach: float
) -> tuple[Tensor, np.ndarray[Any, np.dtype[Any]]]:
    """Codes ``(n·n, 2)`` in reading order, z₂ upwards, and both sides ``(2, n)``."""
    p = torch.linspace(0.5 - reach / 2, 0.5 + reach / 2, n).to(prior.mean)
    side = Normal(prior.mean, prior.stddev).icdf(p[:, None])  # (n, 2)
    across = side[:, 0].expand(n, n)
    down = side[:, 1].flip(0)[:, None].expand(n, n)
    return torch.stack([across, down], -1).reshape(-1, 2), side.T.cpu().numpy()
