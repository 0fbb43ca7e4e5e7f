"""Checks for lesson 07, *Reparameterisation*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import AffineTransform, Normal

from vaelib.exercises.cases import (
    ADVICE,
    LAW,
    between,
    pathwise_draws,
    sigma,
    some_log_var,
)
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import (
    Function,
    NotStarted,
    Observation,
    Unusable,
    gradients,
    of_shape,
    value,
)

__all__ = [
    "path_draws",
    "sample_layer",
    "score_draws",
    "score_gradient",
    "steep_but_small",
]


# ------------------------------------------------------ score_draws, path_draws

_MU, _LOG_VAR = "estimates along mu", "estimates along log_var"


def _a_worth(g: torch.Generator) -> Case:
    """A smooth f of several dimensions that hang together, far from 0."""
    n, size = between(5, 8, g), between(2, 4, g)
    turn = torch.randn(size, size, generator=g)
    level = 2 + 3 * torch.rand((), generator=g)

    def f(z: Tensor) -> Tensor:
        bent = (z @ turn).sin() + 0.3 * z**2
        worth: Tensor = level + bent.sum(-1)
        return worth

    mu = torch.randn(size, generator=g)
    return f, mu, some_log_var(size, g=g), torch.randn(n, size, generator=g)


def _two_parts(function: Function, case: Case) -> Observation:
    """Both results, each looked at as soon as there is one."""
    f, *given = case
    found = function(f, *(t.clone() for t in given))
    if found is ...:
        raise NotStarted
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Unusable(
            f"your function gave {type(found).__name__}, wanted two tensors.",
            "return along_mu, along_log_var",
        )
    if found[0] is ... and found[1] is ...:
        raise NotStarted
    shape = tuple(given[2].shape)
    hint = "One row from each sample, one column for each dimension, not averaged."
    seen = {}
    for key, part in zip((_MU, _LOG_VAR), found, strict=True):
        # What is not written yet is compared as 0: the other part is checked.
        part = torch.zeros(shape) if part is ... else part
        seen[key] = of_shape(part, shape, f"{key} are", hint).detach()
    return seen


def _sample_by_sample(eps: Tensor, one: Any, mu: Tensor, log_var: Tensor) -> Any:
    """By autograd: the gradient of ``one(ε, μ, σ)`` for each row of ε."""
    rows = []
    for noise in eps:
        leaves = [t.detach().clone().requires_grad_() for t in (mu, log_var)]
        total = one(noise, leaves[0], sigma(leaves[1]))
        rows.append(torch.autograd.grad(total, leaves))
    return tuple(torch.stack(part) for part in zip(*rows, strict=True))


def _by_log_prob(f: Any, mu: Tensor, log_var: Tensor, eps: Tensor) -> Any:
    def one(noise: Tensor, mu: Tensor, width: Tensor) -> Tensor:
        z = (mu + width * noise).detach()
        worth = f(z[None])[0].detach()
        total: Tensor = worth * Normal(mu, width).log_prob(z).sum()
        return total

    return _sample_by_sample(eps, one, mu, log_var)


def _by_path(f: Any, mu: Tensor, log_var: Tensor, eps: Tensor) -> Any:
    def one(noise: Tensor, mu: Tensor, width: Tensor) -> Tensor:
        worth: Tensor = f(AffineTransform(mu, width)(noise)[None])[0]
        return worth

    return _sample_by_sample(eps, one, mu, log_var)


def _worth(f: Any, mu: Tensor, log_var: Tensor, eps: Tensor) -> Tensor:
    worth: Tensor = f(mu + sigma(log_var) * eps)[:, None]
    return worth


def _slope(f: Any, z: Tensor) -> Tensor:
    z = z.detach().requires_grad_()
    return torch.autograd.grad(f(z).sum(), z)[0]


def _slopes(f: Any, mu: Tensor, log_var: Tensor, eps: Tensor) -> Tensor:
    return _slope(f, mu + sigma(log_var) * eps)


def _score_parts(
    along_mu: Callable[[Tensor, Tensor], Tensor] = lambda e, s: e / s,
    along_log_var: Callable[[Tensor, Tensor], Tensor] = lambda e, s: (e**2 - 1) / 2,
    sign: float = 1.0,
) -> Function:
    """The estimator with another score."""

    def draws(f: Any, mu: Tensor, log_var: Tensor, eps: Tensor) -> Any:
        worth, s = sign * _worth(f, mu, log_var, eps), sigma(log_var)
        return worth * along_mu(eps, s), worth * along_log_var(eps, s)

    return draws


def _path_parts(
    along_mu: Callable[[Tensor, Tensor], Tensor] = lambda e, s: torch.ones_like(e),
    along_log_var: Callable[[Tensor, Tensor], Tensor] = lambda e, s: 0.5 * s * e,
) -> Function:
    """The estimator with another derivative of the path."""

    def draws(f: Any, mu: Tensor, log_var: Tensor, eps: Tensor) -> Any:
        slope, s = _slopes(f, mu, log_var, eps), sigma(log_var)
        return slope * along_mu(eps, s), slope * along_log_var(eps, s)

    return draws


def _with_variance(route: Function) -> Function:
    """σ² in the place of σ, everywhere."""
    return lambda f, mu, log_var, eps: route(f, mu, 2 * log_var, eps)


_NOT_BOTH = {
    _MU: "Look at this one alone first: it is the first of your two results.",
    _LOG_VAR: "The estimates along mu are right. These are the second of your two "
    "results.",
}

score_draws = Exercise(
    "score_draws",
    "The estimates along μ and along log σ², sample by sample,",
    _a_worth,
    _by_log_prob,
    (
        Mistake(
            "only_mu",
            "Along mu it is right. Now differentiate log q along log σ².",
            _score_parts(along_log_var=lambda e, s: 0 * e),
        ),
        Mistake(
            "sigma_forgotten",
            "Along mu: ε alone is not the score. How much does log q change when μ "
            "moves by a little, in a narrow Gaussian and in a wide one?",
            _score_parts(lambda e, s: e),
        ),
        Mistake(
            "divided_by_variance",
            "Along mu: the score is (z − μ)/σ², and z − μ is σε. One σ cancels.",
            _score_parts(lambda e, s: e / s**2),
        ),
        Mistake(
            "half_forgotten",
            "Along log_var that is twice the score, the one along log σ. The parameter "
            "is log σ².",
            _score_parts(along_log_var=lambda e, s: e**2 - 1),
        ),
        Mistake(
            "one_forgotten",
            "Along log_var: log q contains −½ log σ² too, and your score forgets it. "
            "A score is 0 on average.",
            _score_parts(along_log_var=lambda e, s: e**2 / 2),
        ),
        Mistake(
            "along_sigma",
            "That is the score along σ. The network gives log σ²: how does σ change "
            "with it?",
            _score_parts(along_log_var=lambda e, s: (e**2 - 1) / s),
        ),
        Mistake(
            "along_variance",
            "That is the score along σ². By the chain rule, one along log σ² is σ² "
            "times as large.",
            _score_parts(along_log_var=lambda e, s: (e**2 - 1) / (2 * s**2)),
        ),
        Mistake(
            "flipped_sign",
            "The sign is turned round: this gradient leads away from what is worth "
            "more.",
            _score_parts(sign=-1.0),
        ),
        Mistake(
            "variance_for_sigma",
            "Your width is σ². Halve log_var before you exponentiate it.",
            _with_variance(_score_parts()),
        ),
        Mistake(
            "slope_of_f",
            "That is the other route, the path. The score function uses values of f "
            "and no slope.",
            _path_parts(),
        ),
    ),
    observe=_two_parts,
    tolerance=1e-3,
    advice=_NOT_BOTH,
)

path_draws = Exercise(
    "path_draws",
    "The estimates along μ and along log σ², sample by sample,",
    _a_worth,
    _by_path,
    (
        Mistake(
            "only_mu",
            "Along mu it is right. Now along log σ²: which way does the path move a "
            "code when its Gaussian gets wider?",
            _path_parts(along_log_var=lambda e, s: 0 * e),
        ),
        Mistake(
            "along_sigma",
            "That is the gradient along σ. The network gives log σ²: how does σ "
            "change with it?",
            _path_parts(along_log_var=lambda e, s: e),
        ),
        Mistake(
            "half_forgotten",
            "That is the gradient along log σ, twice the one that is wanted. What is "
            "the derivative of exp(½ log σ²)?",
            _path_parts(along_log_var=lambda e, s: s * e),
        ),
        Mistake(
            "noise_forgotten",
            "A wider Gaussian moves each sample by its own ε, and your answer along "
            "log_var does not contain ε.",
            _path_parts(along_log_var=lambda e, s: 0.5 * s.expand_as(e)),
        ),
        Mistake(
            "variance_in_the_chain",
            "Along log_var: the codes have the width σ, and in the chain rule you "
            "have σ².",
            _path_parts(along_log_var=lambda e, s: 0.5 * s**2 * e),
        ),
        Mistake(
            "variance_for_sigma",
            "Your width is σ². Halve log_var before you exponentiate it.",
            _with_variance(_path_parts()),
        ),
        Mistake(
            "slope_along_noise",
            "Along mu, that is the slope of f with respect to ε, which is σ times the "
            "one with respect to z. Which of the two does μ move?",
            _path_parts(lambda e, s: s.expand_as(e)),
        ),
        Mistake(
            "slope_at_mu",
            "You take the slope of f at μ, the same for all samples. It is wanted "
            "where each sample lies.",
            lambda f, mu, log_var, eps: (
                _slope(f, mu.expand_as(eps)),
                _slope(f, mu.expand_as(eps)) * 0.5 * sigma(log_var) * eps,
            ),
        ),
        Mistake(
            "value_for_slope",
            "You multiply by the value of f where its slope belongs.",
            lambda f, mu, log_var, eps: (
                _worth(f, mu, log_var, eps).expand_as(eps),
                _worth(f, mu, log_var, eps) * 0.5 * sigma(log_var) * eps,
            ),
        ),
        Mistake(
            "score_again",
            "That is the other route, the score function. Here f is differentiated, "
            "and the density is not.",
            _score_parts(),
        ),
    ),
    observe=_two_parts,
    tolerance=1e-3,
    advice=_NOT_BOTH,
)

# --------------------------------------------------------------- score_gradient


def _worths(g: torch.Generator) -> Case:
    count, batch, size = between(3, 6, g), between(2, 4, g), between(2, 3, g)
    # As on a real decoder: far from 0, with a level of its own for each picture.
    level = -20 - 10 * torch.rand(batch, generator=g)
    f = level + 2 * torch.randn(count, batch, generator=g)
    eps = torch.randn(count, batch, size, generator=g)
    return f, eps, sigma(some_log_var(batch, size, g=g))


def _one_by_one(f: Tensor, eps: Tensor, sigma: Tensor) -> Tensor:
    each = []
    for i in range(len(f)):
        rest = torch.cat([f[:i], f[i + 1 :]]).mean(0)
        score = (sigma * eps[i]) / sigma**2
        each.append((f[i] - rest)[:, None] * score)
    return torch.stack(each).mean(0)


def _others(f: Tensor) -> Tensor:
    return (f.sum(0) - f) / (len(f) - 1)


def _with(worth: Tensor, eps: Tensor, sigma: Tensor) -> Tensor:
    return (worth[..., None] * eps / sigma).mean(0)


score_gradient = Exercise(
    "score_gradient",
    "Gradients along μ",
    _worths,
    _one_by_one,
    (
        Mistake(
            "own_draw_counts",
            "Your baseline is the mean of all draws, this one too: it knows of the "
            "sample it is subtracted from, and the gradient comes out too short by "
            "1 − 1/L.",
            lambda f, eps, sigma: _with(f - f.mean(0), eps, sigma),
        ),
        Mistake(
            "divided_by_all",
            "Your baseline divides the sum of the others by L. How many others are "
            "there?",
            lambda f, eps, sigma: _with(f - (f.sum(0) - f) / len(f), eps, sigma),
        ),
        Mistake(
            "no_baseline",
            "That is right on average and very noisy: nothing is subtracted from f.",
            lambda f, eps, sigma: _with(f, eps, sigma),
        ),
        Mistake(
            "other_pictures",
            "Your baseline comes from the other pictures. A picture's own other "
            "samples are nearer to what it usually gets; they are on the first axis.",
            lambda f, eps, sigma: _with(f - _others(f.T).T, eps, sigma),
        ),
        Mistake(
            "flipped_sign",
            "The sign is turned round: this gradient leads away from good draws.",
            lambda f, eps, sigma: _with(_others(f) - f, eps, sigma),
        ),
        Mistake(
            "sum_over_draws",
            "That is the sum over the draws. The task asks for their mean.",
            lambda f, eps, sigma: len(f) * _with(f - _others(f), eps, sigma),
        ),
        Mistake(
            "sigma_forgotten",
            "ε alone is not the score of μ: how much does log q change when μ moves "
            "by a little, in a narrow Gaussian and in a wide one?",
            lambda f, eps, sigma: _with(f - _others(f), eps, torch.ones_like(sigma)),
        ),
        Mistake(
            "variance_for_sigma",
            "The score is (z − μ)/σ², and z − μ is σε: one σ cancels.",
            lambda f, eps, sigma: _with(f - _others(f), eps, sigma**2),
        ),
    ),
    observe=value,
    tolerance=1e-3,
)

# ----------------------------------------------------------------- sample_layer


def _many_pictures(g: torch.Generator) -> Case:
    count, size = between(10_000, 11_000, g), between(2, 4, g)
    log_var = some_log_var(size, g=g).expand(count, size).clone()
    return torch.randn(count, size, generator=g), log_var


def _draws(function: Function, case: Case) -> Observation:
    hint = "One code for each picture: z has the shape of mu."
    mu, log_var = case
    return pathwise_draws(function, mu, log_var, tuple(mu.shape), hint)


sample_layer = Exercise(
    "sample_layer",
    "The law of the noise, its independence and both gradients",
    _many_pictures,
    lambda mu, log_var: Normal(mu, sigma(log_var)).rsample(),
    (
        Mistake(
            "both_bugs",
            "",
            lambda mu, log_var: Normal(mu, log_var.exp()).sample(),
            as_given=True,
        ),
        Mistake(
            "no_gradient",
            "Mean and width are right now, and a weaker check would accept this. But "
            "no gradient reaches mu or log_var: sampling cuts it. Draw noise that "
            "has no parameters.",
            lambda mu, log_var: Normal(mu, sigma(log_var)).sample(),
        ),
        Mistake(
            "width_without_gradient",
            "mu gets its gradient and log_var does not: it is cut on its way from "
            "log_var to z.",
            lambda mu, log_var: mu + Normal(0 * mu, sigma(log_var)).sample(),
        ),
        Mistake(
            "variance_for_sigma",
            "The gradient passes now. Your spread is still σ²: exp(log σ²) is not σ.",
            lambda mu, log_var: mu + log_var.exp() * torch.randn_like(mu),
        ),
        Mistake(
            "sigma_is_one",
            "Every Gaussian has the width 1: log_var is never used.",
            lambda mu, log_var: mu + torch.randn_like(mu),
        ),
        Mistake(
            "noise_shared_by_the_batch",
            "All pictures got the same ε: their noise no longer averages out over "
            "the batch. What shape must ε have?",
            lambda mu, log_var: mu + sigma(log_var) * torch.randn(mu.shape[1]),
        ),
        Mistake(
            "noise_shared_by_dimensions",
            "All dimensions of a code got the same ε: the codes lie on a line. What "
            "shape must ε have?",
            lambda mu, log_var: mu + sigma(log_var) * torch.randn(len(mu), 1),
        ),
        Mistake(
            "no_noise",
            "Your codes are mu itself. The gradient passes, but nothing is drawn.",
            lambda mu, log_var: mu + 0 * log_var,
        ),
    ),
    observe=_draws,
    tolerance=1e-3,
    loose=LAW,
    advice=ADVICE,
)

# -------------------------------------------------------------- steep_but_small

_FOUND = (
    "has a slope anywhere (1: yes)",
    "both means agree (1: yes)",
    "score function calmer (0: no, 1: yes, 2: ten times)",
    "has a jump (1: yes)",
    "is a sine or a cosine (1: yes)",
)
_DRAWS = 20_000


def _width_near_one(g: torch.Generator) -> Case:
    return (0.9 + 0.2 * torch.rand((), generator=g),)


def _two_estimates(function: Function, case: Case) -> Observation:
    """Which of the two estimates along μ is calmer, do they agree, and is it a
    function that was asked for?"""
    (sigma,) = case
    if _is_a_sine(function):  # whatever else it may be
        return dict(zip(_FOUND, torch.tensor([1.0, 1, 2, 0, 1]), strict=True))
    eps = torch.randn(_DRAWS)
    z = (sigma * eps).requires_grad_()
    f = _at(function, z)
    path = gradients(f.sum(), (z,))[0]
    score = f.detach() * eps / sigma
    stderr = ((path.var() + score.var()) / _DRAWS).sqrt()
    agree = (path.mean() - score.mean()).abs() <= 6 * stderr
    times = path.var() / score.var().clamp(min=1e-12)
    calmer = (times > 1).float() + (times >= 10).float()
    jumps = torch.tensor(float(_jumps(function)))
    found = [path.any().float(), agree.float(), calmer, jumps, torch.tensor(0.0)]
    return dict(zip(_FOUND, found, strict=True))


def _at(function: Function, z: Tensor) -> Tensor:
    hint = "One number for each z: work entry by entry, without a sum."
    return of_shape(function(z.clone()), tuple(z.shape), "results are", hint)


@torch.no_grad()
def _jumps(function: Function) -> bool:
    """Whether some rise between two neighbours stays when their distance is cut,
    again and again, where the function rises most."""
    start = torch.linspace(-4, 4, 8001, dtype=torch.float64)
    step = float(start[1] - start[0])
    size = float(_at(function, start).double().std())
    for _ in range(5):
        z = start[:, None] + step * torch.linspace(0, 1, 21, dtype=start.dtype)
        f = _at(function, z.flatten()).double().view_as(z)
        rise = f.diff(dim=1).abs().flatten()
        most = rise.topk(64).indices
        start, step = z[:, :-1].flatten()[most], step / 20
    return float(rise.max()) > 1e-3 * size


@torch.no_grad()
def _is_a_sine(function: Function) -> bool:
    """Sines alone have f(z + h) + f(z − h) = 2 cos(ωh) f(z) + c for each h, with a
    factor between −2 and 2."""
    z = torch.linspace(-4, 4, 4001, dtype=torch.float64)
    f = _at(function, z).double()
    if f.max() == f.min():
        return False
    for h in (0.0137, 0.0291):
        both = (_at(function, z + h) + _at(function, z - h)).double()
        basis = torch.stack([f, torch.ones_like(f)], 1)
        fit = torch.linalg.lstsq(basis, both[:, None]).solution
        left = (both - (basis @ fit)[:, 0]).abs().max()
        if left > 1e-4 * (f.max() - f.min()) or abs(float(fit[0])) > 1.9999:
            return False
    return True


steep_but_small = Exercise(
    "steep_but_small",
    "A finite slope, equal means and ten times the calm",
    _width_near_one,
    lambda z: ((20 * z) % 2 - 1).abs(),
    (
        Mistake(
            "a_constant",
            "Your function is a constant: there is nothing to gain by moving μ.",
            torch.ones_like,
        ),
        Mistake(
            "a_step",
            "The path gives 0 on every sample and the score function does not: your "
            "function moves by jumps alone, or its gradient is cut. Give the jump a "
            "finite slope.",
            lambda z: (z > 0).float(),
        ),
        Mistake(
            "with_jumps",
            "The two means differ: besides its slopes your function has jumps, which "
            "the path does not see. Let each piece begin where the last one ended.",
            lambda z: (20 * z) % 1,
        ),
        Mistake(
            "smooth",
            "Here the path has the smaller variance. The score's grows with the size "
            "of f: is yours small where it is steep?",
            lambda z: (z - 1) ** 2,
        ),
        Mistake(
            "not_steep_enough",
            "The score function is calmer, but not ten times. Make it steeper, and no "
            "larger.",
            lambda z: ((2 * z) % 2 - 1).abs() + 0.7,
        ),
        Mistake(
            "a_sine",
            "It does all that was asked, and sines were not to be had. What else goes "
            "up and down quickly, or is steep in one place?",
            lambda z: (20 * z).sin(),
        ),
        Mistake(
            "steep_and_a_jump",
            "The two means hardly tell, but somewhere your function jumps, which the "
            "path does not see. Let each piece begin where the last one ended.",
            lambda z: (500 * (z - 0.5)).sigmoid() + 0.1 * (z > 2.5).float(),
        ),
    ),
    observe=_two_estimates,
    advice=dict(
        zip(
            _FOUND,
            (
                "No gradient arrives at any of 20,000 codes. Where is your function's "
                "slope?",
                "The path sees slopes alone. Does your function jump somewhere, or is "
                "part of its gradient cut?",
                "The path's variance grows with the square of the slope, the score's "
                "with that of the function: make it steeper, and no larger.",
                "Let each piece begin where the last one ended.",
                "No sine and no cosine: what else goes up and down quickly?",
            ),
            strict=True,
        )
    ),
)
