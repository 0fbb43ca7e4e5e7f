"""Heads: modules that turn a body's features into a distribution.

Every distribution here is one of ``torch.distributions`` (batch ``(B,)``, event
the shape of one code or one image), so ``log_prob``, ``rsample``, ``mean`` and
``kl_divergence`` mean what they mean there. Log-probabilities are in nats.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import log, pi
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    Normal,
    constraints,
)
from torch.distributions.kl import register_kl
from torch.nn.functional import softplus, softshrink

from vaelib.networks.body import Shape, as_shape

# ---------------------------------------------------------------- distributions


class DiagonalGaussian(Independent):  # type: ignore[type-arg]
    """A Gaussian with independent dimensions, known by its log-variance.

    Args:
        mu: means, ``(..., Z)``.
        log_var: log σ² (never log σ), ``(..., Z)``.

    Shapes:
        batch ``(...)``, event ``(Z,)``.
    """

    def __init__(self, mu: Tensor, log_var: Tensor):
        self.mu, self.log_var = mu, log_var
        sigma = (0.5 * log_var).exp()
        super().__init__(Normal(mu, sigma, validate_args=False), 1, validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "DiagonalGaussian":
        shape = torch.Size(batch_shape) + self.event_shape
        return DiagonalGaussian(self.mu.expand(shape), self.log_var.expand(shape))


class StandardNormal(DiagonalGaussian):
    """N(0, I) over codes: batch ``()``, event ``(latent_dim,)``."""

    def __init__(
        self,
        latent_dim: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        zeros = torch.zeros(latent_dim, device=device, dtype=dtype)
        super().__init__(zeros, zeros)


class Bernoulli(TorchBernoulli):
    """Bernoulli by logits that also accepts grey values in [0, 1].

    A grey pixel x is read as "on with probability x"; ``log_prob`` is then the
    expected log-probability, the negative cross-entropy. It cannot rise above
    minus the entropy of the grey value, so −ELBO has a floor above zero.

    log p(x) = x·l − log(1 + eˡ): no probability is ever formed, so no logit is
    too large.
    """

    support = constraints.unit_interval  # type: ignore[assignment]

    def __init__(self, *, logits: Tensor):
        super().__init__(logits=logits, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        # softplus is exactly linear beyond its threshold: e⁻⁴⁰ is below float64.
        return value * self.logits - softplus(self.logits, threshold=40)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Bernoulli":
        return Bernoulli(logits=self.logits.expand(torch.Size(batch_shape)))


class Gaussian(Normal):
    """A Gaussian for data, by mean and log σ² (which may broadcast)."""

    def __init__(self, mean: Tensor, log_var: Tensor):
        self.log_var = log_var
        super().__init__(mean, (0.5 * log_var).exp(), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        error = (value - self.loc) ** 2 * (-self.log_var).exp()
        return -0.5 * (error + self.log_var + log(2 * pi))

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Gaussian":
        shape = torch.Size(batch_shape)
        return Gaussian(self.loc.expand(shape), self.log_var.expand(shape))


class GreyLevels(Distribution):
    """A categorical distribution over evenly spaced grey values in [0, 1].

    Args:
        logits: ``(..., K)``, one logit per level 0, 1/(K−1), …, 1.

    Shapes:
        batch ``(...)``, event ``()``. A value between two levels counts as the
        nearest.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 - as torch's
    support = constraints.unit_interval

    def __init__(self, logits: Tensor):
        self.categorical = Categorical(logits=logits, validate_args=False)
        super().__init__(self.categorical.batch_shape, validate_args=False)

    @property
    def levels(self) -> Tensor:
        """The grey values, ``(K,)``."""
        logits = self.categorical.logits
        return torch.linspace(
            0, 1, logits.shape[-1], device=logits.device, dtype=logits.dtype
        )

    @property
    def mean(self) -> Tensor:
        return self.categorical.probs @ self.levels

    @property
    def variance(self) -> Tensor:
        return self.categorical.probs @ self.levels**2 - self.mean**2

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.levels[self.categorical.sample(torch.Size(sample_shape))]

    def log_prob(self, value: Tensor) -> Tensor:
        index = (value * (self.categorical.logits.shape[-1] - 1)).round().long()
        log_prob: Tensor = self.categorical.log_prob(index)
        return log_prob

    def expand(self, batch_shape: Any, _instance: Any = None) -> "GreyLevels":
        logits = self.categorical.logits
        return GreyLevels(logits.expand(*torch.Size(batch_shape), logits.shape[-1]))


