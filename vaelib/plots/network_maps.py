"""Encoder and decoder as a row of blocks: what each layer makes of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle

from vaelib.layers.receptive import Stage
from vaelib.plots.figures import COLOURS, Picture, bare, figure, style, titled

NETWORK_MAPS_WORDS = {
    "title": "",
    "parameters": "{count:,} parameters",
    "encoder": "encoder: {count:,} parameters",
    "decoder": "decoder: {count:,} parameters",
    "alt": (
        "A row of blocks from a picture to its reconstruction, each with its shape "
        "and layer: {told}. In the encoder the blocks get smaller, up to a code of "
        "{code} numbers, and in the decoder larger again."
    ),
}
_GAP, _PICTURE = 0.55, 1.85  # a picture as wide as it is high, at this size


def network_maps(
    made: Sequence[Stage], code: int, *, words: dict[str, str] | None = None
) -> Picture:
    """The maps of an encoder and a decoder, in order.

    A block is as high as its map has rows, and the wider the more channels; a vector
    is a thin bar. The first and the last are drawn as the pictures they are.

    Args:
        made: from :func:`vaelib.layers.receptive.stages` of one picture, with a
            picture at both ends.
        code: number of the map that is the code z.
        words: other labels, for a translation; the keys are those of
            ``NETWORK_MAPS_WORDS``.

    Raises:
        ValueError: if a picture is missing at an end, or ``code`` is not between.
    """
    say = NETWORK_MAPS_WORDS | (words or {})
    ends = made[0], made[-1]
    if any(len(end.shape) != 3 for end in ends) or not 0 < code < len(made) - 1:
        raise ValueError(
            f"made, code: got maps from {ends[0].shape} to {ends[1].shape} and code "
            f"{code}, wanted pictures (C, H, W) at both ends and a code between them"
        )
    fig, ax = figure(size=(11.5, 4.2))
    bare(ax)
    tallest = max(stage.shape[1] for stage in made if len(stage.shape) == 3)
    at, centres = 0.0, []
    with style():
        for k, stage in enumerate(made):
            wide = _wide(stage, k in (0, len(made) - 1))
            _block(ax, stage, at, wide, tallest, k in (0, len(made) - 1), k == code)
            centres.append(at + wide / 2)
            _words(ax, stage, centres[-1], say["parameters"])
            at += wide + _GAP
        for k, (a, b) in enumerate(((0, code), (code, len(made) - 1))):
            name = say["encoder" if k == 0 else "decoder"]
            part = made[1 : code + 1] if k == 0 else made[code + 1 :]
            count = sum(stage.parameters for stage in part)
            _brace(ax, centres[a] + 0.3, centres[b] - 0.3, name.format(count=count))
        ax.set(xlim=(-0.3, at), ylim=(-1.3, 0.98))
    told = "; ".join(f"{s.name}, {'×'.join(map(str, s.shape))}" for s in made)
    size = made[code].shape[0]
    return titled(fig, say["title"], say["alt"].format(told=told, code=size))


def _wide(stage: Stage, picture: bool) -> float:
    if picture:
        return _PICTURE
    return 0.12 + 0.006 * stage.shape[0] if len(stage.shape) == 3 else 0.12


def _block(
    ax: Axes, stage: Stage, at: float, wide: float, tallest: int, end: bool, code: bool
) -> None:
    """Front, top and side of a block whose middle is at height 0."""
    high = stage.shape[1] / tallest if len(stage.shape) == 3 else 0.6
    low, top = -high / 2, high / 2
    if end:
        grey = stage.values[0].mean(0).cpu().numpy()
        ax.imshow(
            grey, cmap="gray_r", clim=(0, 1), extent=(at, at + wide, low, top), zorder=2
        )
        ax.set_aspect("auto")
        ax.add_patch(Rectangle((at, low), wide, high, fill=False, ec="#444444"))
        return
    colour = COLOURS[1] if code else COLOURS[0]
    deep = 0.28 * high if len(stage.shape) == 3 else 0.0
    paint: Any = {"fc": colour, "ec": "white", "lw": 0.8}
    ax.add_patch(Rectangle((at, low), wide, high, alpha=0.85, **paint))
    over, side = (at, top), (at + wide, low)
    for corner, next_corner, alpha in (
        (over, (at + wide, top), 0.5),
        (side, (at + wide, top), 0.65),
    ):
        shifted = [(x + deep * 0.6, y + deep * 0.5) for x, y in (next_corner, corner)]
        ax.add_patch(Polygon([corner, next_corner, *shifted], alpha=alpha, **paint))


def _words(ax: Axes, stage: Stage, x: float, parameters: str) -> None:
    ax.text(
        x, -0.6, "×".join(map(str, stage.shape)), ha="center", weight="bold", size=10
    )
    lines = stage.name.replace(" · ", "\n").replace(", ", "\n").replace("2d ", "2d\n")
    lines = (
        lines.replace("residual ", "residual\n")
        .replace(" of ", " of\n")
        .replace("ConvTranspose2d", "Conv-\nTranspose2d")
    )
    if stage.parameters:
        lines += "\n" + parameters.format(count=stage.parameters).replace(" ", "\n")
    ax.text(x, -0.66, lines, ha="center", va="top", size=8, color="#444444")


def _brace(ax: Axes, a: float, b: float, text: str) -> None:
    ax.annotate("", (b, 0.76), (a, 0.76), arrowprops={"arrowstyle": "-|>", "lw": 1.6})
    ax.text((a + b) / 2, 0.82, text, ha="center", size=11)
