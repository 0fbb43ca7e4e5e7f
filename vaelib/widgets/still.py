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
from vaelib.widgets.scene import Scene
from vaelib.widgets.subject import PictureFormat

SOFT = "#777777"  # readable on white and on black


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
    colours = np.array(CLASS_COLOURS)[scene.classes.numpy() % len(CLASS_COLOURS)]
    x, y = scene.points.T.numpy()
    ax.scatter(x, y, s=3, c=colours, alpha=0.45, linewidths=0)
    for radius in scene.rings:
        angle = np.linspace(0, 2 * np.pi, 100)
        ring = radius * np.cos(angle), radius * np.sin(angle)
        ax.plot(*ring, color=SOFT, linewidth=0.6, linestyle=(0, (4, 5)))
    for place_x, place_y, name in scene.marks:
        ax.text(place_x, place_y, name, weight="bold", ha="center", va="center")
    ax.plot(
        *([v] for v in (*z, 0.0)[:2]), "o", ms=8, mec="white", mew=1.5, color="#1976d2"
    )


def draw_posterior(ax: Axes, mu: Sequence[float], sigma: Sequence[float]) -> None:
    """The ellipses of q(z|x) at 1σ and 2σ, and its mean."""
    x, y = (*mu, 0.0)[:2]
    wide, high = (*sigma, 0.0)[:2]
    for k in (1, 2):
        ellipse = Ellipse((x, y), 2 * k * wide, 2 * k * high)
        ellipse.set(facecolor="#1976d22e", edgecolor="#1976d2")
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
        ax.plot([min(max(knob, 0), 1)], [i], "o", ms=9, color="#1976d2")
    count = min(len(z), 12)
    ax.set(ylim=(count - 0.5, -0.5), xticks=[], yticks=range(count))
    ax.set_yticklabels([f"$z_{{{i + 1}}}$" for i in range(count)])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def draw_picture(ax: Axes, values: Tensor, format: PictureFormat, title: str) -> None:
    """One decoded picture with its caption."""
    image = values.reshape(format.shape).numpy()
    low, high = format.range
    shown = image.transpose(1, 2, 0) if len(image) == 3 else image[0]
    shown = np.clip((shown - low) / (high - low), 0, 1)
    ax.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set(xticks=[], yticks=[], xlabel=title)


def sheet(
    pictures: Tensor, columns: int, format: PictureFormat
) -> tuple[Tensor, PictureFormat]:
    """Pictures ``(N, …)`` in rows as one picture, and its format."""
    x = pictures.reshape(len(pictures), *format.shape)
    c, h, w = format.shape
    rows = -(-len(x) // columns)
    blank = x.new_full((rows * columns - len(x), c, h, w), format.range[0])
    grid = cat([x, blank]).reshape(rows, columns, c, h, w)
    joined = grid.permute(2, 0, 3, 1, 4).reshape(c, rows * h, columns * w)
    return joined, PictureFormat((c, rows * h, columns * w), format.range)


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
