"""Training: one loop, and what goes into it.

``loop`` is :func:`fit`; ``run`` takes one step at a time; ``slices`` drives it
between other work; ``checkpoint`` puts it on disk.
"""

from vaelib.training.divergence import TrainingDiverged
from vaelib.training.history import History
from vaelib.training.loop import fit
from vaelib.training.objective import Objective
from vaelib.training.plan import Plan
from vaelib.training.run import Run
from vaelib.training.slices import Slices

__all__ = [
    "History",
    "Objective",
    "Plan",
    "Run",
    "Slices",
    "TrainingDiverged",
    "fit",
]
