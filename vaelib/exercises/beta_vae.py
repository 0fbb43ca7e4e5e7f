"""Checks for lesson 10, *β-VAE*, and the runs its page tells of."""

from __future__ import annotations

import csv
from importlib.resources import files

import torch
from torch import Tensor

from vaelib.exercises.cases import between
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import value

__all__ = ["beta_loss", "gap_of", "one_cloud", "recorded", "weight"]

Row = dict[str, str | float]


def recorded() -> list[Row]:
    """The sixty runs on sprites, as ``benchmarks/disentanglement.py`` wrote them.

    One row per run: ``method`` (``"vae"``, ``"ada-gvae"``), ``beta``, ``seed``,
    ``rate`` and ``distortion`` in nats, ``mig``, ``factor_vae``.
    """
    text = files(__package__).joinpath("beta_vae.csv").read_text("utf-8")
    return [
        {name: value if name == "method" else float(value) for name, value in r.items()}
        for r in csv.DictReader(text.splitlines())
    ]


# ----------------------------------------------------------------------- weight


def _a_loss(g: torch.Generator) -> Case:
    beta = 0.5 + 4 * torch.rand((), dtype=torch.float64, generator=g)
    return beta, between(30, 60, g), between(3, 20, g)


def _by_prices(beta: Tensor, P: int, Z: int) -> Tensor:
    """Move one dimension's price by one nat, in both losses."""
    wanted = beta / P  # change of (surprise + β·KL) / P
    unit = torch.eye(Z, dtype=torch.float64)[0].mean()
    return wanted / unit


weight = Exercise(
    "weight",
    "Values",
    _a_loss,
    _by_prices,
    (
        Mistake(
            "upside_down",
            "That is what the two means do to β. You are asked what undoes it.",
            lambda beta, p, z: beta * p / z,
        ),
        Mistake(
            "only_pixels",
            "This would do beside a KL that is summed. Yours is a mean over Z.",
            lambda beta, p, z: beta / p,
        ),
        Mistake(
            "only_dimensions",
            "This would do beside a surprise that is summed. Yours is a mean over P.",
            lambda beta, p, z: beta * z,
        ),
        Mistake(
            "beta_alone",
            "With this weight the loss has β·P/Z before the KL. Multiply it by P "
            "and look.",
            lambda beta, p, z: beta * 1.0,
        ),
        Mistake(
            "both_divided",
            "Z is on the wrong side: the mean has divided by it already.",
            lambda beta, p, z: beta / (p * z),
        ),
    ),
    observe=value,
)

# -------------------------------------------------------------------- beta_loss


def _prices(g: torch.Generator) -> Case:
    batch, pixels, dims = between(3, 6, g), between(7, 12, g), between(2, 5, g)
    surprise = 0.2 + torch.rand(batch, pixels, generator=g)
    price = 0.3 + 2 * torch.rand(batch, dims, generator=g)
    return surprise, price, 1.5 + 2 * torch.rand((), generator=g).item()


def _picture_by_picture(surprise: Tensor, price: Tensor, beta: float) -> Tensor:
    """Each picture's bill as one product, and their mean by hand."""
    weights = torch.cat(
        [torch.ones(surprise.shape[1]), torch.full(price.shape[1:], beta)]
    )
    bills: Tensor = torch.cat([surprise, price], 1) @ weights
    return bills.sum() / len(bills)


