"""A cloud of points on the plane, and what becomes of it on a line."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from torch import Tensor

from vaelib.plots.figures import COLOURS, Picture, figure, style, titled

WORDS = {
    "title": "",
    "line": "line {number}",
    "panel": "{name}\nmean squared error {error:.3g}",
    "points": "given",
    "feet": "from one number",
    "alt": (
        "{n} points, and for each of {count} lines through their mean the points' "
        "projections on it, joined to them at right angles. {errors}."
    ),
    "error": "Mean squared distance for {name}: {error:.3g}",
}


def projection(
    x: Tensor,
    directions: Tensor,
    names: Sequence[str] | None = None,
    labels: tuple[str, str] = ("$x_1$", "$x_2$"),
    *,
    words: dict[str, str] | None = None,
) -> Picture:
    """Points on the plane, projected on lines through their mean: a panel each.

    Args:
        x: the points, ``(N, 2)``.
        directions: of the lines, ``(L, 2)``, of any length but 0.
        names: of the lines, above the panels.
        labels: of the axes, with the unit.
        words: other labels, for a translation; the keys are those of ``WORDS``.

    Raises:
        ValueError: for points or directions not on a plane, a direction of
            length 0, or another number of names than of lines.
    """
    say = WORDS | (words or {})
    x, lines = _on_a_plane("x", x), _on_a_plane("directions", directions)
    count = len(lines)
    if not lines.norm(dim=1).all():
        raise ValueError("directions: one has length 0, which is no direction")
    if names is None:
        names = [say["line"].format(number=i + 1) for i in range(count)]
    if len(names) != count:
        raise ValueError(f"names: got {len(names)} for {count} lines")
    mean = x.mean(0)
    fig, axes = figure(1, count, size=(4.6 * count, 4.9))
    panels = [axes] if count == 1 else axes
    told = []
    for ax, line, name in zip(panels, lines, names, strict=True):
        v = line / line.norm()
        feet = mean + torch.outer((x - mean) @ v, v)
        known = {"name": name, "error": (x - feet).pow(2).sum(1).mean().item()}
        told.append(say["error"].format(**known))
        _draw(ax, x, feet, v, say)
        with style():
            ax.set_title(say["panel"].format(**known), fontsize=12)
            ax.set(xlabel=labels[0], ylabel=labels[1], aspect="equal")
    with style():
        fig.axes[0].legend(loc="lower right")
    alt = say["alt"].format(n=len(x), count=count, errors=". ".join(told))
    return titled(fig, say["title"], alt)


def _on_a_plane(name: str, points: Tensor) -> Tensor:
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{name}: got shape {tuple(points.shape)}, wanted (N, 2)")
    return points.detach().cpu().double()


def _draw(ax: Axes, x: Tensor, feet: Tensor, v: Tensor, say: dict[str, str]) -> None:
    """The line, the points beside it, and what lies between."""
    with style():
        gaps = torch.stack([x, feet], 1).tolist()
        ax.add_collection(LineCollection(gaps, colors="#bbbbbb", linewidths=0.8))
        (a, b), (c, d) = feet.mean(0).tolist(), (feet.mean(0) + v).tolist()
        ax.axline((a, b), (c, d), color=COLOURS[1], lw=1.2)
        ax.plot(*x.T, "o", color=COLOURS[0], ms=3.5, label=say["points"])
        ax.plot(*feet.T, "o", color=COLOURS[1], ms=3.5, label=say["feet"])