@register_kl(DiagonalGaussian, DiagonalGaussian)  # type: ignore[untyped-decorator]
def _kl_diagonal_gaussian(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    return kl_diagonal_gaussian_per_dim(q, p).sum(-1)


def kl_diagonal_gaussian_per_dim(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    """KL(q‖p) of each dimension, ``(..., Z)``, in nats.

    ``expm1`` keeps it exact near q = p, where exp(d) − 1 would lose every
    digit: in float32 the plain form gives −0.0 at d = 1e-4.
    """
    d = q.log_var - p.log_var
    distance = (q.mu - p.mu) ** 2 * (-p.log_var).exp()
    return 0.5 * (distance + d.expm1() - d)


# ------------------------------------------------------------------------ heads


class DiagonalGaussianHead(nn.Module):
    """Features ``(B, 2Z)``: means, then log-variances → q(z|x), event ``(Z,)``."""

    def __init__(self, latent_dim: int):
        super().__init__()
        (self.latent_dim,) = as_shape("latent_dim", latent_dim)
        self.in_shape: tuple[int, ...] = (2 * latent_dim,)
        self.event_shape: tuple[int, ...] = (latent_dim,)

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
        if checking():
            _refuse_probabilities(features)
        return _independent(Bernoulli(logits=features), self.event_shape)


class GaussianHead(nn.Module):
    """Means, and perhaps log-variances, → Gaussian pixels, event ``data_shape``.

    Args:
        data_shape: shape of one example.
        scale: σ in the data's units: a number (fixed), ``"learned"`` (one σ for
            all pixels, a parameter) or ``"per-dimension"`` (the network gives
            each pixel its own; features are then twice as many, means first
            along the first dimension).

    Shapes:
        features ``(B, C, …)``, or ``(B, 2C, …)`` for ``"per-dimension"``.
    """

    log_var: Tensor | None

    def __init__(
        self,
        data_shape: Shape,
        scale: float | Literal["learned", "per-dimension"] = 1.0,
    ):
        super().__init__()
        self.event_shape = as_shape("data_shape", data_shape)
        self.scale = scale
        factor = 2 if scale == "per-dimension" else 1
        self.in_shape = (factor * self.event_shape[0], *self.event_shape[1:])
        if scale == "learned":
            self.log_var = nn.Parameter(torch.zeros(()))
        elif scale == "per-dimension":
            self.log_var = None
        elif isinstance(scale, (int, float)) and 0 < scale < float("inf"):
            self.register_buffer("log_var", torch.tensor(2 * log(scale)))
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
        return _independent(Gaussian(mean, smooth_bound(raw)), self.event_shape)


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
        if not isinstance(levels, int) or levels < 2:
            raise ValueError(f"levels: got {levels!r}, wanted a whole number above 1")
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


# ----------------------------------------------------------------------- checks

_CHECKING = ContextVar("checking", default=True)


@contextmanager
def unchecked() -> Iterator[None]:
    """Inside the block, inputs are taken at their word.

    A look at every pixel costs a pass over the data, and on a GPU a wait;
    ``vaelib.fit`` looks once at all of it and then says this.
    """
    token = _CHECKING.set(False)
    try:
        yield
    finally:
        _CHECKING.reset(token)


def checking() -> bool:
    """Whether inputs are to be looked at (see :func:`unchecked`)."""
    return _CHECKING.get()


def check_data(x: Tensor, likelihood: Distribution, name: str = "x") -> None:
    """Refuse data that this likelihood cannot have produced.

    Args:
        x: a batch, ``(B, *event_shape)``.
        likelihood: a distribution over x; its event shape and support decide.
        name: what to call ``x`` in the message.

    Raises:
        TypeError: if ``x`` is not a floating-point tensor.
        ValueError: for a wrong shape, NaN, or values outside the support.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        hint = " and divide by 255" if kind == torch.uint8 else ""
        raise TypeError(
            f"{name}: got {kind}, wanted a floating-point tensor. "
            f"Convert it with .float(){hint}."
        )
    event = tuple(likelihood.event_shape)
    if x.shape[1:] != event:
        wanted = ", ".join(map(str, ("B", *event)))
        raise ValueError(
            f"{name}: got shape {tuple(x.shape)}, the likelihood is over ({wanted}). "
            "Build the decoder for this data shape, or reshape the data."
        )
    if len(x) == 0:
        return
    extremes = torch.stack(x.aminmax())  # one pass; NaN wins over every number
    if extremes.isnan().any():
        count = int(x.isnan().flatten(1).any(1).sum())
        raise ValueError(
            f"{name}: {count} of {len(x)} examples hold NaN. "
            "Drop or fill them before training: x.nan_to_num(0)."
        )
    if not _in_support(x, extremes, likelihood.support):
        low, high = extremes.tolist()
        raise ValueError(
            f"{name}: got values from {low:g} to {high:g}, outside the likelihood's "
            f"support {likelihood.support}. {_range_mend(low, high)}"
        )


# Supports without gaps: the extremes lie in them only if everything does.
_INTERVALS = (type(constraints.unit_interval), type(constraints.real))


def _in_support(x: Tensor, extremes: Tensor, support: Any) -> bool:
    if not extremes.isfinite().all():
        return False
    base = getattr(support, "base_constraint", support)
    if isinstance(base, _INTERVALS):
        return bool(base.check(extremes).all())  # type: ignore[no-untyped-call]
    return support is None or bool(support.check(x).all())


def _range_mend(low: float, high: float) -> str:
    if low >= 0 and 1 < high <= 255:
        return "These look like grey values in 0–255: divide by 255."
    if -1 <= low < 0 and high <= 1:
        return "These look scaled to [-1, 1]: use (x + 1) / 2."
    return "Rescale the data, or choose a likelihood for this range (GaussianHead)."


def _check_features(features: Tensor, wanted: tuple[int, ...]) -> None:
    if features.shape[1:] != wanted:
        raise ValueError(
            f"features: got shape {tuple(features.shape)}, this head wants "
            f"({', '.join(map(str, ('B', *wanted)))}). Give the body before it "
            f"out_shape=head.in_shape, which is {wanted}."
        )


def _refuse_probabilities(logits: Tensor) -> None:
    # Real logits of many pixels take both signs; only a sigmoid keeps a whole
    # batch inside [0, 1]. A constant may be a freshly zeroed layer: let it pass.
    if logits.numel() < 64:
        return
    low, high = (v.item() for v in logits.aminmax())
    if 0 <= low < high <= 1:
        raise ValueError(
            f"features: all {logits.numel()} values lie in [{low:.3g}, {high:.3g}]; "
            "these look like probabilities, and BernoulliHead takes logits. Remove "
            "the Sigmoid at the end of the body (or, if they are logits after all, "
            "call inside `with vl.unchecked():`)."
        )
