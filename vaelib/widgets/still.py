"""A still picture of a widget, for places where nothing moves: an untrusted or
printed notebook, a page without scripts."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from torch import Tensor, cat

from vaelib.plots import CLASS_COLOURS
from vaelib.widgets.pictures import PictureFormat
from vaelib.widgets.scene import Scene

SOFT = "#777777"  # readable on white and on black
BLUE = "#1976d2"
Still = tuple[Figure, str]  # what a widget looks like, and its alternative text


def figure(columns: int, height: float = 3.0) -> tuple[Figure, Sequence[Axes]]:
    """A row of axes on a ground of its own, so that any theme can hold it."""
    fig = Figure((3.1 * columns, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(fig)
    return fig, list(fig.subplots(1, columns, squeeze=False)[0])


def draw_plane(ax: Axes, scene: Scene, z: Sequence[float]) -> None:
    """The plane with its rings and codes, and a point at ``z``."""
    ax.set(
        xlim=(scene.low[0], scene.high[0]),
        ylim=(scene.low[1], scene.high[1]),
        aspect="equal",
        xlabel="$z_1$",
        ylabel="$z_2$",
    )
    ax.tick_params(labelsize=7, colors=SOFT)
    draw_codes(ax, scene.points.numpy(), scene.classes.numpy())
    for radius in scene.rings:
        angle = np.linspace(0, 2 * np.pi, 100)
        ring = radius * np.cos(angle), radius * np.sin(angle)
        ax.plot(*ring, color=SOFT, linewidth=0.6, linestyle=(0, (4, 5)))
    for place_x, place_y, name in scene.marks:
        ax.text(place_x, place_y, name, weight="bold", ha="center", va="center")
    draw_point(ax, *(*z, 0.0)[:2])


def draw_codes(ax: Axes, points: np.ndarray, classes: np.ndarray) -> None:
    """Dots ``(N, 2)`` in the colours of their classes ``(N,)``."""
    colours = np.array(CLASS_COLOURS)[classes % len(CLASS_COLOURS)]
    x, y = points.T
    ax.scatter(x, y, s=3, c=colours, alpha=0.45, linewidths=0)


def draw_point(ax: Axes, x: float, y: float) -> None:
    """The point that is dragged."""
    ax.plot([x], [y], "o", ms=8, mec="white", mew=1.5, color=BLUE)


def draw_posterior(ax: Axes, mu: Sequence[float], sigma: Sequence[float]) -> None:
    """The ellipses of q(z|x) at 1σ and 2σ, and its mean."""
    x, y = (*mu, 0.0)[:2]
    wide, high = (*sigma, 0.0)[:2]
    for k in (1, 2):
        ellipse = Ellipse((x, y), 2 * k * wide, 2 * k * high)
        ellipse.set(facecolor=f"{BLUE}2e", edgecolor=BLUE)
        ax.add_patch(ellipse)
    ax.plot([x], [y], "+", color="black")


def draw_sliders(ax: Axes, ranges: dict[str, Any], z: Sequence[float]) -> None:
    """A line, a band and a knob for each of the first twelve dimensions."""
    for i, value in enumerate(z[:12]):
        low, high = ranges["low"][i], ranges["high"][i]
        first, last, knob = (
            (v - low) / (high - low)
            for v in (ranges["inner"][0][i], ranges["inner"][1][i], value)
        )
        ax.plot([0, 1], [i, i], color="#cccccc", lw=2)
        ax.plot([first, last], [i, i], color="#999999", lw=4)
        ax.plot([min(max(knob, 0), 1)], [i], "o", ms=9, color=BLUE)
    count = min(len(z), 12)
    ax.set(ylim=(count - 0.5, -0.5), xticks=[], yticks=range(count))
    ax.set_yticklabels([f"$z_{{{i + 1}}}$" for i in range(count)])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def draw_picture(ax: Axes, values: Tensor, format: PictureFormat, title: str) -> None:
    """One decoded picture with its caption."""
    draw_sheet(ax, values[None], 1, format, title)


def draw_sheet(
    ax: Axes, values: Tensor, columns: int, format: PictureFormat, title: str
) -> None:
    """Pictures ``(N, …)`` in rows, with one caption."""
    grey = format.grey(values)
    n, c, h, w = grey.shape
    rows = -(-n // columns)
    blank = grey.new_zeros((rows * columns - n, c, h, w))
    grid = cat([grey, blank]).reshape(rows, columns, c, h, w)
    draw_grey(ax, grid.permute(2, 0, 3, 1, 4).reshape(c, rows * h, columns * w), title)


def draw_grey(ax: Axes, image: Tensor, title: str) -> None:
    """An image of bytes ``(C, H, W)`` with its caption."""
    shown = image.permute(1, 2, 0) if len(image) == 3 else image[0]
    ax.imshow(shown.numpy(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set(xticks=[], yticks=[], xlabel=title)


def show_code(z: Sequence[float]) -> str:
    """``z = (0.52, −1.20)``, shortened where it is long."""
    numbers = [f"{v + 0:.2f}".replace("-", "−") for v in z[:4]]
    return f"z = ({', '.join(numbers)}{', …' if len(z) > 4 else ''})"


def png(fig: Figure) -> str:
    """The figure as PNG in base64."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode()


def bundle(fig: Figure, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a notebook stores of a figure: data, and metadata with the text that
    says in words what is seen."""
    return {"image/png": png(fig)}, {"image/png": {"alt": alt}}
