"""The two pulls on one code: the KL's and the reconstruction's, in nats."""

from __future__ import annotations

from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from torch import Tensor

from vaelib.objectives import kl_standard_normal
from vaelib.plots.anatomy import Machine
from vaelib.plots.figures import COLOURS, Picture, figure, style, titled
from vaelib.randomness import seeded

PULLS_WORDS = {
    "title": "Two pulls on one latent dimension",
    "kl": "KL",
    "reconstruction": "reconstruction",
    "sum": "their sum",
    "mean": "mean μ",
    "width": "width σ",
    "nats": "nats above the lowest",
    "chosen": "the encoder's choice",
    "alt": (
        "Two panels, each with the KL, the reconstruction loss and their sum in "
        "nats. Left, over the mean: the KL is lowest at 0, the reconstruction at "
        "{mean_rec:.1f}, the sum between them at {mean_sum:.1f}; the encoder chose "
        "{mean:.1f}. Right, over the width: the KL is lowest at 1, the reconstruction "
        "at the narrow end, the sum at {width_sum:.2f}; the encoder chose {width:.2f}."
    ),
}


class _Start(NamedTuple):
    """The encoder's mean and width, ``(Z,)`` each, and which dimension moves."""

    mu: Tensor
    sigma: Tensor
    dim: int


class _Curves(NamedTuple):
    """Over the places ``(K,)`` of a mean or a width: both terms of the loss, in
    nats, ``(K,)`` each, and the place that the encoder chose."""

    at: Tensor
    kl: Tensor
    reconstruction: Tensor
    chosen: float

    def lowest(self, curve: Tensor) -> float:
        return self.at[curve.argmin()].item()


@torch.no_grad()
def pulls(
    model: Machine,
    x: Tensor,
    dim: int,
    *,
    seed: int = 0,
    samples: int = 256,
    words: dict[str, str] | None = None,
) -> Picture:
    """How both terms of the loss change with the mean, and with the width, of one
    latent dimension of one example; all else stays as the encoder has it.

    Args:
        model: with a diagonal Gaussian posterior and a standard normal prior.
        x: one example, ``(1, *data_shape)``.
        dim: the latent dimension.
        seed: of the noise, which is the same for all places.
        samples: of z, for the reconstruction's expectation.
        words: other labels, for a translation; the keys are ``PULLS_WORDS``'s.

    Raises:
        ValueError: for more than one example, or a dimension that is not there.
    """
    say = PULLS_WORDS | (words or {})
    if len(x) != 1:
        raise ValueError(f"x: got {len(x)} examples, wanted one: x[:1]")
    q = model.posterior(x)
    size = q.event_shape[-1]
    if not 0 <= dim < size:
        raise ValueError(f"dim: got {dim}, wanted one of 0 … {size - 1}")
    start = _Start(q.mean[0], q.stddev[0], dim)
    with seeded(seed):
        half = torch.randn(samples // 2, size).to(start.mu)
    noise = torch.cat([half, -half])
    means = torch.linspace(-3, 3, 121).to(start.mu)
    widths = torch.logspace(-1.7, 0.4, 106).to(start.mu)
    mean = _along(model, x, noise, start, "mu", means)
    width = _along(model, x, noise, start, "sigma", widths)
    fig, (left, right) = figure(1, 2, size=(10.0, 4.2))
    _draw(left, mean, say, say["mean"])
    _draw(right, width, say, say["width"])
    with style():
        right.set_xscale("log")
        right.set_xticks([0.02, 0.1, 0.3, 1, 2], ["0.02", "0.1", "0.3", "1", "2"])
        right.minorticks_off()
        handles = left.get_legend_handles_labels()
        fig.legend(*handles, loc="outside lower center", ncols=4)
    known = {
        "mean_rec": mean.lowest(mean.reconstruction),
        "mean_sum": mean.lowest(mean.kl + mean.reconstruction),
        "mean": mean.chosen,
        "width_sum": width.lowest(width.kl + width.reconstruction),
        "width": width.chosen,
    }
    return titled(fig, say["title"], say["alt"].format(**known))


def _along(
    model: Machine, x: Tensor, noise: Tensor, start: _Start, which: str, at: Tensor
) -> _Curves:
    """Both terms while the mean, or the width, of one dimension moves."""
    place = {
        name: getattr(start, name).expand(len(at), -1).clone()
        for name in ("mu", "sigma")
    }
    chosen = place[which][0, start.dim].item()
    place[which][:, start.dim] = at
    mu, sigma = place["mu"], place["sigma"]
    kl = kl_standard_normal(mu, 2 * sigma.log())
    missed = [
        -model.likelihood(m + s * noise).log_prob(x).mean()
        for m, s in zip(mu, sigma, strict=True)
    ]
    return _Curves(at.cpu(), kl.cpu(), torch.stack(missed).cpu(), chosen)


def _draw(ax: Axes, curves: _Curves, say: dict[str, str], label: str) -> None:
    """Three curves, each from its own lowest point, the encoder's choice, and an
    arrow from there along each of the two pulls."""
    both = curves.kl + curves.reconstruction
    parts = (
        (say["reconstruction"], curves.reconstruction, COLOURS[0], "--", 7.3),
        (say["kl"], curves.kl, COLOURS[1], "-.", 6.6),
        (say["sum"], both, "#333333", "-", None),
    )
    with style():
        for name, part, colour, dashes, high in parts:
            ax.plot(curves.at, part - part.min(), dashes, color=colour, label=name)
            if high:
                _arrow(ax, curves.chosen, curves.lowest(part), high, colour)
        ax.axvline(curves.chosen, color="#888888", lw=1, ls=":", label=say["chosen"])
        ax.set(xlabel=label, ylabel=say["nats"], ylim=(-0.3, 8))


def _arrow(ax: Axes, start: float, towards: float, high: float, colour: str) -> None:
    line = {"arrowstyle": "-|>", "lw": 2.2, "color": colour}
    ax.annotate("", (towards, high), (start, high), arrowprops=line)
