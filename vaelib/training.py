"""One loop: seeded, resumable, interruptible, with a progress bar."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from tqdm.auto import tqdm

from vaelib import plots
from vaelib.data import Dataset, as_tensor
from vaelib.devices import resolve_device
from vaelib.distributions import check_data, unchecked
from vaelib.objectives import Elbo, elbo
from vaelib.randomness import seeded
from vaelib.storage import read_safetensors, write_safetensors

Objective = Callable[[Any, Tensor], Elbo | Tensor]

# Up to here one thread beats two that share their cores with a browser, and the
# result does not depend on how many cores the machine has.
SMALL_MODEL = 5_000_000
# How often weights known to be good are set aside, and how often a GPU is asked
# whether all is still finite (asking makes it wait).
SAFE_EVERY = 50


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
        return plots.history(self)

    def _append(self, means: Mapping[str, float]) -> None:
        for key, value in means.items():
            self._epochs.setdefault(key, []).append(value)


class TrainingDiverged(ArithmeticError):
    """A term became NaN or infinite. The model holds the last good weights.

    Attributes:
        history: the epochs completed before.
    """

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


def fit(
    model: nn.Module,
    data: Dataset | Tensor,
    objective: Objective = elbo,
    *,
    epochs: int = 5,
    batch_size: int = 64,
    lr: float = 4e-3,
    seed: int = 0,
    device: str | torch.device = "auto",
    progress: bool = True,
    checkpoint: str | Path | None = None,
    schedule: Literal["cosine", "constant"] = "cosine",
    threads: int | None = None,
    matmul_precision: Literal["highest", "high", "medium"] | None = None,
) -> History:
    """Train a model: Adam on the negative mean of ``objective``.

    The data lie on the device as one tensor, in an order drawn anew each epoch.
    The same seed gives the same weights, bit for bit on the CPU, in any process.
    Ctrl-C, or the notebook's interrupt button, ends training after the current
    step: the model is usable and the history is returned.

    Args:
        model: trained in place, moved to ``device``, left in ``eval`` mode.
        data: a ``Dataset`` or a tensor ``(N, *data_shape)``.
        objective: called with the model and a batch, gives an ``Elbo`` or one
            number per example ``(B,)``; maximised. Set options with
            ``functools.partial(vl.elbo, beta=4)``.
        epochs: passes over the data.
        batch_size: examples per step; the last batch may be smaller.
        lr: Adam's step size; the highest, with the cosine schedule.
        seed: of the order of the data and of all sampling.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``.
        progress: show a progress bar.
        checkpoint: a file. Written after each epoch and when interrupted; if it
            exists, training goes on from it and ends with the same weights as
            if it had never stopped.
        schedule: ``"cosine"`` warms up over the first 5 % of the steps and ends
            at 0; ``"constant"`` is plain Adam.
        threads: CPU threads; by default one for a small model on the CPU.
        matmul_precision: ``"medium"`` lets float32 matrix products run in
            bfloat16 where the hardware has it, about 1.5 times as fast on such
            CPUs; the setting is put back afterwards.

    Returns:
        The history: one mean per epoch of each term, in nats per example.

    Raises:
        TypeError, ValueError: for arguments or data that cannot work.
        TrainingDiverged: when a term becomes NaN or infinite.
    """
    _check_arguments(model, epochs, batch_size, lr, schedule)
    where = resolve_device(device)
    x = as_tensor(data).to(where)
    model.to(where)
    with ExitStack() as stack:
        stack.enter_context(_matmul_precision(matmul_precision))
        stack.enter_context(_threads(threads, model, where))
        stack.enter_context(seeded(seed))
        model.eval()
        _try_once(model, x, objective, batch_size)
        plan = Plan(epochs, batch_size, lr, schedule, seed)
        run = Run(model.train(), x, objective, plan)
        if checkpoint is not None and Path(checkpoint).exists():
            run.restore(checkpoint)
        bar = stack.enter_context(_bar(run, progress))
        stack.callback(model.eval)
        stack.enter_context(unchecked())
        stop = stack.enter_context(_interruptible())
        while run.step < run.total and not stop.is_set():
            run.advance()
            if run.step % run.batches == 0:
                run.finish_epoch()
                if checkpoint is not None:
                    run.save(checkpoint)
            bar.update()
        return _finish(run, bar, checkpoint)


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


class Run:
    """A training run, advanced one step at a time. ``fit`` drives it to its end.

    Attributes:
        step: steps taken so far, of ``total``.
        history: finished epochs.
    """

    def __init__(self, model: nn.Module, x: Tensor, objective: Objective, plan: Plan):
        self.model, self.x, self.objective, self.plan = model, x, objective, plan
        self.batches = math.ceil(len(x) / plan.batch_size)
        self.total = self.batches * plan.epochs
        self.step = 0
        self.history = History()
        self.parameters = list(model.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=plan.lr, fused=True)
        self.name = _name(objective)
        self._order = (-1, torch.empty(0))  # of which epoch
        self._recent: list[tuple[int, Terms]] = []  # step and terms, not yet summed
        self._sums: list[float] = []  # of this epoch, one per term
        self._count = 0  # examples in them
        self._check_every = 1 if x.device.type == "cpu" else SAFE_EVERY
        self._set_aside()

    def advance(self) -> None:
        """One step of the optimiser.

        Raises:
            TrainingDiverged: if a term is NaN or infinite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.lr_at(self.step, self.total)
        terms = _terms(self.objective(self.model, self._batch()))
        loss = -terms[0].mean()
        self._recent.append((self.step, tuple(t.detach() for t in terms)))
        if self.step % self._check_every == 0 and not math.isfinite(loss.item()):
            self._diagnose()
        if self.step % SAFE_EVERY == 0:
            self._set_aside()
        for p in self.parameters:  # what zero_grad() does, with less ado
            p.grad = None
        loss.backward()
        self.optimizer.step()
        self.step += 1

    def finish_epoch(self) -> None:
        """Write the epoch's means to the history."""
        self.gather()
        means = [s / self._count for s in self._sums]
        self.history._append(_named(means, self.name))
        self.history.steps = self.step
        self._sums, self._count = [], 0

    def gather(self) -> None:
        """Add the recent steps' terms to the epoch's sums: one wait for a GPU."""
        if not self._recent:
            return
        recent = [terms for _, terms in self._recent]
        sums = torch.stack([torch.stack([t.sum() for t in terms]) for terms in recent])
        if not sums.isfinite().all():
            self._diagnose()
        # One step after the other, in double precision, so that the sums do not
        # depend on when they were gathered.
        self._sums = self._sums or [0.0] * sums.shape[1]
        for row in sums.tolist():
            self._sums = [a + b for a, b in zip(self._sums, row, strict=True)]
        self._count += sum(len(terms[0]) for terms in recent)
        self._recent = []

    @property
    def current(self) -> dict[str, float]:
        """Means of the epoch under way, as far as gathered."""
        if not self._count:
            return {}
        return _named([s / self._count for s in self._sums], self.name)

    def save(self, path: str | Path) -> None:
        """Everything needed to go on, in one safetensors file."""
        self.gather()
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{i}.{k}": v for k, v in state.items()}
        tensors |= {f"random.{k}": v for k, v in _random_state(self.x.device).items()}
        notes = {
            "plan": self.plan._asdict(),
            "data": list(self.x.shape),
            "objective": self.name,
            "step": self.step,
            "history": dict(self.history),
            "sums": self._sums,
            "count": self._count,
        }
        write_safetensors(path, {k: v.cpu() for k, v in tensors.items()}, notes)

    def restore(self, path: str | Path) -> None:
        """Go on from a file by :meth:`save`.

        Raises:
            ValueError: if the file is of another run.
        """
        tensors, notes = read_safetensors(path)
        self._check_same_run(path, tensors, notes)
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "adam": {}, "random": {}}
        for key, value in tensors.items():
            part, _, name = key.partition(".")
            parts[part][name] = value
        self.model.load_state_dict(parts["model"])
        states: dict[int, dict[str, Tensor]] = {}
        for key, value in parts["adam"].items():
            i, _, name = key.partition(".")
            states.setdefault(int(i), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": states, "param_groups": groups})
        _set_random_state(parts["random"], self.x.device)
        self.step = notes["step"]
        self.history = History(notes["history"])
        self.history.steps = self.step
        self._sums, self._count = notes["sums"], notes["count"]
        self._set_aside()

    def _check_same_run(
        self, path: str | Path, tensors: dict[str, Tensor], notes: dict[str, Any]
    ) -> None:
        if "plan" not in notes:
            raise ValueError(f"checkpoint: {path} holds a model, not a training run")
        mine = {
            **self.plan._asdict(),
            "data": list(self.x.shape),
            "objective": self.name,
            "weights": _shapes("model.", self.model.state_dict()),
        }
        weights = {k: v for k, v in tensors.items() if k.startswith("model.")}
        theirs = {**notes["plan"], **notes, "weights": _shapes("", weights)}
        wrong = [k for k in mine if mine[k] != theirs.get(k)]
        if wrong:
            listed = "; ".join(
                f"{k}: {theirs.get(k)} there, {mine[k]} here" for k in wrong
            )
            raise ValueError(
                f"checkpoint: {path} is of another run ({listed[:500]}). Call fit with "
                "the same settings to go on with it, or name another file."
            )

    def _batch(self) -> Tensor:
        epoch, batch = divmod(self.step, self.batches)
        if self._order[0] != epoch:
            self._order = (epoch, self._shuffle(epoch))
        start = batch * self.plan.batch_size
        rows = self._order[1][start : start + self.plan.batch_size]
        # Gathering a batch into memory just freed beats a second, shuffled copy of
        # all the data, whose pages the system must first hand out.
        return self.x.index_select(0, rows)

    def _shuffle(self, epoch: int) -> Tensor:
        # From (seed, epoch) alone: a resumed run need not store the order.
        state = np.random.SeedSequence([self.plan.seed, epoch]).generate_state(1)
        generator = torch.Generator().manual_seed(int(state[0]))
        return torch.randperm(len(self.x), generator=generator).to(self.x.device)

    def _set_aside(self) -> None:
        state = self.model.state_dict()
        self._good = (self.step, {k: v.detach().clone() for k, v in state.items()})

    def _diagnose(self) -> NoReturn:
        means = [(at, [t.mean().item() for t in terms]) for at, terms in self._recent]
        at, bad = next(m for m in means if not all(map(math.isfinite, m[1])))
        parameters = self.model.named_parameters()
        broken = [name for name, p in parameters if not p.isfinite().all()]
        low, high = (v.item() for v in self.x.aminmax())
        good_step, good = self._good
        self.model.load_state_dict(good)
        causes = list(_likely_causes(self.plan.lr, low, high, broken))
        listed = ", ".join(f"{k} {v:.4g}" for k, v in _named(bad, self.name).items())
        reasons = "; ".join(causes)
        raise TrainingDiverged(
            f"training diverged at step {at} of {self.total} (epoch "
            f"{at // self.batches + 1}), where the batch gave: {listed}. Likely "
            f"causes, first to last: {reasons}. The model holds the weights it had at "
            f"step {good_step}.",
            self.history,
        )


class Slices:
    """Training without an end, a slice at a time, between other work.

    Between slices nothing shows: the model is in ``eval`` mode, and random state,
    threads and signal handlers are as they were before. The steps are those of
    ``fit(..., schedule="constant")``, bit for bit on the CPU.

    Args:
        model: trained in place, on the device of ``x``.
        x: all the data, ``(N, *data_shape)``.
        objective, batch_size, lr, seed: as for :func:`fit`.
        every: how many steps make one entry of the history.

    Attributes:
        run: what is driven; its history has one mean per ``every`` steps.
    """

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        objective: Objective = elbo,
        *,
        batch_size: int = 64,
        lr: float = 4e-3,
        seed: int = 0,
        every: int = 10,
    ):
        _check_arguments(model, 1, batch_size, lr, "constant")
        self.every = every
        with seeded(seed):
            model.eval()
            _try_once(model, x, objective, batch_size)
            self._random = _random_state(x.device)
        self.run = Run(model, x, objective, Plan(1, batch_size, lr, "constant", seed))

    @property
    def lr(self) -> float:
        """Adam's step size, from the next step on."""
        return self.run.plan.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self.run.plan = self.run.plan._replace(lr=value)

    def advance(self, steps: int, seconds: float = math.inf) -> bool:
        """Take ``steps`` steps, or as many as fit into ``seconds``; at least one.

        Returns:
            Whether Ctrl-C came meanwhile; the step under way was ended first.

        Raises:
            TrainingDiverged: if a term is NaN or infinite.
        """
        run, end = self.run, time.monotonic() + seconds
        with ExitStack() as stack:
            stack.enter_context(self._own_random())
            stack.enter_context(_threads(None, run.model, run.x.device))
            stack.enter_context(unchecked())
            stop = stack.enter_context(_interruptible())
            stack.callback(run.model.eval)
            run.model.train()
            for _ in range(steps):
                run.advance()
                if run.step % self.every == 0:
                    run.finish_epoch()
                if stop.is_set() or time.monotonic() >= end:
                    break
        return stop.is_set()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Inside, look at the model between slices: at their number of threads,
        and drawing nobody's random numbers."""
        with _threads(None, self.run.model, self.run.x.device), seeded(0):
            yield

    def recover(self) -> None:
        """Go on after :class:`TrainingDiverged` from the last good weights, with
        a fresh optimiser."""
        old = self.run
        self.run = Run(old.model, old.x, old.objective, old.plan)
        self.run.step, self.run.history = old.step, old.history

    @contextmanager
    def _own_random(self) -> Iterator[None]:
        device = self.run.x.device
        before = _random_state(device)
        _set_random_state(self._random, device)
        try:
            yield
        finally:
            self._random = _random_state(device)
            _set_random_state(before, device)


