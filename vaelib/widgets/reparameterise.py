"""Draws with their noise held still, and two estimates of a gradient."""

from collections.abc import Callable
from math import cos, exp, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
import torch
import traitlets
from torch import Tensor

from vaelib.randomness import seeded
from vaelib.widgets.base import Pictured
from vaelib.widgets.still import BLUE, SOFT, Still, figure
from vaelib.widgets.traits import BadValue, Choice, Numbers, Real

RATE = 20.0


class Estimates(NamedTuple):
    """What each draw says of the gradient of E[f(z)] along μ.

    Attributes:
        pathwise: f′(z), ``(N,)``.
        score: f(z) · ε / σ, with the baseline subtracted if there is one, ``(N,)``.
        exact: the gradient itself.
    """

    pathwise: Tensor
    score: Tensor
    exact: float


class _Function(NamedTuple):
    name: str
    f: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    exact: Callable[[float, float], float]


_FUNCTIONS = {
    "bowl": _Function(
        "$f(z) = (z - 1)^2$",
        lambda z: (z - 1) ** 2,
        lambda z: 2 * (z - 1),
        lambda mu, sigma: 2 * (mu - 1),
    ),
    "sine": _Function(
        "$f(z) = \\sin 20z$",
        lambda z: (RATE * z).sin(),
        lambda z: RATE * (RATE * z).cos(),
        lambda mu, sigma: RATE * cos(RATE * mu) * exp(-0.5 * (RATE * sigma) ** 2),
    ),
    "step": _Function(
        "$f(z) = 1$ where $z > 0$",
        lambda z: (z > 0).to(z.dtype),
        torch.zeros_like,
        lambda mu, sigma: exp(-0.5 * (mu / sigma) ** 2) / (sigma * sqrt(2 * pi)),
    ),
}


class Reparameterise(Pictured, front="reparameterise"):
    """Draws z = μ + σε whose noise ε stays while μ and σ move, and beside them
    what each draw says of the gradient of E[f(z)] along μ: the pathwise estimate
    f′(z), and the score function's f(z)·ε/σ.

    Drag the top of the bell to move μ and its shoulder to change σ, or use the
    two sliders: arrow keys move them, Shift makes the steps ten times larger,
    Home sets μ = 0 and σ = 1.

    Args:
        mu: where the mean starts, in [−3, 3].
        sigma: where the width starts, in [0.02, 2].
        f: ``"bowl"`` for (z − 1)², ``"sine"`` for sin 20z, ``"step"`` for 1 where
            z > 0.
        baseline: subtract from each f(z) the mean of the other draws'.
        eps: the noise, a list of two numbers or more, or how many to draw.
        seed: of the noise.

    Traits:
        mu, sigma, f, baseline, eps: what is shown; they follow the reader, and
            move the picture when set from Python.

    Raises:
        ValueError: for numbers outside their limits, or an unknown f.

    Example:
        >>> import vaelib as vl
        >>> shown = vl.widgets.Reparameterise(mu=0.0, sigma=1.0)
        >>> shown.estimates().exact
        -2.0
    """

    mu = Real(0.0, -3, 3)
    sigma = Real(1.0, 0.02, 2)
    f = Choice(lambda self: _FUNCTIONS)
    baseline = traitlets.Bool(False).tag(sync=True)
    eps = Numbers()

    def __init__(
        self,
        *,
        mu: float = 0.0,
        sigma: float = 1.0,
        f: str = "bowl",
        baseline: bool = False,
        eps: int | list[float] | Tensor = 100,
        seed: int = 0,
    ):
        if isinstance(eps, int):
            with seeded(seed):
                eps = torch.randn(eps)
        super().__init__(mu=mu, sigma=sigma, f=f, baseline=baseline, eps=eps)

    def estimates(self) -> Estimates:
        """What the page shows now, computed here, in float64."""
        eps = torch.tensor(self.eps, dtype=torch.float64)
        f = _FUNCTIONS[self.f]
        z = self.mu + self.sigma * eps
        value = f.f(z)
        if self.baseline:
            value = value - (value.sum() - value) / (len(value) - 1)
        score = value * eps / self.sigma
        return Estimates(f.slope(z), score, f.exact(self.mu, self.sigma))

    @traitlets.validate("eps")
    def _check_eps(self, proposal: Any) -> list[float]:
        eps: list[float] = proposal["value"]
        if len(eps) < 2:
            raise BadValue(f"eps: got {len(eps)} numbers, wanted two or more")
        return eps

    def _still(self) -> Still:
        fig, (left, right) = figure(2)
        found, eps = self.estimates(), np.array(self.eps)
        z = np.linspace(-3, 3, 601)
        left.set_title(_FUNCTIONS[self.f].name, fontsize=9)
        left.plot(z, _FUNCTIONS[self.f].f(torch.from_numpy(z)), color=SOFT, lw=1)
        low, high = left.get_ylim()
        bell = np.exp(-0.5 * ((z - self.mu) / self.sigma) ** 2)
        left.fill_between(z, low, low + 0.4 * (high - low) * bell, color=f"{BLUE}66")
        left.plot(self.mu + self.sigma * eps, np.full(len(eps), low), "|", color="k")
        left.set(xlim=(-3, 3), xlabel="z", yticks=[])
        rows = (found.score.numpy(), found.pathwise.numpy())
        for row, values in enumerate(rows):
            height = row + 0.6 * (np.arange(len(values)) * 0.618034 % 1) - 0.3
            right.plot(values, height, "o", ms=2.5, color=BLUE, alpha=0.6)
            right.plot([values.mean()] * 2, [row - 0.35, row + 0.35], "k", lw=3)
        right.axvline(found.exact, color="k", ls="--", lw=1)
        right.set(yticks=[0, 1], yticklabels=["score", "path"], xlabel="gradient")
        path, score = found.pathwise, found.score
        return fig, (
            f"{len(eps)} draws with μ = {self.mu:.2f} and σ = {self.sigma:.2f}. The "
            f"exact gradient is {found.exact:.2f}; the pathwise estimates are "
            f"{path.mean():.2f} ± {path.std():.2f}, the score function's "
            f"{score.mean():.2f} ± {score.std():.2f}"
        )
