"""Annealing: an objective whose β follows the step of the training run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import cos, isfinite, pi
from typing import Any

from vaelib.objectives.bound import elbo

_SHAPES: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "cosine": lambda t: 0.5 - 0.5 * cos(pi * t),
}


@dataclass(frozen=True)
class Annealed:
    """An objective with a β for each step; :func:`anneal` makes it.

    ``fit`` asks it for the objective of the step it is at, so a run that is resumed
    goes on in the schedule where it stopped, and the schedule is part of what tells
    this run from another. Called itself, it is the objective with the last β.
    """

    steps: int
    start: float
    stop: float
    cycles: int
    rise: float
    shape: str
    objective: Callable[..., Any]

    def beta(self, step: int) -> float:
        """The KL's weight at a step, counted from 0."""
        if step >= self.steps:
            return self.stop
        # Whole numbers as long as possible: the place in the cycle is then exact.
        place = step * self.cycles % self.steps / self.steps
        if place >= self.rise:
            return self.stop
        share = _SHAPES[self.shape](place / self.rise)
        return self.start + (self.stop - self.start) * share

    def at(self, step: int) -> Callable[..., Any]:
        """The objective of one step."""
        return partial(self.objective, beta=self.beta(step))

    def around(self, objective: Callable[..., Any]) -> "Annealed":
        """The same schedule for another objective."""
        return replace(self, objective=objective)

    def __call__(self, *args: Any) -> Any:
        return self.objective(*args, beta=self.stop)


def anneal(
    steps: int,
    objective: Callable[..., Any] = elbo,
    *,
    start: float = 0.0,
    stop: float = 1.0,
    cycles: int = 1,
    rise: float = 1.0,
    shape: str = "linear",
) -> Annealed:
    """An objective for :func:`vaelib.fit` whose β rises with the steps.

    One cycle is monotone annealing (Bowman et al. 2016, §3.1), several are cyclical
    annealing (Fu et al. 2019, eq. 6–7): in each, β goes from ``start`` to ``stop``
    over the first ``rise`` of it, and stays there for the rest. After the last
    cycle it stays at ``stop``.

    Args:
        steps: of the optimiser, over which the cycles are spread evenly.
        objective: called as ``objective(model, *batch, beta=…)``, e.g.
            ``functools.partial(vl.elbo, free_bits=0.1)``.
        start, stop: weights of the KL, ≥ 0.
        cycles: how many times β rises; at most ``steps``.
        rise: the share of a cycle in which it rises, in (0, 1].
        shape: of the rise, ``"linear"`` or ``"cosine"``.

    Raises:
        ValueError: for an argument that cannot work.

    Example:
        >>> ramp = anneal(100)
        >>> ramp.beta(0), ramp.beta(25), ramp.beta(100)
        (0.0, 0.25, 1.0)
    """
    for name, value in (("steps", steps), ("cycles", cycles)):
        if type(value) is not int or value < 1:
            raise ValueError(f"{name}: got {value!r}, wanted a whole number ≥ 1")
    if cycles > steps:
        raise ValueError(f"cycles: got {cycles}, wanted at most one a step, {steps}")
    for name, weight in (("start", start), ("stop", stop)):
        if not (isfinite(weight) and weight >= 0):
            raise ValueError(f"{name}: got {weight!r}, wanted a weight ≥ 0")
    if not 0 < rise <= 1:
        raise ValueError(f"rise: got {rise!r}, wanted a share of a cycle, in (0, 1]")
    if shape not in _SHAPES:
        raise ValueError(f"shape: got {shape!r}, wanted one of {', '.join(_SHAPES)}")
    return Annealed(
        steps, float(start), float(stop), cycles, float(rise), shape, objective
    )
