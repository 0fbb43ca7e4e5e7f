"""The FactorVAE score."""

import numpy as np
from torch import Tensor

from vaelib.metrics.aligned import Floats, Ints, aligned


def factor_vae_score(
    codes: Tensor,
    factors: Tensor,
    *,
    votes: tuple[int, int] = (10_000, 5_000),
    batch: int = 64,
    prune: float = 0.05,
    seed: int = 0,
) -> float:
    """FactorVAE score (Kim & Mnih 2018, §4).

    A vote: hold one factor at a value, draw a batch of pictures, and see which
    latent varies least, each measured in its own standard deviation. A table
    from that latent to the factor is learned by majority and tried on new
    votes; the score is the share it gets right. It saturates early, and does
    not see that two latents share a factor.

    Args:
        codes: ``(N, Z)``.
        factors: ``(N, F)``, each taking finitely many values.
        votes: how many to learn from, how many to try on.
        batch: pictures per vote, drawn with replacement.
        prune: latents whose variance is below do not vote (the authors drop
            those collapsed to the prior).
        seed: of the draws.

    Returns:
        A number from about 1/F to 1; 0 if no latent is left.
    """
    z, v = aligned(codes, factors)
    variance = z.var(0)
    kept = variance >= prune
    if not kept.any():
        return 0.0
    z = z[:, kept] / np.sqrt(variance[kept])
    rng = np.random.default_rng(seed)
    table = np.zeros((z.shape[1], v.shape[1]), dtype=np.int64)
    np.add.at(table, _votes(z, v, votes[0], batch, rng), 1)
    latent, factor = _votes(z, v, votes[1], batch, rng)
    return float(np.mean(table.argmax(1)[latent] == factor))


def _votes(
    z: Floats, v: Ints, count: int, batch: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """The least varying latent and the factor held, ``count`` times."""
    factor = rng.integers(v.shape[1], size=count)
    latent = np.empty(count, dtype=np.int64)
    for k in range(v.shape[1]):
        mine = np.flatnonzero(factor == k)
        order = np.argsort(v[:, k], kind="stable")
        sizes = np.bincount(v[:, k])
        # Every value of a factor is as likely as any other.
        value = rng.integers(len(sizes), size=len(mine))
        first = (np.cumsum(sizes) - sizes)[value]
        place = rng.random((len(mine), batch)) * sizes[value, None]
        for part in np.array_split(np.arange(len(mine)), max(1, len(mine) // 500)):
            rows = order[first[part, None] + place[part].astype(np.int64)]
            latent[mine[part]] = z[rows].var(1).argmin(1)
    return latent, factor
