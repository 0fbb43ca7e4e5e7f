"""What must be the same for a run to be resumed, and its step sizes."""

import math
from typing import NamedTuple


class Plan(NamedTuple):
    """What must be the same for a run to be resumed."""

    epochs: int
    batch_size: int
    lr: float
    schedule: str
    seed: int

    def lr_at(self, step: int, total: int) -> float:
        """The step size at ``step`` of ``total``."""
        if self.schedule == "constant":
            return self.lr
        warm_up = min(1.0, (step + 1) / (0.05 * total + 1))
        return self.lr * warm_up * 0.5 * (1 + math.cos(math.pi * step / total))
