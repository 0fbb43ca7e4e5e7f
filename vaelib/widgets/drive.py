"""A run whose β and learning rate may change at any step."""

import time
from collections.abc import Callable
from math import inf
from typing import Any

from torch import Tensor, nn

from vaelib.training import Slices

EVERY = 10  # steps for an entry of the history


class Drive:
    """Steps a run to the next entry of its history at a time, each with the β and
    the learning rate of the moment.

    Args:
        model, x, objective: as for :class:`~vaelib.training.Slices`.
        now: gives the β and the learning rate of the moment.
        limit: the step after which there is none.
        options: batch size and seed.
    """

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        objective: Callable[..., Any],
        now: Callable[[], dict[str, float]],
        limit: float = inf,
        **options: Any,
    ):
        self._now, self._limit = now, limit
        self.slices = Slices(
            model, x, objective, lr=now()["lr"], every=EVERY, **options
        )
        self.settings: dict[str, list[float]] = {"step": [], "beta": [], "lr": []}

    @property
    def ended(self) -> bool:
        """Whether the last step was taken."""
        return bool(self.slices.run.step >= self._limit)

    @property
    def history(self) -> dict[str, list[float]]:
        """The settings and the means of all terms, every ten steps."""
        return {**self.settings, **self.slices.run.history}

    def advance(self, steps: float, seconds: float) -> bool:
        """Take steps until there are enough or the time is over. Tells whether
        Ctrl-C came."""
        end, run = time.monotonic() + seconds, self.slices.run
        goal = min(run.step + steps, self._limit)
        stopped = False
        while run.step < goal and not stopped:
            part = int(min(goal - run.step, EVERY - run.step % EVERY))
            self.slices.lr = self._now()["lr"]
            stopped = self.slices.advance(part, max(0.0, end - time.monotonic()))
            if run.step % EVERY == 0:
                self._note({"step": run.step, **self._now()})
            if time.monotonic() >= end:
                break
        return stopped

    def _note(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.settings[name].append(float(value))

    def terms(self) -> dict[str, float]:
        """The newest mean of each term; none before the first step."""
        run = self.slices.run
        if run.history:
            return {name: values[-1] for name, values in run.history.items()}
        run.gather()
        current: dict[str, float] = run.current
        return current


def built(given: Any, seed: int) -> nn.Module:
    """The model, or what a function of the seed builds.

    Raises:
        TypeError: if that is no VAE.
    """
    if not isinstance(given, nn.Module) and callable(given):
        given = given(seed)
    if not isinstance(given, nn.Module) or not hasattr(given, "posterior"):
        raise TypeError(
            f"build_or_model: got {type(given).__name__}, wanted a vl.VAE or a "
            "function of a seed that builds one"
        )
    return given
