"""Checks for lesson 04, *Latent variable models*."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaelib.exercises.checking import (
    Case,
    Exercise,
    Function,
    Mistake,
    Observation,
    Unusable,
    as_tensor,
)

__all__ = ["draw_from_mixture", "estimate_log_p", "posterior_mean"]


def _between(low: int, high: int, g: torch.Generator) -> int:
    return int(torch.randint(low, high + 1, (), generator=g))


def _finite_value(function: Function, case: Case) -> Observation:
    """The value, and before it how much of it is no number: NaN equals nothing,
    so a mistake that gives NaN could not be recognised by it."""
    result = as_tensor(function(*(a.clone() for a in case))).detach()
    return {
        "entries that are not finite": (~result.isfinite()).sum(),
        "value": result.nan_to_num(0.0, posinf=0.0, neginf=0.0),
    }


# ------------------------------------------------------------- draw_from_mixture

_DRAWS = 20_000
_PLACES = torch.linspace(-9, 11, 21)
_BELOW = "share of draws below −9, −8, …, 11"
_NEIGHBOURS = "correlation of each draw with the next"


def _three_kinds(g: torch.Generator) -> Case:
    """Kinds far apart, of unequal weight, and widths that σ² would change."""
    order = torch.randperm(3, generator=g)
    pi = torch.tensor([0.15, 0.25, 0.6])[order]
    mu = torch.tensor([-5.0, 0.0, 6.0]) + torch.randn(3, generator=g).clamp(-1, 1)
    sigma = 0.4 + 0.2 * torch.rand(3, generator=g)
    wide = _between(0, 2, g)
    sigma[wide] = 1.8 + 0.4 * float(torch.rand((), generator=g))
    return pi, mu, sigma, _DRAWS


def _shares(function: Function, case: Case) -> Observation:
    pi, mu, sigma, n = case
    x = as_tensor(function(pi.clone(), mu.clone(), sigma.clone(), n)).detach()
    if x.shape != (n,):
        raise Unusable(
            f"your draws have shape {tuple(x.shape)}, wanted ({n},).",
            "One kind and one number for each draw: mu[m] has the shape of m.",
        )
    a, b = x[:-1] - x.mean(), x[1:] - x.mean()
    return {
        _BELOW: (x[:, None] < _PLACES).float().mean(0),
        _NEIGHBOURS: (a * b).mean() / x.var().clamp(min=1e-12),
    }


def _kinds(pi: Tensor, n: int) -> Tensor:
    return torch.multinomial(pi, n, replacement=True)


def _noisy(mean: Tensor, sigma: Tensor) -> Tensor:
    return mean + sigma * torch.randn_like(mean)


def _one_of_each(pi: Tensor, mu: Tensor, sigma: Tensor, n: int) -> Tensor:
    return _noisy(mu.expand(n, -1), sigma) @ pi


def _block_after_block(pi: Tensor, mu: Tensor, sigma: Tensor, n: int) -> Tensor:
    m = (torch.arange(n)[:, None] >= (pi.cumsum(0) * n)[:-1]).sum(1)
    return _noisy(mu[m], sigma[m])


def _one_gaussian(pi: Tensor, mu: Tensor, sigma: Tensor, n: int) -> Tensor:
    mean = (pi * mu).sum()
    spread = ((pi * (sigma**2 + mu**2)).sum() - mean**2).sqrt()
    return _noisy(mean.expand(n), spread)


draw_from_mixture = Exercise(
    "draw_from_mixture",
    "The shares of draws below 21 places",
    _three_kinds,
    lambda pi, mu, sigma, n: MixtureSameFamily(
        Categorical(pi), Normal(mu, sigma)
    ).sample((n,)),
    (
        Mistake(
            "average_of_kinds",
            "You drew one number of each kind and averaged them: that is a sum of "
            "Gaussians, one hump where a mixture has three. Each draw belongs to one "
            "kind only.",
            _one_of_each,
        ),
        Mistake(
            "one_gaussian",
            "Your draws have the mixture's mean and width, and its shape is lost. "
            "Choose a kind first.",
            _one_gaussian,
        ),
        Mistake(
            "pi_forgotten",
            "All kinds come up equally often. Where does pi come in?",
            lambda pi, mu, sigma, n: (lambda m: _noisy(mu[m], sigma[m]))(
                _kinds(torch.ones_like(pi), n)
            ),
        ),
        Mistake(
            "variance_for_sigma",
            "Your kinds have the width σ². Normal takes σ, and so does your own line.",
            lambda pi, mu, sigma, n: (lambda m: _noisy(mu[m], sigma[m] ** 2))(
                _kinds(pi, n)
            ),
        ),
        Mistake(
            "no_noise",
            "Your draws are the three means, over and over. After the kind is chosen, "
            "a number is drawn from its Gaussian.",
            lambda pi, mu, sigma, n: mu[_kinds(pi, n)],
        ),
        Mistake(
            "in_blocks",
            "The shares are right, but your draws come in blocks: first all of one "
            "kind, then all of the next. Choose a kind at random for each draw.",
            _block_after_block,
        ),
    ),
    observe=_shares,
    loose={_BELOW: 0.02, _NEIGHBOURS: 0.05},
)

# ---------------------------------------------------------------- posterior_mean


def _on_a_grid(g: torch.Generator) -> Case:
    """A bounded random function of z as log-likelihood, some of it near −300."""
    batch, count = _between(2, 5, g), _between(30, 60, g)
    z = torch.linspace(-3, 3, count)
    place = 1 + torch.rand(batch, 1, generator=g)
    sign = 2.0 * torch.randint(0, 2, (batch, 1), generator=g) - 1
    log_lik = -0.5 * ((z - sign * place) / 0.8) ** 2
    log_lik = log_lik + 0.3 * torch.randn(batch, count, generator=g)
    log_lik[1:] -= 300
    return log_lik, Normal(0, 1).log_prob(z), z


def _bayes(log_lik: Tensor, log_prior: Tensor, z: Tensor) -> Tensor:
    kinds = Categorical(logits=(log_lik + log_prior).double())
    return (kinds.probs * z).sum(1).float()


def _plain(log_lik: Tensor, log_prior: Tensor, z: Tensor) -> Tensor:
    joint = (log_lik + log_prior).exp()
    return (joint @ z) / joint.sum(1)


posterior_mean = Exercise(
    "posterior_mean",
    "The posterior's means",
    _on_a_grid,
    _bayes,
    (
        Mistake(
            "underflow",
            "exp(−300) is 0 in float32, and 0 divided by 0 is no number. Subtract the "
            "largest logarithm before exp; softmax does it for you.",
            _plain,
        ),
        Mistake(
            "prior_forgotten",
            "That is the mean of the likelihood's share: you left out log_prior, as "
            "if all codes were equally probable before x was seen.",
            lambda log_lik, log_prior, z: log_lik.softmax(1) @ z,
        ),
        Mistake(
            "not_normalised",
            "p(z, x) is not yet p(z | x). What must its shares add up to, for each x?",
            lambda log_lik, log_prior, z: (log_lik + log_prior).exp() @ z,
        ),
        Mistake(
            "over_the_batch",
            "Your shares add up to 1 over the pictures. They should do so over the "
            "nodes, for each picture: which axis of (B, K) is that?",
            lambda log_lik, log_prior, z: (log_lik + log_prior).softmax(0) @ z,
        ),
        Mistake(
            "mode_for_mean",
            "That is the most probable node. The mean lets every node speak, by its "
            "share.",
            lambda log_lik, log_prior, z: z[(log_lik + log_prior).argmax(1)],
        ),
        Mistake(
            "mean_for_sum",
            "Your answer is too small by the number of nodes. The shares already add "
            "up to 1: sum them with z, don't average.",
            lambda log_lik, log_prior, z: ((log_lik + log_prior).softmax(1) * z).mean(
                1
            ),
        ),
    ),
    observe=_finite_value,
)

# ---------------------------------------------------------------- estimate_log_p


def _decoded_draws(g: torch.Generator) -> Case:
    """The last picture is far from everything, as most are in 784 dimensions."""
    batch, count, size = _between(3, 5, g), _between(20, 50, g), _between(3, 6, g)
    mean = 2 * torch.randn(count, size, generator=g)
    x = mean[:batch] + torch.randn(batch, size, generator=g)
    x[-1] = 60.0
    sign = 2.0 * torch.randint(0, 2, (), generator=g) - 1
    log_var = sign * (0.7 + float(torch.rand((), generator=g)))
    return x, mean, log_var


def _mixture(x: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """K draws are a mixture of K components with equal weights."""
    parts = Independent(Normal(mean.double(), (0.5 * log_var.double()).exp()), 1)
    equal = Categorical(torch.ones(len(mean), dtype=torch.float64))
    log_prob: Tensor = MixtureSameFamily(equal, parts).log_prob(x.double())
    return log_prob.float()


_LOG_2PI = float(torch.tensor(2 * torch.pi).log())


def _log_lik(
    x: Tensor, mean: Tensor, log_var: Tensor, constant: float = _LOG_2PI
) -> Tensor:
    """log p(x|z) of each dimension: ``(B, K, D)``."""
    error = (x[:, None] - mean) ** 2 / log_var.exp()
    return -0.5 * (error + log_var + constant)


def _log_mean_exp(log_lik: Tensor) -> Tensor:
    count = torch.tensor(float(log_lik.shape[1]))
    return log_lik.logsumexp(1) - count.log()


estimate_log_p = Exercise(
    "estimate_log_p",
    "The estimates, in nats,",
    _decoded_draws,
    _mixture,
    (
        Mistake(
            "as_published",
            "",
            lambda x, mean, log_var: _log_lik(x, mean, log_var, 0.0).sum(-1).mean(1),
            as_given=True,
        ),
        Mistake(
            "mean_of_logs",
            "The density is right now. You still average logarithms: p(x) is a mean "
            "of likelihoods, and the logarithm comes last.",
            lambda x, mean, log_var: _log_lik(x, mean, log_var).sum(-1).mean(1),
        ),
        Mistake(
            "constant_dropped",
            "The average is right now. The density still lacks a constant: without "
            "it, does it integrate to 1?",
            lambda x, mean, log_var: _log_mean_exp(
                _log_lik(x, mean, log_var, 0.0).sum(-1)
            ),
        ),
        Mistake(
            "constant_once",
            "½ log 2π is owed for each dimension of x, and you paid once.",
            lambda x, mean, log_var: (
                _log_mean_exp(_log_lik(x, mean, log_var, 0.0).sum(-1)) - 0.5 * _LOG_2PI
            ),
        ),
        Mistake(
            "log_k_forgotten",
            "That is the logarithm of a sum. More draws should not make a picture more "
            "probable: what turns a sum into a mean?",
            lambda x, mean, log_var: _log_lik(x, mean, log_var).sum(-1).logsumexp(1),
        ),
        Mistake(
            "underflow",
            "The formula is right, but a likelihood of e⁻³⁰⁰ is 0 in float32, and its "
            "logarithm is −∞. Stay with logarithms: logsumexp.",
            lambda x, mean, log_var: (
                _log_lik(x, mean, log_var).sum(-1).exp().mean(1).log()
            ),
        ),
        Mistake(
            "mean_for_sum",
            "You average over the D dimensions. All of them must be right at once, so "
            "their probabilities multiply and their logarithms add up.",
            lambda x, mean, log_var: _log_mean_exp(_log_lik(x, mean, log_var).mean(-1)),
        ),
        Mistake(
            "sigma_for_variance",
            "You divide the squared error by σ. It is measured in units of σ²: "
            "log_var is log σ².",
            lambda x, mean, log_var: _log_mean_exp(
                -0.5
                * (
                    (x[:, None] - mean) ** 2 / (0.5 * log_var).exp()
                    + log_var
                    + _LOG_2PI
                ).sum(-1)
            ),
        ),
        Mistake(
            "log_sigma_for_log_var",
            "You read log_var as log σ. The decoder's width is exp(½ log_var).",
            lambda x, mean, log_var: _log_mean_exp(
                _log_lik(x, mean, 2 * log_var).sum(-1)
            ),
        ),
        Mistake(
            "one_for_all",
            "That is the mean over the pictures. The task asks for one number each.",
            lambda x, mean, log_var: _log_mean_exp(
                _log_lik(x, mean, log_var).sum(-1)
            ).mean(),
        ),
    ),
    observe=_finite_value,
)
