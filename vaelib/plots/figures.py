"""What every picture is made with: the style, a figure with its text, its display."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

# Okabe & Ito (2008), without the yellow that is lost on white: for curves.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333")
# Petroff (2021): ten classes. Ten colours are more than the eye keeps apart, so
# classes are also labelled in the picture. The widgets use the same.
CLASS_COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip

_DPI = 144  # twice the size it is shown at, for sharp edges on fine screens
_SHOWN_DPI = 72
_LEAST_ALT = 20  # characters; shorter than this is a word or two, not a sentence

# A white card with dark ink is legible on a light and on a dark page.
_STYLE: Any = {
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.1,  # inches
    "figure.constrained_layout.w_pad": 0.1,
    "figure.dpi": _SHOWN_DPI,
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#444444",
    "axes.labelcolor": "#222222",
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 13,
    "axes.labelsize": 12,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "text.color": "#222222",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "font.size": 11,
    "font.family": "DejaVu Sans",  # ships with matplotlib: same picture anywhere
}


class Picture(Figure):
    """A matplotlib ``Figure`` with alternative text in ``alt``."""

    alt: str = ""

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        return _mimebundle(self, _alt_text(self, None))


@contextmanager
def style() -> Iterator[None]:
    """The course's style inside the block, the reader's own settings after it."""
    with mpl.rc_context(_STYLE):
        yield


def figure(
    rows: int = 1,
    columns: int = 1,
    *,
    size: tuple[float, float] | None = None,
    title: str = "",
    alt: str = "",
) -> tuple[Picture, Any]:
    """An empty picture in the course's style, for a picture of your own.

    Args:
        rows, columns: of axes.
        size: width and height in inches; by default 5 × 3.6 for each axes.
        title: above the whole picture.
        alt: alternative text; may also be given to :func:`show`.

    Returns:
        The picture and its axes: one ``Axes``, or an array of them as
        ``matplotlib.figure.Figure.subplots`` gives.
    """
    with style():
        picture = Picture(
            figsize=size or (5.0 * columns, 3.6 * rows), layout="constrained"
        )
        axes = picture.subplots(rows, columns)
        if title:
            picture.suptitle(title)
    picture.alt = alt
    return picture, axes


def show(fig: Figure, alt: str | None = None) -> None:
    """Display a figure, with a text for those who cannot see it.

    The PNG goes out with the text in its metadata (``image/png`` → ``alt``,
    where the book reads it) and as an HTML image, since JupyterLab reads
    alternative text only there. The figure is closed afterwards, so that it does
    not appear a second time.

    Args:
        fig: a matplotlib ``Figure``.
        alt: what the picture shows, in a sentence: the finding, not the file
            type. May be left out for pictures of this module, which have a text
            of their own.

    Raises:
        TypeError: if ``fig`` is not a ``Figure``.
        ValueError: if there is no text, or it is shorter than a sentence.
    """
    if not isinstance(fig, Figure):
        raise TypeError(f"fig: got {type(fig).__name__}, {_figure_mend(fig)}")
    text = _alt_text(fig, alt)
    from IPython.display import display

    data, metadata = _mimebundle(fig, text)
    display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
    _close(fig)


def _figure_mend(fig: object) -> str:
    if isinstance(fig, Axes):
        return "wanted a Figure. Show the figure it belongs to: vl.show(ax.figure)."
    if isinstance(fig, tuple) and fig and isinstance(fig[0], Figure):
        return "wanted a Figure. Take it out first: picture, ax = vl.plots.figure()."
    if isinstance(fig, Tensor | np.ndarray):
        return "wanted a Figure. Make one of it: vl.show(vl.plots.images(x))."
    return "wanted a matplotlib Figure, e.g. vl.plots.images(x)."


def _alt_text(fig: Figure, alt: str | None) -> str:
    text = (getattr(fig, "alt", "") if alt is None else alt).strip()
    if len(text) < _LEAST_ALT or " " not in text:
        what = f"got {text!r}, which is no sentence" if text else "this figure has none"
        raise ValueError(
            f"alt: {what}. Say in a sentence what the picture shows, for readers who "
            "cannot see it: vl.show(fig, alt='The loss falls from 200 to 110 nats.')."
        )
    return text


def _mimebundle(fig: Figure, alt: str) -> tuple[dict[str, str], dict[str, Any]]:
    buffer = io.BytesIO()
    with style():
        fig.savefig(buffer, format="png", dpi=_DPI)
    png = base64.b64encode(buffer.getvalue()).decode()
    width = round(fig.get_figwidth() * _SHOWN_DPI)
    image = (
        f'<img alt="{html.escape(alt)}" width="{width}" '
        'style="max-width:100%;height:auto;background:white;border-radius:4px" '
        f'src="data:image/png;base64,{png}">'
    )
    data = {"image/png": png, "text/html": image, "text/plain": alt}
    return data, {"image/png": {"alt": alt, "width": width}}


def _close(fig: Figure) -> None:
    # Only a figure made through pyplot is on pyplot's list, and would be shown
    # again at the end of the cell; our own never were.
    if getattr(fig, "number", None) is not None:
        import matplotlib.pyplot as plt

        plt.close(fig)


def titled(fig: Picture, title: str, alt: str) -> Picture:
    with style():
        if title:
            fig.suptitle(title)
    fig.alt = alt
    return fig


def bare(ax: Axes) -> None:
    ax.grid(False)
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
