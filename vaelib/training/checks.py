"""What a model makes of its data, looked at before the first step."""

from typing import Any

import torch
from torch import Tensor, nn

from vaelib.data import Dataset, as_tensors
from vaelib.data.batches import Data
from vaelib.distributions import check_data
from vaelib.randomness import seeded
from vaelib.training.divergence import hopeless_below
from vaelib.training.run import Run


def check_model(model: nn.Module) -> None:
    """Refuse a model that cannot be trained.

    Raises:
        TypeError: if it is no module.
        ValueError: if it has no parameters, or they were made in inference mode.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: got {type(model).__name__}, wanted a torch.nn.Module")
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("model: it has no parameters to train")
    if any(p.is_inference() for p in parameters):
        raise ValueError(
            "model: its weights were made inside torch.inference_mode() and can never "
            "be trained. Build the model outside that block."
        )


def tensors_for(model: nn.Module, data: Data) -> tuple[Tensor, ...]:
    """What batches are cut of. A data set's context and lengths are for a model
    that takes a condition."""
    tensors = as_tensors(data)
    if isinstance(data, Dataset) and not hasattr(model, "given"):
        return tensors[:1]
    return tensors


@torch.no_grad()
def try_once(run: Run) -> None:
    """Look at all the data once, and at what the objective makes of a batch.

    Raises:
        TypeError, ValueError: if the objective cannot work on these data, or the
            likelihood cannot have produced them.
    """
    run.model.eval()
    batch = [tensor[: run.plan.batch_size] for tensor in run.data]
    try:
        terms = run.terms(batch)
    except RuntimeError as error:
        _blame_types(run, error)
        raise
    rows = len(batch[0])
    if any(t.shape != (rows,) for t in terms.values()):
        shapes = ", ".join(str(tuple(t.shape)) for t in terms.values())
        raise ValueError(
            f"objective: gave shape {shapes} for a batch of {rows}, wanted one "
            "number per example, (B,): sum over dimensions, average over nothing."
        )
    _check_support(run, batch)
    first = next(iter(terms.values())).mean().item()
    run.hopeless = hopeless_below(first, batch[0])


def _check_support(run: Run, batch: list[Tensor]) -> None:
    """All of x against the likelihood, where x is what the likelihood is about."""
    model: Any = run.model
    x, *condition = (tensor[:1] for tensor in batch)
    if condition and hasattr(model, "given"):
        model = model.given(condition[0] if len(condition) == 1 else tuple(condition))
    elif condition or not hasattr(model, "encode"):
        return
    own_type = x.dtype == _weights_type(run)  # else the objective converts it
    if not own_type or not hasattr(model, "likelihood"):
        return
    with seeded(0):  # a code drawn: not every posterior has a mean
        drawn = hasattr(model, "posterior")
        z = model.posterior(x).sample() if drawn else model.encode(x)
    check_data(run.data[0], model.likelihood(z), "data")


def _blame_types(run: Run, error: RuntimeError) -> None:
    """Where data and weights differ in type, say so in place of torch."""
    weights = _weights_type(run)
    others = [t.dtype for t in run.data if t.dtype != weights]
    if not others:
        return
    scale = " / 255" if others[0] == torch.uint8 else ""
    kinds = ", ".join(str(t.dtype)[6:] for t in run.data)
    wanted = str(weights)[6:]
    change = ".float()" if weights == torch.float32 else f".to({weights})"
    raise TypeError(
        f"data: got {kinds}, but the model's weights are {wanted}, and the objective "
        f"could not put them together. Convert the data: x{change}{scale}. (torch: "
        f"{str(error)[:200]})"
    ) from error


def _weights_type(run: Run) -> torch.dtype:
    return next(p.dtype for p in run.model.parameters())
