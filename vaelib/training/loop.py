"""One loop: seeded, resumable, interruptible, with a progress bar."""

from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from vaelib.data import Dataset, as_tensor
from vaelib.devices import matmul_precision_of, resolve_device, threads_for
from vaelib.distributions import unchecked
from vaelib.objectives import elbo
from vaelib.randomness import seeded
from vaelib.training import checkpoint as checkpoints
from vaelib.training.bar import Bar, progress_bar
from vaelib.training.checks import check_arguments, try_once
from vaelib.training.history import History
from vaelib.training.interrupts import interruptible
from vaelib.training.plan import Plan
from vaelib.training.run import Objective, Run


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
    check_arguments(model, epochs, batch_size, lr, schedule)
    where = resolve_device(device)
    x = as_tensor(data).to(where)
    model.to(where)
    with ExitStack() as stack:
        stack.enter_context(matmul_precision_of(matmul_precision))
        stack.enter_context(threads_for(threads, model, where))
        stack.enter_context(seeded(seed))
        model.eval()
        try_once(model, x, objective, batch_size)
        plan = Plan(epochs, batch_size, lr, schedule, seed)
        run = Run(model.train(), x, objective, plan)
        if checkpoint is not None and Path(checkpoint).exists():
            checkpoints.restore(run, checkpoint)
        bar = stack.enter_context(progress_bar(run, progress))
        stack.callback(model.eval)
        stack.enter_context(unchecked())
        stop = stack.enter_context(interruptible())
        while run.step < run.total and not stop.is_set():
            run.advance()
            if run.step % run.batches == 0:
                run.finish_epoch()
                if checkpoint is not None:
                    checkpoints.save(run, checkpoint)
            bar.update()
        return _finish(run, bar, checkpoint)


def _finish(run: Run, bar: Bar, checkpoint: str | Path | None) -> History:
    bar.update(now=True)
    if run.step == run.total:
        return run.history
    if checkpoint is not None:
        checkpoints.save(run, checkpoint)
    run.gather()
    history = History(run.history)
    history.steps, history.interrupted = run.step, True
    history.append(run.current)
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
