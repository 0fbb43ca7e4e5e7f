"""Pictures of one-dimensional densities: parts that add up, and samples that miss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal

from vaelib.plots.figures import COLOURS, Picture, figure, style, titled

MIXTURE_WORDS = {
    "title": "A sum of Gaussians",
    "part": "component {m}",
    "sum": "their sum, $p(x)$",
    "density": "density",
    "alt": (
        "A histogram of {n} numbers, {count} bell curves under it, and their sum, "
        "which follows the histogram. The components have their means at {means}."
    ),
}

MISS_WORDS = {
    "title": "Where the integral gets its value",
    "prior": "prior $p(z)$",
    "posterior": "posterior $p(z|x)$",
    "draws": "samples from the prior",
    "alt": (
        "The prior is a low wide bell, the posterior a tall narrow peak near z = "
        "{at:.1f}. Of {n} samples from the prior {hit} fall where the posterior has "
        "95 percent of its probability."
    ),
}


def mixture(
    x: Tensor,
    pi: Tensor,
    mu: Tensor,
    sigma: Tensor,
    label: str = "$x$",
    *,
    words: dict[str, str] | None = None,
) -> Picture:
    """Weighted Gaussians that add up to a density, over a histogram of the data.

    Args:
        x: the data, ``(N,)``.
        pi, mu, sigma: weights, means and standard deviations, ``(M,)``.
        label: of the axis, with the unit.
        words: other labels, for a translation; the keys are ``MIXTURE_WORDS``'s.
    """
    say = MIXTURE_WORDS | (words or {})
    low, high = (v.item() for v in x.aminmax())
    line = torch.linspace(low - 0.1 * (high - low), high + 0.1 * (high - low), 400)
    parts = pi * Normal(mu, sigma).log_prob(line.to(mu)[:, None]).exp()  # (400, M)
    fig, ax = figure(size=(6.5, 3.6))
    with style():
        ax.hist(x.numpy(), bins=30, density=True, color="#cccccc")
        for m, part in enumerate(parts.T):
            colour = COLOURS[m % len(COLOURS)]
            ax.plot(line, part, "--", color=colour, label=say["part"].format(m=m + 1))
        ax.plot(line, parts.sum(1), color="#333333", label=say["sum"])
        ax.set(xlabel=label, ylabel=say["density"])
        ax.legend()
    means = ", ".join(f"{v:.1f}" for v in mu.tolist())
    told = say["alt"].format(n=len(x), count=len(pi), means=means)
    return titled(fig, say["title"], told)


def prior_and_posterior(
    z: Tensor,
    prior: Tensor,
    posterior: Tensor,
    draws: Tensor,
    *,
    words: dict[str, str] | None = None,
) -> Picture:
    """Two densities over one latent dimension, and samples from the first of them.

    Args:
        z: an even grid, ``(K,)``.
        prior, posterior: densities on it, ``(K,)``.
        draws: samples from the prior, ``(n,)``; those within the posterior's 95 %
            region of highest density are marked.
        words: other labels, for a translation; the keys are ``MISS_WORDS``'s.
    """
    say = MISS_WORDS | (words or {})
    hit = _in_region(z, posterior, draws)
    fig, ax = figure(size=(6.5, 3.6))
    with style():
        ax.plot(z, prior, "--", color="#777777", label=say["prior"])
        ax.plot(z, posterior, color=COLOURS[1], label=say["posterior"])
        below = -0.04 * posterior.max().item()
        for chosen, colour, name in (
            (~hit, COLOURS[0], say["draws"]),
            (hit, COLOURS[1], ""),
        ):
            places = draws[chosen]
            ax.plot(
                places,
                torch.full_like(places, below),
                "|",
                color=colour,
                ms=14 if name else 22,
                label=name or None,
            )
        ax.set(xlabel="$z$", ylabel="density")
        ax.legend()
    told = say["alt"].format(
        at=z[posterior.argmax()].item(), n=len(draws), hit=int(hit.sum())
    )
    return titled(fig, say["title"], told)


def _in_region(z: Tensor, density: Tensor, draws: Tensor) -> Tensor:
    """Which draws lie in the smallest region that holds 95 % of the density."""
    share = density / density.sum()
    order = share.argsort(descending=True)
    within = torch.zeros(len(z), dtype=torch.bool)
    count = int((share[order].cumsum(0) < 0.95).sum()) + 1
    within[order[:count]] = True
    step = (z[1] - z[0]).item()
    nearest = ((draws - z[0]) / step).round().long()
    inside = (nearest >= 0) & (nearest < len(z))
    return within[nearest.clamp(0, len(z) - 1)] & inside & ~draws.isnan()
