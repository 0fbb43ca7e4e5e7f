"""The numbers of a run, and its step sizes."""

import math
from numbers import Integral, Real
from typing import Any, NamedTuple

from vaelib.randomness import whole_seed


class Plan(NamedTuple):
    """What must be the same for a run to be resumed.

    Attributes:
        epochs: passes over the data.
        batch_size: examples per step.
        lr: the step size; the highest, with the cosine schedule.
        schedule: ``"cosine"`` or ``"constant"``.
        seed: of the order of the data and of all sampling.
        clip: the largest norm of a gradient, or None.
    """

    epochs: int = 1
    batch_size: int = 64
    lr: float = 4e-3
    schedule: str = "constant"
    seed: int = 0
    clip: float | None = None

    @classmethod
    def of(
        cls,
        epochs: Any,
        batch_size: Any,
        lr: Any,
        schedule: Any,
        seed: Any,
        clip: Any,
    ) -> "Plan":
        """The plan with Python's own numbers, checked.

        Raises:
            TypeError, ValueError: for a number that cannot work.
        """
        if schedule not in ("cosine", "constant"):
            raise ValueError(
                f"schedule: got {schedule!r}, wanted 'cosine' or 'constant'"
            )
        if whole_seed(seed) < 0:
            raise ValueError(f"seed: got {seed!r}, wanted a whole number ≥ 0")
        return cls(
            epochs=_count("epochs", epochs),
            batch_size=_count("batch_size", batch_size),
            lr=_positive("lr", lr, "4e-3"),
            schedule=schedule,
            seed=int(seed),
            clip=None if clip is None else _positive("clip", clip, "1.0, or None"),
        )

    def lr_at(self, step: int, total: int) -> float:
        """The step size at ``step`` of ``total``."""
        if self.schedule == "constant":
            return self.lr
        warm_up = min(1.0, (step + 1) / (0.05 * total + 1))
        return self.lr * warm_up * 0.5 * (1 + math.cos(math.pi * step / total))


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name}: got {value!r}, wanted a whole number ≥ 1")
    return int(value)


def _positive(name: str, value: object, example: str) -> float:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not 0 < float(value) < math.inf:  # type: ignore[arg-type]
        raise ValueError(
            f"{name}: got {value!r}, wanted a positive number, e.g. {example}"
        )
    return float(value)  # type: ignore[arg-type]
