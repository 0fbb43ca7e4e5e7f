"""Checks for lesson 01, *PCA*."""

from __future__ import annotations

import torch
from sklearn.decomposition import PCA as Reference
from torch import Tensor

from vaelib.exercises.cases import between
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import Function, Observation, of_shape, value

__all__ = ["components", "lost_error", "reconstruct"]


def _cloud(g: torch.Generator) -> tuple[Tensor, int]:
    """Points ``(N, P)`` with a mean far from 0 and variances well apart, and a k
    below P."""
    n, p = between(15, 25, g), between(5, 8, g)
    axes = torch.linalg.qr(torch.randn(p, p, generator=g, dtype=torch.float64)).Q
    raw = torch.randn(n, p, generator=g, dtype=torch.float64)
    straight = torch.linalg.qr(raw - raw.mean(0)).Q
    widths = 8 * 0.7 ** torch.arange(p) * (0.9 + 0.1 * torch.rand(p, generator=g))
    mean = 3 + torch.randn(p, generator=g)
    return straight * widths @ axes + mean, between(2, p - 2, g)


# ------------------------------------------------------------------- lost_error


def _singular_values(g: torch.Generator) -> Case:
    size = between(5, 9, g)
    s = (0.5 + 4 * torch.rand(size, generator=g)).sort(descending=True).values
    return s, between(12, 30, g), between(1, size - 3, g)


def _lost_by_matrix(s: Tensor, n: int, k: int) -> Tensor:
    """From n pictures that have these singular values, cut off and compared."""
    left = torch.eye(n, len(s), dtype=s.dtype)
    kept = torch.arange(len(s)) < k
    lost: Tensor = left * s - left * (s * kept)
    return lost.pow(2).sum(1).mean()


lost_error = Exercise(
    "lost_error",
    "Values",
    _singular_values,
    _lost_by_matrix,
    (
        Mistake(
            "not_squared",
            "You add up singular values. They are standard deviations, up to a "
            "factor; an error is made of variances.",
            lambda s, n, k: s[k:].sum() / n,
        ),
        Mistake(
            "kept_for_lost",
            "That is the variance the first k components keep. What becomes of the "
            "others?",
            lambda s, n, k: (s[:k] ** 2).sum() / n,
        ),
        Mistake(
            "n_minus_one",
            "Nearly: you divide by n − 1. That is right for the source of the "
            "pictures; the question is about these n.",
            lambda s, n, k: (s[k:] ** 2).sum() / (n - 1),
        ),
        Mistake(
            "mean_for_sum",
            "You average over the discarded components. Each of them is lost, so "
            "they add up.",
            lambda s, n, k: (s[k:] ** 2).mean() / n,
        ),
        Mistake(
            "all_pictures",
            "That is the error of all pictures together. How many are there?",
            lambda s, n, k: (s[k:] ** 2).sum(),
        ),
        Mistake(
            "one_too_many_kept",
            "You keep k + 1 components. Counted from 0, the first k are 0 … k − 1.",
            lambda s, n, k: (s[k + 1 :] ** 2).sum() / n,
        ),
    ),
    observe=value,
)

# ------------------------------------------------------------------ reconstruct


def _right(x: Tensor) -> Tensor:
    """The right singular vectors, as rows."""
    found: Tensor = torch.linalg.svd(x, full_matrices=False).Vh
    return found


def _rows(x: Tensor, k: int) -> Tensor:
    return _right(x - x.mean(0))[:k]


def _by_scikit_learn(x: Tensor, k: int) -> Tensor:
    points = x.detach().numpy()
    theirs = Reference(k, svd_solver="full").fit(points)
    return torch.as_tensor(theirs.inverse_transform(theirs.transform(points)))


def _through(m: Tensor, x: Tensor, v: Tensor) -> Tensor:
    """Projected on the plane through m whose directions are the rows of v."""
    return m + (x - m) @ v.T @ v


def _not_centred(x: Tensor, k: int) -> Tensor:
    return _through(torch.zeros_like(x[0]), x, _right(x)[:k])


def _columns_for_rows(x: Tensor, k: int) -> Tensor:
    m = x.mean(0)
    return _through(m, x, _right(x - m)[:, :k].T)


def _worst_first(x: Tensor, k: int) -> Tensor:
    m = x.mean(0)
    return _through(m, x, _right(x - m)[-k:])


