"""Codes on upright and on rotated axes, and what a diagonal q makes of each."""

from __future__ import annotations

from math import cos, radians, sin
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from torch import Tensor

from vaelib.plots.figures import COLOURS, Picture, figure, style, titled
from vaelib.plots.tiles import pictures

TURNED_WORDS = {
    "upright": "upright: each axis one factor",
    "rotated": "rotated by {angle:g}°: each axis both",
    "true": r"$p(z|x)$ of the middle picture",
    "best": "the best diagonal Gaussian for it",
    "title": "",
    "alt": (
        "Two planes with the same {count} pictures. On the left one factor changes "
        "along each axis, and the posterior of the middle picture is an upright "
        "ellipse. On the right all is rotated by {angle:g} degrees: both factors "
        "change along each axis, the posterior is a slanted ellipse, and the best "
        "diagonal Gaussian for it is a smaller, upright one, which loses {lost:.2f} "
        "nats."
    ),
}


def rotated_axes(
    images: Tensor,
    places: Tensor,
    sigma: tuple[float, float],
    *,
    angle: float = 45,
    words: dict[str, str] | None = None,
) -> Picture:
    """Pictures at their codes, and the same codes rotated. The prior N(0, I) and the
    pictures are the same on both; a Gaussian with a diagonal covariance fits the
    posterior on the left only.

    Args:
        images: ``(N, C, H, W)``, drawn as tiles.
        places: the code of each, ``(N, 2)``, around the origin.
        sigma: standard deviations of the posterior at the origin along the two
            upright axes.
        angle: by which the right plane is rotated, in degrees.
        words: other labels, for a translation; the keys are those of
            ``TURNED_WORDS``.
    """
    say = TURNED_WORDS | (words or {})
    shown = pictures(images)
    if places.shape != (len(shown), 2):
        raise ValueError(
            f"places: got shape {tuple(places.shape)}, wanted {(len(shown), 2)}"
        )
    a = radians(angle)
    rotation = torch.tensor([[cos(a), sin(a)], [-sin(a), cos(a)]], dtype=torch.float64)
    codes = places.cpu().double()
    widths, lost = best_diagonal(torch.tensor(sigma).double(), rotation)
    fig, (left, right) = figure(1, 2, size=(10.0, 5.2))
    reach = float(codes.norm(dim=1).max()) + 0.5 * _apart(codes)
    with style():
        for ax, z, title in (
            (left, codes, say["upright"]),
            (right, codes @ rotation, say["rotated"].format(angle=angle)),
        ):
            _tiles(ax, shown, z)
            ax.set(xlim=(-reach, reach), ylim=(-reach, reach), title=title)
            ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
            ax.grid(False)
        line: dict[str, Any] = {"lw": 2.5, "ls": "--"}
        _ellipse(left, sigma, 0, COLOURS[4], line)
        _ellipse(right, sigma, angle, COLOURS[4], line | {"label": say["true"]})
        fit = {"lw": 2.5, "label": say["best"]}
        _ellipse(left, sigma, 0, COLOURS[5], fit | {"lw": 1.2})
        _ellipse(right, tuple(widths.tolist()), 0, COLOURS[5], fit)
        right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=1)
    told = say["alt"].format(count=len(shown), angle=angle, lost=lost)
    return titled(fig, say["title"], told)


def best_diagonal(sigma: Tensor, rotation: Tensor) -> tuple[Tensor, float]:
    """The diagonal Gaussian nearest, in KL(q‖p), to one of covariance
    ``turnᵀ diag(σ²) rotation``: its standard deviations, one over the root of the
    precision's diagonal, and the KL in nats."""
    precision = rotation.T @ torch.diag(sigma**-2) @ rotation
    own = precision.diagonal()
    lost = 0.5 * (own.log().sum() - torch.logdet(precision))
    return own**-0.5, float(lost)


def _tiles(ax: Axes, shown: Tensor, z: Tensor) -> None:
    half = 0.32 * _apart(z)
    for image, (x, y) in zip(shown, z.tolist(), strict=True):
        ax.imshow(
            image.mean(0).cpu(), cmap="gray", vmin=0, vmax=1, zorder=2,
            extent=(x - half, x + half, y - half, y + half),
        )  # fmt: skip


def _apart(z: Tensor) -> float:
    """The least distance of two codes."""
    return torch.pdist(z).min().item() if len(z) > 1 else 1.0


def _ellipse(
    ax: Axes, sigma: tuple[float, ...], angle: float, colour: str, line: dict[str, Any]
) -> None:
    """At two standard deviations round the origin."""
    wide, high = (4 * s for s in sigma)
    ax.add_patch(
        Ellipse(
            (0, 0), wide, high, angle=angle, fill=False, color=colour, zorder=3, **line
        )
    )