def _likely_causes(
    lr: float, low: float, high: float, broken: list[str]
) -> Iterator[str]:
    if max(-low, high) > 10:
        yield (
            f"the data run from {low:.3g} to {high:.3g}: scale them to about 1 "
            "(grey values: divide by 255)"
        )
    if lr > 0.01:
        yield f"lr={lr:g} is high for Adam: try lr=0.004 or less"
    if broken:
        yield (
            f"the weights of {broken[0]!r} became infinite or NaN at the step before: "
            "its gradient overflowed; try a lower lr"
        )
    yield (
        "an exp, log or division in your own encoder, decoder or objective that "
        "overflows: bound log-variances (vaelib's heads do), take logits, not "
        "probabilities"
    )


class _Bar:
    """A progress bar that costs a look at the clock per step."""

    def __init__(self, run: Run, show: bool):
        self.run = run
        self.tqdm = tqdm(
            total=run.total, initial=run.step, unit="step", disable=not show
        )
        self._last = -math.inf

    def update(self, *, now: bool = False) -> None:
        if self.tqdm.disable or not (now or time.monotonic() - self._last > 0.1):
            return
        self._last = time.monotonic()
        self.run.gather()
        means = self.run.current or {k: v[-1] for k, v in self.run.history.items()}
        key = "elbo" if "elbo" in means else next(iter(means), "")
        text = f"{key} {means[key]:.1f} nats" if key else ""
        self.tqdm.set_postfix_str(text, refresh=False)
        self.tqdm.update(self.run.step - self.tqdm.n)