def _mean_not_returned(x: Tensor, k: int) -> Tensor:
    return _through(x.mean(0), x, _rows(x, k)) - x.mean(0)


def _mean_twice(x: Tensor, k: int) -> Tensor:
    return x.mean(0) + _through(torch.zeros_like(x[0]), x, _rows(x, k))


def _mean_of_each_picture(x: Tensor, k: int) -> Tensor:
    m = x.mean(1, keepdim=True)
    return _through(m, x, _right(x - m)[:k])


reconstruct = Exercise(
    "reconstruct",
    "Your reconstructions and scikit-learn's",
    lambda g: _cloud(g),
    _by_scikit_learn,
    (
        Mistake(
            "not_centred",
            "Your plane goes through 0: nothing was subtracted. Which point does the "
            "best plane go through?",
            _not_centred,
        ),
        Mistake(
            "columns_for_rows",
            "You took columns of Uh. It is U transposed: the components are its rows.",
            _columns_for_rows,
        ),
        Mistake(
            "worst_first",
            "You kept the last k components, those with the least variance. svd "
            "sorts in falling order, other than eigh.",
            _worst_first,
        ),
        Mistake(
            "mean_not_returned",
            "Your pictures lie around 0. What was subtracted must be added again.",
            _mean_not_returned,
        ),
        Mistake(
            "mean_twice",
            "The decoder adds the mean, but the encoder did not subtract it.",
            _mean_twice,
        ),
        Mistake(
            "mean_of_each_picture",
            "You subtract from each picture its own average grey. The mean that is "
            "meant is the average picture, one number for each pixel.",
            _mean_of_each_picture,
        ),
    ),
    observe=value,
    tolerance=1e-8,
)

# ------------------------------------------------------------------- components


def _lines(function: Function, case: Case) -> Observation:
    """What can be said of components whatever their signs."""
    x, k = case
    hint = "eigh's eigenvectors are columns; the result, (k, P), wants them as rows."
    found = function(x.clone(), k)
    v = of_shape(found, (k, x.shape[1]), "components are", hint).detach().to(x.dtype)
    codes = (x - x.mean(0)) @ v.T
    return {
        "length of each row": v.norm(dim=1),
        "variance along each row": codes.pow(2).mean(0),
        "squared error per picture": (x - x.mean(0) - codes @ v).pow(2).sum(1).mean(),
        "the plane": v.T @ v,
    }


def _columns(x: Tensor) -> Tensor:
    """Eigenvectors of xᵀx as columns, by rising eigenvalue."""
    found: Tensor = torch.linalg.eigh(x.T @ x / len(x)).eigenvectors
    return found


def _eigenvectors(x: Tensor) -> Tensor:
    return _columns(x - x.mean(0))


def _components_by_scikit_learn(x: Tensor, k: int) -> Tensor:
    return torch.as_tensor(Reference(k, svd_solver="full").fit(x.numpy()).components_)


def _not_centred_components(x: Tensor, k: int) -> Tensor:
    return _columns(x).flip(1)[:, :k].T


components = Exercise(
    "components",
    "Plane, order and lengths",
    lambda g: _cloud(g),
    _components_by_scikit_learn,
    (
        Mistake(
            "rows_and_wrong_end",
            "",
            lambda x, k: _eigenvectors(x)[:k],
            as_given=True,
        ),
        Mistake(
            "wrong_end",
            "These are eigenvectors now, but the ones of least variance: eigh sorts "
            "in rising order. You have found one of two bugs.",
            lambda x, k: _eigenvectors(x)[:, :k].T,
        ),
        Mistake(
            "rows_for_columns",
            "The order is turned round now. But row j of U is no eigenvector: it is "
            "the j-th entry of all of them. One bug is left.",
            lambda x, k: _eigenvectors(x).flip(1)[:k],
        ),
        Mistake(
            "last_rows",
            "You took the last rows of U in place of the first. An eigenvector is a "
            "column: which index selects it?",
            lambda x, k: _eigenvectors(x)[-k:],
        ),
        Mistake(
            "rising_order",
            "The plane is right. But the first row should be the one with the most "
            "variance, and yours has the least of the k.",
            lambda x, k: _eigenvectors(x)[:, -k:].T,
        ),
        Mistake(
            "not_centred",
            "The mean is in the first component. The line that centres x was right.",
            _not_centred_components,
        ),
    ),
    observe=_lines,
    tolerance=1e-8,
)
