"""The optimiser of a run: any of torch's, its step size set from outside."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vaelib.training.interrupts import uninterrupted

MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


def fused_adam(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015) in one kernel for all weights."""
    return torch.optim.Adam(parameters, fused=True)


def build(make: MakeOptimizer, model: nn.Module) -> torch.optim.Optimizer:
    """An optimiser of the model's parameters.

    Raises:
        TypeError: if ``make`` gives something else, or an optimiser whose steps
            need a closure.
        ValueError: if it holds none of the model's parameters.
    """
    parameters = list(model.parameters())
    with uninterrupted():  # the first optimiser imports half of torch
        made: Any = make(parameters) if callable(make) else make
    if not (callable(make) and isinstance(made, torch.optim.Optimizer)):
        raise TypeError(
            f"optimizer: got {type(made).__name__}, wanted a function of the "
            "parameters that gives an optimiser, e.g. "
            "functools.partial(torch.optim.AdamW, weight_decay=0.01)"
        )
    closure = inspect.signature(made.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise TypeError(
            f"optimizer: {type(made).__name__} evaluates the objective several "
            "times a step, which fit does not; use one that takes step(), e.g. Adam"
        )
    mine = {id(p) for p in parameters}
    if not any(id(p) in mine for g in made.param_groups for p in g["params"]):
        raise ValueError(
            "optimizer: it holds none of the model's parameters. Build it from those "
            "it is given: optimizer=lambda parameters: torch.optim.SGD(parameters)"
        )
    return made


def lr_shares(optimizer: torch.optim.Optimizer) -> list[float]:
    """Each group's step size as a share of the highest: 1 unless it has its own."""
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    highest = max(rates)
    return [rate / highest if highest else 1.0 for rate in rates]


def state_of(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], Any]:
    """Its state as tensors by ``"parameter.name"``, and as JSON what is none."""
    tensors: dict[str, Tensor] = {}
    rest: dict[str, Any] = {}
    saved = optimizer.state_dict()
    for i, state in saved["state"].items():
        for name, value in state.items():
            held: dict[str, Any] = tensors if isinstance(value, Tensor) else rest
            held[f"{i}.{name}"] = value
    return tensors, {
        "state": rest,
        "groups": [_plain(g) for g in saved["param_groups"]],
    }


def set_state(
    optimizer: torch.optim.Optimizer,
    tensors: Mapping[str, Tensor],
    rest: Mapping[str, Any],
) -> None:
    """Put back what :func:`state_of` gave."""
    states: dict[int, dict[str, Any]] = {}
    for key, value in {**tensors, **rest["state"]}.items():
        i, _, name = key.partition(".")
        states.setdefault(int(i), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    mixed = [{**g, **old} for g, old in zip(groups, rest["groups"], strict=True)]
    optimizer.load_state_dict({"state": states, "param_groups": mixed})


def _plain(group: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a group, some of which an optimiser changes as it goes."""
    return {k: v for k, v in group.items() if isinstance(v, int | float)}
