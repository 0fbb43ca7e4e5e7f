"""Checks for lesson 04, *Latent variable models*."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaelib.exercises.cases import between, repeats
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import Function, Observation, of_shape, value

__all__ = ["draw_from_mixture", "estimate_log_p", "posterior_mean"]


# ------------------------------------------------------------- draw_from_mixture

_PLACES = torch.linspace(-9, 11, 21)
_BELOW = "share of draws below −9, −8, …, 11"
_NEIGHBOURS = "correlation of each draw with the next"
_AGAIN = "share of draws that came before, in this call or another"


def _some_kinds(g: torch.Generator) -> Case:
    """Kinds far apart, of unequal weight, and widths that σ² would change."""
    count = between(2, 4, g)
    weights = torch.tensor([1.0, 1.7, 4.0, 2.5])[:count]
    pi = (weights / weights.sum())[torch.randperm(count, generator=g)]
    jitter = torch.randn(count, generator=g).clamp(-1, 1)
    mu = torch.tensor([-5.0, 0.0, 6.0, 11.0])[:count] + jitter
    sigma = 0.4 + 0.2 * torch.rand(count, generator=g)
    # The heaviest: there σ² in place of σ shows most.
    sigma[pi.argmax()] = 1.8 + 0.4 * float(torch.rand((), generator=g))
    order = torch.randperm(count, generator=g)
    return pi[order], mu[order], sigma[order], between(18_000, 22_000, g)


def _shares(function: Function, case: Case) -> Observation:
    *parts, n = case
    hint = "One kind and one number for each draw: mu[m] has the shape of m."
    x, more = (
        of_shape(function(*(p.clone() for p in parts), n), (n,), "draws are", hint)
        for _ in range(2)
    )
    a, b = x[:-1] - x.mean(), x[1:] - x.mean()
    return {
        _BELOW: (x[:, None] < _PLACES).float().mean(0),
        _NEIGHBOURS: (a * b).mean() / x.var().clamp(min=1e-12),
        _AGAIN: repeats(torch.cat([x, more])),
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
    _some_kinds,
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
    loose={_BELOW: 0.02, _NEIGHBOURS: 0.05, _AGAIN: 0.05},
    advice={_AGAIN: "Is there a seed of your own, or a draw that is used twice?"},
)

# ---------------------------------------------------------------- posterior_mean


def _on_a_grid(g: torch.Generator) -> Case:
    """A bounded random function of z as log-likelihood, some of it near −300; the
    prior's place and width change, and so do the grid's."""
    batch, count = between(2, 5, g), between(30, 60, g)
    width = 0.7 + torch.rand((), generator=g)
    middle = torch.randn((), generator=g)
    z = middle + width * torch.linspace(-3, 3, count)
    place = 1 + torch.rand(batch, 1, generator=g)
    sign = 2.0 * torch.randint(0, 2, (batch, 1), generator=g) - 1
    log_lik = -0.5 * ((z - middle - sign * width * place) / (0.8 * width)) ** 2
    log_lik = log_lik + 0.3 * torch.randn(batch, count, generator=g)
    log_lik[1:] -= 300
    off = 0.5 * width * torch.randn((), generator=g)
    return log_lik, Normal(middle + off, width).log_prob(z), z


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
    observe=value,
)

# ---------------------------------------------------------------- estimate_log_p


def _decoded_draws(g: torch.Generator) -> Case:
    """The last picture is far from everything, as most are in 784 dimensions."""
    batch, count, size = between(3, 5, g), between(20, 50, g), between(3, 6, g)
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
    observe=value,
)
