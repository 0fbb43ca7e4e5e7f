"""Training without an end, a slice at a time, between other work."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import nn

from vaelib.data.batches import Data
from vaelib.devices import threads_for
from vaelib.distributions import unchecked
from vaelib.objectives import elbo
from vaelib.randomness import seeded
from vaelib.training.checks import check_model, tensors_for, try_once
from vaelib.training.interrupts import interruptible
from vaelib.training.objective import Objective
from vaelib.training.optimizer import MakeOptimizer, fused_adam
from vaelib.training.plan import Plan
from vaelib.training.run import Run
from vaelib.training.turns import Turns


class Slices:
    """A training run that gives way to other work after each slice.

    Between slices nothing shows: the model is in ``eval`` mode, and random state,
    threads and signal handlers are as they were before. The steps are those of
    ``fit(..., schedule="constant")``, bit for bit on the CPU.

    Args:
        model: trained in place, on the device of ``data``.
        data, objective, batch_size, lr, seed, optimizer, clip: as for
            :func:`vaelib.fit`.
        every: how many steps make one entry of the history.

    Attributes:
        run: what is driven; its history has one mean per ``every`` steps.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Data,
        objective: Objective = elbo,
        *,
        batch_size: int = 64,
        lr: float = 4e-3,
        seed: int = 0,
        every: int = 10,
        optimizer: MakeOptimizer = fused_adam,
        clip: float | None = None,
    ):
        check_model(model)
        plan = Plan.of(1, batch_size, lr, "constant", seed, clip)
        tensors = tensors_for(model, data)
        self.every = every
        self._objective, self._optimizer = objective, optimizer
        self.run = Run(model, tensors, objective, plan, optimizer)
        self._turns = Turns(model, self.run.stream)
        with self._turns.take():
            try_once(self.run)

    @property
    def lr(self) -> float:
        """The step size, from the next step on."""
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
            stop = stack.enter_context(interruptible())
            stack.enter_context(self._turns.take())
            stack.enter_context(unchecked())
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
        with threads_for(None, self.run.model, self.run.device), seeded(0):
            yield

    def recover(self) -> None:
        """Go on after :class:`TrainingDiverged` from the last good weights, with
        a fresh optimiser."""
        old = self.run
        self.run = Run(old.model, old.data, self._objective, old.plan, self._optimizer)
        self.run.step, self.run.history = old.step, old.history
        self.run.hopeless, self.run.stream = old.hopeless, old.stream
