"""Checks for lesson 06, *The ELBO*."""

from __future__ import annotations

from math import log, pi

import torch
from torch import Tensor
from torch.distributions import (
    Independent,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

from vaelib.exercises import cases
from vaelib.exercises.cases import between, cloud, prior, some_log_var
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import value

__all__ = ["bound", "estimate_elbo", "exact_elbo", "nll"]


# ---------------------------------------------------------------- estimate_elbo


def _weights(g: torch.Generator) -> Case:
    draws, batch = between(3, 9, g), between(2, 5, g)
    log_joint = 2 * torch.randn(draws, batch, generator=g) - 4
    return log_joint, torch.randn(draws, batch, generator=g) - 1


def _average_of_log(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """Σ_l (log p − log q) / L, one draw after the other."""
    pairs = list(zip(log_joint.unbind(0), log_q.unbind(0), strict=True))
    return torch.stack([p - q for p, q in pairs]).sum(0) / len(pairs)


def _log_of_average(log_joint: Tensor, log_q: Tensor) -> Tensor:
    return (log_joint - log_q).logsumexp(0) - log(len(log_q))


estimate_elbo = Exercise(
    "estimate_elbo",
    "One number per picture, and its gradients,",
    _weights,
    _average_of_log,
    (
        Mistake(
            "log_of_average",
            "You took the log of the average weight. That estimates log p(x), by "
            "Jensen above the bound; the ELBO is the average of the logs.",
            _log_of_average,
        ),
        Mistake(
            "flipped",
            "Your sign is turned round: this is KL-like, a cost. What the model says "
            "of z and x comes with a plus, what q says of z with a minus.",
            lambda log_joint, log_q: (log_q - log_joint).mean(0),
        ),
        Mistake(
            "sum_over_draws",
            "More draws should give a better number, not a larger one. Average over "
            "the L draws.",
            lambda log_joint, log_q: (log_joint - log_q).sum(0),
        ),
        Mistake(
            "one_number_for_all",
            "Every picture has its own bound: average over the draws, which are the "
            "first axis, and over nothing else.",
            lambda log_joint, log_q: (log_joint - log_q).mean(),
        ),
        Mistake(
            "over_the_pictures",
            "You averaged over pictures and kept the draws. Which axis holds the L "
            "draws?",
            lambda log_joint, log_q: (log_joint - log_q).mean(1),
        ),
        Mistake(
            "q_left_out",
            "That is E[log p(x, z)] alone. A wide q has to pay for being wide: where "
            "is log q?",
            lambda log_joint, log_q: log_joint.mean(0) + 0 * log_q.sum(0),
        ),
        Mistake(
            "no_gradient",
            "The numbers are right, but no gradient passes: training would stand "
            "still. What cut it off?",
            lambda log_joint, log_q: (log_joint - log_q).mean(0).detach(),
        ),
    ),
)

# ------------------------------------------------------------------- exact_elbo


def _linear_model(g: torch.Generator) -> Case:
    batch, pixels, size = between(2, 4, g), between(3, 6, g), between(2, 3, g)
    x = torch.randn(batch, pixels, generator=g)
    mu = torch.randn(batch, size, generator=g)
    W = torch.randn(pixels, size, generator=g)
    b = torch.randn(pixels, generator=g)
    s2 = 0.3 + torch.rand((), generator=g)
    return x, mu, some_log_var(batch, size, g=g), W, b, s2


def _by_distributions(
    x: Tensor, mu: Tensor, log_var: Tensor, W: Tensor, b: Tensor, s2: Tensor
) -> Tensor:
    """E_q log p(x|z) from x's Gaussian under q: for any Gaussian r with the mean
    and covariance of Wz + b, E log N(x; Wz + b, s²I) = log N(x; mean, s²I) −
    tr(covariance)/2s²."""
    q = MultivariateNormal(mu, torch.diag_embed(log_var.exp()))
    prior = MultivariateNormal(torch.zeros_like(mu), torch.eye(mu.shape[1]))
    centre = Independent(Normal(mu @ W.T + b, s2.sqrt()), 1)
    blur = W @ q.covariance_matrix @ W.T
    trace = blur.diagonal(dim1=-2, dim2=-1).sum(-1)
    elbo: Tensor = centre.log_prob(x) - trace / (2 * s2) - kl_divergence(q, prior)
    return elbo


def _parts(
    x: Tensor, mu: Tensor, log_var: Tensor, W: Tensor, b: Tensor, s2: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Error at the mean, spread, constant and KL, each ``(B,)`` or a scalar."""
    error = (x - mu @ W.T - b).square().sum(1)
    spread = (log_var.exp() @ W.T.square()).sum(1)
    constant = x.shape[1] * torch.log(2 * pi * s2)
    return error, spread, constant, _kl(mu, log_var)


def _kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return cases.kl(mu, log_var).sum(1)


def _put_together(
    error: Tensor, spread: Tensor, constant: Tensor, kl: Tensor, s2: Tensor
) -> Tensor:
    return -0.5 * (constant + (error + spread) / s2) - kl


def _spread_forgotten(*case: Tensor) -> Tensor:
    error, spread, constant, kl = _parts(*case)
    return _put_together(error, 0 * spread, constant, kl, case[-1])


def _kl_added(*case: Tensor) -> Tensor:
    error, spread, constant, kl = _parts(*case)
    return _put_together(error, spread, constant, -kl, case[-1])


def _no_two_pi(*case: Tensor) -> Tensor:
    return _by_distributions(*case) + 0.5 * case[0].shape[1] * log(2 * pi)


def _one_constant(*case: Tensor) -> Tensor:
    error, spread, constant, kl = _parts(*case)
    return _put_together(error, spread, constant / case[0].shape[1], kl, case[-1])


def _log_sigma(
    x: Tensor, mu: Tensor, log_var: Tensor, W: Tensor, b: Tensor, s2: Tensor
) -> Tensor:
    return _by_distributions(x, mu, 2 * log_var, W, b, s2)


def _mean_over_pixels(*case: Tensor) -> Tensor:
    error, spread, constant, kl = _parts(*case)
    d = case[0].shape[1]
    return _put_together(error / d, spread / d, constant / d, kl, case[-1])


exact_elbo = Exercise(
    "exact_elbo",
    "Values and gradients, in nats per picture,",
    _linear_model,
    _by_distributions,
    (
        Mistake(
            "spread_forgotten",
            "That is the error at z = μ. The codes scatter around μ, and W carries "
            "their scatter into the picture: E(x − Wz − b)² has a second part.",
            _spread_forgotten,
        ),
        Mistake(
            "kl_added",
            "Your KL has the wrong sign: a code that says more should lower the bound.",
            _kl_added,
        ),
        Mistake(
            "no_two_pi",
            "You dropped ½ log 2π for each pixel. Without it the bound can lie above "
            "log p(x).",
            _no_two_pi,
        ),
        Mistake(
            "one_constant",
            "½ log 2πs² is there once. Each of the D pixels has its own.",
            _one_constant,
        ),
        Mistake(
            "log_sigma",
            "You read log_var as log σ. The variance is its exponential, without a "
            "square.",
            _log_sigma,
        ),
        Mistake(
            "mean_over_pixels",
            "Your reconstruction is a mean over pixels. log p(x|z) is a sum: a mean "
            "makes the KL weigh D times too much.",
            _mean_over_pixels,
        ),
        Mistake(
            "mean_over_pictures",
            "The numbers are right, and averaged. Give one for each picture.",
            lambda *case: _by_distributions(*case).mean(),
        ),
    ),
    wrt=("mu", "log_var"),
    tolerance=1e-3,
)

# ------------------------------------------------------------------------ bound


def _one_draw(g: torch.Generator) -> Case:
    batch, pixels, size = between(2, 4, g), between(3, 7, g), between(2, 3, g)
    x, mean = torch.randn(2, batch, pixels, generator=g)
    mu = torch.randn(batch, size, generator=g)
    return x, mean, some_log_var(g=g), mu, some_log_var(batch, size, g=g)


def _bound(
    x: Tensor, mean: Tensor, log_s2: Tensor, mu: Tensor, log_var: Tensor
) -> Tensor:
    p = Independent(Normal(mean, (0.5 * log_s2).exp()), 1)
    elbo: Tensor = p.log_prob(x) - kl_divergence(cloud(mu, log_var), prior(mu))
    return elbo


def _shifted(halves: float, per_pixel: bool = True) -> object:
    """The bound with ``halves`` · ½ log 2π too much, per pixel or once."""

    def wrong(x: Tensor, *rest: Tensor) -> Tensor:
        count = x.shape[1] if per_pixel else 1
        return _bound(x, *rest) + 0.5 * halves * count * log(2 * pi)

    return wrong


def _once(x: Tensor, *rest: Tensor) -> Tensor:
    return _bound(x, *rest) + 0.5 * (x.shape[1] - 1) * log(2 * pi)


def _pixel_means(
    x: Tensor, mean: Tensor, log_s2: Tensor, mu: Tensor, log_var: Tensor
) -> Tensor:
    kl = _kl(mu, log_var)
    return (_bound(x, mean, log_s2, mu, log_var) + kl) / x.shape[1] - kl


bound = Exercise(
    "bound",
    "Values and gradients, in nats per picture,",
    _one_draw,
    _bound,
    (
        Mistake("constant_dropped", "", _shifted(1), as_given=True),  # type: ignore[arg-type]
        Mistake(
            "constant_added",
            "You added ½ log 2π where it has to be taken away: the density of a "
            "Gaussian has it below the line. The bound is now even higher.",
            _shifted(2),  # type: ignore[arg-type]
        ),
        Mistake(
            "once_for_all_pixels",
            "The constant is there now, once. Every pixel has a Gaussian of its own: "
            "put it inside the sum.",
            _once,
        ),
        Mistake(
            "without_the_half",
            "You took away log 2π for each pixel, which is twice too much: the ½ "
            "belongs to it too.",
            _shifted(-1),  # type: ignore[arg-type]
        ),
        Mistake(
            "mean_over_pixels",
            "The constant is right, but the pixels are averaged now. A log-"
            "probability of a picture is a sum over its pixels.",
            _pixel_means,
        ),
        Mistake(
            "loss_for_bound",
            "That is the loss, −ELBO. The bound has the other sign.",
            lambda *case: -_bound(*case),
        ),
    ),
    wrt=("mean", "mu", "log_var"),
)

# -------------------------------------------------------------------------- nll


def _many_draws(g: torch.Generator) -> Case:
    draws, batch = between(4, 12, g), between(2, 5, g)
    log_joint = 2 * torch.randn(draws, batch, generator=g) - 6
    log_joint = log_joint + 2 * torch.randn(batch, generator=g)
    return log_joint, torch.randn(draws, batch, generator=g) - 1


def _minus_log_average(log_joint: Tensor, log_q: Tensor) -> Tensor:
    weights = (log_joint.double() - log_q.double()).exp()
    return -weights.mean(0).log().mean().to(log_joint.dtype)


nll = Exercise(
    "nll",
    "Values, in nats per picture,",
    _many_draws,
    _minus_log_average,
    (
        Mistake(
            "one_draw",
            "",
            lambda log_joint, log_q: -(log_joint - log_q)[0].mean(),
            as_given=True,
        ),
        Mistake(
            "average_of_log",
            "That is −ELBO with K draws: an upper bound on the NLL, however large K "
            "is. The average belongs inside the logarithm.",
            lambda log_joint, log_q: -(log_joint - log_q).mean(0).mean(),
        ),
        Mistake(
            "sum_for_average",
            "You summed the K weights and did not divide by K. Every model now looks "
            "better by log K nats.",
            lambda log_joint, log_q: -(log_joint - log_q).logsumexp(0).mean(),
        ),
        Mistake(
            "weights_of_all_pictures",
            "You averaged the weights of all pictures before the logarithm: the "
            "easiest picture then decides alone. One logarithm per picture, then "
            "their mean.",
            lambda log_joint, log_q: -(log_joint - log_q).exp().mean().log(),
        ),
        Mistake(
            "one_for_each",
            "One number for each picture, and right. The NLL of a test set is their "
            "mean.",
            lambda log_joint, log_q: -_log_of_average(log_joint, log_q),
        ),
        Mistake(
            "flipped",
            "That is the log-likelihood. The N in NLL stands for negative.",
            lambda log_joint, log_q: _log_of_average(log_joint, log_q).mean(),
        ),
        Mistake(
            "sum_over_pictures",
            "That is the price of the whole test set. In nats per picture it does not "
            "grow with the number of pictures.",
            lambda log_joint, log_q: -_log_of_average(log_joint, log_q).sum(),
        ),
    ),
    observe=value,
)
