"""Two latent planes side by side: where the codes lie, where random ones fall."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from matplotlib.axes import Axes
from torch import Tensor

from vaelib.plots.figures import Picture, figure, style, titled
from vaelib.plots.latent import by_class
from vaelib.plots.tiles import draw_grid, pictures


class Decoder(Protocol):
    """What decodes the samples; an autoencoder and a VAE both do."""

    def decode(self, z: Tensor, /) -> Tensor: ...


WORDS = {
    "names": ("autoencoder", "VAE"),
    "title": "An irregular and a regular latent space",
    "painted": "what the decoder paints there",
    "alt": (
        "Two planes of dots, one dot for the code of each picture, with {n} numbered "
        "samples and below them what the decoder makes of each. {each}"
    ),
    "each": (
        "{name}: the dots spread {wide:.1f} by {high:.1f}, and the numbered samples "
        "are {low:.2f} to {far:.2f} away from the nearest dot."
    ),
}


@torch.no_grad()
def regular_and_irregular(
    models: tuple[Decoder, Decoder],
    codes: tuple[Tensor, Tensor],
    samples: tuple[Tensor, Tensor],
    labels: Tensor | None = None,
    *,
    words: dict[str, Any] | None = None,
) -> Picture:
    """Two models' codes on their planes, a few samples among them, numbered, and
    what each model decodes from its own.

    Args:
        models: the two that decode.
        codes: of the same pictures by each model, ``(N, 2)``.
        samples: random codes for each model, ``(n, 2)``.
        labels: classes of the pictures, ``(N,)``, for the dots' colours.
        words: other labels, for a translation; the keys are those of ``WORDS``.

    Raises:
        ValueError: for codes or samples that are not on a plane.
    """
    say = WORDS | (words or {})
    for name, pair in (("codes", codes), ("samples", samples)):
        for z in pair:
            if z.dim() != 2 or z.shape[1] != 2:
                raise ValueError(f"{name}: got {tuple(z.shape)}, wanted (N, 2)")
    fig, axes = figure(2, 2, size=(10.0, 6.6))
    axes[0, 0].get_gridspec().set_height_ratios((4.6, 1))
    told = []
    for i, (model, z, some) in enumerate(zip(models, codes, samples, strict=True)):
        painted = pictures(model.decode(some))
        z, some = z.cpu(), some.cpu()
        _draw_codes(axes[0, i], z, some, labels)
        draw_grid(
            axes[1, i], painted, len(some), [str(k + 1) for k in range(len(some))]
        )
        with style():
            axes[0, i].set_title(say["names"][i])
            axes[1, i].set_xlabel(say["painted"])
        told.append(_tell(say, i, z, some))
    alt = say["alt"].format(n=len(samples[0]), each=" ".join(told))
    return titled(fig, say["title"], alt)


def _draw_codes(ax: Axes, z: Tensor, some: Tensor, labels: Tensor | None) -> None:
    """The codes as dots in their classes' colours, the samples as numbers."""
    with style():
        kinds = None if labels is None else labels.cpu()
        for _, mask, colour in by_class(kinds, len(z)):
            points = z[mask]
            ax.scatter(
                points[:, 0], points[:, 1], s=3, color=colour, linewidths=0, alpha=0.6
            )
        disc = {"boxstyle": "circle,pad=0.2", "fc": "white", "ec": "#222222"}
        for i, (x, y) in enumerate(some.tolist()):
            ax.text(x, y, str(i + 1), ha="center", va="center", size=10, bbox=disc)
            ax.update_datalim([(x, y)])
        ax.autoscale_view()
        ax.set(xlabel="$z_1$", ylabel="$z_2$")
        ax.set_aspect("equal", adjustable="datalim")


def _tell(say: dict[str, Any], i: int, z: Tensor, some: Tensor) -> str:
    away = torch.cdist(some, z).amin(1)
    wide, high = z.std(0).tolist()
    named: str = say["each"].format(
        name=say["names"][i],
        wide=wide,
        high=high,
        low=away.min().item(),
        far=away.max().item(),
    )
    return named[:1].upper() + named[1:]
