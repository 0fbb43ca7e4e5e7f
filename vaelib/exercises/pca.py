"""Checks for lesson 01, *PCA*."""

from __future__ import annotations

import torch
from sklearn.decomposition import PCA as Reference
from torch import Tensor

from vaelib.exercises.cases import between
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import (
    Function,
    NotStarted,
    Observation,
    Unusable,
    of_shape,
    value,
)

__all__ = ["best_plane", "components", "few_pictures", "reconstruct"]


def _points(n: int, p: int, g: torch.Generator) -> tuple[Tensor, int]:
    """Points ``(n, p)`` with a mean far from 0 and variances well apart, and a k
    below their number."""
    rank = min(n - 1, p)
    axes = torch.linalg.qr(torch.randn(p, p, generator=g, dtype=torch.float64)).Q
    raw = torch.randn(n, rank, generator=g, dtype=torch.float64)
    columns = torch.linalg.qr(raw - raw.mean(0)).Q
    spread = 0.9 + 0.1 * torch.rand(rank, generator=g)
    widths = 8 * 0.7 ** torch.arange(rank) * spread
    mean = 3 + torch.randn(p, generator=g)
    return columns * widths @ axes[:rank] + mean, between(2, rank - 2, g)


def _cloud(g: torch.Generator) -> tuple[Tensor, int]:
    """More pictures than pixels."""
    return _points(between(15, 25, g), between(5, 8, g), g)


def _wide(g: torch.Generator) -> tuple[Tensor, int]:
    """More pixels than pictures."""
    return _points(between(6, 9, g), between(12, 40, g), g)


def _by_scikit_learn(x: Tensor, k: int) -> Tensor:
    return torch.as_tensor(Reference(k, svd_solver="full").fit(x.numpy()).components_)


def _lines(x: Tensor, v: Tensor) -> Observation:
    """What can be said of components v, ``(k, P)``, whatever their signs."""
    codes = (x - x.mean(0)) @ v.T
    return {
        "length of each row": v.norm(dim=1),
        "variance along each row": codes.pow(2).mean(0),
        "squared error per picture": (x - x.mean(0) - codes @ v).pow(2).sum(1).mean(),
        "the plane": v.T @ v,
    }


_ROWS = "An eigenvector has one number for each pixel, and stands in a row: (k, P)."


def _as_lines(function: Function, case: Case) -> Observation:
    x, k = case
    found = function(x.clone(), k)
    v = of_shape(found, (k, x.shape[1]), "components are", _ROWS)
    return _lines(x, v.detach().to(x.dtype))


# ------------------------------------------------------------------- best_plane


def _as_plane(function: Function, case: Case) -> Observation:
    """Mean, components and variances, each by itself."""
    x, k = case
    given = function(x.clone(), k)
    if given is ...:
        raise NotStarted
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise Unusable(
            "three things were wanted: m, V and lam.", "End with return m, V, lam."
        )
    parts = dict(zip(("m", "V", "lam"), given, strict=True))
    if all(part is ... for part in parts.values()):
        raise NotStarted
    size = x.shape[1]
    shapes = {
        "m": ((size,), "mean is", "One number for each pixel: which axis goes?"),
        "V": ((k, size), "components are", _ROWS),
        "lam": ((k,), "variances are", "One for each component that is kept."),
    }
    seen: Observation = {}
    for name, part in parts.items():
        if part is ...:
            _stop_at(name, function, case, seen)
        shape, what, hint = shapes[name]
        found = of_shape(part, shape, what, hint).detach().to(x.dtype)
        seen |= _lines(x, found) if name == "V" else {_CALLED[name]: found}
    return seen


_CALLED = {"m": "the mean", "lam": "the variances"}


