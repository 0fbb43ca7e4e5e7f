"""Arguments and data that cannot work, found before the first step."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from vaelib.distributions import check_data
from vaelib.training.run import Objective
from vaelib.training.terms import as_terms


def check_arguments(
    model: nn.Module, epochs: int, batch_size: int, lr: float, schedule: str
) -> None:
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("model: it has no parameters to train")
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}: got {value!r}, wanted a whole number ≥ 1")
    if not 0 < lr < math.inf:
        raise ValueError(f"lr: got {lr!r}, wanted a positive number, e.g. 4e-3")
    if schedule not in ("cosine", "constant"):
        raise ValueError(f"schedule: got {schedule!r}, wanted 'cosine' or 'constant'")


@torch.no_grad()
def try_once(model: Any, x: Tensor, objective: Objective, batch_size: int) -> None:
    """Look at all the data once, and at what the objective makes of a batch."""
    batch = x[:batch_size]
    terms = as_terms(objective(model, batch))
    if any(t.shape != (len(batch),) for t in terms):
        shapes = ", ".join(str(tuple(t.shape)) for t in terms)
        raise ValueError(
            f"objective: gave shape {shapes} for a batch of {len(batch)}, wanted one "
            "number per example, (B,): sum over dimensions, average over nothing."
        )
    if hasattr(model, "likelihood") and hasattr(model, "encode"):
        check_data(x, model.likelihood(model.encode(batch[:1])), "data")
