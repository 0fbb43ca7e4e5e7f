"""Heads: modules that turn a body's features into a distribution."""

from math import log
from numbers import Real
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.nn.functional import softshrink

from vaelib.distributions.bernoulli import Bernoulli
from vaelib.distributions.continuous_bernoulli import ContinuousBernoulli
from vaelib.distributions.gaussian import DiagonalGaussian, Gaussian
from vaelib.distributions.grey_levels import GreyLevels
from vaelib.networks.body import Shape, as_shape, as_size


class DiagonalGaussianHead(nn.Module):
    """Features ``(B, 2Z)``: means, then log-variances → q(z|x), event ``(Z,)``."""

    def __init__(self, latent_dim: int):
        super().__init__()
        self.latent_dim = as_size("latent_dim", latent_dim)
        self.in_shape: tuple[int, ...] = (2 * self.latent_dim,)
        self.event_shape: tuple[int, ...] = (self.latent_dim,)

    def forward(self, features: Tensor) -> DiagonalGaussian:
        _check_features(features, self.in_shape)
        mu, log_var = features.chunk(2, dim=-1)
        return DiagonalGaussian(mu, smooth_bound(log_var))


class BernoulliHead(nn.Module):
    """Logits ``(B, *data_shape)`` → Bernoulli pixels, event ``data_shape``."""

    def __init__(self, data_shape: Shape):
        super().__init__()
        self.event_shape = as_shape("data_shape", data_shape)
        self.in_shape = self.event_shape

    def forward(self, features: Tensor) -> Independent[Any]:
        _check_features(features, self.in_shape)
        _refuse_probabilities(features, "BernoulliHead")
        return _independent(Bernoulli(logits=features), self.event_shape)


class ContinuousBernoulliHead(nn.Module):
    """Logits ``(B, *data_shape)`` → a density on [0, 1] for each pixel, event
    ``data_shape`` (Loaiza-Ganem & Cunningham 2019).

    For grey pixels, which under a :class:`BernoulliHead` have no density.
    """

    def __init__(self, data_shape: Shape):
        super().__init__()
        self.event_shape = as_shape("data_shape", data_shape)
        self.in_shape = self.event_shape

    def forward(self, features: Tensor) -> Independent[Any]:
        _check_features(features, self.in_shape)
        _refuse_probabilities(features, "ContinuousBernoulliHead")
        return _independent(ContinuousBernoulli(logits=features), self.event_shape)


class GaussianHead(nn.Module):
    """Means, and perhaps log-variances, → Gaussian pixels, event ``data_shape``.

    Args:
        data_shape: shape of one example.
        scale: σ in the data's units: a number (fixed), ``"learned"`` (one σ for
            all pixels, a parameter) or ``"per-dimension"`` (the network gives
            each pixel its own; features are then twice as many, means first
            along the first dimension).
        floor: with ``"per-dimension"``, the least σ: the network's own variance is
            added to floor². Without it, the density of a pixel that never changes
            grows for as long as one trains (Mattei & Frellsen 2018).

    Shapes:
        features ``(B, C, …)``, or ``(B, 2C, …)`` for ``"per-dimension"``.
    """

    log_var: Tensor | None

    def __init__(
        self,
        data_shape: Shape,
        scale: float | Literal["learned", "per-dimension"] = 1.0,
        floor: float = 0.0,
    ):
        super().__init__()
        self.event_shape = as_shape("data_shape", data_shape)
        self.floor = _as_floor(floor, scale)
        # A plain number, not NumPy's: it is to stand in a file's recipe.
        self.scale = float(scale) if isinstance(scale, Real) else scale
        factor = 2 if scale == "per-dimension" else 1
        self.in_shape = (factor * self.event_shape[0], *self.event_shape[1:])
        if scale == "learned":
            self.log_var = nn.Parameter(torch.zeros(()))
        elif scale == "per-dimension":
            self.log_var = None
        elif isinstance(scale, Real) and 0 < scale < float("inf"):
            self.register_buffer("log_var", torch.tensor(2 * log(float(scale))))
        else:
            raise ValueError(
                f"scale: got {scale!r}, wanted a positive number (σ), "
                "'learned' or 'per-dimension'"
            )

    def forward(self, features: Tensor) -> Independent[Any]:
        _check_features(features, self.in_shape)
        if self.log_var is None:
            mean, raw = features.chunk(2, dim=1)
        else:
            mean, raw = features, self.log_var
        log_var = smooth_bound(raw)
        if self.floor:
            least = torch.full_like(log_var, 2 * log(self.floor))
            log_var = torch.logaddexp(log_var, least)
        return _independent(Gaussian(mean, log_var), self.event_shape)


