"""Runs in several threads take turns with what torch has only once per process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from vaelib.devices import matmul_precision_of, threads_for
from vaelib.randomness import Stream

TURN = 0.05  # seconds, after which another thread may have its turn

_turn, _next = threading.Lock(), threading.Lock()
_owner: int | None = None  # whose turn it is, by thread


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
    def take(self, patience: float = -1) -> Iterator[bool]:
        """Wait for a turn, at most ``patience`` seconds; tells whether it came."""
        with _alone(patience) as mine:
            if not mine:
                yield False
                return
            with (
                threads_for(self.threads, self.model, self.stream.device),
                matmul_precision_of(self.precision),
                torch.inference_mode(False),
                torch.enable_grad(),
                self.stream,
            ):
                yield True


@contextmanager
def _alone(patience: float) -> Iterator[bool]:
    global _owner
    me = threading.get_ident()
    if _owner == me:  # a run inside a run
        yield True
        return
    # Who waits here comes before who just had a turn: a lock alone is not fair.
    if not _next.acquire(timeout=patience):
        yield False
        return
    try:
        mine = _turn.acquire(timeout=patience)
    finally:
        _next.release()
    if not mine:
        yield False
        return
    _owner = me
    try:
        yield True
    finally:
        _owner = None
        _turn.release()
