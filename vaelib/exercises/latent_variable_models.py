"""Checks for lesson 04, *Latent variable models*."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, Normal

from vaelib.exercises.cases import between, repeats, some_log_var
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import Function, Observation, of_shape, value

__all__ = ["draw_from_mixture", "log_density", "who_was_it"]


# ------------------------------------------------------------------- log_density

_LOG_2PI = math.log(2 * math.pi)


def _numbers_and_parts(g: torch.Generator) -> Case:
    """A mixture whose parts differ in weight and width; the last number is so far
    from all of them that every density is 0 in float32."""
    count = between(2, 4, g)
    pi = (0.3 + torch.rand(count, generator=g)) ** 2
    sigma = (some_log_var(count, g=g) / 2).exp()
    mu = 3 * torch.randn(count, generator=g)
    x = 3 * torch.randn(between(5, 8, g), generator=g)
    x[-1] = 200.0
    return x, pi / pi.sum(), mu, sigma


def _parts(x: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """log N(x; μ, σ²), ``(N, M)``."""
    each: Tensor = Normal(mu, sigma).log_prob(x[:, None])
    return each


def _by_torch(x: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    kinds, parts = Categorical(pi.double()), Normal(mu.double(), sigma.double())
    log_prob: Tensor = MixtureSameFamily(kinds, parts).log_prob(x.double())
    return log_prob.float()


log_density = Exercise(
    "log_density",
    "The log-densities, in nats,",
    _numbers_and_parts,
    _by_torch,
    (
        Mistake(
            "underflow",
            "The formula is right, but far from every component the densities are 0 "
            "in float32, and the logarithm of 0 is −∞. Stay with logarithms: "
            "logsumexp.",
            lambda x, pi, mu, sigma: (pi * _parts(x, mu, sigma).exp()).sum(1).log(),
        ),
        Mistake(
            "mean_of_logs",
            "You average the logarithms of the densities. p(x) adds up densities, "
            "and the logarithm comes last.",
            lambda x, pi, mu, sigma: (pi * _parts(x, mu, sigma)).sum(1),
        ),
        Mistake(
            "pi_forgotten",
            "Your components all count fully. Where does pi come in?",
            lambda x, pi, mu, sigma: _parts(x, mu, sigma).logsumexp(1),
        ),
        Mistake(
            "pi_not_logged",
            "You add pi to a log-density. The logarithm of a product adds log pi.",
            lambda x, pi, mu, sigma: (pi + _parts(x, mu, sigma)).logsumexp(1),
        ),
        Mistake(
            "equal_weights",
            "That is the mixture with equal weights 1/M. Here the weights are pi.",
            lambda x, pi, mu, sigma: (
                _parts(x, mu, sigma).logsumexp(1) - math.log(len(pi))
            ),
        ),
        Mistake(
            "sigma_dropped",
            "A wide Gaussian is a low one: − log σ is missing from your log-density.",
            lambda x, pi, mu, sigma: (
                pi.log() + _parts(x, mu, sigma) + sigma.log()
            ).logsumexp(1),
        ),
        Mistake(
            "constant_dropped",
            "Your density does not integrate to 1: −½ log 2π is missing.",
            lambda x, pi, mu, sigma: (
                (pi.log() + _parts(x, mu, sigma)).logsumexp(1) + 0.5 * _LOG_2PI
            ),
        ),
        Mistake(
            "sigma_for_variance",
            "You divide the squared error by σ; it is measured in units of σ².",
            lambda x, pi, mu, sigma: (
                pi.log()
                - 0.5 * ((x[:, None] - mu) ** 2 / sigma + _LOG_2PI)
                - sigma.log()
            ).logsumexp(1),
        ),
        Mistake(
            "one_for_all",
            "That is the sum over all numbers. The task asks for one of each.",
            lambda x, pi, mu, sigma: (
                (pi.log() + _parts(x, mu, sigma)).logsumexp(1).sum()
            ),
        ),
    ),
    observe=value,
)

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

# -------------------------------------------------------------------- who_was_it


def _bayes(x: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    joint = pi.double().log() + _parts(x.double(), mu.double(), sigma.double())
    return Categorical(logits=joint).probs.float()


who_was_it = Exercise(
    "who_was_it",
    "The responsibilities",
    _numbers_and_parts,
    _bayes,
    (
        Mistake(
            "as_given",
            "",
            lambda x, pi, mu, sigma: pi * _parts(x, mu, sigma).softmax(1),
            as_given=True,
        ),
        Mistake(
            "pi_forgotten",
            "Your rows add up to 1 now, and a rare kind counts as much as a frequent "
            "one. Where has pi gone?",
            lambda x, pi, mu, sigma: _parts(x, mu, sigma).softmax(1),
        ),
        Mistake(
            "pi_not_logged",
            "Before a softmax stand logarithms. What is the logarithm of pi times a "
            "density?",
            lambda x, pi, mu, sigma: (pi + _parts(x, mu, sigma)).softmax(1),
        ),
        Mistake(
            "over_the_numbers",
            "Your columns add up to 1. For each number the kinds should: which axis "
            "of (N, M) is that?",
            lambda x, pi, mu, sigma: (pi.log() + _parts(x, mu, sigma)).softmax(0),
        ),
        Mistake(
            "not_normalised",
            "That is the joint p(m, x). What must it be divided by?",
            lambda x, pi, mu, sigma: (pi.log() + _parts(x, mu, sigma)).exp(),
        ),
        Mistake(
            "still_logarithms",
            "Those are the logarithms of the responsibilities.",
            lambda x, pi, mu, sigma: (pi.log() + _parts(x, mu, sigma)).log_softmax(1),
        ),
        Mistake(
            "underflow",
            "0 divided by 0 is no number: far from all components every density is 0 "
            "in float32. softmax subtracts the largest logarithm first.",
            lambda x, pi, mu, sigma: _divided(pi * _parts(x, mu, sigma).exp()),
        ),
    ),
    observe=value,
)


def _divided(joint: Tensor) -> Tensor:
    return joint / joint.sum(1, keepdim=True)
