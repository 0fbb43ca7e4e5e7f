"""Checks for lesson 07, *Reparameterisation*."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal

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
    Observation,
    gradients,
    of_shape,
    value,
)

__all__ = ["sample_layer", "score_gradient", "steep_but_small", "width_gradient"]


# --------------------------------------------------------------- width_gradient


def _slopes(g: torch.Generator) -> Case:
    shape = between(3, 6, g), between(2, 4, g), between(2, 4, g)
    slope, eps = torch.randn(2, *shape, generator=g)
    return slope, eps, some_log_var(*shape[1:], g=g)


def _by_autograd(slope: Tensor, eps: Tensor, log_var: Tensor) -> Tensor:
    leaf = log_var.detach().clone().requires_grad_()
    z = Normal(torch.zeros_like(leaf), sigma(leaf)).scale * eps
    (found,) = torch.autograd.grad((slope * z).sum() / len(eps), leaf)
    return found


width_gradient = Exercise(
    "width_gradient",
    "Gradients along log σ²",
    _slopes,
    _by_autograd,
    (
        Mistake(
            "along_sigma",
            "That is the gradient along σ. The network gives log σ²: how does σ "
            "change with it?",
            lambda slope, eps, log_var: (slope * eps).mean(0),
        ),
        Mistake(
            "half_forgotten",
            "That is the gradient along log σ, twice yours. What is the derivative "
            "of exp(½ log σ²)?",
            lambda slope, eps, log_var: (slope * eps * sigma(log_var)).mean(0),
        ),
        Mistake(
            "variance_for_sigma",
            "Your width is σ². Halve log_var before you exponentiate it.",
            lambda slope, eps, log_var: (slope * eps * 0.5 * log_var.exp()).mean(0),
        ),
        Mistake(
            "log_var_for_sigma",
            "log_var stands where σ should. What makes the one of the other?",
            lambda slope, eps, log_var: (slope * eps * 0.5 * log_var).mean(0),
        ),
        Mistake(
            "noise_forgotten",
            "A wider cloud moves each draw by its own ε, and your answer does not "
            "contain ε.",
            lambda slope, eps, log_var: (slope * 0.5 * sigma(log_var)).mean(0),
        ),
        Mistake(
            "sum_over_draws",
            "That is the sum over the draws; more draws should not make a longer "
            "gradient.",
            lambda slope, eps, log_var: (slope * eps * 0.5 * sigma(log_var)).sum(0),
        ),
        Mistake(
            "mean_over_codes",
            "You averaged over the codes. Each picture has a width of its own, and "
            "only the draws, the first axis, are averaged.",
            lambda slope, eps, log_var: (slope * eps * 0.5 * sigma(log_var)).mean(1),
        ),
    ),
    observe=value,
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
            "no gradient reaches mu or log_var: the draw cuts it. Draw noise that "
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
            "Every cloud has the width 1: log_var is never used.",
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
            "draw it is subtracted from, and the gradient comes out too short by "
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
            "draws are nearer to what it usually gets; they are on the first axis.",
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
            "by a little, in a narrow cloud and in a wide one?",
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
            "The path gives 0 on every draw and the score function does not: your "
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
            "Here the path is the calmer one. The score function pays with the size "
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
                "The path pays with the square of the slope, the score with the square "
                "of the function: make it steeper, and no larger.",
                "Let each piece begin where the last one ended.",
                "No sine and no cosine: what else goes up and down quickly?",
            ),
            strict=True,
        )
    ),
)
