"""Checks for lesson 06, *The ELBO*."""

from __future__ import annotations

from collections.abc import Callable
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
from vaelib.exercises.cases import between, some_log_var
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import (
    GRADIENT,
    Function,
    NotStarted,
    Observation,
    Unusable,
    as_tensor,
    distance,
    gradients,
    value,
)

__all__ = ["best_diagonal", "linear_elbo", "nll"]


def _tensors(function: Function, case: Case, names: str) -> list[object]:
    """What the learner returns, one thing for each of ``names``."""
    wanted = names.split(", ")
    given = function(*case)
    if given is ...:
        raise NotStarted
    if not isinstance(given, tuple | list) or len(given) != len(wanted):
        raise Unusable(
            f"your function gave {_kind(given)}, wanted {len(wanted)}: {names}.",
            f"The last line is: return {names}",
        )
    if all(part is ... for part in given):
        raise NotStarted
    return list(given)


def _kind(given: object) -> str:
    if isinstance(given, tuple | list):
        return f"{len(given)} things"
    return type(given).__name__


# ------------------------------------------------------------------ linear_elbo

_PARTS = "error, kl, elbo"


def _linear_model(g: torch.Generator) -> Case:
    batch, pixels, size = between(2, 4, g), between(5, 8, g), between(2, 3, g)
    x = torch.randn(batch, pixels, generator=g)
    mu = torch.randn(batch, size, generator=g)
    W = torch.randn(pixels, size, generator=g)
    b = torch.randn(pixels, generator=g)
    s2 = 0.3 + torch.rand((), generator=g)
    return x, mu, some_log_var(batch, size, g=g), W, b, s2


