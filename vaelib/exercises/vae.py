"""Checks for lesson 09, *The VAE*."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits

from vaelib.exercises.checking import Case, Exercise, Mistake

__all__ = ["direction", "minus_elbo", "notes_loss"]


def _between(low: int, high: int, g: torch.Generator) -> int:
    return int(torch.randint(low, high + 1, (), generator=g))


def _log_var(*shape: int, g: torch.Generator) -> Tensor:
    """log σ² well away from 0, where σ, σ² and 1 would be hard to tell apart."""
    size = 0.7 + 1.3 * torch.rand(shape, generator=g)
    return size * (2.0 * torch.randint(0, 2, shape, generator=g) - 1)


# -------------------------------------------------------------------- direction


def _codes(g: torch.Generator) -> Case:
    count, size = _between(8, 14, g), _between(2, 5, g)
    # More without than with: else halves of a sum could be mistaken for means.
    has = torch.randperm(count, generator=g) < _between(2, 3, g)
    z = torch.randn(count, size, generator=g) + 2 * has[:, None] + 1
    return z, has


def _slope(z: Tensor, has: Tensor) -> Tensor:
    """The regression of z on having it: the difference of the two means."""
    one = has.to(z.dtype) - has.to(z.dtype).mean()
    return (one[:, None] * z).sum(0) / (one**2).sum()


direction = Exercise(
    "direction",
    "Values and gradients",
    _codes,
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
)

# ------------------------------------------------------------------- minus_elbo


def _batch(g: torch.Generator) -> Case:
    batch, size, pixels = _between(3, 6, g), _between(2, 4, g), _between(6, 12, g)
    x = torch.rand(batch, pixels, generator=g)
    mu = 1.5 * torch.randn(batch, size, generator=g)
    log_var = _log_var(batch, size, g=g)
    weights = torch.randn(size, pixels, generator=g)
    eps = torch.randn(batch, size, generator=g)
    # Away from 0: there it would not matter whether σ or σ² stands before it.
    return x, mu, log_var, weights, eps + 0.3 * eps.sign()


def _sigma(log_var: Tensor) -> Tensor:
    return (0.5 * log_var).exp()


def _bce(x: Tensor, logits: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, x, reduction="none")


def _kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var)


def _by_distributions(
    x: Tensor, mu: Tensor, log_var: Tensor, w: Tensor, eps: Tensor
) -> Tensor:
    q = Independent(Normal(mu, _sigma(log_var)), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    p = Bernoulli(logits=(q.mean + q.stddev * eps) @ w, validate_args=False)
    nats: Tensor = kl_divergence(q, prior) - Independent(p, 1).log_prob(x)
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
                _bce(x, (mu + _sigma(log_var) * eps).detach() @ w).sum(1)
                + _kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "variance_for_sigma",
            "You stretch the noise by σ². Halve log_var before you exponentiate.",
            lambda x, mu, log_var, w, eps: (
                _bce(x, (mu + log_var.exp() * eps) @ w).sum(1) + _kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "no_noise",
            "You decode mu itself, and eps is never used: an autoencoder that pays "
            "for its codes.",
            lambda x, mu, log_var, w, eps: (
                _bce(x, mu @ w).sum(1) + _kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "flipped_kl",
            "Your KL enters with the wrong sign: codes are paid for running away. "
            "Is it part of the bound or of its negative?",
            lambda x, mu, log_var, w, eps: (
                _bce(x, (mu + _sigma(log_var) * eps) @ w).sum(1)
                - _kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "mean_over_pixels",
            "Your reconstruction is averaged over the pixels, the KL is not: a β "
            "nobody asked for. A picture pays for all of its pixels.",
            lambda x, mu, log_var, w, eps: (
                _bce(x, (mu + _sigma(log_var) * eps) @ w).mean(1)
                + _kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "mean_over_dimensions",
            "Your KL is averaged over the latent dimensions, the pixels are summed. "
            "A code pays for all of its dimensions.",
            lambda x, mu, log_var, w, eps: (
                _bce(x, (mu + _sigma(log_var) * eps) @ w).sum(1)
                + _kl(mu, log_var).mean(1)
            ).mean(),
        ),
        Mistake(
            "sum_over_batch",
            "That is the price of the whole batch. Average over the pictures.",
            lambda x, mu, log_var, w, eps: (
                _bce(x, (mu + _sigma(log_var) * eps) @ w).sum() + _kl(mu, log_var).sum()
            ),
        ),
    ),
)

# ------------------------------------------------------------------- notes_loss


def _rebuilt(g: torch.Generator) -> Case:
    batch, size, side = _between(3, 6, g), _between(2, 4, g), _between(3, 5, g)
    x, x_hat = torch.rand(2, batch, 1, side, side, generator=g)
    mu = 1.5 * torch.randn(batch, size, generator=g)
    beta = 1.5 + 2 * torch.rand((), generator=g).item()
    return x, x_hat, mu, _log_var(batch, size, g=g), beta


def _half_square(x: Tensor, x_hat: Tensor) -> Tensor:
    return 0.5 * ((x - x_hat) ** 2).flatten(1).sum(1)


def _by_gaussians(
    x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor, beta: float
) -> Tensor:
    """Two log-probabilities subtracted: the constant falls out."""
    p = Independent(Normal(x_hat, torch.ones_like(x)), 3)
    constant = Independent(Normal(x, torch.ones_like(x)), 3).log_prob(x)
    q = Independent(Normal(mu, _sigma(log_var)), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    nats: Tensor = constant - p.log_prob(x) + beta * kl_divergence(q, prior)
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
                ((x - x_hat) ** 2).mean() - beta * _kl(mu, log_var).sum(1).mean()
            ),
            as_given=True,
        ),
        Mistake(
            "sign_alone",
            "The sign is right now. The squared error is still a mean over all "
            "pixels beside a KL that is summed.",
            lambda x, x_hat, mu, log_var, beta: (
                ((x - x_hat) ** 2).mean() + beta * _kl(mu, log_var).sum(1).mean()
            ),
        ),
        Mistake(
            "sum_alone",
            "The first term is right now. Put mu = 3 into the second: does being far "
            "from home cost, or pay?",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) - beta * _kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "half_forgotten",
            "Sign and sums are right. The log-density of a Gaussian of width 1 has a "
            "½ before the square, and without it the KL weighs half.",
            lambda x, x_hat, mu, log_var, beta: (
                2 * _half_square(x, x_hat) + beta * _kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "sum_over_batch",
            "Now a batch of twice the size costs twice as much. Over what should the "
            "last mean be taken?",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + beta * _kl(mu, log_var).sum(1)
            ).sum(),
        ),
        Mistake(
            "mean_over_dimensions",
            "The KL is averaged over the latent dimensions. Each of them has its "
            "price, and a picture pays them all.",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + beta * _kl(mu, log_var).mean(1)
            ).mean(),
        ),
        Mistake(
            "log_sigma_for_log_var",
            "Your σ² is exp(2 log_var): log_var was read as log σ. It is log σ².",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + beta * _kl(mu, 2 * log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "beta_lost",
            "All right at β = 1. What does your function do with beta?",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + _kl(mu, log_var).sum(1)
            ).mean(),
        ),
    ),
)
