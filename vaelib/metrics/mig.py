"""The mutual information gap."""

import numpy as np
from torch import Tensor

from vaelib.metrics.aligned import Floats, Ints, aligned


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

    z, v = aligned(codes, factors)
    if z.shape[1] < 2:
        raise ValueError("codes: got one latent, a gap wants two or more")
    cells = np.stack([_cells(column, bins) for column in z.T])
    information = np.array(
        [[mutual_info_score(factor, cell) for cell in cells] for factor in v.T]
    )  # (F, Z) nats
    entropy = np.array([mutual_info_score(factor, factor) for factor in v.T])
    ranked = np.sort(information, axis=1)
    return float(np.mean((ranked[:, -1] - ranked[:, -2]) / entropy))


def _cells(column: Floats, bins: int) -> Ints:
    edges = np.linspace(column.min(), column.max(), bins + 1)[1:-1]
    return np.digitize(column, edges).astype(np.int64)
