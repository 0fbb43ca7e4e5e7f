"""The exchange of rate for distortion: one point for each β, and its slope."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from torch import Tensor

from vaelib.plots.figures import COLOURS, Picture, figure, style, titled
from vaelib.plots.tiles import pictures

EXCHANGE_WORDS = {
    "title": "What a nat of rate is exchanged for",
    "rate": "rate: KL / nats per picture",
    "distortion": r"distortion: $-\log p(x|z)$ / nats per picture",
    "beta": "β = {beta:g}",
    "slope": "slope −β",
    "alt": (
        "Distortion against rate, {count} points on a falling curve. At β = {low:g} "
        "the rate is {most:.1f} and the distortion {least:.0f} nats, at β = {high:g} "
        "they are {fewest:.1f} and {worst:.0f}. Each point has a short line of slope "
        "−β and one picture as its model decodes it: the larger β, the less of it."
    ),
}


def exchange(
    betas: Sequence[float],
    rate: Tensor,
    distortion: Tensor,
    decoded: Tensor,
    *,
    words: dict[str, str] | None = None,
) -> Picture:
    """Rate against distortion, a point for each β with a line of slope −β.

    Args:
        betas: K weights.
        rate, distortion: of each, ``(K,)``, in nats per example.
        decoded: how each model decodes the same example, ``(K, C, H, W)``.
        words: other labels, for a translation; the keys are those of
            ``EXCHANGE_WORDS``.

    Raises:
        ValueError: if the four are not equally many, or are fewer than two.
    """
    say = EXCHANGE_WORDS | (words or {})
    shown = pictures(decoded)
    counts = len(betas), len(rate), len(distortion), len(shown)
    if len(set(counts)) > 1 or len(betas) < 2:
        raise ValueError(
            f"betas, rate, distortion, decoded: got {counts} of them, wanted equally "
            "many, two or more"
        )
    r, d = rate.cpu().double(), distortion.cpu().double()
    fig, ax = figure(size=(8.0, 5.0))
    with style():
        order = r.argsort()
        ax.plot(r[order], d[order], "-", color="#999999", lw=1.2)
        ax.margins(0.1, 0.14)
        _slopes(ax, betas, r, d, say["slope"])
        ax.plot(r, d, "o", color=COLOURS[0])
        for beta, x, y, image in zip(betas, r, d, shown, strict=True):
            _decoded(ax, image, (float(x), float(y)), say["beta"].format(beta=beta))
        ax.set(xlabel=say["rate"], ylabel=say["distortion"])
        ax.legend(loc="upper right")
    low, high = (betas.index(end(betas)) for end in (min, max))
    told = say["alt"].format(
        count=len(betas), low=betas[low], high=betas[high], most=r[low],
        least=d[low], fewest=r[high], worst=d[high],
    )  # fmt: skip
    return titled(fig, say["title"], told)


def _slopes(ax: Axes, betas: Sequence[float], r: Tensor, d: Tensor, label: str) -> None:
    """Lines of equal length on the page, whatever their slope."""
    wide, high = (float(t.max() - t.min()) or 1.0 for t in (r, d))
    for k, beta in enumerate(betas):
        half = 0.07 / ((1 / wide) ** 2 + (beta / high) ** 2) ** 0.5
        ends = torch.tensor([-half, half])
        ax.plot(
            r[k] + ends, d[k] - beta * ends, color=COLOURS[1], lw=2.5,
            label=label if k == 0 else None,
        )  # fmt: skip


def _decoded(ax: Axes, image: Tensor, at: tuple[float, float], label: str) -> None:
    """A small picture to the upper right of a point, with its label above."""
    grey = image.mean(0).cpu().numpy()
    zoom = 34 / max(grey.shape)
    tile = OffsetImage(grey, zoom=zoom, cmap="gray_r", clim=(0, 1))
    box = AnnotationBbox(
        tile, at, (30, 34), boxcoords="offset points", frameon=True, pad=0.1,
        bboxprops={"edgecolor": "#bbbbbb"},
    )  # fmt: skip
    ax.add_artist(box)
    ax.annotate(
        label, at, (30, 57), textcoords="offset points", ha="center", fontsize=9
    )
