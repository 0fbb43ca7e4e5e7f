"""The course's pictures: one function each, and a text for those who cannot see.

Every function returns a :class:`Picture`, a matplotlib ``Figure`` that carries
its own alternative text in ``picture.alt``; :func:`show` displays it. The style
is set only while a picture is made or drawn, so a reader's own matplotlib
settings stay as they are, and nothing goes through pyplot's global list of
figures.

A picture of your own::

    picture, ax = vl.plots.figure(title="KL against σ")
    ax.plot(sigma, kl)
    ax.set(xlabel="σ", ylabel="KL / nats")
    vl.show(picture, alt="The KL divergence is lowest at σ = 1, where it is 0.")
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any, Protocol

import matplotlib as mpl
import numpy as np
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.distributions import Distribution, Normal

from vaelib.randomness import seeded

__all__ = [
    "CLASS_COLOURS",
    "COLOURS",
    "Picture",
    "figure",
    "history",
    "images",
    "latent_scatter",
    "manifold",
    "reconstructions",
    "samples",
    "show",
    "style",
]

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


# ------------------------------------------------------------------ foundations


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


# --------------------------------------------------------------------- pictures


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
    chosen = _pictures(x)[: min(n or 100, 100)]
    columns = min(columns, len(chosen))
    rows = ceil(len(chosen) / columns)
    side = 0.7 if columns > 5 else 1.2
    height = rows * (side + 0.3 * bool(titles)) + 0.4 * bool(title)
    fig, ax = figure(size=(max(columns * side, 3.0), height))
    _draw_grid(ax, chosen, columns, titles)
    about = f": {title}" if title else ""
    return _titled(fig, title, f"A grid of {len(chosen)} pictures{about}.")


def reconstructions(model: Model, x: Tensor | Data, n: int = 10) -> Picture:
    """The first ``n`` pictures above what the model makes of them.

    Args:
        model: has ``reconstruct``.
        x: ``(N, C, H, W)`` in [0, 1], or a data set.
    """
    given = _pictures(x)[:n]
    with torch.no_grad():
        made = model.reconstruct(given)
    error = (made - given).flatten(1).pow(2).sum(1).mean().item()
    fig, ax = figure(size=(max(0.8 * len(given), 3.0), 2.2))
    height = _draw_grid(ax, torch.cat([given, made]), len(given))
    with style():
        ax.set_yticks([0.5 * height, 1.5 * height], ["given", "rebuilt"])
    text = (
        f"Upper row: {len(given)} pictures. Lower row: the same, encoded and decoded. "
        f"The squared error is {error:.1f} per picture."
    )
    return _titled(fig, "Given and rebuilt", text)


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
        for name, mask, colour in _classes(labels, len(z)):
            points = z[mask]
            ax.scatter(points[:, 0], points[:, 1], s=7, color=colour, linewidths=0)
            if name:
                _label(ax, points.median(0).values, name, colour)
        ax.set(xlabel="$z_1$", ylabel="$z_2$")
        ax.set_aspect("equal", adjustable="datalim")
    return _titled(fig, f"The codes of {len(z):,} pictures", _scatter_text(z, labels))


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
    z, ticks = _quantile_grid(prior, n, reach)
    with torch.no_grad():
        x = _pictures(model.decode(z))
    fig, ax = figure(size=(6.2, 6.4))
    h, w = x.shape[2:]
    _draw_grid(ax, x, n, gap=0)
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
    return _titled(fig, "The decoder's atlas", text)


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


def history(history: Mapping[str, Sequence[float]]) -> Picture:
    """Curves of training against epochs, in nats per example.

    Args:
        history: what ``vl.fit`` returned, or any mapping with a list of one mean
            per epoch. Shown are ``"elbo"``, ``"reconstruction"`` and ``"kl"``;
            where there is no ``"elbo"``, everything in it.

    Raises:
        ValueError: if it holds no epoch.
    """
    names = _TERMS if "elbo" in history else history
    curves = {_TERMS.get(k, k): history[k] for k in names if history.get(k)}
    if not curves:
        raise ValueError("history: holds no epoch yet; train for one at least")
    # The KL is a tenth of the rest and would be a flat line beside it.
    panels = 1 + ("KL" in curves)
    fig, axes = figure(1, panels, size=(5.0 * panels, 3.6))
    with style():
        for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
            ax = np.atleast_1d(axes)[int(name == "KL")]
            epochs = range(1, len(values) + 1)
            ax.plot(epochs, values, label=name, color=colour, marker=".")
            ax.set(xlabel="epoch", ylabel="nats per example")
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.legend()
    ends = [f"{k} from {v[0]:.1f} to {v[-1]:.1f}" for k, v in curves.items()]
    count = len(next(iter(curves.values())))
    text = f"Training over {count} epochs, in nats: {', '.join(ends)}."
    return _titled(fig, "Training, in nats per example", text)


_TERMS = {"elbo": "ELBO", "reconstruction": "reconstruction", "kl": "KL"}


# ----------------------------------------------------------------------- pieces


def _pictures(x: Tensor | Data) -> Tensor:
    tensor = x if isinstance(x, Tensor) else x.x
    if tensor.ndim != 4 or len(tensor) == 0 or tensor.shape[1] not in (1, 3):
        raise ValueError(
            f"x: got shape {tuple(tensor.shape)}, wanted (N, 1, H, W) or (N, 3, H, W), "
            "N at least 1. One picture: x[None]; grey pictures: x[:, None]."
        )
    return tensor


def _draw_grid(
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
        _bare(ax)
        picture = pixels[0] if c == 1 else pixels.permute(1, 2, 0)
        extent = (0, columns * (w + gap), rows * (h + head), 0)
        ax.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1, extent=extent)
        for i, caption in enumerate(captions[:n]):
            at = (i % columns + 0.5) * (w + gap), i // columns * (h + head) + head
            ax.text(*at, caption, ha="center", va="bottom", fontsize=9)
    return h + head


def _bare(ax: Axes) -> None:
    ax.grid(False)
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _titled(fig: Picture, title: str, alt: str) -> Picture:
    with style():
        if title:
            fig.suptitle(title)
    fig.alt = alt
    return fig


def _classes(labels: Tensor | None, n: int) -> Iterator[tuple[str, Tensor, str]]:
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
        for name, mask, _ in _classes(labels, len(z))
    ]
    return f"{text} Middles of the classes: {', '.join(middles)}."


def _quantile_grid(
    prior: Distribution, n: int, reach: float
) -> tuple[Tensor, np.ndarray[Any, np.dtype[Any]]]:
    """Codes ``(n·n, 2)`` in reading order, z₂ upwards, and both sides ``(2, n)``."""
    p = torch.linspace(0.5 - reach / 2, 0.5 + reach / 2, n).to(prior.mean)
    side = Normal(prior.mean, prior.stddev).icdf(p[:, None])  # (n, 2)
    across = side[:, 0].expand(n, n)
    down = side[:, 1].flip(0)[:, None].expand(n, n)
    return torch.stack([across, down], -1).reshape(-1, 2), side.T.cpu().numpy()
