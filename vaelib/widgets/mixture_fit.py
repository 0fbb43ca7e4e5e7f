"""Add components to a mixture of Gaussians, and watch it fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log, pi
from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray
from torch import Tensor

from vaelib.plots import CLASS_COLOURS
from vaelib.widgets.base import Pictured
from vaelib.widgets.scene import nice, ticks
from vaelib.widgets.still import Still, figure
from vaelib.widgets.traits import BadValue, Whole

STEPS = 200
# Without the two greys, which would be lost on the grey bars.
COLOURS = tuple(c for c in CLASS_COLOURS if c not in ("#94a4a2", "#717581"))
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """A mixture of M Gaussians on a line.

    Attributes:
        weights, means, sigmas: of the components, each ``(M,)``.
    """

    weights: Array
    means: Array
    sigmas: Array

    def log_joint(self, x: Array) -> Array:
        """log p(m, x): ``(N,)`` → ``(N, M)``."""
        error = ((x[:, None] - self.means) / self.sigmas) ** 2
        height = np.log(self.weights) - np.log(self.sigmas) - 0.5 * log(2 * pi)
        joint: Array = height - 0.5 * error
        return joint

    def log_prob(self, x: Array) -> Array:
        """log p(x): ``(N,)`` → ``(N,)``, in nats."""
        density: Array = np.logaddexp.reduce(self.log_joint(x), axis=1)
        return density

    def responsibilities(self, x: Array) -> Array:
        """p(m|x): ``(N,)`` → ``(N, M)``; each row sums to 1."""
        shares: Array = np.exp(self.log_joint(x) - self.log_prob(x)[:, None])
        return shares


def fit_mixture(x: Array, size: int, floor: float, steps: int = STEPS) -> Mixture:
    """EM (Dempster, Laird & Rubin 1977) from the data's quantiles, without chance:
    ``mixture_fit.js`` does the same in the page.

    Args:
        x: the data, ``(N,)``.
        size: M, the number of components.
        floor: the least σ. Without one the likelihood has no maximum: a component
            alone on one point grows without end as its σ shrinks.
        steps: how many.
    """
    made = Mixture(
        np.full(size, 1 / size),
        np.quantile(x, (np.arange(size) + 0.5) / size),
        np.full(size, x.std() / size),
    )
    for _ in range(steps):
        r = made.responsibilities(x)
        n = r.sum(0)
        means = (r * x[:, None]).sum(0) / n
        var = (r * (x[:, None] - means) ** 2).sum(0) / n
        made = Mixture(n / len(x), means, np.maximum(np.sqrt(var), floor))
    return made


class MixtureFit(Pictured, front="mixture_fit"):
    """A mixture of Gaussians, fitted again each time a component is added.

    A histogram of the data, the fitted density over it, and each component below
    the density. The fit (200 steps of EM) runs in the page. Under the pointer:
    the responsibility p(m|x) of each component for that place. Sliders and arrow
    keys do the same; Shift makes the steps ten times larger.

    Args:
        x: numbers ``(N,)``, at most 5,000 of them.
        held_out: others ``(K,)`` of the same kind, to score the fit on, or None.
        components: how many to begin with.
        most: how many there can be.
        at: where to look first; default the data's median.
        floor: the least σ of a component; default a fiftieth of the data's.
        label: what the numbers are, with their unit.

    Traits:
        components: M, as now shown.
        at: the place x, as now shown.

    Raises:
        TypeError: if ``x`` holds no numbers.
        ValueError: for another shape than ``(N,)``, NaN, too few numbers or too
            many, or more components than ``most``.

    Example:
        >>> import torch
        >>> shown = MixtureFit(torch.arange(20.0), components=3)
        >>> len(shown.mixture.weights), shown.at
        (3, 9.5)
    """

    components = Whole(1, 1, lambda self: self._most)
    at = traitlets.Float(0.0).tag(sync=True)
    _x = traitlets.Bytes(b"").tag(sync=True)
    _held_out = traitlets.Bytes(b"").tag(sync=True)
    _plan = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        x: Tensor | Sequence[float],
        held_out: Tensor | Sequence[float] | None = None,
        *,
        components: int = 1,
        most: int = 12,
        at: float | None = None,
        floor: float | None = None,
        label: str = "x",
    ):
        self._most = most
        self.x = _numbers("x", x, least=max(2, most))
        others = [] if held_out is None else held_out
        self.held_out = _numbers("held_out", others, least=0)
        spread = float(self.x.std())
        if spread == 0:
            raise ValueError("x: all its numbers are the same; there is nothing to fit")
        self.floor = spread / 50 if floor is None else float(floor)
        if not self.floor > 0:
            raise ValueError(f"floor: got {floor}, wanted a positive number")
        plan, self._bars = _plan(self.x)
        super().__init__(
            components=components,
            at=float(np.median(self.x)) if at is None else float(at),
            _x=self.x.astype("<f4").tobytes(),
            _held_out=self.held_out.astype("<f4").tobytes(),
            _plan={
                **plan,
                "most": most,
                "steps": STEPS,
                "floor": self.floor,
                "label": label,
                "colours": COLOURS,
            },
        )

    @property
    def mixture(self) -> Mixture:
        """The fit that the page shows, computed here."""
        return fit_mixture(self.x, self.components, self.floor)

    @traitlets.validate("at")
    def _check_at(self, proposal: Any) -> float:
        at: float = proposal["value"]
        if not isfinite(at):
            raise BadValue(f"at: got {at}, wanted a finite number")
        return at

    def _still(self) -> Still:
        fig, (left, right) = figure(2)
        plan, fitted = self._plan, self.mixture
        edges = np.linspace(plan["low"], plan["high"], len(self._bars) + 1)
        left.stairs(self._bars, edges, fill=True, color="#cccccc")
        x = np.linspace(plan["low"], plan["high"], 300)
        colours = [COLOURS[m % len(COLOURS)] for m in range(self.components)]
        parts = np.exp(fitted.log_joint(x)).T
        for part, colour in zip(parts, colours, strict=True):
            left.plot(x, part, color=colour, lw=1.2)
        left.plot(x, np.exp(fitted.log_prob(x)), color="black")
        left.axvline(self.at, color="#777777", lw=0.8)
        left.set(xlabel=plan["label"], ylabel="density")
        r = fitted.responsibilities(np.array([self.at]))[0]
        right.bar(range(1, len(r) + 1), r, color=colours)
        right.set(
            xticks=range(1, len(r) + 1),
            ylim=(0, 1),
            xlabel="component m",
            ylabel=f"p(m | x = {self.at:.2f})",
        )
        score = fitted.log_prob(self.x).mean()
        best = int(r.argmax())
        return fig, (
            f"A histogram and a mixture of {len(r)} Gaussians fitted to it, "
            f"{score:.3f} nats per number; at x = {self.at:.2f} component {best + 1} "
            f"has the responsibility {r[best]:.2f}."
        )


def _numbers(name: str, given: Any, least: int) -> Array:
    """As float64 with float32's digits, which is what the page receives."""
    if isinstance(given, Tensor):
        given = given.detach().cpu().numpy()
    try:
        x = np.asarray(given, dtype=np.float32).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: got {given!r:.60}, wanted numbers (N,)") from error
    if x.ndim != 1:
        raise ValueError(f"{name}: got shape {x.shape}, wanted (N,)")
    if not least <= len(x) <= 5000:
        raise ValueError(f"{name}: got {len(x)} numbers, wanted {least} to 5,000")
    if not np.isfinite(x).all():
        raise ValueError(f"{name}: it holds NaN or infinity")
    return x


def _plan(x: Array) -> tuple[dict[str, Any], Array]:
    """The axis, and the histogram's heights as a density."""
    room = 0.06 * float(x.max() - x.min())
    low, high = float(x.min()) - room, float(x.max()) + room
    bins = int(np.clip(1.5 * len(x) ** 0.5, 10, 40))
    bars, _ = np.histogram(x, bins=bins, range=(low, high), density=True)
    return {
        "low": low,
        "high": high,
        "step": nice((high - low) / 200),
        "ticks": ticks(low, high, 7, 0.04),
        "bars": bars.tolist(),
        "top": float(1.25 * bars.max()),
    }, bars