def _as_floor(floor: float, scale: object) -> float:
    if not (isinstance(floor, Real) and 0 <= floor < float("inf")):
        raise ValueError(f"floor: got {floor!r}, wanted a σ, 0 or more")
    if floor and scale != "per-dimension":
        raise ValueError(
            f"floor: got {floor!r} with scale={scale!r}; only 'per-dimension' takes one"
        )
    return float(floor)


class CategoricalHead(nn.Module):
    """Logits over grey levels → one categorical per pixel, event ``data_shape``.

    Args:
        data_shape: shape of one example, ``(C, …)``.
        levels: number of grey levels, e.g. 17 for ``digits``, 256 for MNIST.

    Shapes:
        features ``(B, levels·C, …)``, all channels of the first level first.
    """

    def __init__(self, data_shape: Shape, levels: int):
        super().__init__()
        levels = as_size("levels", levels, least=2)
        self.event_shape = as_shape("data_shape", data_shape)
        self.levels = levels
        self.in_shape = (levels * self.event_shape[0], *self.event_shape[1:])

    def forward(self, features: Tensor) -> Independent[Any]:
        _check_features(features, self.in_shape)
        logits = features.unflatten(1, (self.levels, -1)).movedim(1, -1)
        return _independent(GreyLevels(logits), self.event_shape)


def _independent(
    pixels: Distribution, event_shape: tuple[int, ...]
) -> Independent[Any]:
    return Independent(pixels, len(event_shape), validate_args=False)


def smooth_bound(raw: Tensor, limit: float = 10.0) -> Tensor:
    """``raw`` itself within ±``limit``, growing only like a logarithm beyond.

    Finite for every finite float32 even after ``exp``, and nowhere flat: a
    clamp would cure the overflow too, but pass no gradient, so that a network
    once outside could never come back.
    """
    # asinh has slope 1 at 0, so the two pieces join without a corner; halved, it
    # stays below 45 for |raw| up to 1e38, where exp is still finite.
    excess = softshrink(raw, limit)  # 0 within the limit, and a cheap gradient
    return torch.add(raw - excess, (2 * excess).asinh(), alpha=0.5)


def _check_features(features: Tensor, wanted: tuple[int, ...]) -> None:
    if features.shape[1:] != wanted:
        raise ValueError(
            f"features: got shape {tuple(features.shape)}, this head wants "
            f"({', '.join(map(str, ('B', *wanted)))}). Give the body before it "
            f"out_shape=head.in_shape, which is {wanted}."
        )


# Steps that only move numbers about, or cast them, as a body's last layer may.
_VIEWS = ("View", "UnsafeView", "Reshape", "Permute", "Transpose", "TBackward")
_MOVES = (*_VIEWS, "Squeeze", "Unsqueeze", "Clone", "ToCopy")
_SIGMOIDS = ("SigmoidBackward0", "HardsigmoidBackward0")


def _refuse_probabilities(features: Tensor, head: str) -> None:
    """Refuse what a sigmoid made.

    Its numbers do not give it away (logits, too, may all lie between 0 and 1), but
    a tensor with a gradient remembers how it was made.
    """
    if torch.compiler.is_compiling():
        return
    step = features.grad_fn
    while step is not None and step.name().startswith(_MOVES):
        step = step.next_functions[0][0]
    if step is not None and step.name() in _SIGMOIDS:
        raise ValueError(
            "features: these are the output of a sigmoid, probabilities, and "
            f"{head} takes logits. Remove the Sigmoid at the end of the body."
        )