def _by_distributions(
    x: Tensor, mu: Tensor, log_var: Tensor, W: Tensor, b: Tensor, s2: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The error from x − Wz − b's Gaussian under q: the square of its mean and the
    trace of its covariance; the ELBO from N(x; Wμ + b, s²I) and that trace."""
    q = MultivariateNormal(mu, torch.diag_embed(log_var.exp()))
    prior = MultivariateNormal(torch.zeros_like(mu), torch.eye(mu.shape[1]))
    centre = Independent(Normal(mu @ W.T + b, s2.sqrt()), 1)
    blur = W @ q.covariance_matrix @ W.T
    trace = blur.diagonal(dim1=-2, dim2=-1).sum(-1)
    error = (x - centre.mean).square().sum(1) + trace
    kl: Tensor = kl_divergence(q, prior)
    return error, kl, centre.log_prob(x) - trace / (2 * s2) - kl


def _in_parts(function: Function, case: Case) -> Observation:
    """Error, KL and ELBO, and the gradients of the ELBO that training asks for."""
    x, mu, log_var, *rest = (a.clone() for a in case)
    leaves = [mu.requires_grad_(), log_var.requires_grad_()]
    args = (x, mu.clone(), log_var.clone(), *rest)
    given = _tensors(function, args, _PARTS)
    _so_far(given, case)
    error, kl, elbo = map(as_tensor, given)
    slopes = gradients(elbo.sum(), leaves)
    return {
        "error": error.detach(),
        "kl": kl.detach(),
        "elbo": elbo.detach(),
        f"{GRADIENT}1": slopes[0],
        f"{GRADIENT}2": slopes[1],
    }


def _so_far(given: list[object], case: Case) -> None:
    """Where some parts are still ..., what is to be said of the others."""
    names = _PARTS.split(", ")
    wanted = dict(zip(names, _by_distributions(*case), strict=True))
    parts = dict(zip(names, given, strict=True))
    missing = [name for name in names if parts[name] is ...]
    if not missing:
        return
    right = [
        name
        for name in names
        if name not in missing and distance(as_tensor(parts[name]), wanted[name]) < 1e-3
    ]
    wrong = [name for name in names if name not in right + missing]
    verdict = [f"{name} is right" for name in right]
    verdict += [f"{name} is not right yet" for name in wrong]
    raise Unusable(
        f"so far {' and '.join(verdict)}.", f"Still to be written: {missing[0]}."
    )


Parts = tuple[Tensor, Tensor, Tensor]


def _wrong(change: Callable[..., Parts]) -> Callable[..., Parts]:
    """A mistake from the right pieces: ``change(miss, spread, constant, kl, s2)``
    with the squared error at μ and what W makes of q's variance, each ``(B, D)``,
    log 2πs², and KL."""

    def wrong(
        x: Tensor, mu: Tensor, log_var: Tensor, W: Tensor, b: Tensor, s2: Tensor
    ) -> Parts:
        miss = (x - mu @ W.T - b).square()
        spread = log_var.exp() @ W.T.square()
        kl = cases.kl(mu, log_var).sum(1)
        return change(miss, spread, torch.log(2 * pi * s2), kl, s2)

    return wrong


def _bound(error: Tensor, constant: Tensor, kl: Tensor, s2: Tensor) -> Parts:
    """From the error ``(B,)`` and the constant of all pixels."""
    return error, kl, -0.5 * (constant + error / s2) - kl


def _spread_forgotten(
    miss: Tensor, _: Tensor, c: Tensor, kl: Tensor, s2: Tensor
) -> Parts:
    return _bound(miss.sum(1), miss.shape[1] * c, kl, s2)


def _kl_added(miss: Tensor, spread: Tensor, c: Tensor, kl: Tensor, s2: Tensor) -> Parts:
    error, _, elbo = _bound((miss + spread).sum(1), miss.shape[1] * c, kl, s2)
    return error, kl, elbo + 2 * kl


def _kl_negative(
    miss: Tensor, spread: Tensor, c: Tensor, kl: Tensor, s2: Tensor
) -> Parts:
    error, _, elbo = _bound((miss + spread).sum(1), miss.shape[1] * c, kl, s2)
    return error, -kl, elbo


def _no_two_pi(
    miss: Tensor, spread: Tensor, c: Tensor, kl: Tensor, s2: Tensor
) -> Parts:
    return _bound((miss + spread).sum(1), miss.shape[1] * s2.log(), kl, s2)


def _one_constant(
    miss: Tensor, spread: Tensor, c: Tensor, kl: Tensor, s2: Tensor
) -> Parts:
    return _bound((miss + spread).sum(1), c, kl, s2)


def _no_half(miss: Tensor, spread: Tensor, c: Tensor, kl: Tensor, s2: Tensor) -> Parts:
    error = (miss + spread).sum(1)
    return error, kl, -(miss.shape[1] * c + error / s2) - kl


def _mean_over_pixels(
    miss: Tensor, spread: Tensor, c: Tensor, kl: Tensor, s2: Tensor
) -> Parts:
    return _bound((miss + spread).mean(1), c, kl, s2)


def _mean_over_pictures(
    miss: Tensor, spread: Tensor, c: Tensor, kl: Tensor, s2: Tensor
) -> Parts:
    error, _, elbo = _bound((miss + spread).sum(1), miss.shape[1] * c, kl, s2)
    return error.mean(), kl.mean(), elbo.mean()


def _weights_not_squared(
    x: Tensor, mu: Tensor, log_var: Tensor, W: Tensor, b: Tensor, s2: Tensor
) -> Parts:
    error = (x - mu @ W.T - b).square() + log_var.exp() @ W.T
    constant = x.shape[1] * torch.log(2 * pi * s2)
    return _bound(error.sum(1), constant, cases.kl(mu, log_var).sum(1), s2)


def _log_sigma(
    x: Tensor, mu: Tensor, log_var: Tensor, W: Tensor, b: Tensor, s2: Tensor
) -> Parts:
    return _by_distributions(x, mu, 2 * log_var, W, b, s2)


linear_elbo = Exercise(
    "linear_elbo",
    "The error, the KL, the ELBO and its gradients",
    _linear_model,
    _by_distributions,
    (
        Mistake(
            "spread_forgotten",
            "Your error is the one at z = μ. The codes scatter around μ, and W carries "
            "their scatter into the picture: E(x − Wz − b)² has a second part.",
            _wrong(_spread_forgotten),
        ),
        Mistake(
            "weights_not_squared",
            "You weigh the variance of each z by W. What is the variance of w · z, for "
            "a number w?",
            _weights_not_squared,
        ),
        Mistake(
            "kl_added",
            "Error and KL are right, and you added the KL. A code that says more "
            "should lower the bound.",
            _wrong(_kl_added),
        ),
        Mistake(
            "kl_negative",
            "Your KL has the wrong sign: no KL is below zero. (The ELBO is right.)",
            _wrong(_kl_negative),
        ),
        Mistake(
            "no_two_pi",
            "Error and KL are right. You dropped ½ log 2π for each pixel. Without it "
            "the bound can lie above log p(x).",
            _wrong(_no_two_pi),
        ),
        Mistake(
            "one_constant",
            "Error and KL are right. ½ log 2πs² is there once, but each of the D "
            "pixels has its own.",
            _wrong(_one_constant),
        ),
        Mistake(
            "no_half",
            "Error and KL are right. What stands before the square in the logarithm of "
            "a Gaussian density, and before log 2πs²?",
            _wrong(_no_half),
        ),
        Mistake(
            "log_sigma",
            "You read log_var as log σ. The variance is its exponential, without a "
            "square.",
            _log_sigma,
        ),
        Mistake(
            "mean_over_pixels",
            "Your error is a mean over pixels. log p(x|z) is a sum: a mean makes the "
            "KL weigh D times too much.",
            _wrong(_mean_over_pixels),
        ),
        Mistake(
            "mean_over_pictures",
            "The numbers are right, and averaged. Give one for each picture.",
            _wrong(_mean_over_pictures),
        ),
    ),
    observe=_in_parts,
    tolerance=1e-3,
)

# ---------------------------------------------------------------- best_diagonal


def _linear_pictures(g: torch.Generator) -> Case:
    x, _, _, W, b, s2 = _linear_model(g)
    return x, W, b, s2


def _conditionals(x: Tensor, W: Tensor, b: Tensor, s2: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of p(z|x), and each z's variance when x and the other z are known:
    both by conditioning the joint Gaussian of (z, x)."""
    W, b, x, s2 = (t.double() for t in (W, b, x, s2))
    size, pixels = W.shape[1], W.shape[0]
    eye = torch.eye(size).double()
    noisy = W @ W.T + s2 * torch.eye(pixels).double()
    joint = torch.cat([torch.cat([eye, W.T], 1), torch.cat([W, noisy], 1)])
    mean = (x - b) @ torch.linalg.solve(noisy, W)
    var = []
    for k in range(size):
        others = [i for i in range(size + pixels) if i != k]
        across = joint[k, others]
        known = torch.linalg.solve(joint[others][:, others], across)
        var.append(joint[k, k] - across @ known)
    return mean.float(), torch.stack(var).float()


def _mean_and_var(function: Function, case: Case) -> Observation:
    mu, var = _tensors(function, tuple(a.clone() for a in case), "mu, var")
    for part, name in ((mu, "mu"), (var, "var")):
        if part is ...:
            raise Unusable(f"{name} is still to be written.", "The other is there.")
    return {"mu": as_tensor(mu).detach(), "var": as_tensor(var).detach()}


def _from(precision: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    """The answer with another matrix in the precision's place."""

    def wrong(x: Tensor, W: Tensor, b: Tensor, s2: Tensor) -> tuple[Tensor, Tensor]:
        matrix = precision(W, s2)
        mu: Tensor = torch.linalg.solve(matrix, W.T @ (x - b).T / s2).T
        return mu, 1 / matrix.diagonal()

    return wrong


def _precision(W: Tensor, s2: Tensor) -> Tensor:
    return torch.eye(W.shape[1]) + W.T @ W / s2


def _changed(
    of_mu: Callable[..., Tensor], of_var: Callable[..., Tensor]
) -> Callable[..., tuple[Tensor, Tensor]]:
    """``of_mu(mu, x, W, b, s2)`` and ``of_var(precision)``."""

    def wrong(x: Tensor, W: Tensor, b: Tensor, s2: Tensor) -> tuple[Tensor, Tensor]:
        mu, _ = _from(_precision)(x, W, b, s2)
        return of_mu(mu, x, W, b, s2), of_var(_precision(W, s2))

    return wrong


def _same(mu: Tensor, *_: Tensor) -> Tensor:
    return mu


def _one_over_diagonal(precision: Tensor) -> Tensor:
    return 1 / precision.diagonal()


def _b_forgotten(mu: Tensor, x: Tensor, W: Tensor, b: Tensor, s2: Tensor) -> Tensor:
    without: Tensor = mu + torch.linalg.solve(_precision(W, s2), W.T @ b / s2)
    return without


def _each_alone(mu: Tensor, x: Tensor, W: Tensor, b: Tensor, s2: Tensor) -> Tensor:
    return (x - b) @ W / s2 / _precision(W, s2).diagonal()


best_diagonal = Exercise(
    "best_diagonal",
    "Means and variances",
    _linear_pictures,
    _conditionals,
    (
        Mistake(
            "marginal_variances",
            "Your mean is right; your variances are those of the posterior itself, the "
            "diagonal of Λ⁻¹. They are too wide for a q without correlations: where is "
            "the slope of the ELBO with respect to σ² zero?",
            _changed(_same, lambda precision: torch.linalg.inv(precision).diagonal()),
        ),
        Mistake(
            "precision_for_variance",
            "Your mean is right; your variances are precisions. A variance is one over "
            "that.",
            _changed(_same, lambda precision: precision.diagonal()),
        ),
        Mistake(
            "sigma_for_variance",
            "Your mean is right; that is σ, and σ² was asked for.",
            _changed(_same, lambda precision: precision.diagonal().rsqrt()),
        ),
        Mistake(
            "log_var",
            "Your mean is right; that is log σ², and σ² was asked for.",
            _changed(_same, lambda precision: -precision.diagonal().log()),
        ),
        Mistake(
            "prior_forgotten",
            "You left the prior out: without the I, both are those of least squares.",
            _from(lambda W, s2: W.T @ W / s2),
        ),
        Mistake(
            "b_forgotten",
            "The decoder adds b to the picture. Take it away before you ask which code "
            "made the rest.",
            _changed(_b_forgotten, _one_over_diagonal),
        ),
        Mistake(
            "each_alone",
            "Your variances are right. Your mean treats each entry of z as if the "
            "others were 0: the Z equations belong together, so solve them together.",
            _changed(_each_alone, _one_over_diagonal),
        ),
        Mistake(
            "s_for_variance",
            "You divided by s. It is the noise's variance, s², that stands there.",
            lambda x, W, b, s2: _from(_precision)(x, W, b, s2.sqrt()),
        ),
    ),
    observe=_mean_and_var,
    tolerance=1e-3,
)

# -------------------------------------------------------------------------- nll


def _many_draws(g: torch.Generator) -> Case:
    draws, batch = between(4, 12, g), between(2, 5, g)
    log_joint = 2 * torch.randn(draws, batch, generator=g) - 6
    log_joint = log_joint + 2 * torch.randn(batch, generator=g)
    log_joint[:, ::2] -= 250  # as improbable as a picture of many pixels
    return log_joint, torch.randn(draws, batch, generator=g) - 1


def _minus_log_average(log_joint: Tensor, log_q: Tensor) -> Tensor:
    weights = (log_joint.double() - log_q.double()).exp()
    return -weights.mean(0).log().mean().to(log_joint.dtype)


def _log_of_average(log_joint: Tensor, log_q: Tensor) -> Tensor:
    return (log_joint - log_q).logsumexp(0) - log(len(log_q))


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
            lambda log_joint, log_q: (
                log(log_q.numel()) - (log_joint - log_q).flatten().logsumexp(0)
            ),
        ),
        Mistake(
            "underflow",
            "The formula is right, but a weight of e⁻²⁵⁰ is 0 in float32, and its "
            "logarithm is −∞. Stay with logarithms: logsumexp.",
            lambda log_joint, log_q: -(log_joint - log_q).exp().mean(0).log().mean(),
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
            "That is the NLL of the whole test set. In nats per picture it does not "
            "grow with the number of pictures.",
            lambda log_joint, log_q: -_log_of_average(log_joint, log_q).sum(),
        ),
    ),
    observe=value,
)
