"""Checks for lesson 09, *The VAE*."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from vaelib.exercises.cases import (
    bce,
    between,
    cloud,
    codes,
    kl,
    picture_shape,
    prior,
    sigma,
)
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import value

__all__ = ["direction", "minus_elbo", "notes_loss"]


# -------------------------------------------------------------------- direction


def _with_and_without(g: torch.Generator) -> Case:
    count, size = between(8, 14, g), between(2, 5, g)
    # More without than with: else halves of a sum could be mistaken for means.
    has = torch.randperm(count, generator=g) < between(2, 3, g)
    z = torch.randn(count, size, generator=g) + 2 * has[:, None] + 1
    return z, has


def _slope(z: Tensor, has: Tensor) -> Tensor:
    """The regression of z on having it: the difference of the two means."""
    one = has.to(z.dtype) - has.to(z.dtype).mean()
    return (one[:, None] * z).sum(0) / (one**2).sum()


direction = Exercise(
    "direction",
    "Values",
    _with_and_without,
    _slope,
    (
        Mistake(
            "backwards",
            "Your arrow points away from what you asked for: adding it takes the "
            "property away. Which of the two means is subtracted?",
            lambda z, has: -_slope(z, has),
        ),
        Mistake(
            "from_the_mean_of_all",
            "You subtract the mean of all codes. Those that have it are among them, "
            "and pull your arrow short. What does ~has select?",
            lambda z, has: z[has].mean(0) - z.mean(0),
        ),
        Mistake(
            "sum_for_mean",
            "You subtract one sum from another. Where one group is larger, its size "
            "decides, not where it lies.",
            lambda z, has: z[has].sum(0) - z[~has].sum(0),
        ),
        Mistake(
            "mean_with_only",
            "That is where the codes with the property lie, counted from the origin. "
            "What do they have that the others have not?",
            lambda z, has: z[has].mean(0),
        ),
        Mistake(
            "one_number",
            "You have averaged over the dimensions, too. A direction has one number "
            "for each of them, (Z,).",
            lambda z, has: z[has].mean() - z[~has].mean(),
        ),
    ),
    observe=value,
)

# ------------------------------------------------------------------- minus_elbo


def _batch(g: torch.Generator) -> Case:
    batch, size, pixels = between(3, 6, g), between(2, 4, g), between(6, 12, g)
    x = torch.rand(batch, pixels, generator=g)
    mu, log_var = codes(batch, size, g)
    weights = torch.randn(size, pixels, generator=g)
    eps = torch.randn(batch, size, generator=g)
    # Away from 0: there it would not matter whether σ or σ² stands before it.
    return x, mu, log_var, weights, eps + 0.3 * eps.sign()


def _by_distributions(
    x: Tensor, mu: Tensor, log_var: Tensor, W: Tensor, eps: Tensor
) -> Tensor:
    q = cloud(mu, log_var)
    p = Bernoulli(logits=(q.mean + q.stddev * eps) @ W, validate_args=False)
    nats: Tensor = kl_divergence(q, prior(mu)) - Independent(p, 1).log_prob(x)
    return nats.mean()


minus_elbo = Exercise(
    "minus_elbo",
    "Value and all gradients, in nats per picture,",
    _batch,
    _by_distributions,
    (
        Mistake(
            "no_gradient",
            "The value is right. But the reconstruction sends no gradient to mu: the "
            "code has been cut off on its way. Lesson 07 is about this.",
            lambda x, mu, log_var, w, eps: (
                bce(x, (mu + sigma(log_var) * eps).detach() @ w).sum(1)
                + kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "variance_for_sigma",
            "You stretch the noise by σ². Halve log_var before you exponentiate.",
            lambda x, mu, log_var, w, eps: (
                bce(x, (mu + log_var.exp() * eps) @ w).sum(1) + kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "no_noise",
            "You decode mu itself, and eps is never used: an autoencoder that pays "
            "for its codes.",
            lambda x, mu, log_var, w, eps: (
                bce(x, mu @ w).sum(1) + kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "flipped_kl",
            "Your KL enters with the wrong sign: codes are paid for running away. "
            "Is it part of the bound or of its negative?",
            lambda x, mu, log_var, w, eps: (
                bce(x, (mu + sigma(log_var) * eps) @ w).sum(1) - kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "mean_over_pixels",
            "Your reconstruction is averaged over the pixels, the KL is not: a β "
            "nobody asked for. A picture pays for all of its pixels.",
            lambda x, mu, log_var, w, eps: (
                bce(x, (mu + sigma(log_var) * eps) @ w).mean(1) + kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "mean_over_dimensions",
            "Your KL is averaged over the latent dimensions, the pixels are summed. "
            "A code pays for all of its dimensions.",
            lambda x, mu, log_var, w, eps: (
                bce(x, (mu + sigma(log_var) * eps) @ w).sum(1) + kl(mu, log_var).mean(1)
            ).mean(),
        ),
        Mistake(
            "sum_over_batch",
            "That is the price of the whole batch. Average over the pictures.",
            lambda x, mu, log_var, w, eps: (
                bce(x, (mu + sigma(log_var) * eps) @ w).sum() + kl(mu, log_var).sum()
            ),
        ),
    ),
    wrt=("mu", "log_var", "W"),
)

# ------------------------------------------------------------------- notes_loss


def _rebuilt(g: torch.Generator) -> Case:
    batch, size = between(3, 6, g), between(2, 4, g)
    x, x_hat = torch.rand(2, batch, *picture_shape(g), generator=g)
    beta = 1.5 + 2 * torch.rand((), generator=g).item()
    return x, x_hat, *codes(batch, size, g), beta


def _half_square(x: Tensor, x_hat: Tensor) -> Tensor:
    return 0.5 * ((x - x_hat) ** 2).flatten(1).sum(1)


def _by_gaussians(
    x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor, beta: float
) -> Tensor:
    """Two log-probabilities subtracted: the constant falls out."""
    p = Independent(Normal(x_hat, torch.ones_like(x)), 3)
    constant = Independent(Normal(x, torch.ones_like(x)), 3).log_prob(x)
    price = kl_divergence(cloud(mu, log_var), prior(mu))
    nats: Tensor = constant - p.log_prob(x) + beta * price
    return nats.mean()


notes_loss = Exercise(
    "notes_loss",
    "Value and gradients, in nats per picture,",
    _rebuilt,
    _by_gaussians,
    (
        Mistake(
            "as_listed",
            "",
            lambda x, x_hat, mu, log_var, beta: (
                ((x - x_hat) ** 2).mean() - beta * kl(mu, log_var).sum(1).mean()
            ),
            as_given=True,
        ),
        Mistake(
            "sign_alone",
            "The sign is right now. The squared error is still a mean over all "
            "pixels beside a KL that is summed.",
            lambda x, x_hat, mu, log_var, beta: (
                ((x - x_hat) ** 2).mean() + beta * kl(mu, log_var).sum(1).mean()
            ),
        ),
        Mistake(
            "sum_alone",
            "The first term is right now. Put mu = 3 into the second: does being far "
            "from home cost, or pay?",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) - beta * kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "half_forgotten",
            "Sign and sums are right. The log-density of a Gaussian of width 1 has a "
            "½ before the square, and without it the KL weighs half.",
            lambda x, x_hat, mu, log_var, beta: (
                2 * _half_square(x, x_hat) + beta * kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "sum_over_batch",
            "Now a batch of twice the size costs twice as much. Over what should the "
            "last mean be taken?",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + beta * kl(mu, log_var).sum(1)
            ).sum(),
        ),
        Mistake(
            "mean_over_dimensions",
            "The KL is averaged over the latent dimensions. Each of them has its "
            "price, and a picture pays them all.",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + beta * kl(mu, log_var).mean(1)
            ).mean(),
        ),
        Mistake(
            "log_sigma_for_log_var",
            "Your σ² is exp(2 log_var): log_var was read as log σ. It is log σ².",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + beta * kl(mu, 2 * log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "beta_lost",
            "All right at β = 1. What does your function do with beta?",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + kl(mu, log_var).sum(1)
            ).mean(),
        ),
    ),
    wrt=("x_hat", "mu", "log_var"),
)
