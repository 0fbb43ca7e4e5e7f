"""The whole machine in one picture: a picture, its cloud, its painting, the nats."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from torch import Tensor
from torch.distributions import Distribution

from vaelib.objectives import elbo
from vaelib.plots.figures import COLOURS, Picture, bare, figure, style, titled
from vaelib.plots.tiles import draw_grid, pictures
from vaelib.randomness import seeded


class Machine(Protocol):
    """What is drawn; :class:`vaelib.VAE` has all of it."""

    @property
    def prior(self) -> Distribution: ...
    def posterior(self, x: Tensor, /) -> Distribution: ...
    def likelihood(self, z: Tensor, /) -> Distribution: ...
    def decode(self, z: Tensor, /) -> Tensor: ...


WORDS = {
    "encoder": "encoder",
    "decoder": "decoder",
    "given": "$x$",
    "code": "$q(z|x)$ and a sample $z$",
    "painted": r"mean of $p(x|z)$",
    "title": "−ELBO = {loss:.0f} nats",
    "alt": (
        "From left to right: a picture; the encoder's Gaussian for it, an ellipse at "
        "{where} on the plane of the first two latent dimensions, inside the prior's "
        "rings, with one sample; and what the decoder paints from the sample. The KL "
        "costs {kl:.1f} nats, the reconstruction {missed:.0f}, together {loss:.0f}."
    ),
}


@torch.no_grad()
def anatomy(
    model: Machine,
    x: Tensor,
    *,
    seed: int = 0,
    words: dict[str, str] | None = None,
) -> Picture:
    """One example's way through a VAE: x → q(z|x) → a sample z → p(x|z), and what
    each of the two terms costs.

    Args:
        model: with a Gaussian posterior of two dimensions or more (the first two
            are drawn).
        x: one picture, ``(1, C, H, W)`` or ``(C, H, W)``.
        seed: of the sample.
        words: other labels, for a translation; the keys are those of ``WORDS``.

    Raises:
        ValueError: for more than one picture, or a code of one dimension.
    """
    say = WORDS | (words or {})
    x = pictures(x if x.dim() == 4 else x[None])
    if len(x) != 1:
        raise ValueError(f"x: got {len(x)} pictures, wanted one: x[:1]")
    q = model.posterior(x)
    if q.event_shape[-1] < 2:
        raise ValueError("model: its codes have one dimension; a plane needs two")
    with seeded(seed):
        z = q.sample()
    with seeded(seed):  # the same sample
        terms = elbo(model, x)
    kl, missed = terms.kl.item(), -terms.reconstruction.item()
    fig, axes = figure(1, 5, size=(11.0, 4.1))
    given, encode, plane, decode, painted = axes
    axes[0].get_gridspec().set_width_ratios((3, 1.3, 3.6, 1.3, 3))
    draw_grid(given, x, 1)
    _draw_cloud(plane, model.prior, q, z[0])
    draw_grid(painted, pictures(model.decode(z)), 1)
    with style():
        given.set_xlabel(say["given"])
        plane.set_title(say["code"], fontsize=11)
        painted.set_xlabel(say["painted"])
        _arrow(encode, say["encoder"], f"KL\n{kl:.1f} nats")
        _arrow(decode, say["decoder"], f"$-\\log p(x|z)$\n{missed:.0f} nats")
    where = f"({q.mean[0, 0]:.1f}, {q.mean[0, 1]:.1f})"
    known = {"kl": kl, "missed": missed, "loss": kl + missed, "where": where}
    return titled(fig, say["title"].format(**known), say["alt"].format(**known))


def _draw_cloud(ax: Axes, prior: Distribution, q: Distribution, z: Tensor) -> None:
    """The prior's rings, the posterior's ellipses at 1 and 2 σ, and the sample."""
    with style():
        middle = prior.mean[:2].tolist()
        for k in (1, 2, 3):
            ax.add_patch(_ellipse(middle, prior.stddev[:2], k, "#888888", ls="--"))
        for k in (1, 2):
            at = q.mean[0, :2].tolist()
            ax.add_patch(_ellipse(at, q.stddev[0, :2], k, COLOURS[1], lw=1.6))
        ax.plot(*z[:2].tolist(), "x", color=COLOURS[0], ms=9, mew=2.5)
        ax.set(xlabel="$z_1$", ylabel="$z_2$", xlim=(-3.3, 3.3), ylim=(-3.3, 3.3))
        ax.set_aspect("equal")


def _ellipse(middle: Any, sigma: Tensor, k: int, colour: str, **line: Any) -> Ellipse:
    wide, high = (2 * k * sigma).tolist()
    return Ellipse(middle, wide, high, fill=False, edgecolor=colour, **line)


def _arrow(ax: Axes, above: str, below: str) -> None:
    """An arrow over all of an empty axes, a word above it and the nats below."""
    bare(ax)
    line = {"arrowstyle": "-|>", "lw": 1.8}
    ax.annotate("", (1.0, 0.5), (0.0, 0.5), "axes fraction", arrowprops=line)
    for text, at, align in ((above, 0.54, "bottom"), (below, 0.46, "top")):
        ax.text(0.5, at, text, transform=ax.transAxes, ha="center", va=align)
