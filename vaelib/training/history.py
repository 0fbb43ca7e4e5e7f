"""What a training run reports: one mean per epoch of each term."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History(Mapping[str, list[float]]):
    """One mean per epoch of everything the objective reported, in nats.

    With the ELBO: ``"objective"`` (what was maximised, β included), ``"elbo"``
    (reconstruction − KL, no β), ``"reconstruction"``, ``"kl"``. With an
    objective that gives one number per example: its name.

    Attributes:
        steps: optimiser steps taken.
        interrupted: whether training was stopped before its end.
    """

    def __init__(self, epochs: Mapping[str, list[float]] | None = None):
        self._epochs = {k: list(v) for k, v in (epochs or {}).items()}
        self.steps = 0
        self.interrupted = False

    def __getitem__(self, key: str) -> list[float]:
        if key not in self._epochs:
            known = ", ".join(map(repr, self._epochs)) or "nothing yet"
            raise KeyError(f"{key!r} was not recorded; this history holds {known}")
        return self._epochs[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._epochs)

    def __len__(self) -> int:
        return len(self._epochs)

    def __repr__(self) -> str:
        last = ", ".join(f"{k} {v[-1]:.2f}" for k, v in self.items() if v)
        count = max((len(v) for v in self.values()), default=0)
        stopped = ", interrupted" if self.interrupted else ""
        return f"History({count} epochs, {self.steps} steps{stopped}: {last})"

    def plot(self) -> Figure:
        """The curves against epochs, in nats per example."""
        from vaelib import plots  # and matplotlib with it, half a second

        return plots.history(self)

    def append(self, means: Mapping[str, float]) -> None:
        """Add an epoch: a mean for each term."""
        for key, value in means.items():
            self._epochs.setdefault(key, []).append(value)