beta_loss = Exercise(
    "beta_loss",
    "Value and gradients, in nats per picture,",
    _prices,
    _picture_by_picture,
    (
        Mistake(
            "as_given",
            "",
            lambda s, k, beta: s.mean() + beta * k.mean(),
            as_given=True,
        ),
        Mistake(
            "mean_over_dimensions",
            "The surprise is right now. The KL is still averaged over its "
            "dimensions, and a picture pays for all of them.",
            lambda s, k, beta: s.sum(1).mean() + beta * k.mean(),
        ),
        Mistake(
            "mean_over_pixels",
            "The KL is right now, but beside a surprise that is averaged over the "
            "pixels it weighs P times too much.",
            lambda s, k, beta: s.mean() + beta * k.sum(1).mean(),
        ),
        Mistake(
            "sum_over_batch",
            "Now twice the pictures cost twice as much. Which mean should stay?",
            lambda s, k, beta: s.sum() + beta * k.sum(),
        ),
        Mistake(
            "same_unit",
            "The balance is right, the unit is not: you give nats per pixel.",
            lambda s, k, beta: s.mean() + beta * k.sum(1).mean() / s.shape[1],
        ),
        Mistake(
            "flipped_kl",
            "A code must cost. With your sign it earns.",
            lambda s, k, beta: (s.sum(1) - beta * k.sum(1)).mean(),
        ),
        Mistake(
            "beta_on_surprise",
            "β stands before the wrong term.",
            lambda s, k, beta: (beta * s.sum(1) + k.sum(1)).mean(),
        ),
        Mistake(
            "beta_lost",
            "That is right at β = 1 only. Where has beta gone?",
            lambda s, k, beta: (s.sum(1) + k.sum(1)).mean(),
        ),
    ),
)

# ----------------------------------------------------------------------- gap_of


def _told(g: torch.Generator) -> Case:
    factors = between(3, 5, g)
    dims = factors + between(1, 3, g)
    told = 0.2 + 2 * torch.rand(factors, dims, generator=g)
    entropy = told.amax(1) * (1.1 + torch.rand(factors, generator=g))
    return told, entropy


def _one_by_one(told: Tensor, entropy: Tensor) -> Tensor:
    leads = []
    for row, most in zip(told, entropy, strict=True):
        ranked = row.sort().values
        leads.append((ranked[-1] - ranked[-2]) / most)
    return sum(leads, torch.zeros(())) / len(leads)


def _lead(told: Tensor, dim: int = 1) -> Tensor:
    best, after = told.topk(2, dim=dim).values.unbind(dim)
    return best - after


gap_of = Exercise(
    "gap_of",
    "Values",
    _told,
    _one_by_one,
    (
        Mistake(
            "best_alone",
            "That is how well the best dimension knows each factor. By how much "
            "does it lead?",
            lambda told, entropy: (told.amax(1) / entropy).mean(),
        ),
        Mistake(
            "not_divided",
            "You have the leads in nats. A factor with more to know would count more.",
            lambda told, entropy: _lead(told).mean(),
        ),
        Mistake(
            "over_the_worst",
            "You compare the best dimension with the worst. Compare with the next.",
            lambda told, entropy: ((told.amax(1) - told.amin(1)) / entropy).mean(),
        ),
        Mistake(
            "divided_after_the_mean",
            "A ratio of means is no mean of ratios: divide each factor's lead by "
            "its own entropy first.",
            lambda told, entropy: _lead(told).mean() / entropy.mean(),
        ),
        Mistake(
            "over_factors",
            "You rank the factors for each dimension. Rank the dimensions for each "
            "factor: along which axis do they lie?",
            lambda told, entropy: (_lead(told, 0) / entropy.mean()).mean(),
        ),
        Mistake(
            "sum_for_mean",
            "That is the sum over the factors; it can exceed 1.",
            lambda told, entropy: (_lead(told) / entropy).sum(),
        ),
        Mistake(
            "view_for_transpose",
            "A view does not turn a table round: it cuts the same row of numbers "
            "elsewhere. The table you were given has the factors as rows already.",
            lambda told, entropy: (
                _lead(told.reshape(told.shape[::-1]), 0) / entropy
            ).mean(),
        ),
    ),
    observe=value,
)

# -------------------------------------------------------------------- one_cloud


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


one_cloud = Exercise(
    "one_cloud",
    "Values and gradients",
    _pair,
    _column_by_column,
    (
        Mistake(
            "log_var_averaged",
            "You average log σ². A mean of logarithms is the logarithm of another "
            "mean.",
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
