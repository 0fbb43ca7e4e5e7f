"""Checks for lesson 00, *Start here*."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits

from vaelib.exercises.checking import (
    Case,
    Exercise,
    Function,
    Mistake,
    Observation,
    Unusable,
    as_tensor,
    gradients,
    value,
)

__all__ = ["interpolate", "sample_codes", "vae_loss"]


def _between(low: int, high: int, g: torch.Generator) -> int:
    return int(torch.randint(low, high + 1, (), generator=g))


def _log_var(*shape: int, g: torch.Generator) -> Tensor:
    """log σ² well away from 0, where σ, σ² and 1 would be hard to tell apart."""
    size = 0.7 + 1.3 * torch.rand(shape, generator=g)
    return size * (2.0 * torch.randint(0, 2, shape, generator=g) - 1)


# ------------------------------------------------------------------ interpolate


def _two_codes(g: torch.Generator) -> Case:
    size = _between(2, 5, g)
    a, b = torch.randn(2, size, generator=g)
    return a, b, _between(3, 9, g)


def _steps(n: int) -> Tensor:
    return torch.linspace(0, 1, n)[:, None]


def _on_the_way(a: Tensor, b: Tensor, n: int) -> Tensor:
    return torch.stack([torch.lerp(a, b, k / (n - 1)) for k in range(n)])


interpolate = Exercise(
    "interpolate",
    "Both ends and the steps between",
    _two_codes,
    _on_the_way,
    (
        Mistake(
            "end_left_out",
            "Your walk stops one step short of b. With n points there are n − 1 "
            "steps between them.",
            lambda a, b, n: a + torch.arange(n)[:, None] / n * (b - a),
        ),
        Mistake(
            "backwards",
            "Your walk starts at b. What should t be at the first row?",
            lambda a, b, n: _on_the_way(b, a, n),
        ),
        Mistake(
            "adds_b",
            "At t = 1 you are at a + b. What must be added to a to arrive at b?",
            lambda a, b, n: a + _steps(n) * b,
        ),
        Mistake(
            "rows_are_dimensions",
            "Each row should be one code, and yours are columns. Give t the shape "
            "(n, 1) before it meets a code of shape (Z,).",
            lambda a, b, n: _on_the_way(a, b, n).T,
        ),
    ),
    observe=value,
)

# ----------------------------------------------------------------- sample_codes

_DRAWS = 4000
_SPREAD, _MEAN = "spread of z, in sigmas", "mean of z − mu, in sigmas"
_DIMENSIONS = "correlation of the first two dimensions"
_PICTURES = "correlation of the first two pictures"


def _one_posterior(g: torch.Generator) -> Case:
    batch, size = _between(2, 3, g), _between(2, 4, g)
    return torch.randn(batch, size, generator=g), _log_var(batch, size, g=g), _DRAWS


def _statistics(function: Function, case: Case) -> Observation:
    """What can be said of random codes whatever noise was used to draw them.

    ``noise`` is what must be ε if the draw is right: (z − μ)/σ, of shape
    (n, B, Z). The gradient of ½(z − μ)² with respect to log σ² is ½(z − μ)²
    along the path z = μ + σε, hence the ratio ½.
    """
    mu, log_var = (t.clone().requires_grad_() for t in case[:2])
    z = as_tensor(function(mu, log_var, case[2]))
    wanted = (case[2], *mu.shape)
    if z.shape != wanted:
        raise Unusable(
            f"your codes have shape {tuple(z.shape)}, wanted {wanted}: (n, B, Z).",
            "Draw ε with the shape (n, *mu.shape); mu and sigma then broadcast.",
        )
    square = 0.5 * (z - mu.detach()) ** 2
    pull, _ = gradients(z.sum(), (mu, log_var)).values()
    _, width = gradients(square.sum(), (mu, log_var)).values()
    noise = (z - mu).detach() / (0.5 * case[1]).exp()
    return _describe(noise) | {
        "gradient with respect to mu, per draw": pull / case[2],
        "gradient with respect to log_var, over ½(z − mu)²": width
        / square.detach().sum(0).clamp(min=1e-12),
    }


def _describe(noise: Tensor) -> Observation:
    spread = noise.std(0)
    varies = spread > 1e-6
    # Where every draw is the same, its height is chance, not a finding.
    return {
        _SPREAD: spread,
        _MEAN: torch.where(varies, noise.mean(0), 0.0),
        "share of codes that differ from mu": (noise.abs() > 1e-6).float().mean(),
        _DIMENSIONS: _correlation(noise[:, 0, :2]),
        _PICTURES: _correlation(noise[:, :2, 0]),
    }


def _correlation(pair: Tensor) -> Tensor:
    a, b = ((pair - pair.mean(0)) / pair.std(0).clamp(min=1e-6)).unbind(-1)
    return (a * b).mean()


def _sigma(log_var: Tensor) -> Tensor:
    return (0.5 * log_var).exp()


def _noise(n: int, mu: Tensor) -> Tensor:
    return torch.randn(n, *mu.shape)


sample_codes = Exercise(
    "sample_codes",
    "Mean, spread, independence and both gradients",
    _one_posterior,
    lambda mu, log_var, n: Normal(mu, _sigma(log_var)).rsample((n,)),
    (
        Mistake(
            "no_gradient",
            "Your codes have the right spread, but no gradient reaches mu: drawing "
            "cut it off. Draw noise that knows nothing of mu, then shift and "
            "stretch it.",
            lambda mu, log_var, n: Normal(mu, _sigma(log_var)).sample((n,)),
        ),
        Mistake(
            "variance_for_sigma",
            "Your spread is σ², or log_var was taken for log σ. Halve before you "
            "exponentiate: σ = exp(½ log σ²).",
            lambda mu, log_var, n: mu + log_var.exp() * _noise(n, mu),
        ),
        Mistake(
            "sigma_is_one",
            "Your spread is 1 for every picture: log_var is never used.",
            lambda mu, log_var, n: mu + _noise(n, mu),
        ),
        Mistake(
            "no_noise",
            "All draws are mu itself. Where does the randomness come in?",
            lambda mu, log_var, n: mu.expand(n, *mu.shape),
        ),
        Mistake(
            "one_noise_for_all_draws",
            "Your n draws are n copies of one. ε needs an axis of its own for them: "
            "(n, *mu.shape).",
            lambda mu, log_var, n: (mu + _sigma(log_var) * torch.randn_like(mu)).expand(
                n, *mu.shape
            ),
        ),
        Mistake(
            "uniform_noise",
            "Your noise lies between 0 and 1: torch.rand is uniform. Which function "
            "draws from N(0, 1)?",
            lambda mu, log_var, n: mu + _sigma(log_var) * torch.rand(n, *mu.shape),
        ),
    ),
    observe=_statistics,
    tolerance=1e-3,
    loose={_SPREAD: 0.06, _MEAN: 0.12, _DIMENSIONS: 0.12, _PICTURES: 0.12},
)

# --------------------------------------------------------------------- vae_loss


def _batch(g: torch.Generator) -> Case:
    batch, size, side = _between(2, 6, g), _between(2, 5, g), _between(3, 6, g)
    x = torch.rand(batch, 1, side, side, generator=g)
    logits = 2 * torch.randn(batch, 1, side, side, generator=g)
    mu = 1.5 * torch.randn(batch, size, generator=g)
    return x, logits, mu, _log_var(batch, size, g=g)


def _surprise(x: Tensor, logits: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, x, reduction="none")


def _kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var)


def _minus_elbo(x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    p = Independent(Bernoulli(logits=logits, validate_args=False), 3)
    q = Independent(Normal(mu, _sigma(log_var)), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    nats: Tensor = kl_divergence(q, prior) - p.log_prob(x)
    return nats.mean()


vae_loss = Exercise(
    "vae_loss",
    "Value and gradients, in nats per picture,",
    _batch,
    _minus_elbo,
    (
        Mistake(
            "mean_for_sum",
            "",
            lambda x, logits, mu, log_var: (
                _surprise(x, logits).mean() + _kl(mu, log_var).mean()
            ),
            as_given=True,
        ),
        Mistake(
            "mean_over_pixels",
            "The KL is right now. The reconstruction is still per pixel: as if the "
            "KL were multiplied by the number of pixels.",
            lambda x, logits, mu, log_var: (
                _surprise(x, logits).mean() + _kl(mu, log_var).sum(1).mean()
            ),
        ),
        Mistake(
            "mean_over_dimensions",
            "The reconstruction is right now. The KL is still per latent dimension, "
            "and a picture pays for all of them.",
            lambda x, logits, mu, log_var: (
                _surprise(x, logits).flatten(1).sum(1).mean() + _kl(mu, log_var).mean()
            ),
        ),
        Mistake(
            "sum_over_batch",
            "That is the price of the whole batch. A larger batch should not cost "
            "more: average over the pictures at the end.",
            lambda x, logits, mu, log_var: (
                _surprise(x, logits).sum() + _kl(mu, log_var).sum()
            ),
        ),
        Mistake(
            "one_price_each",
            "That is one price for each picture, and right. The loss is one number: "
            "their mean.",
            lambda x, logits, mu, log_var: (
                _surprise(x, logits).flatten(1).sum(1) + _kl(mu, log_var).sum(1)
            ),
        ),
        Mistake(
            "flipped_kl",
            "The KL's sign is turned round: your loss rewards codes for running "
            "away from the prior. Which sign makes a distance a cost?",
            lambda x, logits, mu, log_var: (
                (_surprise(x, logits).sum() - _kl(mu, log_var).sum()) / len(x)
            ),
        ),
        Mistake(
            "log_sigma_for_log_var",
            "Your KL reads log_var as log σ. The encoder gives log σ²: σ² is its "
            "exponential, without a factor of two.",
            lambda x, logits, mu, log_var: (
                (_surprise(x, logits).sum() + _kl(mu, 2 * log_var).sum()) / len(x)
            ),
        ),
    ),
)