@contextmanager
def _bar(run: Run, show: bool) -> Iterator[_Bar]:
    bar = _Bar(run, show)
    try:
        yield bar
    finally:
        bar.tqdm.close()


def _finish(run: Run, bar: _Bar, checkpoint: str | Path | None) -> History:
    bar.update(now=True)
    if run.step == run.total:
        return run.history
    if checkpoint is not None:
        run.save(checkpoint)
    run.gather()
    history = History(run.history)
    history.steps, history.interrupted = run.step, True
    history._append(run.current)
    go_on = (
        " Call fit again with the same arguments to go on."
        if checkpoint is not None
        else ""
    )
    print(
        f"Interrupted after {run.step} of {run.total} steps. The model keeps what it "
        f"has learned; the history's last entry is of the unfinished epoch.{go_on}"
    )
    return history


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn Ctrl-C into a request: a step half done would spoil the weights. A
    second Ctrl-C is obeyed at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        # None: a handler that was not set from Python, and cannot be put back.
        if before is not None:
            signal.signal(signal.SIGINT, before)


@contextmanager
def _threads(
    threads: int | None, model: nn.Module, device: torch.device
) -> Iterator[None]:
    small = sum(p.numel() for p in model.parameters()) < SMALL_MODEL
    if threads is None and device.type == "cpu" and small:
        threads = 1
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _matmul_precision(precision: str | None) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    try:
        if precision is not None:
            torch.set_float32_matmul_precision(precision)
        yield
    finally:
        torch.set_float32_matmul_precision(before)


