"""One loop: seeded, resumable, interruptible, with a progress bar."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from vaelib.data.batches import Data
from vaelib.devices import resolve_device
from vaelib.distributions import unchecked
from vaelib.objectives import elbo
from vaelib.training.bar import Bar, progress_bar
from vaelib.training.checkpoint import Checkpoint
from vaelib.training.checks import check_model, tensors_for, try_once
from vaelib.training.history import History
from vaelib.training.interrupts import interruptible
from vaelib.training.objective import Objective
from vaelib.training.optimizer import MakeOptimizer, fused_adam
from vaelib.training.plan import Plan
from vaelib.training.run import Run
from vaelib.training.turns import TURN, Turns


def fit(
    model: nn.Module,
    data: Data,
    objective: Objective = elbo,
    *,
    epochs: int = 5,
    batch_size: int = 64,
    lr: float = 4e-3,
    seed: int = 0,
    optimizer: MakeOptimizer = fused_adam,
    clip: float | None = None,
    device: str | torch.device = "auto",
    progress: bool = True,
    checkpoint: str | Path | None = None,
    schedule: Literal["cosine", "constant"] = "cosine",
    threads: int | None = None,
    matmul_precision: Literal["highest", "high", "medium"] | None = None,
) -> History:
    """Train a model: Adam on the negative mean of ``objective``.

    The data lie on the device as they are, in an order drawn anew each epoch.
    The same seed gives the same weights, bit for bit on the CPU, in any process.
    Ctrl-C, or the notebook's interrupt button, ends training after the current
    step: the model is usable and the history is returned. Several calls in
    several threads take turns, and each is as if alone, as long as nothing else
    draws torch's random numbers meanwhile.

    Args:
        model: trained in place, moved to ``device``, left in ``eval`` mode.
        data: a ``Dataset``, a tensor ``(N, *data_shape)``, or several tensors of
            equal length: ``(x, c)``. A batch has the same rows of each.
        objective: called as ``objective(model, *batch)``; gives an ``Elbo``, one
            number per example ``(B,)``, or several by name, the first of which is
            maximised. Set options with ``functools.partial(vl.elbo, beta=4)``.
            A β that follows the steps: :func:`vaelib.anneal`.
            ``elbo`` and ``iwae`` of a model with a condition are those of
            ``model.given(c)``.
        epochs: passes over the data.
        batch_size: examples per step; the last batch may be smaller.
        lr: the step size; the highest, with the cosine schedule.
        seed: of the order of the data and of all sampling, ≥ 0.
        optimizer: a function of the parameters that gives one of torch's, e.g.
            ``functools.partial(torch.optim.AdamW, weight_decay=0.01)``. Its step
            size is set to ``lr``; groups with step sizes of their own keep their
            ratios, the highest being ``lr``. Default: Adam.
        clip: scale gradients down to this norm where theirs is larger.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``.
        progress: show a progress bar.
        checkpoint: a file. Written after each epoch and when interrupted; if it
            exists, training goes on from it and ends with the same weights as
            if it had never stopped. A file of another objective, of other data or
            settings is refused.
        schedule: ``"cosine"`` warms up over the first 5 % of the steps and ends
            at 0; ``"constant"`` keeps ``lr``.
        threads: CPU threads; by default one for a small model on the CPU.
        matmul_precision: ``"medium"`` lets float32 matrix products run in
            bfloat16 where the hardware has it, about 1.5 times as fast on such
            CPUs; the setting is put back afterwards.

    Returns:
        The history: one mean per epoch of each term, in nats per example.

    Raises:
        TypeError, ValueError: for arguments or data that cannot work.
        TrainingDiverged: when a term becomes NaN or infinite, or an epoch's mean
            objective is a thousand times worse than both the untrained model's and
            one nat for each of an example's values.
    """
    check_model(model)
    plan = Plan.of(epochs, batch_size, lr, schedule, seed, clip)
    where = resolve_device(device)
    with ExitStack() as stack:
        stop = stack.enter_context(interruptible())
        stack.callback(model.eval)
        tensors = tuple(t.to(where) for t in tensors_for(model, data))
        run = Run(model.to(where), tensors, objective, plan, optimizer)
        turns = Turns(model, run.stream, threads, matmul_precision)
        with turns.take():
            try_once(run)
        file = None
        if checkpoint is not None:
            file = Checkpoint(checkpoint, run, objective, optimizer)
            file.restore()
        bar = stack.enter_context(progress_bar(run, progress))
        stack.enter_context(unchecked())
        model.train()
        while run.step < run.total and not stop.is_set():
            with turns.take():
                _advance(run, bar, file, stop)
        return _finish(run, bar, file)


def _advance(
    run: Run, bar: Bar, file: Checkpoint | None, stop: threading.Event
) -> None:
    """Steps until the turn, or all, is over."""
    end = time.monotonic() + TURN
    while run.step < run.total and not stop.is_set() and time.monotonic() < end:
        run.advance()
        if run.step % run.batches == 0:
            run.finish_epoch()
            if file is not None:
                file.save()
        bar.update()


def _finish(run: Run, bar: Bar, file: Checkpoint | None) -> History:
    bar.update(now=True)
    if run.step == run.total:
        return run.history
    if file is not None:
        file.save()
    run.gather()
    history = History(run.history)
    history.steps, history.interrupted = run.step, True
    history.append(run.current)
    print(_what_remains(run, file))
    return history


def _what_remains(run: Run, file: Checkpoint | None) -> str:
    go_on = " Call fit again with the same arguments to go on." if file else ""
    if run.step == 0:
        return f"Interrupted before the first step: nothing was trained.{go_on}"
    return (
        f"Interrupted after {run.step} of {run.total} steps. The model keeps what it "
        f"has learned; the history's last entry is of the unfinished epoch.{go_on}"
    )
