"""Checks for lesson 12, *Likelihoods*, and the runs that it recorded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from vaelib.exercises.cases import between, picture_shape
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import (
    Function,
    NotStarted,
    Observation,
    Unusable,
    as_tensor,
    gradients,
    of_shape,
    value,
)
from vaelib.exercises.tables import Row, rows_of

__all__ = ["GaussianHead", "bits_per_dim", "gaussian_loss", "recorded"]


def recorded() -> list[Row]:
    """The eighteen runs on digits, as ``benchmarks/likelihoods.py`` wrote them.

    One row per run: ``likelihood``, ``seed``, ``nats`` (−ELBO per held-out
    picture), ``rate`` in nats, ``rmse`` of the means, and ``as_density``: what the
    Bernoulli's decoder has in nats with the constant of the continuous one.
    """
    return rows_of("likelihoods.csv", ("likelihood",))


# ----------------------------------------------------------------- GaussianHead

_COUNT, _START = "numbers that are learned", "σ at the start"
_LOG_PROB = "log p(x|z), in nats,"
_BY_MEAN = "gradient with respect to the means"
_BY_LOG_VAR = "gradient with respect to log_var"
_MEAN, _SIGMA = "mean", "σ at another log_var"


def _a_batch(g: torch.Generator) -> Case:
    """A shape, means and pictures of it, and a log σ² away from 0."""
    shape, batch = picture_shape(g), between(2, 4, g)
    mean, x = torch.rand(2, batch, *shape, generator=g)
    log_var = -0.7 - 1.5 * torch.rand((), generator=g)
    return shape, mean, x, log_var


def _as_head(function: Function, case: Case) -> Observation:
    """The head at its start, and once its log σ² was moved."""
    shape, mean, x, log_var = case
    head = function(shape)
    own = getattr(head, "log_var", None)
    if own is ...:
        raise NotStarted
    if not isinstance(head, nn.Module) or not isinstance(own, Tensor):
        raise Unusable(
            "your head has no log_var that is a tensor.",
            "The head is an nn.Module, and its one parameter is self.log_var.",
        )
    before = _said(head, mean.clone(), shape).stddev.detach()
    with torch.no_grad():
        own.copy_(log_var.expand_as(own))
    leaf = mean.clone().requires_grad_()
    p = _said(head, leaf.clone(), shape)
    fit = of_shape(p.log_prob(x), (len(x),), "log_prob is", "One number a picture.")
    found = gradients(fit.sum(), [leaf, own])
    learned = list(head.parameters())
    return {
        _COUNT: torch.tensor(float(sum(w.numel() for w in learned))),
        _START: before,
        _MEAN: p.mean.detach(),
        _SIGMA: p.stddev.detach(),
        _LOG_PROB: fit.detach(),
        _BY_MEAN: found[0],
        # A gradient of what no optimiser finds is of no use.
        _BY_LOG_VAR: found.get(1, torch.zeros(())).sum() * bool(learned),
    }


def _said(head: nn.Module, mean: Tensor, shape: tuple[int, ...]) -> Distribution:
    p = head(mean)
    if p is ...:
        raise NotStarted
    if not isinstance(p, Distribution):
        raise Unusable(
            f"your head gave {type(p).__name__}, wanted a distribution.",
            "forward returns p(x|z) itself; its log_prob is asked for later.",
        )
    if (p.batch_shape, p.event_shape) != (mean.shape[:1], torch.Size(shape)):
        raise Unusable(
            f"your distribution has batch {tuple(p.batch_shape)} and event "
            f"{tuple(p.event_shape)}, wanted {tuple(mean.shape[:1])} and {shape}.",
            "Which of its axes belong to one picture? Independent takes the number of "
            "axes, from the last, that are one event.",
        )
    return p


class _ByCovariance(nn.Module):
    """The same as one Gaussian of all pixels, with a diagonal covariance."""

    def __init__(self, data_shape: tuple[int, ...]):
        super().__init__()
        self.data_shape = data_shape
        self.log_var = nn.Parameter(torch.zeros(()))

    def forward(self, mean: Tensor) -> Distribution:
        return _Pictures(mean, self.log_var.exp())


class _Pictures(Distribution):
    def __init__(self, mean: Tensor, variance: Tensor):
        flat = mean.flatten(1)
        self.flat = MultivariateNormal(flat, variance * torch.eye(flat.shape[1]))
        super().__init__(mean.shape[:1], mean.shape[1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.flat.mean.view(*self.batch_shape, *self.event_shape)

    @property
    def variance(self) -> Tensor:
        return self.flat.variance.view(*self.batch_shape, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        found: Tensor = self.flat.log_prob(value.flatten(1))
        return found


def _head(
    start: Callable[[tuple[int, ...]], Tensor] = lambda shape: nn.Parameter(
        torch.zeros(())
    ),
    sigma: Callable[[Tensor], Tensor] = lambda log_var: (0.5 * log_var).exp(),
    mean: Callable[[Tensor], Tensor] = lambda mean: mean,
) -> Function:
    """The right head with one part replaced."""

    class Head(nn.Module):
        def __init__(self, data_shape: tuple[int, ...]):
            super().__init__()
            self.axes, self.log_var = len(data_shape), start(data_shape)

        def forward(self, given: Tensor) -> Distribution:
            return Independent(Normal(mean(given), sigma(self.log_var)), self.axes)

    return Head


GaussianHead = Exercise(
    "GaussianHead",
    "Parameter, density and gradients",
    _a_batch,
    _ByCovariance,
    (
        Mistake(
            "no_parameter",
            "Your log_var is a tensor that no optimiser will find: "
            "list(head.parameters()) is empty.",
            _head(lambda shape: torch.zeros(())),
        ),
        Mistake(
            "one_per_pixel",
            "Your head learns a σ for every pixel. One for all of them is asked for.",
            _head(lambda shape: nn.Parameter(torch.zeros(shape))),
        ),
        Mistake(
            "starts_elsewhere",
            "log_var begins at 1, and that is σ = 1.65. Of which number is 1 the "
            "exponential?",
            _head(lambda shape: nn.Parameter(torch.ones(()))),
        ),
        Mistake(
            "variance_for_sigma",
            "exp(log σ²) is σ². Normal wants σ.",
            _head(sigma=torch.exp),
        ),
        Mistake(
            "twice_for_half",
            "Your σ is exp(2 log σ²). Which power of σ² is σ?",
            _head(sigma=lambda log_var: (2 * log_var).exp()),
        ),
        Mistake(
            "log_var_without_gradient",
            "The density is right, but no gradient reaches log_var: it would stay at "
            "1 for ever.",
            _head(sigma=lambda log_var: (0.5 * log_var.detach()).exp()),
        ),
        Mistake(
            "mean_without_gradient",
            "The density is right, but no gradient reaches the means: what is before "
            "the head would learn nothing.",
            _head(mean=torch.Tensor.detach),
        ),
        Mistake(
            "bounded_mean",
            "Your means are not those that came in. A Gaussian's mean may be any "
            "number.",
            _head(mean=torch.sigmoid),
        ),
    ),
    observe=_as_head,
    advice={
        _COUNT: "One number is learned: log σ², the same for all pixels.",
        _START: "At the start σ is 1, so log σ² is 0.",
        _SIGMA: "σ = exp(½ log σ²).",
    },
)

# ---------------------------------------------------------------- gaussian_loss

_LOSS, _BETA = "loss, in nats per picture,", "β that the text's loss amounts to"
_MEANS, _KLS = "gradient of the loss in the means", "gradient of the loss in the KL"


def _a_loss(g: torch.Generator) -> Case:
    shape, batch = picture_shape(g), between(2, 5, g)
    x, mean = torch.rand(2, batch, *shape, generator=g)
    kl = 1 + 4 * torch.rand(batch, generator=g)
    sigma = 0.2 + 0.4 * torch.rand((), generator=g).item()
    return x, mean, kl, sigma + 1.2 * between(0, 1, g)


def _as_loss(function: Function, case: Case) -> Observation:
    x, mean, kl, sigma = case
    leaves = [mean.clone().requires_grad_(), kl.clone().requires_grad_()]
    given = function(x.clone(), *(leaf.clone() for leaf in leaves), sigma)
    if given is ...:
        raise NotStarted
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise Unusable(
            "two things are wanted, the loss and β.", "return loss, beta, in this order"
        )
    loss = of_shape(given[0], (), "loss is", "One number: the mean over the batch.")
    beta = as_tensor(given[1]).detach().float()
    found = gradients(loss, leaves)
    return {_LOSS: loss.detach(), _MEANS: found[0], _KLS: found[1], _BETA: beta}


def _pixel_by_pixel(
    x: Tensor, mean: Tensor, kl: Tensor, sigma: float
) -> tuple[Tensor, float]:
    """By the density of one pixel after the other. β by two slopes of the text's
    loss: with respect to the log-density, and to the KL."""
    total = torch.zeros((), dtype=torch.float64)
    for picture, painted, nats in zip(x.double(), mean.double(), kl, strict=True):
        for value_, centre in zip(picture.flatten(), painted.flatten(), strict=True):
            total = total - Normal(centre, sigma).log_prob(value_)
        total = total + nats
    pixels = sum(1 for _ in x[0].flatten())
    by_square, by_kl = 1 / pixels, 1.0  # slopes of the text's loss
    return (total / len(x)).float(), by_kl / (by_square / (1 / (2 * sigma**2)))


def _squares(x: Tensor, mean: Tensor) -> Tensor:
    return ((x - mean) ** 2).flatten(1).sum(1)


def _loss(
    fit: Callable[[Tensor, float, int], Tensor] = lambda s, sigma, P: (
        s / (2 * sigma**2) + P / 2 * math.log(2 * math.pi * sigma**2)
    ),
    both: Callable[[Tensor, Tensor], Tensor] = lambda fit, kl: (fit + kl).mean(),
    beta: Callable[[float, int, int], float] = lambda sigma, P, B: P / (2 * sigma**2),
) -> Function:
    """The right answer with one part replaced."""

    def run(x: Tensor, mean: Tensor, kl: Tensor, sigma: float) -> Any:
        P = x[0].numel()
        told = fit(_squares(x, mean), sigma, P)
        return both(told, kl), beta(sigma, P, len(x))

    return run


gaussian_loss = Exercise(
    "gaussian_loss",
    "Loss, gradients and β",
    _a_loss,
    _pixel_by_pixel,
    (
        Mistake(
            "as_given",
            "",
            _loss(lambda s, sigma, P: s / P, beta=lambda sigma, P, B: 1.0),
            as_given=True,
        ),
        Mistake(
            "beta_left_at_one",
            "The loss is right. The text's loss is not it: which β does that one "
            "amount to?",
            _loss(beta=lambda sigma, P, B: 1.0),
        ),
        Mistake(
            "loss_left_as_it_was",
            "β is right. Now write the loss that has β = 1 for this sigma.",
            _loss(lambda s, sigma, P: s / P),
        ),
        Mistake(
            "sigma_ignored",
            "That is the loss for σ² = ½, without its constant. Where does sigma come "
            "in?",
            _loss(lambda s, sigma, P: s),
        ),
        Mistake(
            "constants_dropped",
            "The gradients are right. But −ELBO in nats has the constant, ½ log 2πσ² "
            "for each pixel.",
            _loss(lambda s, sigma, P: s / (2 * sigma**2)),
        ),
        Mistake(
            "constant_once",
            "The constant stands there once. How many pixels have it?",
            _loss(
                lambda s, sigma, P: (
                    s / (2 * sigma**2) + math.log(2 * math.pi * sigma**2) / 2
                )
            ),
        ),
        Mistake(
            "half_forgotten",
            "The squared error is divided by σ² alone. In the density stands 2σ².",
            _loss(
                lambda s, sigma, P: (
                    s / sigma**2 + P / 2 * math.log(2 * math.pi * sigma**2)
                )
            ),
        ),
        Mistake(
            "sigma_for_variance",
            "σ stands where σ² belongs.",
            _loss(
                lambda s, sigma, P: (
                    s / (2 * sigma) + P / 2 * math.log(2 * math.pi * sigma)
                )
            ),
        ),
        Mistake(
            "mean_over_pixels",
            "The log-density is still averaged over pixels, beside a KL that is summed "
            "over dimensions.",
            _loss(
                lambda s, sigma, P: (
                    s / (2 * sigma**2) / P + math.log(2 * math.pi * sigma**2) / 2
                )
            ),
        ),
        Mistake(
            "sum_over_batch",
            "Twice the pictures would give twice the loss. Nats per picture are asked "
            "for.",
            _loss(both=lambda fit, kl: (fit + kl).sum()),
        ),
        Mistake(
            "flipped_kl",
            "A loss is minimised: with this sign a larger KL is a gain.",
            _loss(both=lambda fit, kl: (fit - kl).mean()),
        ),
        Mistake(
            "beta_inverted",
            "Your β is the other way round. Is the KL too strong in the text's loss, "
            "or too weak?",
            _loss(beta=lambda sigma, P, B: 2 * sigma**2 / P),
        ),
        Mistake(
            "beta_without_sigma",
            "That would be β for σ² = ½. The same loss is another β for another σ.",
            _loss(beta=lambda sigma, P, B: float(P)),
        ),
        Mistake(
            "beta_without_half",
            "Your β is P/σ². Compare with the squared error's factor in the ELBO, "
            "once more.",
            _loss(beta=lambda sigma, P, B: P / sigma**2),
        ),
        Mistake(
            "beta_with_the_batch",
            "Your β depends on how many pictures the batch holds. The text averages "
            "over the pixels of one.",
            _loss(beta=lambda sigma, P, B: B * P / (2 * sigma**2)),
        ),
    ),
    observe=_as_loss,
    advice={
        _LOSS: "−ELBO = −log p(x|z) + KL, averaged over the batch; log p(x|z) is a sum "
        "over pixels, with all constants.",
        _BETA: "Multiply the text's loss until its first term is Σ(x − μ)²/2σ².",
    },
)

# ----------------------------------------------------------------- bits_per_dim


def _models(g: torch.Generator) -> Case:
    count, pixels = between(2, 4, g), between(20, 90, g)
    nats = 100 * torch.randn(count, generator=g)
    width = (0.5, 2.0, 3.0)[between(0, 2, g)]
    return nats, pixels, between(5, 40, g), width


def _by_cells(nats: Tensor, pixels: int, levels: int, width: float) -> Tensor:
    """By the probability of one cell in each dimension, in powers of two."""
    edge = torch.linspace(0, width, levels + 1, dtype=torch.float64).diff()[0]
    mass = edge.log2() * pixels - nats.double() / torch.tensor(2.0).double().log()
    return (-mass / pixels).float()


def _bits(
    cell: Callable[[int, float], float] = lambda levels, width: width / levels,
    sign: float = -1.0,
    unit: float = math.log(2),
    per_dim: bool = True,
) -> Function:
    """The right answer with one part replaced."""

    def run(nats: Tensor, pixels: int, levels: int, width: float) -> Tensor:
        whole = nats + sign * pixels * math.log(cell(levels, width))
        return whole / unit / (pixels if per_dim else 1)

    return run


bits_per_dim = Exercise(
    "bits_per_dim",
    "Values",
    _models,
    _by_cells,
    (
        Mistake("as_given", "", _bits(lambda levels, _: 1 / levels), as_given=True),
        Mistake(
            "width_the_other_way",
            "Twice the width now makes cells half as long.",
            _bits(lambda levels, width: 1 / (levels * width)),
        ),
        Mistake(
            "flipped_sign",
            "The probability of a cell is the density times its length: the logarithms "
            "are added, and nats are minus a logarithm.",
            _bits(sign=1.0),
        ),
        Mistake(
            "steps_for_cells",
            "Between K levels are K − 1 steps. How many cells are there?",
            _bits(lambda levels, width: width / (levels - 1)),
        ),
        Mistake(
            "nats_for_bits",
            "These are nats per dimension. A bit is log 2 nats.",
            _bits(unit=1.0),
        ),
        Mistake(
            "per_picture",
            "These are bits per picture.",
            _bits(per_dim=False),
        ),
        Mistake(
            "no_cell",
            "You have changed the unit only. The density still has to become the "
            "probability of a level.",
            _bits(lambda levels, width: 1.0),
        ),
    ),
    observe=value,
)
