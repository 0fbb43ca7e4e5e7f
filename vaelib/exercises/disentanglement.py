"""Checks for lesson 11, *Disentanglement*, and the runs its page speaks of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from sklearn.metrics import mutual_info_score
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
from vaelib.exercises.tables import Row, rows_of

__all__ = ["mig_in_parts", "picked", "recorded", "shared_average"]


def recorded() -> list[Row]:
    """The sixty runs on sprites, as ``benchmarks/disentanglement.py`` wrote them.

    One row per run: ``method`` (``"vae"``, ``"ada-gvae"``), ``beta``, ``seed``,
    ``rate`` and ``distortion`` in nats, ``mig``, ``factor_vae``.
    """
    return rows_of("disentanglement.csv", ("method",))


# ----------------------------------------------------------------- mig_in_parts

_TABLE, _ENTROPY = "information, (F, Z), in nats", "entropy, (F,), in nats"
_GAP = "gap, one number"
_PARTS = "Three things come back, in this order: information, entropy, gap."


def _binned(g: torch.Generator) -> Case:
    """Dimensions that know something of one factor or of two, and one that knows
    nothing; factors of unequal entropy; pairs of cell and value that never meet."""
    n, F = between(150, 250, g), between(2, 3, g)
    levels = torch.tensor([3, 5, 8])[torch.randperm(3, generator=g)][:F]
    v = (torch.rand(n, F, generator=g) * levels).long()
    mix = 0.4 * torch.randn(F, F + 2, generator=g)
    mix[torch.arange(F), torch.randperm(F + 1, generator=g)[:F]] += 1.5
    mix[:, -1] = 0
    z = (v / levels) @ mix + 0.15 * torch.rand(n, F + 2, generator=g)
    low, high = z.amin(0), z.amax(0)
    return ((z - low) / (high - low) * 9.999).long(), v


def _by_sklearn(bins: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    table = [[mutual_info_score(a, b) for b in bins.T.numpy()] for a in v.T.numpy()]
    entropy = [mutual_info_score(a, a) for a in v.T.numpy()]
    leads = []
    for row, most in zip(table, entropy, strict=True):
        ranked = sorted(row)
        leads.append((ranked[-1] - ranked[-2]) / most)
    gap = sum(leads) / len(leads)
    return torch.tensor(table), torch.tensor(entropy), torch.tensor(gap)


def _in_parts(function: Function, case: Case) -> Observation:
    bins, v = case
    given = function(bins.clone(), v.clone())
    if given is ...:
        raise NotStarted
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise Unusable("your function gave something else than three results.", _PARTS)
    F, Z = v.shape[1], bins.shape[1]
    shapes = ((F, Z), "information is"), ((F,), "entropy is"), ((), "gap is")
    parts = [
        of_shape(part, shape, what, "A row for each factor, a column for each latent.")
        for part, (shape, what) in zip(given, shapes, strict=True)
    ]
    return dict(zip((_TABLE, _ENTROPY, _GAP), map(Tensor.detach, parts), strict=True))


def _joint(a: Tensor, b: Tensor) -> Tensor:
    """Shares of the pairs of values, ``(A, B)``."""
    wide = int(b.max()) + 1
    counts = (a * wide + b).bincount(minlength=(int(a.max()) + 1) * wide)
    return counts.view(-1, wide).double() / len(a)


def _known(p: Tensor) -> Tensor:
    """Mutual information from a joint table, in nats."""
    apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p * (p / apart).log())[p > 0].sum()


def _as_zero(p: Tensor) -> Tensor:
    apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p * (p / apart).log()).sum()


def _mean_lead(table: Tensor, entropy: Tensor) -> Tensor:
    best = table.sort(1, descending=True).values
    return ((best[:, 0] - best[:, 1]) / entropy).mean()


def _mig(
    known: Callable[[Tensor], Tensor] = _known,
    gap: Callable[[Tensor, Tensor], Tensor] = _mean_lead,
    entropy: Callable[[Tensor], Tensor] | None = None,
) -> Function:
    """The three parts with one of them replaced."""

    def run(bins: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = [[known(_joint(a, b)) for b in bins.T] for a in v.T]
        table = torch.stack([torch.stack(row) for row in rows])
        whole = [(entropy or known)(_joint(a, a)) for a in v.T]
        return table, torch.stack(whole), gap(table, torch.stack(whole))

    return run


mig_in_parts = Exercise(
    "mig_in_parts",
    "Information, entropies and the gap",
    _binned,
    _by_sklearn,
    (
        Mistake(
            "zero_times_log_zero",
            "Some values never meet: 0 · log 0 is NaN for the machine and counts as 0. "
            "Add up only where the share is above 0.",
            _mig(_as_zero),
        ),
        Mistake(
            "joint_entropy",
            "That is the entropy of the pairs, with its sign. Information compares "
            "the joint share with what independence would give, the product of the "
            "two marginals.",
            _mig(lambda p: (p * p.clamp(min=1e-300).log()).sum()),
        ),
        Mistake(
            "bits",
            "These are bits. The course counts in nats.",
            _mig(lambda p: _known(p) / torch.tensor(2.0).double().log()),
        ),
        Mistake(
            "not_weighted",
            "You add up the logarithms of all pairs alike. Each counts as often as it "
            "occurs: with the weight of its share.",
            _mig(
                lambda p: (
                    (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True)))[p > 0]
                    .log()
                    .sum()
                )
            ),
        ),
        Mistake(
            "even_entropy",
            "log of the number of values is the entropy of a factor whose values are "
            "equally frequent. Count how often each occurs.",
            _mig(entropy=lambda p: torch.tensor(float(len(p))).double().log()),
        ),
        Mistake(
            "best_alone",
            "That is how much the best dimension knows of each factor. By how much "
            "does it lead?",
            _mig(gap=lambda t, h: (t.amax(1) / h).mean()),
        ),
        Mistake(
            "not_divided",
            "You have the leads in nats: a factor with more to know counts more.",
            _mig(gap=lambda t, h: _mean_lead(t, torch.ones_like(h))),
        ),
        Mistake(
            "over_the_worst",
            "You compare the best dimension with the worst. Compare with the next.",
            _mig(gap=lambda t, h: ((t.amax(1) - t.amin(1)) / h).mean()),
        ),
        Mistake(
            "divided_after_the_mean",
            "A ratio of means is no mean of ratios: divide each factor's lead by its "
            "own entropy first.",
            _mig(
                gap=lambda t, h: _mean_lead(t, torch.ones_like(h)) / h.mean(),
            ),
        ),
        Mistake(
            "over_factors",
            "You rank the factors for each dimension. Rank the dimensions for each "
            "factor: along which axis do they lie?",
            _mig(gap=lambda t, h: _mean_lead(t.T, torch.ones_like(t[0])) / h.mean()),
        ),
        Mistake(
            "sum_for_mean",
            "That is the sum over the factors; it can exceed 1.",
            _mig(gap=lambda t, h: _mean_lead(t, h) * len(h)),
        ),
    ),
    observe=_in_parts,
    advice={
        _TABLE: "Take one factor and one dimension, and count by hand which of their "
        "values meet how often.",
        _ENTROPY: "What is the information of a column about itself?",
        _GAP: "The table and the entropies are right. Only the last step is left.",
    },
    cases=3,
)

# ----------------------------------------------------------------------- picked


def _samples(g: torch.Generator) -> Case:
    n, Z = between(8, 12, g), between(3, 5, g)
    count = Z + between(1, 3, g)  # never square
    return torch.randn(n, Z, generator=g), torch.randperm(n, generator=g)[:count]


def _one_by_one(samples: Tensor, which: Tensor) -> Tensor:
    return torch.tensor(
        [[samples[i, d].item() for i in which] for d in range(samples.shape[1])]
    )


picked = Exercise(
    "picked",
    "Values",
    _samples,
    _one_by_one,
    (
        Mistake(
            "as_given",
            "",
            lambda samples, which: samples.index_select(0, which).view(
                samples.shape[1], len(which)
            ),
            as_given=True,
        ),
        Mistake(
            "not_transposed",
            "These are the right samples, one row for each. A row for each dimension "
            "is asked for.",
            lambda samples, which: samples[which],
        ),
        Mistake(
            "first_ones",
            "The table is transposed now, but which samples are in it? Not those "
            "of which.",
            lambda samples, which: samples[: len(which)].T,
        ),
        Mistake(
            "view_before_picking",
            "A view still cuts the numbers in another place; doing it before the "
            "samples are picked does not help. What turns rows into columns?",
            lambda samples, which: samples.reshape(samples.shape[::-1])[:, which],
        ),
    ),
    observe=value,
)

# -------------------------------------------------------------------- shared_average


def _pair(g: torch.Generator) -> Case:
    dims = between(4, 7, g)
    mu = 1.5 * torch.randn(2, dims, generator=g)
    log_var = torch.randn(2, dims, generator=g)
    # The two widths well apart: else all averages of them look alike.
    log_var[1] = log_var[0] + 1.5 + torch.rand(dims, generator=g)
    shared = torch.randperm(dims, generator=g) < dims - 2
    return mu, log_var, shared


def _column_by_column(mu: Tensor, log_var: Tensor, shared: Tensor) -> Tensor:
    columns = []
    for i, both in enumerate(shared.tolist()):
        m, v = mu[:, i], log_var[:, i]
        if both:
            m = torch.stack([m.sum() / 2] * 2)
            v = torch.stack([torch.logsumexp(v, 0) - torch.tensor(2.0).log()] * 2)
        columns.append(torch.stack([m, v]))
    return torch.stack(columns, 2)


def _cloud(mu: Tensor, mean_log_var: Tensor, log_var: Tensor, shared: Tensor) -> Tensor:
    new_mu = torch.where(shared, mu.mean(0), mu)
    return torch.stack([new_mu, torch.where(shared, mean_log_var, log_var)])


def _right(mu: Tensor, log_var: Tensor, shared: Tensor) -> Tensor:
    return _cloud(mu, log_var.exp().mean(0).log(), log_var, shared)


shared_average = Exercise(
    "shared_average",
    "Values and gradients",
    _pair,
    _column_by_column,
    (
        Mistake(
            "log_var_averaged",
            "You average log σ². A mean of logarithms is the logarithm of another "
            "mean, the geometric one.",
            lambda mu, log_var, shared: _cloud(mu, log_var.mean(0), log_var, shared),
        ),
        Mistake(
            "sigma_averaged",
            "You average σ. The task says variances.",
            lambda mu, log_var, shared: _cloud(
                mu, 2 * (0.5 * log_var).exp().mean(0).log(), log_var, shared
            ),
        ),
        Mistake(
            "variance_left",
            "Your last step is missing: what you return is σ² where it is shared, "
            "and log σ² elsewhere.",
            lambda mu, log_var, shared: _cloud(
                mu, log_var.exp().mean(0), log_var, shared
            ),
        ),
        Mistake(
            "sum_for_mean",
            "Two clouds of variance 1 would give one of variance 2, and twice the "
            "mean. Average them.",
            lambda mu, log_var, shared: torch.stack(
                [
                    torch.where(shared, mu.sum(0), mu),
                    torch.where(shared, log_var.exp().sum(0).log(), log_var),
                ]
            ),
        ),
        Mistake(
            "means_left",
            "The widths are right. The means of shared dimensions are averaged, too.",
            lambda mu, log_var, shared: torch.stack(
                [mu, _right(mu, log_var, shared)[1]]
            ),
        ),
        Mistake(
            "the_other_ones",
            "You average where the pictures may differ, and keep apart what they "
            "share.",
            lambda mu, log_var, shared: _right(mu, log_var, ~shared),
        ),
        Mistake(
            "no_gradient",
            "The values are right, but no gradient comes through: the encoder would "
            "learn nothing from a pair.",
            lambda mu, log_var, shared: _right(mu, log_var, shared).detach(),
        ),
    ),
)
