"""Checks for lesson 08, *KL divergence*."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from vaelib.exercises.cases import (
    between,
    cloud,
    codes,
    kl,
    kl_exact,
    prior,
    sigma,
    some_log_var,
)
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import (
    Function,
    Observation,
    gradients,
    of_shape,
)

__all__ = ["kl_between", "kl_by_draws", "kl_diagonal", "kl_of_logstd", "spend"]


def _codes(g: torch.Generator) -> Case:
    return codes(between(3, 6, g), between(2, 5, g), g)


def _kl_of_sigma(mu: Tensor, log_var: Tensor) -> Tensor:
    """σ where σ² belongs, in both places."""
    return kl(mu, 0.5 * log_var)


# ------------------------------------------------------------------ kl_diagonal

kl_diagonal = Exercise(
    "kl_diagonal",
    "Value and gradients",
    _codes,
    lambda mu, log_var: kl_exact(mu, log_var).sum(1),
    (
        Mistake(
            "not_added_up",
            "You give a number for each dimension. The log-ratio of a vector is the "
            "sum of the log-ratios of its entries: add over the Z dimensions.",
            kl,
        ),
        Mistake(
            "mean_over_dimensions",
            "You averaged over the dimensions, and line 5 adds: a code of twice as "
            "many dimensions has twice the KL.",
            lambda mu, log_var: kl(mu, log_var).mean(1),
        ),
        Mistake(
            "sum_over_batch",
            "That is one number for the whole batch. Give one for each example.",
            lambda mu, log_var: kl(mu, log_var).sum(),
        ),
        Mistake(
            "flipped",
            "Your divergences are negative: the sign of the whole formula is turned "
            "round. Which of the two logarithms comes first in line 2?",
            lambda mu, log_var: -kl(mu, log_var).sum(1),
        ),
        Mistake(
            "sigma_for_variance",
            "You have σ where line 3 gives σ². log_var is log σ²; its exponential is "
            "σ² already.",
            lambda mu, log_var: _kl_of_sigma(mu, log_var).sum(1),
        ),
        Mistake(
            "log_sigma_for_log_var",
            "You read log_var as log σ. It is log σ²: σ² is its exponential, without "
            "a factor of 2.",
            lambda mu, log_var: kl(mu, 2 * log_var).sum(1),
        ),
        Mistake(
            "variance_beside_log_sigma",
            "σ² is right, and beside it stands log σ where line 2 has log σ².",
            lambda mu, log_var: (
                0.5 * (mu**2 + log_var.exp() - 1 - 0.5 * log_var).sum(1)
            ),
        ),
        Mistake(
            "half_forgotten",
            "Your numbers are twice too large: the ½ of line 2 is missing.",
            lambda mu, log_var: 2 * kl(mu, log_var).sum(1),
        ),
        Mistake(
            "second_moment_of_q_mean",
            "You put 0 for the average of (z − μ)²/σ², which is 1 whatever the width.",
            lambda mu, log_var: (kl(mu, log_var) + 0.5).sum(1),
        ),
    ),
)

# ------------------------------------------------------------------ kl_by_draws

_VALUE, _PULL, _WIDTH = "average log-ratio", "gradient of mu", "gradient of log_var"
_NOISE = "noise of the average of a few draws, over what it should be"
_TWICE = "two calls differ (1: yes)"
_FEW, _CALLS = 12, 60


def _few_codes(g: torch.Generator) -> Case:
    batch, size = between(2, 3, g), between(2, 3, g)
    away = 2.0 * torch.randint(0, 2, (batch, size), generator=g) - 1
    mu = away * (0.5 + torch.rand(batch, size, generator=g))
    return mu, some_log_var(batch, size, g=g), between(20_000, 22_000, g)


def _averages(function: Function, case: Case) -> Observation:
    """The estimate and both gradients, which many draws bring close to exact, and
    the noise of a few draws: none where the exact formula stands in their place,
    another where ``n`` is not what decides."""
    mu, log_var, n = case
    leaves = [t.clone().requires_grad_() for t in (mu, log_var)]
    hint = "One number for each picture: add over the Z dimensions, average over n."

    def estimate(n: int) -> Tensor:
        given = function(*(t.clone() for t in leaves), n)
        return of_shape(given, (len(mu),), "estimates are", hint)

    one = estimate(n)
    pull, width = gradients(one.sum(), leaves).values()
    few = [estimate(_FEW).detach() for _ in range(_CALLS)]
    variance = log_var.exp()
    # Of log q(z) − log p(z) = Σ μσε + ½(σ² − 1)ε² + …, for one draw.
    exact = (mu**2 * variance + 0.5 * (variance - 1) ** 2).sum(1)
    spread = torch.stack(few).var(0)
    return {
        _VALUE: one.detach(),
        _PULL: pull,
        _WIDTH: width,
        _TWICE: spread.any().float(),
        _NOISE: (spread * _FEW / exact).mean().sqrt(),
    }


def _by_torch(mu: Tensor, log_var: Tensor, n: int) -> Tensor:
    q = cloud(mu, log_var)
    z = q.rsample((n,))
    log_ratio: Tensor = q.log_prob(z) - prior(mu).log_prob(z)
    return log_ratio.mean(0)


def _log_ratio(z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """log q(z) − log p(z) of each dimension, (n, B, Z)."""
    return 0.5 * (z**2 - (z - mu) ** 2 / log_var.exp() - log_var)


def _noise(mu: Tensor, n: int) -> Tensor:
    return torch.randn(n, *mu.shape)


def _draw(mu: Tensor, log_var: Tensor, n: int) -> Tensor:
    return mu + sigma(log_var) * _noise(mu, n)


kl_by_draws = Exercise(
    "kl_by_draws",
    "The average, its noise and both gradients",
    _few_codes,
    _by_torch,
    (
        Mistake(
            "closed_form",
            "Two calls give the same number: that is the exact formula, or a seed of "
            "your own. For pairs without a formula, draw n fresh codes and average.",
            lambda mu, log_var, n: kl(mu, log_var).sum(1),
        ),
        Mistake(
            "no_gradient",
            "Your average is right, but the draws do not move when mu does: "
            "drawing cut the gradient. What does the r in rsample stand for?",
            lambda mu, log_var, n: (
                _log_ratio(_draw(mu, log_var, n).detach(), mu, log_var).sum(2).mean(0)
            ),
        ),
        Mistake(
            "flipped",
            "Your average is negative. Whose log comes first in the ratio, that "
            "of the one who is drawn from or that of the other?",
            lambda mu, log_var, n: (
                -_log_ratio(_draw(mu, log_var, n), mu, log_var).sum(2).mean(0)
            ),
        ),
        Mistake(
            "mean_over_dimensions",
            "You averaged over the dimensions as well. Average over the draws "
            "only; the dimensions of a code add up.",
            lambda mu, log_var, n: _log_ratio(_draw(mu, log_var, n), mu, log_var).mean(
                (0, 2)
            ),
        ),
        Mistake(
            "variance_for_sigma",
            "Your draws are spread by σ², and their density is taken with σ. "
            "Halve before you exponentiate: σ = exp(½ log σ²).",
            lambda mu, log_var, n: (
                _log_ratio(mu + log_var.exp() * _noise(mu, n), mu, log_var)
                .sum(2)
                .mean(0)
            ),
        ),
        Mistake(
            "drawn_from_the_prior",
            "You drew from p. The average in KL(q‖p) is over q.",
            lambda mu, log_var, n: (
                _log_ratio(_noise(mu, n), mu, log_var).sum(2).mean(0)
            ),
        ),
    ),
    observe=_averages,
    loose={_VALUE: 0.08, _PULL: 0.08, _WIDTH: 0.08, _NOISE: 0.35},
    advice={_NOISE: "The average should be over n draws, neither more nor fewer."},
    cases=3,
)

# ----------------------------------------------------------------- kl_of_logstd


def _mean_and_logstd(g: torch.Generator) -> Case:
    mu, log_var = _codes(g)
    return mu, 0.5 * log_var


kl_of_logstd = Exercise(
    "kl_of_logstd",
    "Value and gradients",
    _mean_and_logstd,
    lambda mean, logstd: kl_exact(mean, 2 * logstd).sum(1),
    (
        Mistake(
            "as_published",
            "",
            lambda mean, logstd: 0.5 * (mean**2 + logstd.exp() - 1 - 2 * logstd).sum(1),
            as_given=True,
        ),
        Mistake(
            "sigma_in_both",
            "Now it is σ − log σ: both terms belong to σ, and neither to σ². It is "
            "lowest at the right width, and its pull there is a quarter of the KL's. "
            "(The last comment in the thread proposes just this.)",
            lambda mean, logstd: kl(mean, logstd).sum(1),
        ),
        Mistake(
            "square_of_log",
            "You squared log σ, and log σ² is twice log σ. (Another published line "
            "had this: FluxML/model-zoo, issue 73.)",
            lambda mean, logstd: (
                0.5 * (mean**2 + (2 * logstd).exp() - 1 - logstd**2).sum(1)
            ),
        ),
        Mistake(
            "exp_of_square",
            "You squared log σ and then took exp. The other way round: square σ.",
            lambda mean, logstd: (
                0.5 * (mean**2 + (logstd**2).exp() - 1 - 2 * logstd).sum(1)
            ),
        ),
        Mistake(
            "only_one_log",
            "σ² is right now, but log σ² is twice log σ, and you have it once.",
            lambda mean, logstd: (
                0.5 * (mean**2 + (2 * logstd).exp() - 1 - logstd).sum(1)
            ),
        ),
        Mistake(
            "plus_log",
            "The sign of the logarithm turned: a narrow Gaussian would have a KL "
            "below zero, and the narrower the lower.",
            lambda mean, logstd: (
                0.5 * (mean**2 + (2 * logstd).exp() - 1 + 2 * logstd).sum(1)
            ),
        ),
        Mistake(
            "flipped",
            "That is minus the KL. The sign was right.",
            lambda mean, logstd: -kl(mean, 2 * logstd).sum(1),
        ),
        Mistake(
            "mean_over_dimensions",
            "The formula is right now. Add over the dimensions, as the given "
            "function did.",
            lambda mean, logstd: kl(mean, 2 * logstd).mean(1),
        ),
    ),
)

# ------------------------------------------------------------------- kl_between


def _two_clouds(g: torch.Generator) -> Case:
    mu_q, log_var_q = _codes(g)
    mu_p = torch.randn(mu_q.shape, generator=g)
    return mu_q, log_var_q, mu_p, some_log_var(*mu_q.shape, g=g)


def _oracle_between(
    mu_q: Tensor, log_var_q: Tensor, mu_p: Tensor, log_var_p: Tensor
) -> Tensor:
    nats: Tensor = kl_divergence(cloud(mu_q, log_var_q), cloud(mu_p, log_var_p))
    return nats


def _each_between(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor, lv_p: Tensor) -> Tensor:
    return kl((mu_q - mu_p) / sigma(lv_p), lv_q - lv_p)


kl_between = Exercise(
    "kl_between",
    "Value and gradients",
    _two_clouds,
    _oracle_between,
    (
        Mistake(
            "other_way_round",
            "That is KL(p‖q). The average is taken over q, and the distance is "
            "measured in widths of p.",
            lambda a, b, c, d: _each_between(c, d, a, b).sum(1),
        ),
        Mistake(
            "distance_without_unit",
            "The widths are right. The distance of the means counts in widths of "
            "p: divide it before you square it.",
            lambda a, b, c, d: kl(a - c, b - d).sum(1),
        ),
        Mistake(
            "variance_as_unit",
            "You divided the distance by σ² of p before you squared it. Its unit is σ.",
            lambda a, b, c, d: kl((a - c) / d.exp(), b - d).sum(1),
        ),
        Mistake(
            "flipped",
            "Your divergence is negative: the sign of the whole formula is turned "
            "round.",
            lambda a, b, c, d: -_each_between(a, b, c, d).sum(1),
        ),
        Mistake(
            "mean_over_dimensions",
            "You averaged over the dimensions. The log-ratios of all of them add up.",
            lambda a, b, c, d: _each_between(a, b, c, d).mean(1),
        ),
        Mistake(
            "prior_forgotten",
            "That is the KL to N(0, I). Here p has a mean and a width of its own.",
            lambda a, b, c, d: kl(a, b).sum(1),
        ),
    ),
)

# ------------------------------------------------------------------------ spend


def _some_nats(g: torch.Generator) -> Case:
    return (0.5 + 2.5 * torch.rand((), generator=g).item(),)


def _prices(function: Function, case: Case) -> Observation:
    """The two parts of the KL, whichever code was chosen."""
    hint = "torch.tensor([mu, log_var]), or torch.stack([mu, log_var])."
    code = of_shape(function(*case), (2,), "code is", hint).detach().double()
    mu, log_var = code
    zero = torch.zeros_like(mu)
    return {
        "the mean's part, in nats": kl_exact(mu, zero),
        "the width's part, in nats": kl_exact(zero, log_var),
    }


def _width_for(nats: float) -> float:
    """log σ² < 0 whose part of the KL is this much, by bisection."""
    low, high = -60.0, 0.0
    for _ in range(80):
        middle = (low + high) / 2
        too_much = 0.5 * (math.exp(middle) - 1 - middle) > nats
        low, high = (middle, high) if too_much else (low, middle)
    return (low + high) / 2


def _pair(mu: float, log_var: float) -> Tensor:
    return torch.tensor([mu, log_var], dtype=torch.float64)


spend = Exercise(
    "spend",
    "Both halves of the KL",
    _some_nats,
    lambda nats: _pair(math.sqrt(nats), _width_for(nats / 2)),
    (
        Mistake(
            "all_on_the_mean",
            "The KL is right, and all of it is the mean's. Half should be the width's.",
            lambda nats: _pair(math.sqrt(2 * nats), 0.0),
        ),
        Mistake(
            "all_on_the_width",
            "The KL is right, and all of it is the width's. Half should be the mean's.",
            lambda nats: _pair(0.0, _width_for(nats)),
        ),
        Mistake(
            "each_has_all",
            "Mean and width have the whole KL each; together that is twice as much.",
            lambda nats: _pair(math.sqrt(2 * nats), _width_for(nats)),
        ),
        Mistake(
            "sigma_given",
            "The mean is right. The second number you give is σ, and log σ² was "
            "asked for.",
            lambda nats: _pair(math.sqrt(nats), math.exp(0.5 * _width_for(nats / 2))),
        ),
        Mistake(
            "log_sigma_given",
            "The mean is right. The second number you give is log σ, half of what "
            "was asked for.",
            lambda nats: _pair(math.sqrt(nats), 0.5 * _width_for(nats / 2)),
        ),
        Mistake(
            "half_forgotten",
            "The width is right. The mean's part is ½ μ², with the ½.",
            lambda nats: _pair(math.sqrt(nats / 2), _width_for(nats / 2)),
        ),
    ),
    observe=_prices,
)
