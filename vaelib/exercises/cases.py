"""Random cases, right answers in parts, and the law of noise: what lessons share.

A case tells apart what a lazier one would not: pictures have several channels and
are not square, log σ² keeps away from 0, where σ, σ² and 1 look alike, and among the
codes one picture's lie next to the prior and another's far from it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits

from vaelib.exercises.observing import Observation, gradients, of_shape

__all__ = [
    "ADVICE",
    "LAW",
    "bce",
    "between",
    "cloud",
    "codes",
    "kl",
    "kl_exact",
    "pathwise_draws",
    "picture_shape",
    "prior",
    "repeats",
    "sigma",
    "some_log_var",
]

# ------------------------------------------------------------------------- cases


def between(low: int, high: int, g: torch.Generator) -> int:
    """A whole number, both ends included."""
    return int(torch.randint(low, high + 1, (), generator=g))


def some_log_var(*shape: int, g: torch.Generator) -> Tensor:
    """log σ² well away from 0, where σ, σ² and 1 would be hard to tell apart."""
    size = 0.7 + 1.3 * torch.rand(shape, generator=g)
    return size * (2.0 * torch.randint(0, 2, shape, generator=g) - 1)


def codes(batch: int, size: int, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Means and log σ², each ``(batch, size)``: the first picture's almost the
    prior, the second's with a mean far away, a narrow and a wide dimension, so that
    whatever is clamped shows."""
    mu, lv = 1.5 * torch.randn(batch, size, generator=g), some_log_var(batch, size, g=g)
    mu[0], lv[0] = 0.02 * mu[0], 0.02 * lv[0]
    mu[1, -1] = 10 + 2 * torch.rand((), generator=g)
    lv[1, 0], lv[1, -1] = torch.tensor([-5.0, 3.0]) + torch.rand(2, generator=g)
    return mu, lv


def picture_shape(g: torch.Generator) -> tuple[int, int, int]:
    """(C, H, W) with C > 1 and H ≠ W."""
    high, wide = (torch.randperm(4, generator=g)[:2] + 3).tolist()
    return between(2, 3, g), high, wide


# ------------------------------------------------------------------------- parts


def sigma(log_var: Tensor) -> Tensor:
    return (0.5 * log_var).exp()


def cloud(mu: Tensor, log_var: Tensor) -> Distribution:
    """q(z|x) as torch's own distribution."""
    return Independent(Normal(mu, sigma(log_var)), 1)


def prior(mu: Tensor) -> Distribution:
    """N(0, I) of the same shape."""
    return Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)


def kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL to N(0, 1) of each dimension, as the pages write it: for mistakes."""
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var)


def kl_exact(mu: Tensor, log_var: Tensor) -> Tensor:
    """The same by torch: for oracles."""
    each: Tensor = kl_divergence(
        Normal(mu, sigma(log_var)), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    )
    return each


def bce(x: Tensor, logits: Tensor) -> Tensor:
    """−log p(x|z) of each pixel, in nats."""
    return binary_cross_entropy_with_logits(logits, x, reduction="none")


# ------------------------------------------------------------------------- noise

_TWO = torch.tensor([1.0, 2.0**26], dtype=torch.float64)  # two in one number
_PLACES = torch.tensor([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
_SPREAD, _MEAN = "spread of z, in sigmas", "mean of z − mu, in sigmas"
_BELOW = "share of ε below −2, −1, −½, ½, 1, 2"
_TOGETHER = "largest correlation of two dimensions or pictures"
_NEXT = "correlation of each draw with the next"
_BEYOND = "some ε beyond 3 (1: yes)"
_AGAIN = "share of draws that came before, in this call or another"
# At least six standard errors of what two right answers differ by.
LAW = {
    _SPREAD: 0.06,
    _MEAN: 0.12,
    _BELOW: 0.015,
    _TOGETHER: 0.12,
    _NEXT: 0.12,
    _AGAIN: 0.1,
}
ADVICE = {
    _BELOW: "Mean and width of your ε do not make it normal. What draws from N(0, 1)?",
    _BEYOND: "N(0, 1) has no ends. Is your noise clamped?",
    _TOGETHER: "Some of your ε hang together and should not. Which shape must it have?",
    _NEXT: "Your draws come in an order: each should know nothing of the one before.",
    _AGAIN: "The same noise comes again, within a call or in the next. Is there a seed "
    "or a generator of your own, or a draw that is used twice?",
}


def pathwise_draws(
    draw: Callable[[Tensor, Tensor], object],
    mu: Tensor,
    log_var: Tensor,
    shape: tuple[int, ...],
    hint: str,
) -> Observation:
    """All that can be said of random codes, whatever noise they were drawn with.

    ε is (z − μ)/σ if the draw is right. The gradient of Σz with respect to μ is
    1 for each draw; that of ½(z − μ)² with respect to log σ² is ½(z − μ)² along the
    path z = μ + σε: over itself, 1. Where (z − μ)² is near 0, rounding is all that
    such a ratio would show.

    Args:
        draw: (μ, log σ²) → codes; called twice, for fresh noise.
        mu: ``(B, Z)``.
        log_var: ``(B, Z)``.
        shape: that the codes must have, ``(B, Z)`` or ``(n, B, Z)``.
        hint: what to say if they have not.
    """
    leaves = [t.clone().requires_grad_() for t in (mu, log_var)]
    calls = [
        of_shape(draw(*(t.clone() for t in leaves)), shape, "codes are", hint)
        for _ in range(2)
    ]
    square = 0.5 * (calls[0] - mu) ** 2
    pull = gradients(calls[0].sum(), leaves)[0]
    width = gradients(square.sum(), leaves)[1]
    size = square.detach().sum_to_size(mu.shape)
    first, second = (
        ((z.detach() - mu) / sigma(log_var)).reshape(shape[0], -1) for z in calls
    )
    return _law_of_noise(first, second) | {
        "gradient with respect to mu, per draw": pull * mu.numel() / first.numel(),
        "gradient with respect to log_var, over ½(z − mu)²": torch.where(
            size > 1e-6, width / size, 1.0
        ),
    }


def _law_of_noise(first: Tensor, second: Tensor) -> Observation:
    """Whether two calls' ε, each ``(n, D)``, are 2·n·D draws from N(0, 1)."""
    spread = first.std(0)
    # Where every draw is the same, its height is chance, not a finding.
    varies = spread > 1e-6
    both = torch.cat([first, second])
    live = both[:, varies].flatten()
    unit = (first - first.mean(0)) / spread.clamp(min=1e-6)
    table = unit.T @ unit / len(unit)
    below = (live[:, None] < _PLACES).float().mean(0)
    return {
        _SPREAD: spread,
        _MEAN: torch.where(varies, first.mean(0), 0.0),
        "share of codes that differ from mu": (first.abs() > 1e-6).float().mean(),
        _BELOW: below if len(live) else torch.zeros_like(_PLACES),
        _BEYOND: (live.abs() > 3.001).any().float(),
        _TOGETHER: (table - table.diag().diag()).abs().max(),
        _NEXT: (unit[1:] * unit[:-1]).mean(),
        # A draw is known by two of its numbers, up to sign and rounding.
        _AGAIN: repeats((both[:, :2].abs() / 2e-5).round().double() @ _TWO),
    }


def repeats(numbers: Tensor) -> Tensor:
    """The share of ``(n,)`` numbers that have been there before."""
    return torch.tensor(1 - len(numbers.unique()) / len(numbers))
