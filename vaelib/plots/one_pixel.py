"""One pixel, and what several likelihoods say of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.distributions import Distribution, Independent, constraints

from vaelib.distributions import Bernoulli, GreyLevels
from vaelib.plots.figures import COLOURS, Picture, bare, figure, style, titled

ONE_PIXEL_WORDS = {
    "title": "One code, and what each likelihood says of one pixel",
    "x": "grey value",
    "density": "density",
    "probability": "probability",
    "truth": "the picture's own",
    "alt": (
        "For one picture, the means of {count} likelihoods of the same code, {names}, "
        "with one pixel marked; below each, what it says of that pixel, whose own "
        "value is {value:.2f}: a curve where it is a density, bars where it is a "
        "probability."
    ),
}


def one_pixel(
    x: Tensor,
    likelihoods: Mapping[str, Distribution],
    pixel: tuple[int, int],
    *,
    words: dict[str, str] | None = None,
) -> Picture:
    """Each likelihood's mean, and below it its density, or probabilities, of a pixel.

    Args:
        x: the picture itself, ``(C, H, W)``; its first channel is shown.
        likelihoods: name → p(x|z) of one code, independent pixel by pixel: batch
            ``(1,)``, event ``(C, H, W)``.
        pixel: row and column.
        words: other labels, for a translation; the keys are those of
            ``ONE_PIXEL_WORDS``.

    Raises:
        ValueError: if there are no likelihoods, or their shape is another.
    """
    say = ONE_PIXEL_WORDS | (words or {})
    shapes = {(*p.batch_shape, *p.event_shape) for p in likelihoods.values()}
    if shapes != {(1, *x.shape)}:
        raise ValueError(
            f"likelihoods: got shapes {sorted(shapes)}, wanted one or more of "
            f"{(1, *x.shape)}, one code for this picture"
        )
    row, column = pixel
    value = float(x[0, row, column])
    fig, axes = figure(2, len(likelihoods), size=(2.0 * len(likelihoods), 4.8))
    axes = axes.reshape(2, -1)
    with style(), torch.no_grad():
        for (name, p), above, below in zip(likelihoods.items(), *axes, strict=True):
            grey = p.mean[0, 0].clamp(0, 1).cpu().numpy()
            above.imshow(grey, cmap="gray", vmin=0, vmax=1)
            frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False)
            frame.set(edgecolor=COLOURS[1], linewidth=2.5)
            above.add_patch(frame)
            bare(above)
            above.set_title(name, fontsize=10)
            _pixel(below, p, x, pixel, say)
            below.axvline(value, color=COLOURS[1], lw=1.5, ls="--", label=say["truth"])
            below.set(xlabel=say["x"], xlim=(-0.3, 1.3), ylim=(0, None))
            below.xaxis.label.set_fontsize(10)
            below.tick_params(labelsize=9)
        lines, labels = axes[1, 0].get_legend_handles_labels()
        fig.legend(lines, labels, loc="outside lower center", fontsize=10)
    told = say["alt"].format(
        count=len(likelihoods), names=", ".join(likelihoods), value=value
    )
    return titled(fig, say["title"], told)


def _pixel(
    ax: Axes, p: Distribution, x: Tensor, pixel: tuple[int, int], say: dict[str, str]
) -> None:
    base = p.base_dist if isinstance(p, Independent) else p
    if isinstance(base, Bernoulli | GreyLevels):
        count = 2 if isinstance(base, Bernoulli) else len(base.levels)
        at = torch.linspace(0, 1, count)
        heights = _log_prob(base, at, x, pixel).exp()
        ax.bar(at.numpy(), heights.numpy(), width=0.7 / count, color=COLOURS[0])
        ax.set_ylabel(say["probability"], fontsize=10)
        return
    bounded = base.support is constraints.unit_interval
    low, high = (0.0, 1.0) if bounded else (-0.3, 1.3)
    at = torch.linspace(low, high, 401)
    density = _log_prob(base, at, x, pixel).exp()
    ax.fill_between(at.numpy(), density.numpy(), color=COLOURS[0], alpha=0.3)
    ax.plot(at.numpy(), density.numpy(), color=COLOURS[0])
    ax.set_ylabel(say["density"], fontsize=10)


def _log_prob(
    base: Distribution, at: Tensor, x: Tensor, pixel: tuple[int, int]
) -> Tensor:
    """log p of each value at that pixel."""
    wide = at.to(x)[:, None, None, None].expand(-1, *x.shape)
    found: Tensor = base.log_prob(wide)[:, 0, pixel[0], pixel[1]].cpu()
    return found
