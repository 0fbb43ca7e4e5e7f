"""Disentanglement, completeness, informativeness."""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from vaelib.metrics.aligned import Floats, aligned


class DCI(NamedTuple):
    """Three scores from 0 to 1 (Eastwood & Williams 2018, §2).

    Attributes:
        disentanglement: each latent is about one factor.
        completeness: each factor is told by one latent.
        informativeness: held-out accuracy of the factors from the codes.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def dci(
    codes: Tensor,
    factors: Tensor,
    *,
    points: tuple[int, int] = (10_000, 5_000),
    trees: int = 100,
    seed: int = 0,
) -> DCI:
    """Disentanglement, completeness, informativeness (Eastwood & Williams 2018).

    Gradient-boosted trees (Locatello et al. 2019, appendix C) tell each factor
    from the codes; how much they lean on each latent is the importance matrix
    both scores read. Minutes at full size: lower ``points`` and ``trees`` for
    a quick look.

    Args:
        codes: ``(N, Z)``.
        factors: ``(N, F)``, each taking finitely many values.
        points: how many to learn from, how many to test on; cut to two thirds
            and one third where there are fewer.
        trees: boosting rounds per factor.
        seed: of the split and of the trees.
    """
    from sklearn.ensemble import GradientBoostingClassifier

    z, v = aligned(codes, factors)
    order = np.random.default_rng(seed).permutation(len(z))
    train = min(points[0], 2 * len(z) // 3)
    learn, test = order[:train], order[train : train + points[1]]
    importance, accuracy = [], []
    for factor in v.T:
        forest = GradientBoostingClassifier(n_estimators=trees, random_state=seed)
        forest.fit(z[learn], factor[learn])
        importance.append(forest.feature_importances_)
        accuracy.append(forest.score(z[test], factor[test]))
    matrix = np.array(importance).T  # (Z, F)
    return DCI(
        disentanglement=_concentration(matrix),
        completeness=_concentration(matrix.T),
        informativeness=float(np.mean(accuracy)),
    )


def _concentration(matrix: Floats) -> float:
    """1 − entropy of each row, rows weighted by their share of the importance."""
    total = matrix.sum(1)
    if not total.any():  # the trees leaned on nothing
        return 0.0
    shares = matrix / np.where(total > 0, total, 1)[:, None]
    # In base (entries of a row); a row of one has no entropy, in no base.
    base = np.log(max(matrix.shape[1], 2))
    logs = np.log(np.where(shares > 0, shares, 1)) / base
    return float(((1 + (shares * logs).sum(1)) * total).sum() / total.sum())
