"""Runs in several threads take turns with what torch has only once per process."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from vaelib.devices import matmul_precision_of, threads_for
from vaelib.randomness import Stream, turn

TURN = 0.05  # seconds, after which another thread may have its turn


class Turns:
    """A run's own random state, threads and precision, in force during its turns.

    Torch has one generator for all threads, so two runs at once would spoil each
    other's numbers.

    Args:
        model: what is trained; its size decides on ``threads=None``.
        stream: the run's random numbers.
        threads, precision: as for :func:`vaelib.fit`.
    """

    def __init__(
        self,
        model: nn.Module,
        stream: Stream,
        threads: int | None = None,
        precision: str | None = None,
    ):
        self.model, self.stream = model, stream
        self.threads, self.precision = threads, precision

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn with torch's random state, and set all this up in it."""
        with (
            turn(),
            threads_for(self.threads, self.model, self.stream.device),
            matmul_precision_of(self.precision),
            torch.inference_mode(False),
            torch.enable_grad(),
            self.stream,
        ):
            yield
