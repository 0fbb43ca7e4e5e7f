"""A training run on disk, to go on from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from vaelib.storage import check_writable, read_safetensors, write_safetensors
from vaelib.training.history import History
from vaelib.training.identity import Identify, identity_of_tensor
from vaelib.training.objective import Objective
from vaelib.training.optimizer import MakeOptimizer, set_state, state_of
from vaelib.training.run import Run


class Checkpoint:
    """The file of a run.

    What makes the run this one and no other is noted at once, before training:
    the plan, the objective and the optimiser with all their options, the data,
    and the shapes and types of the weights.

    Args:
        path: the file; it need not exist yet, its folder must.
        run: what is saved and restored.
        objective, optimizer: as given to :func:`vaelib.fit`.

    Raises:
        OSError: if the file cannot be written; names the folder.
        ValueError: if the objective or optimiser cannot be told from another.
    """

    def __init__(
        self,
        path: str | Path,
        run: Run,
        objective: Objective,
        optimizer: MakeOptimizer,
    ):
        self.path, self.run = Path(path), run
        check_writable(path, "checkpoint")
        known = {f"data[{i}]": tensor for i, tensor in enumerate(run.data)}
        identify = Identify(model=run.model, **known)
        self.identity = {
            **run.plan._asdict(),
            "objective": identify(objective),
            "optimizer": identify(optimizer),
            "data": [identity_of_tensor(tensor) for tensor in run.data],
            "weights": _kinds(run.model.state_dict()),
        }

    def save(self) -> None:
        """Everything needed to go on, in one safetensors file."""
        run = self.run
        run.gather()
        state, rest = state_of(run.optimizer)
        tensors = {
            **_prefixed("model", run.model.state_dict()),
            **_prefixed("optimizer", state),
            **_prefixed("random", run.stream.state),
        }
        notes = {
            "run": self.identity,
            "optimizer": rest,
            "step": run.step,
            "history": dict(run.history),
            "sums": run.sums,
            "count": run.count,
            "hopeless": run.hopeless,
        }
        write_safetensors(self.path, {k: v.cpu() for k, v in tensors.items()}, notes)

    def restore(self) -> None:
        """Go on from the file, if it exists.

        Raises:
            ValueError: if it is of another run.
        """
        if not self.path.exists():
            return
        run = self.run
        tensors, notes = read_safetensors(self.path)
        self._check_same_run(notes)
        run.model.load_state_dict(_part("model", tensors))
        set_state(run.optimizer, _part("optimizer", tensors), notes["optimizer"])
        run.stream.state = _part("random", tensors)
        run.step, run.hopeless = notes["step"], notes["hopeless"]
        run.history = History(notes["history"])
        run.history.steps = run.step
        run.sums, run.count = notes["sums"], notes["count"]
        run.set_aside()

    def _check_same_run(self, notes: dict[str, Any]) -> None:
        if "step" not in notes:
            raise ValueError(
                f"checkpoint: {self.path} holds a model, not a training run"
            )
        if "run" not in notes:
            raise ValueError(
                f"checkpoint: {self.path} was written by an older vaelib, which did "
                "not note which data and objective it was for, so it may be of another "
                "run. Name another file, or delete this one to begin anew."
            )
        there: dict[str, Any] = notes["run"]
        wrong = [k for k, mine in self.identity.items() if mine != there.get(k)]
        if wrong:
            listed = "; ".join(
                _difference(k, there.get(k), self.identity[k]) for k in wrong
            )
            raise ValueError(
                f"checkpoint: {self.path} is of another run ({listed[:600]}). Call fit "
                "with the same settings to go on with it, or name another file."
            )


def _difference(name: str, there: Any, here: Any) -> str:
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        names = [k for k in {**there, **here} if there.get(k) != here.get(k)]
        first = names[0]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return f"{name}: {first} {there.get(first)} there, {here.get(first)} here{more}"
    return f"{name}: {there} there, {here} here"


def _kinds(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {
        k: f"{tuple(v.shape)} {str(v.dtype).removeprefix('torch.')}"
        for k, v in tensors.items()
    }


def _prefixed(part: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{part}.{name}": tensor for name, tensor in tensors.items()}


def _part(part: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{part}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{part}.")
    }
