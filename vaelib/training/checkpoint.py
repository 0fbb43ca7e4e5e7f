"""A training run on disk, to go on from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from vaelib.randomness import random_state, set_random_state
from vaelib.storage import read_safetensors, write_safetensors
from vaelib.training.history import History
from vaelib.training.run import Run


def save(run: Run, path: str | Path) -> None:
    """Everything needed to go on, in one safetensors file."""
    run.gather()
    tensors = {f"model.{k}": v for k, v in run.model.state_dict().items()}
    for i, state in run.optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{i}.{k}": v for k, v in state.items()}
    tensors |= {f"random.{k}": v for k, v in random_state(run.x.device).items()}
    notes = {
        "plan": run.plan._asdict(),
        "data": list(run.x.shape),
        "objective": run.name,
        "step": run.step,
        "history": dict(run.history),
        "sums": run.sums,
        "count": run.count,
    }
    write_safetensors(path, {k: v.cpu() for k, v in tensors.items()}, notes)


def restore(run: Run, path: str | Path) -> None:
    """Go on from a file by :func:`save`.

    Raises:
        ValueError: if the file is of another run.
    """
    tensors, notes = read_safetensors(path)
    _check_same_run(run, path, tensors, notes)
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "adam": {}, "random": {}}
    for key, value in tensors.items():
        part, _, name = key.partition(".")
        parts[part][name] = value
    run.model.load_state_dict(parts["model"])
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in parts["adam"].items():
        i, _, name = key.partition(".")
        states.setdefault(int(i), {})[name] = value
    groups = run.optimizer.state_dict()["param_groups"]
    run.optimizer.load_state_dict({"state": states, "param_groups": groups})
    set_random_state(parts["random"], run.x.device)
    run.step = notes["step"]
    run.history = History(notes["history"])
    run.history.steps = run.step
    run.sums, run.count = notes["sums"], notes["count"]
    run.set_aside()


def _check_same_run(
    run: Run, path: str | Path, tensors: dict[str, Tensor], notes: dict[str, Any]
) -> None:
    if "plan" not in notes:
        raise ValueError(f"checkpoint: {path} holds a model, not a training run")
    mine = {
        **run.plan._asdict(),
        "data": list(run.x.shape),
        "objective": run.name,
        "weights": _shapes("model.", run.model.state_dict()),
    }
    weights = {k: v for k, v in tensors.items() if k.startswith("model.")}
    theirs = {**notes["plan"], **notes, "weights": _shapes("", weights)}
    wrong = [k for k in mine if mine[k] != theirs.get(k)]
    if wrong:
        listed = "; ".join(f"{k}: {theirs.get(k)} there, {mine[k]} here" for k in wrong)
        raise ValueError(
            f"checkpoint: {path} is of another run ({listed[:500]}). Call fit with "
            "the same settings to go on with it, or name another file."
        )


def _shapes(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, list[int]]:
    return {prefix + k: list(v.shape) for k, v in tensors.items()}
