"""log p(x) as a column of two parts: the ELBO, and the gap above it."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.distributions import Normal

from vaelib.plots.figures import COLOURS, Picture, figure, style, titled

WORDS = {
    "title": "log p(x) = ELBO + gap",
    "posterior": "posterior $p(z|x)$",
    "guess": "$q$ {name}",
    "density": "density",
    "elbo": "ELBO\n{elbo:.2f}",
    "gap": "gap {gap:.2f}",
    "total": "log p(x) = {total:.2f}",
    "unit": "nats",
    "alt": (
        "Left: the posterior, and {n} Gaussians q. Right: a column for each q. Its "
        "lower part ends at the ELBO, its upper part is the gap, and all columns end "
        "at log p(x) = {total:.2f} nats. The gaps are {gaps}."
    ),
}


def evidence(
    z: Tensor,
    log_joint: Tensor,
    mu: Tensor,
    sigma: Tensor,
    names: Sequence[str] = "abcdefgh",
    *,
    words: dict[str, str] | None = None,
) -> Picture:
    """A posterior, some Gaussians q beside it, and how each divides log p(x).

    Every number is a sum over the grid: log p(x) of the joint, the ELBO and the gap
    KL(q‖p(z|x)) of each q. The columns stand on the axis' lower end, not on 0: a
    log-density may have either sign, and only where they end means something.

    Args:
        z: an even grid, ``(K,)``, on which the posterior and every q fit.
        log_joint: log p(x, z) on it, ``(K,)``.
        mu, sigma: means and standard deviations of the q, ``(n,)``.
        names: of the q, one each.
        words: other labels, for a translation; the keys are those of ``WORDS``.

    Raises:
        ValueError: for fewer names than q, or a q that does not fit on the grid.
    """
    say = WORDS | (words or {})
    if len(names) < len(mu):
        raise ValueError(f"names: got {len(names)} for {len(mu)} Gaussians")
    step = z[1] - z[0]
    total = log_joint.logsumexp(0) + step.log()
    log_q = Normal(mu[:, None], sigma[:, None]).log_prob(z)  # (n, K)
    share = log_q.exp() * step
    if not torch.allclose(share.sum(1), torch.ones_like(mu), atol=1e-3):
        raise ValueError("z: some q does not fit on the grid; it should add up to 1")
    elbo = (share * (log_joint - log_q)).sum(1)
    gap = (share * (log_q - log_joint + total)).sum(1)
    fig, (left, right) = figure(1, 2, size=(10.0, 3.8))
    with style():
        labels = [say["guess"].format(name=name) for name in names[: len(mu)]]
        _densities(left, z, (log_joint - total).exp(), log_q.exp(), labels, say)
        _columns(right, elbo.tolist(), gap.tolist(), total.item(), labels, say)
    known = {
        "n": len(mu),
        "total": total.item(),
        "gaps": ", ".join(f"{g:.2f}" for g in gap.tolist()),
    }
    return titled(fig, say["title"], say["alt"].format(**known))


_DASHES = ("-", "--", "-.", ":")


def _densities(
    ax: Axes,
    z: Tensor,
    posterior: Tensor,
    guesses: Tensor,
    labels: list[str],
    say: dict[str, str],
) -> None:
    """Filled: the posterior; lines: the q; on the part of the axis where they are."""
    tall = torch.cat([posterior[None], guesses])
    seen = (tall > 0.002 * tall.max()).any(0).nonzero().flatten()
    ax.fill_between(z, posterior, color=COLOURS[1], alpha=0.25, label=say["posterior"])
    for k, (q, name) in enumerate(zip(guesses, labels, strict=True)):
        dash = _DASHES[k % len(_DASHES)]
        ax.plot(z, q, color=COLOURS[0], ls=dash, label=name)
    ax.set(xlabel="$z$", ylabel=say["density"])
    ax.set(xlim=(z[seen[0]].item(), z[seen[-1]].item()))
    ax.legend(loc="upper left")


def _columns(
    ax: Axes,
    elbo: list[float],
    gap: list[float],
    total: float,
    labels: list[str],
    say: dict[str, str],
) -> None:
    """One column for each q: up to the ELBO, and from there to log p(x)."""
    foot = floor(min(elbo) - 0.5)
    for k, (low, left) in enumerate(zip(elbo, gap, strict=True)):
        ax.bar(k, low - foot, 0.6, bottom=foot, color=COLOURS[0])
        text = say["elbo"].format(elbo=low).replace("-", "−")
        ax.text(k, (low + foot) / 2, text, color="white", ha="center", va="center")
        ax.bar(k, left, 0.6, bottom=low, color=COLOURS[1])
        ax.text(k, total + 0.04 * (total - foot), say["gap"].format(gap=left),
                ha="center", va="bottom")  # fmt: skip
    ax.axhline(total, color="#333333", lw=1.5)
    ax.set(ylim=(foot, total + 0.25 * (total - foot)), ylabel=say["unit"])
    ax.set_xticks(range(len(labels)), labels)
    ax.set_title(say["total"].format(total=total).replace("-", "−"), fontsize=11)
    ax.grid(False)
