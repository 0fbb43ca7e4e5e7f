"""A picture's way through an autoencoder: wide layers, few numbers, wide layers."""

from __future__ import annotations

from math import log

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from torch import Tensor, nn

from vaelib.models.autoencoder import Autoencoder
from vaelib.plots.figures import COLOURS, Picture, bare, figure, style, titled
from vaelib.plots.tiles import draw_grid, pictures

WORDS = {
    "encoder": "encoder",
    "decoder": "decoder",
    "given": "$x$",
    "code": "code $z$",
    "rebuilt": r"$\hat x$",
    "title": "Squared error {error:.0f}",
    "alt": (
        "From left to right: a picture of {before} numbers; the layers of the encoder "
        "and the decoder as bars, which narrow and widen again: {widths} numbers; and "
        "the reconstruction. The bottleneck is the code, {code}. The squared error "
        "is {error:.1f}."
    ),
}

_MOST_SAID = 3  # numbers of a code


@torch.no_grad()
def bottleneck(
    model: Autoencoder, x: Tensor, *, words: dict[str, str] | None = None
) -> Picture:
    """One example's way through an autoencoder: x → layer by layer → z → … → x̂. A
    bar's height grows with the logarithm of the layer's width.

    Args:
        model: its encoder and decoder are drawn layer by layer where they are
            ``nn.Sequential`` (all of vaelib's are), and as a whole otherwise.
        x: one picture, ``(1, C, H, W)`` or ``(C, H, W)``.
        words: other labels, for a translation; the keys are those of ``WORDS``.

    Raises:
        ValueError: for more than one picture.
    """
    say = WORDS | (words or {})
    x = pictures(x if x.dim() == 4 else x[None])
    if len(x) != 1:
        raise ValueError(f"x: got {len(x)} pictures, wanted one: x[:1]")
    z, x_hat = model.encode(x), model.reconstruct(x)
    encoder = [x.numel(), *_widths(model.encoder, x), z.numel()]
    decoder = [*_widths(model.decoder, z), x_hat.numel()]
    code = ", ".join(f"{v:.1f}" for v in z.flatten()[:_MOST_SAID].tolist())
    code = f"({code}{', …' if z.numel() > _MOST_SAID else ''})".replace("-", "−")
    fig, axes = figure(1, 3, size=(11.0, 3.9))
    given, layers, rebuilt = axes
    given.get_gridspec().set_width_ratios((2.4, 6, 2.4))
    draw_grid(given, x, 1)
    draw_grid(rebuilt, pictures(x_hat), 1)
    _draw_layers(layers, encoder + decoder, len(encoder) - 1, say)
    with style():
        given.set_xlabel(say["given"], fontsize=14)
        rebuilt.set_xlabel(say["rebuilt"], fontsize=14)
        layers.set_xlabel(f"{say['code']} = {code}")
    known = {
        "error": (x_hat - x).pow(2).sum().item(),
        "before": x.numel(),
        "widths": ", ".join(map(str, encoder + decoder)),
        "code": code,
    }
    return titled(fig, say["title"].format(**known), say["alt"].format(**known))


def _widths(network: nn.Module, x: Tensor) -> list[int]:
    """Numbers per example after each layer with weights, but the last one."""
    if not isinstance(network, nn.Sequential):
        return []
    found = []
    for layer in network:
        x = layer(x)
        if any(True for _ in layer.parameters()):
            found.append(x[0].numel())
    return found[:-1]


def _draw_layers(ax: Axes, widths: list[int], narrow: int, say: dict[str, str]) -> None:
    """A bar for each layer, a funnel behind them, the code's bar in another colour."""
    bare(ax)
    most = log(1 + max(widths))
    half = [0.05 + 0.4 * log(1 + w) / most for w in widths]
    last = len(widths) - 1
    with style():
        for first, end, name in ((0, narrow, "encoder"), (narrow, last, "decoder")):
            places = list(range(first, end + 1))
            rim = [(i, 0.5 + half[i]) for i in places]
            rim += [(i, 0.5 - half[i]) for i in reversed(places)]
            ax.add_patch(Polygon(rim, facecolor="#dddddd", edgecolor="none"))
            ax.text((first + end) / 2, 1.1, say[name], ha="center", va="bottom")
        for i, (width, h) in enumerate(zip(widths, half, strict=True)):
            colour = COLOURS[1] if i == narrow else COLOURS[0]
            ax.bar(i, 2 * h, width=0.34, bottom=0.5 - h, color=colour)
            ax.text(i, 0.5 - h - 0.02, str(width), ha="center", va="top", fontsize=11)
        ax.set(xlim=(-0.5, last + 0.5), ylim=(-0.08, 1.2))