# ----------------------------------------------------------------------- checks


def _check_arguments(
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
def _try_once(model: Any, x: Tensor, objective: Objective, batch_size: int) -> None:
    """Look at all the data once, and at what the objective makes of a batch."""
    batch = x[:batch_size]
    terms = _terms(objective(model, batch))
    if any(t.shape != (len(batch),) for t in terms):
        shapes = ", ".join(str(tuple(t.shape)) for t in terms)
        raise ValueError(
            f"objective: gave shape {shapes} for a batch of {len(batch)}, wanted one "
            "number per example, (B,): sum over dimensions, average over nothing."
        )
    if hasattr(model, "likelihood") and hasattr(model, "encode"):
        check_data(x, model.likelihood(model.encode(batch[:1])), "data")


Terms = tuple[Tensor, ...]


def _terms(result: Elbo | Tensor) -> Terms:
    if isinstance(result, Elbo):
        return result[:3]
    if isinstance(result, Tensor):
        return (result,)
    raise TypeError(
        f"objective: gave a {type(result).__name__}, wanted an Elbo or a tensor (B,)"
    )


def _named(means: list[float], name: str) -> dict[str, float]:
    if len(means) == 1:
        return {name: means[0]}
    value, reconstruction, kl = means
    return {
        "objective": value,
        "elbo": reconstruction - kl,
        "reconstruction": reconstruction,
        "kl": kl,
    }


def _name(objective: Any) -> str:
    objective = getattr(objective, "func", objective)  # functools.partial
    name = getattr(objective, "__name__", "objective")
    return "objective" if name == "<lambda>" else str(name)


def _shapes(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, list[int]]:
    return {prefix + k: list(v.shape) for k, v in tensors.items()}


def _random_state(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_state(states: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
