"""Checks for lesson 05, *Marginal likelihood*."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaelib.exercises.cases import between
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import Function, Observation, of_shape, value

__all__ = ["estimate_log_p", "naive_log_p", "posterior_mean"]

# ------------------------------------------------------------------- naive_log_p

_OFF = "estimate − log p(x), in nats"
_DECODED = "codes decoded, over K"
_SAME = "two calls give the same (1: yes)"


def _a_decoder(g: torch.Generator) -> Case:
    """So many dimensions that every likelihood is 0 in float32, and so weak a
    decoder that the estimate is good all the same. The codes behind x lie outside
    (0, 1), where uniform numbers would never be."""
    latent, size = between(1, 2, g), between(90, 110, g)
    sigma = 1.2 + 0.8 * torch.rand((), generator=g).item()
    turn = torch.randn(latent, size, generator=g) / size**0.5

    def decode(z: Tensor) -> Tensor:
        mean: Tensor = 2 * sigma * z.tanh() @ turn.to(z)
        return mean

    signs = torch.tensor([[-1.0], [1.0], [-1.0]]) * torch.ones(3, latent)
    x = decode(2 * signs) + sigma * torch.randn(3, size, generator=g)
    return x, decode, sigma, latent, between(3_000, 4_000, g)


def _by_grid(x: Tensor, decode: Any, sigma: float, Z: int) -> Tensor:
    """log p(x) by quadrature over all of the prior, in double precision."""
    side = torch.linspace(-6, 6, 41, dtype=torch.float64)
    z = torch.cartesian_prod(*[side] * Z).view(-1, Z)
    weight = Normal(0.0, 1.0).log_prob(z).sum(1) + Z * (side[1] - side[0]).log()
    each = Normal(decode(z), sigma).log_prob(x.double()[:, None]).sum(-1)
    log_p: Tensor = (each + weight).logsumexp(1)
    return log_p


def _as_estimate(function: Function, case: Case) -> Observation:
    """How far off the estimate is, what was decoded for it, and whether it is
    drawn anew."""
    x, decode, sigma, Z, K = case
    decoded = []

    def watched(z: Tensor) -> Tensor:
        decoded.append(len(z))
        mean: Tensor = decode(z)
        return mean

    hint = "One estimate for each row of x."
    truth = _by_grid(x, decode, sigma, Z)
    calls = [
        of_shape(
            function(x.clone(), watched, sigma, Z, K), (len(x),), "estimates are", hint
        ).detach()
        for _ in range(2)
    ]
    finite = calls[0].isfinite()
    share = sum(decoded) / (2 * K)
    if share == len(x):  # codes of its own for each row are as good
        share = 1.0
    return {
        "estimates that are numbers": finite.float(),
        _OFF: torch.where(finite, calls[0] - truth, 0.0),
        _DECODED: torch.tensor(share),
        _SAME: torch.tensor(float(torch.equal(*calls))),
    }


def _likelihoods(x: Tensor, decode: Any, sigma: float, z: Tensor) -> Tensor:
    """log p(x|z) of each dimension, ``(B, K, D)``."""
    each: Tensor = Normal(decode(z), sigma).log_prob(x[:, None])
    return each


def _estimate(x: Tensor, decode: Any, sigma: float, z: Tensor) -> Tensor:
    log_lik = _likelihoods(x, decode, sigma, z).sum(-1)
    return log_lik.logsumexp(1) - math.log(len(z))


naive_log_p = Exercise(
    "naive_log_p",
    "The estimates, against a grid,",
    _a_decoder,
    lambda x, decode, sigma, Z, K: _estimate(x, decode, sigma, torch.randn(K, Z)),
    (
        Mistake(
            "mean_of_logs",
            "You average logarithms: that asks every random code to explain x. "
            "Average the likelihoods, and take the logarithm last.",
            lambda x, decode, sigma, Z, K: (
                _likelihoods(x, decode, sigma, torch.randn(K, Z)).sum(-1).mean(1)
            ),
        ),
        Mistake(
            "underflow",
            "The formula is right, but a likelihood of e⁻¹⁵⁰ is 0 in float32, and its "
            "logarithm is −∞. Stay with logarithms: logsumexp.",
            lambda x, decode, sigma, Z, K: (
                _likelihoods(x, decode, sigma, torch.randn(K, Z))
                .sum(-1)
                .exp()
                .mean(1)
                .log()
            ),
        ),
        Mistake(
            "log_k_forgotten",
            "That is the logarithm of a sum over K. What turns it into a mean?",
            lambda x, decode, sigma, Z, K: (
                _estimate(x, decode, sigma, torch.randn(K, Z)) + math.log(K)
            ),
        ),
        Mistake(
            "mean_over_dimensions",
            "You average over the D dimensions of x. All of them must be right at "
            "once, so their logarithms add up.",
            lambda x, decode, sigma, Z, K: (
                _likelihoods(x, decode, sigma, torch.randn(K, Z)).mean(-1).logsumexp(1)
                - math.log(K)
            ),
        ),
        Mistake(
            "uniform_codes",
            "Your codes lie between 0 and 1. The prior is a standard normal.",
            lambda x, decode, sigma, Z, K: _estimate(
                x, decode, sigma, torch.rand(K, Z)
            ),
        ),
        Mistake(
            "one_code",
            "You drew one code. The average is over K of them.",
            lambda x, decode, sigma, Z, K: _estimate(
                x, decode, sigma, torch.randn(1, Z)
            ),
        ),
        Mistake(
            "the_same_noise",
            "A second call gives the same number: there is a seed of your own. The "
            "caller decides about seeds.",
            lambda x, decode, sigma, Z, K: _estimate(
                x, decode, sigma, torch.randn(K, Z, generator=_own())
            ),
        ),
    ),
    observe=_as_estimate,
    loose={_OFF: 0.35, _DECODED: 0.0},
    cases=3,
)


def _own() -> torch.Generator:
    return torch.Generator().manual_seed(0)


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


_LOG_2PI = math.log(2 * math.pi)


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
            "as_given",
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
            "The formula is right, but a likelihood of e⁻¹⁵⁰ is 0 in float32, and its "
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
