"""Checks for lesson 00, *Start here*."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from vaelib.exercises.cases import (
    ADVICE,
    LAW,
    bce,
    between,
    cloud,
    codes,
    kl,
    pathwise_draws,
    picture_shape,
    prior,
    sigma,
    some_log_var,
)
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import Function, Observation, value

__all__ = ["interpolate", "picture_loss", "sample_codes", "vae_loss"]


# ----------------------------------------------------------------- picture_loss


def _a_decoder(g: torch.Generator) -> Case:
    """A decoder whose logits stay moderate wherever a code lies."""
    batch, size, shape = between(3, 6, g), between(2, 5, g), picture_shape(g)
    turn = 2 * torch.randn(size, *shape, generator=g)
    shift = torch.randn(shape, generator=g)

    def decode(z: Tensor) -> Tensor:
        logits: Tensor = torch.tensordot((z / 2).tanh(), turn.to(z), 1) + shift.to(z)
        return logits

    x = torch.rand(batch, *shape, generator=g)
    eps = torch.randn(batch, size, generator=g)
    return x, decode, *codes(batch, size, g), eps


def _each(x: Tensor, logits: Tensor) -> Tensor:
    return bce(x, logits).flatten(1).sum(1)


def _distortion(x: Tensor, decode: Function, z: Tensor) -> Tensor:
    return _each(x, decode(z))


def _rate(mu: Tensor, log_var: Tensor) -> Tensor:
    return kl(mu, log_var).sum(1)


def _one_draw(
    x: Tensor, decode: Function, mu: Tensor, log_var: Tensor, eps: Tensor
) -> Tensor:
    p = Independent(
        Bernoulli(logits=decode(mu + sigma(log_var) * eps), validate_args=False), 3
    )
    nats: Tensor = kl_divergence(cloud(mu, log_var), prior(mu)) - p.log_prob(x)
    return nats


picture_loss = Exercise(
    "picture_loss",
    "Values and gradients, in nats for each picture,",
    _a_decoder,
    _one_draw,
    (
        Mistake(
            "no_noise",
            "You decode the mean. The code is a sample: where does eps come in?",
            lambda x, decode, mu, log_var, eps: (
                _distortion(x, decode, mu) + _rate(mu, log_var)
            ),
        ),
        Mistake(
            "variance_for_sigma",
            "Your code is mu + σ² ε. Halve log_var before you exponentiate: "
            "σ = exp(½ log σ²).",
            lambda x, decode, mu, log_var, eps: (
                _distortion(x, decode, mu + log_var.exp() * eps) + _rate(mu, log_var)
            ),
        ),
        Mistake(
            "rate_forgotten",
            "That is the distortion alone, the loss of a plain autoencoder. Which "
            "term keeps the posteriors near the prior?",
            lambda x, decode, mu, log_var, eps: _distortion(
                x, decode, mu + sigma(log_var) * eps
            ),
        ),
        Mistake(
            "flipped_rate",
            "You subtract the KL: your loss rewards a posterior for being far from the "
            "prior. Which sign makes a distance a cost?",
            lambda x, decode, mu, log_var, eps: (
                _distortion(x, decode, mu + sigma(log_var) * eps) - _rate(mu, log_var)
            ),
        ),
        Mistake(
            "mean_over_pixels",
            "Your distortion is an average over the pixels. All pixels of a picture "
            "are to be explained together: add them up.",
            lambda x, decode, mu, log_var, eps: (
                bce(x, decode(mu + sigma(log_var) * eps)).flatten(1).mean(1)
                + _rate(mu, log_var)
            ),
        ),
        Mistake(
            "mean_over_dimensions",
            "Your rate is an average over the latent dimensions. They are all part "
            "of one code: add them up.",
            lambda x, decode, mu, log_var, eps: (
                _distortion(x, decode, mu + sigma(log_var) * eps)
                + kl(mu, log_var).mean(1)
            ),
        ),
        Mistake(
            "one_number_for_all",
            "That is one number for the batch. Keep one for each picture: which axes "
            "belong to a picture?",
            lambda x, decode, mu, log_var, eps: (
                _distortion(x, decode, mu + sigma(log_var) * eps) + _rate(mu, log_var)
            ).mean(),
        ),
        Mistake(
            "probabilities_for_logits",
            "Your logits went through a sigmoid before they reached bce, which puts "
            "them through another. Hand over what decode gives.",
            lambda x, decode, mu, log_var, eps: (
                _each(x, decode(mu + sigma(log_var) * eps).sigmoid())
                + _rate(mu, log_var)
            ),
        ),
        Mistake(
            "gradient_cut",
            "The values are right, but no gradient of the distortion reaches the "
            "encoder: your code was detached on its way.",
            lambda x, decode, mu, log_var, eps: (
                _distortion(x, decode, (mu + sigma(log_var) * eps).detach())
                + _rate(mu, log_var)
            ),
        ),
    ),
    wrt=("mu", "log_var"),
)

# ------------------------------------------------------------------ interpolate


def _two_codes(g: torch.Generator) -> Case:
    size = between(2, 5, g)
    a, b = torch.randn(2, size, generator=g)
    return a, b, between(3, 9, g)


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

# --------------------------------------------------------------------- vae_loss


def _batch(g: torch.Generator) -> Case:
    batch, shape = between(3, 6, g), picture_shape(g)
    x = torch.rand(batch, *shape, generator=g)
    logits = 2 * torch.randn(batch, *shape, generator=g)
    return x, logits, *codes(batch, between(2, 5, g), g)


def _minus_elbo(x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    p = Independent(Bernoulli(logits=logits, validate_args=False), 3)
    nats: Tensor = kl_divergence(cloud(mu, log_var), prior(mu)) - p.log_prob(x)
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
                bce(x, logits).mean() + kl(mu, log_var).mean()
            ),
            as_given=True,
        ),
        Mistake(
            "mean_over_pixels",
            "The KL is right now. The reconstruction is still per pixel: as if the "
            "KL were multiplied by the number of pixels.",
            lambda x, logits, mu, log_var: (
                bce(x, logits).mean() + kl(mu, log_var).sum(1).mean()
            ),
        ),
        Mistake(
            "mean_over_dimensions",
            "The reconstruction is right now. The KL is still per latent dimension, "
            "and all of them belong to one picture's code.",
            lambda x, logits, mu, log_var: (
                bce(x, logits).flatten(1).sum(1).mean() + kl(mu, log_var).mean()
            ),
        ),
        Mistake(
            "sum_over_batch",
            "That is the loss of the whole batch. A larger batch should not have a "
            "larger one: average over the pictures at the end.",
            lambda x, logits, mu, log_var: bce(x, logits).sum() + kl(mu, log_var).sum(),
        ),
        Mistake(
            "one_loss_each",
            "That is one loss for each picture, and right. The loss is one number: "
            "their mean.",
            lambda x, logits, mu, log_var: (
                bce(x, logits).flatten(1).sum(1) + kl(mu, log_var).sum(1)
            ),
        ),
        Mistake(
            "flipped_kl",
            "The KL's sign is turned round: your loss rewards codes for running "
            "away from the prior. Which sign makes a distance a cost?",
            lambda x, logits, mu, log_var: (
                (bce(x, logits).sum() - kl(mu, log_var).sum()) / len(x)
            ),
        ),
        Mistake(
            "log_sigma_for_log_var",
            "Your KL reads log_var as log σ. The encoder gives log σ²: σ² is its "
            "exponential, without a factor of two.",
            lambda x, logits, mu, log_var: (
                (bce(x, logits).sum() + kl(mu, 2 * log_var).sum()) / len(x)
            ),
        ),
    ),
    wrt=("logits", "mu", "log_var"),
)

# ----------------------------------------------------------------- sample_codes


def _one_posterior(g: torch.Generator) -> Case:
    batch, size = between(2, 3, g), between(2, 4, g)
    mu = torch.randn(batch, size, generator=g)
    return mu, some_log_var(batch, size, g=g), between(4000, 5000, g)


def _draws(function: Function, case: Case) -> Observation:
    mu, log_var, n = case
    return pathwise_draws(
        lambda mu, log_var: function(mu, log_var, n),
        mu,
        log_var,
        (n, *mu.shape),
        "Draw ε with the shape (n, *mu.shape); mu and sigma then broadcast.",
    )


def _noise(n: int, mu: Tensor) -> Tensor:
    return torch.randn(n, *mu.shape)


sample_codes = Exercise(
    "sample_codes",
    "The law of the noise, its independence and both gradients",
    _one_posterior,
    lambda mu, log_var, n: Normal(mu, sigma(log_var)).rsample((n,)),
    (
        Mistake(
            "no_gradient",
            "Your codes have the right spread, but no gradient reaches mu: drawing "
            "cut it off. Draw noise that knows nothing of mu, then shift and "
            "stretch it.",
            lambda mu, log_var, n: Normal(mu, sigma(log_var)).sample((n,)),
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
            lambda mu, log_var, n: (mu + sigma(log_var) * torch.randn_like(mu)).expand(
                n, *mu.shape
            ),
        ),
        Mistake(
            "uniform_noise",
            "Your noise lies between 0 and 1: torch.rand is uniform. Which function "
            "draws from N(0, 1)?",
            lambda mu, log_var, n: mu + sigma(log_var) * torch.rand(n, *mu.shape),
        ),
    ),
    observe=_draws,
    tolerance=1e-3,
    loose=LAW,
    advice=ADVICE,
)