def _stop_at(name: str, function: Function, case: Case, seen: Observation) -> None:
    """A part is still missing: say whether those before it are right."""
    wanted = _as_plane(_by_reference, case)
    for key, found in seen.items():
        if not torch.allclose(found, wanted[key], atol=1e-8):
            raise Unusable(
                f"{key}: not right yet, and {name} is still missing.",
                "Mend this first. What does the text say of it, and of its shape?",
            )
    right = ", ".join(seen)
    raise Unusable(
        f"right so far: {right}. Still missing: {name}."
        if seen
        else f"{name} is still missing, and the rest builds on it.",
        "The stub's comments give the shape of what comes next.",
    )


def _by_reference(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    theirs = Reference(k, svd_solver="full").fit(x.numpy())
    found = (theirs.mean_, theirs.components_, theirs.explained_variance_)
    m, v, lam = map(torch.as_tensor, found)
    return m, v, lam * (len(x) - 1) / len(x)


def _falling(s: Tensor) -> tuple[Tensor, Tensor]:
    lam, u = torch.linalg.eigh(s)
    return lam.flip(0), u.flip(1)


def _covariance(x: Tensor) -> Tensor:
    return torch.cov(x.T, correction=0)


def _eigh(x: Tensor) -> tuple[Tensor, Tensor]:
    """As eigh gives them: rising, columns."""
    lam, u = torch.linalg.eigh(_covariance(x))
    return lam, u


def _best(x: Tensor, k: int) -> Tensor:
    """The components, as they should be."""
    return _eigh(x)[1].flip(1)[:, :k].T


def _plane_of(s: Tensor, x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    lam, u = _falling(s)
    return x.mean(0), u[:, :k].T, lam[:k]


def _with(x: Tensor, v: Tensor, lam: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return x.mean(0), v, lam


best_plane = Exercise(
    "best_plane",
    "Mean, plane, order, lengths and variances",
    _cloud,
    _by_reference,
    (
        Mistake(
            "rows_and_wrong_end",
            "Two things at once: eigh's eigenvalues rise, so the best are the last, "
            "and its eigenvectors are columns, not rows.",
            lambda x, k: _with(x, _eigh(x)[1][:k], _eigh(x)[0][:k]),
        ),
        Mistake(
            "wrong_end",
            "These are eigenvectors, but the ones of least variance: eigh sorts in "
            "rising order.",
            lambda x, k: _with(x, _eigh(x)[1][:, :k].T, _eigh(x)[0][:k]),
        ),
        Mistake(
            "rows_for_columns",
            "The order is right. But row j of U is no eigenvector: it is the j-th "
            "entry of all of them.",
            lambda x, k: _with(x, _eigh(x)[1].flip(1)[:k], _eigh(x)[0].flip(0)[:k]),
        ),
        Mistake(
            "rising_order",
            "The plane is right. But the first row should be the one with the most "
            "variance, and yours has the least of the k.",
            lambda x, k: _with(x, _eigh(x)[1][:, -k:].T, _eigh(x)[0][-k:]),
        ),
        Mistake(
            "variances_of_the_wrong_end",
            "The components are right. The variances beside them are those of other "
            "eigenvectors: what was turned round in V must be turned round in lam.",
            lambda x, k: _with(x, _best(x, k), _eigh(x)[0][:k]),
        ),
        Mistake(
            "variances_rising",
            "The components are right, and these are their variances, but in rising "
            "order: the first belongs to the last row.",
            lambda x, k: _with(x, _best(x, k), _eigh(x)[0][-k:]),
        ),
        Mistake(
            "not_centred",
            "Your covariance is that of x itself: nothing was subtracted, so the "
            "first component points at the mean.",
            lambda x, k: _plane_of(x.T @ x / len(x), x, k),
        ),
        Mistake(
            "n_minus_one",
            "Nearly: you divide by N − 1. That is right for the source of the "
            "pictures; the task is about these N.",
            lambda x, k: _plane_of(torch.cov(x.T), x, k),
        ),
        Mistake(
            "sum_for_mean",
            "Your variances are sums over all pictures. How many are there?",
            lambda x, k: _plane_of(len(x) * _covariance(x), x, k),
        ),
        Mistake(
            "deviations_for_variances",
            "You return standard deviations. The eigenvalue itself is the variance.",
            lambda x, k: _with(x, _best(x, k), _eigh(x)[0].flip(0)[:k].sqrt()),
        ),
    ),
    observe=_as_plane,
    tolerance=1e-8,
)

# ----------------------------------------------------------------- few_pictures


def _mixed(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Aᵀ X, whose rows are components times singular values, and their squares."""
    centred = x - x.mean(0)
    lam, a = _falling(centred @ centred.T)
    return a[:, :k].T @ centred, lam[:k, None]


def _rows_of_a(x: Tensor, k: int) -> Tensor:
    centred = x - x.mean(0)
    mixed = _falling(centred @ centred.T)[1][:k] @ centred
    length: Tensor = mixed.norm(dim=1, keepdim=True)
    return mixed / length


few_pictures = Exercise(
    "few_pictures",
    "Plane, order and lengths",
    _wide,
    _by_scikit_learn,
    (
        Mistake(
            "not_normalised",
            "The directions are right, but each row is as long as its singular value. "
            "Length 1 was wanted.",
            lambda x, k: _mixed(x, k)[0],
        ),
        Mistake(
            "divided_by_the_square",
            "You divide by the eigenvalues of XXᵀ. The rows are as long as singular "
            "values, and an eigenvalue is the square of one.",
            lambda x, k: _mixed(x, k)[0] / _mixed(x, k)[1],
        ),
        Mistake(
            "divided_by_the_deviation",
            "You divide by the standard deviation along each component. The singular "
            "value is √N times that.",
            lambda x, k: _mixed(x, k)[0] / (_mixed(x, k)[1] / len(x)).sqrt(),
        ),
        Mistake(
            "rows_for_columns",
            "Row j of A is no eigenvector: it is the j-th entry of all of them.",
            _rows_of_a,
        ),
    ),
    observe=_as_lines,
    tolerance=1e-7,
)

# ------------------------------------------------------------------- components


def _around(m: Tensor, x: Tensor, k: int) -> Tensor:
    """The right singular vectors of what is left after m was subtracted."""
    found: Tensor = torch.linalg.svd(x - m, full_matrices=False).Vh
    return found[:k]


components = Exercise(
    "components",
    "Plane, order and lengths",
    _cloud,
    _by_scikit_learn,
    (
        Mistake(
            "last_picture_by_n",
            "",
            lambda x, k: _around(x[-1] / len(x), x, k),
            as_given=True,
        ),
        Mistake(
            "last_picture",
            "You subtract the last picture. The mean knows of all of them.",
            lambda x, k: _around(x[-1], x, k),
        ),
        Mistake(
            "sum_for_mean",
            "You subtract the sum of all pictures. By what must it be divided?",
            lambda x, k: _around(x.sum(0), x, k),
        ),
        Mistake(
            "not_centred",
            "Now nothing is subtracted. The bug is gone and so is the mean: which "
            "line was to compute it?",
            lambda x, k: _around(torch.zeros_like(x[0]), x, k),
        ),
        Mistake(
            "divided_twice",
            "You divide by N twice: once in the loop, once after it.",
            lambda x, k: _around(x.mean(0) / len(x), x, k),
        ),
        Mistake(
            "one_grey_for_all",
            "You subtract one number from all pixels. The average picture has a "
            "number for each of them.",
            lambda x, k: _around(x.mean(), x, k),
        ),
    ),
    observe=_as_lines,
    tolerance=1e-8,
)

# ------------------------------------------------------------------ reconstruct


def _right(x: Tensor) -> Tensor:
    """The right singular vectors, as rows."""
    found: Tensor = torch.linalg.svd(x, full_matrices=False).Vh
    return found


def _rows(x: Tensor, k: int) -> Tensor:
    return _right(x - x.mean(0))[:k]


def _rebuilt(x: Tensor, k: int) -> Tensor:
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
    _cloud,
    _rebuilt,
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
