"""Training without an end, a slice at a time, between other work."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

from vaelib.devices import threads_for
from vaelib.distributions import unchecked
from vaelib.objectives import elbo
from vaelib.randomness import random_state, seeded, set_random_state
from vaelib.training.checks import check_arguments, try_once
from vaelib.training.interrupts import interruptible
from vaelib.training.plan import Plan
from vaelib.training.run import Objective, Run


class Slices:
    """A training run that gives way to other work after each slice.

    Between slices nothing shows: the model is in ``eval`` mode, and random state,
    threads and signal handlers are as they were before. The steps are those of
    ``fit(..., schedule="constant")``, bit for bit on the CPU.

    Args:
        model: trained in place, on the device of ``x``.
        x: all the data, ``(N, *data_shape)``.
        objective, batch_size, lr, seed: as for :func:`vaelib.fit`.
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
        check_arguments(model, 1, batch_size, lr, "constant")
        self.every = every
        with seeded(seed):
            model.eval()
            try_once(model, x, objective, batch_size)
            self._random = random_state(x.device)
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
            stack.enter_context(threads_for(None, run.model, run.x.device))
            stack.enter_context(unchecked())
            stop = stack.enter_context(interruptible())
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
        with threads_for(None, self.run.model, self.run.x.device), seeded(0):
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
        before = random_state(device)
        set_random_state(self._random, device)
        try:
            yield
        finally:
            self._random = random_state(device)
            set_random_state(before, device)
