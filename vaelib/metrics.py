"""What a trained model has learned, as numbers.

The disentanglement scores compare codes ``(N, Z)`` with the factors ``(N, F)``
that made the pictures. They know nothing of a model: give them
``model.encode(data.x)`` and ``data.factors``.
"""

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution

from vaelib.data import Dataset, as_tensor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class HasPosterior(Protocol):
    """A model with q(z|x), e.g. :class:`vaelib.VAE`."""

    def posterior(self, x: Tensor, /) -> Distribution: ...


@torch.no_grad()
def active_units(
    model: HasPosterior, data: Dataset | Tensor, *, threshold: float = 0.01
) -> int:
    """Latent dimensions that carry anything about x (Burda et al. 2015, §5.2).

    A unit is active if the variance over the data of its posterior mean,
    Var_x(E_q[z|x]), is above ``threshold``. The threshold is low: a unit worth
    0.02 nats already passes, so report the KL beside the count.

    Args:
        model: gives ``posterior(x)`` with event ``(Z,)``.
        data: at least two examples, ``(N, *data_shape)``.
        threshold: variance, in squared units of z.

    Returns:
        A number from 0 to Z.
    """
    x = as_tensor(data)
    if len(x) < 2:
        raise ValueError(f"data: got {len(x)} examples, a variance wants two or more")
    means = torch.cat([model.posterior(part).mean for part in x.split(4096)])
    return int((means.var(0) > threshold).sum())


def mig(codes: Tensor, factors: Tensor, *, bins: int = 20) -> float:
    """Mutual information gap (Chen et al. 2018, eq. 6).

    For each factor, the latent that knows most about it against the runner-up:
    (I₁ − I₂) / H(factor), averaged over factors. 1 when each factor is told by
    one latent alone, near 0 when several share it. Codes are cut into ``bins``
    of equal width (Locatello et al. 2019, appendix C; they use 10,000 points
    and 20 bins).

    Args:
        codes: ``(N, Z)``, Z ≥ 2, e.g. posterior means.
        factors: ``(N, F)``, each taking finitely many values.
        bins: cells per latent.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: for shapes that do not fit, NaN, or a factor that never
            varies.
    """
    from sklearn.metrics import mutual_info_score

    z, v = _aligned(codes, factors)
    if z.shape[1] < 2:
        raise ValueError("codes: got one latent, a gap wants two or more")
    cells = np.stack([_cells(column, bins) for column in z.T])
    information = np.array(
        [[mutual_info_score(factor, cell) for cell in cells] for factor in v.T]
    )  # (F, Z) nats
    entropy = np.array([mutual_info_score(factor, factor) for factor in v.T])
    ranked = np.sort(information, axis=1)
    return float(np.mean((ranked[:, -1] - ranked[:, -2]) / entropy))


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
    z, v = _aligned(codes, factors)
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

    z, v = _aligned(codes, factors)
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


# ---------------------------------------------------------------------- details


def _aligned(codes: Tensor, factors: Tensor) -> tuple[Floats, Ints]:
    """Codes as float64, factors as the ranks of their values."""
    for name, value in (("codes", codes), ("factors", factors)):
        if not isinstance(value, Tensor) or value.dim() != 2:
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value)
            raise ValueError(f"{name}: got {got}, wanted a tensor of two dimensions")
        if not value.isfinite().all():
            raise ValueError(f"{name}: holds NaN or infinite values")
    if len(codes) != len(factors):
        raise ValueError(
            f"factors: got {len(factors)} rows for {len(codes)} codes, wanted one each"
        )
    z = codes.detach().cpu().double().numpy()
    columns = factors.detach().cpu().numpy().T
    ranked = [np.unique(column, return_inverse=True) for column in columns]
    for i, (values, _) in enumerate(ranked):
        if not 1 < len(values) <= max(2, len(codes) // 4):
            raise ValueError(
                f"factors: column {i} takes {len(values)} values in {len(codes)} rows; "
                "wanted at least 2, each several times. Drop it, or round it to a grid."
            )
    return z, np.stack([inverse for _, inverse in ranked], axis=1).astype(np.int64)


def _cells(column: Floats, bins: int) -> Ints:
    edges = np.linspace(column.min(), column.max(), bins + 1)[1:-1]
    return np.digitize(column, edges).astype(np.int64)


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


def _concentration(matrix: Floats) -> float:
    """1 − entropy of each row, rows weighted by their share of the importance."""
    total = matrix.sum(1)
    shares = matrix / np.where(total > 0, total, 1)[:, None]
    logs = np.log(np.where(shares > 0, shares, 1)) / np.log(matrix.shape[1])
    return float(((1 + (shares * logs).sum(1)) * total).sum() / total.sum())
