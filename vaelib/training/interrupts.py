"""Ctrl-C, or the notebook's interrupt button, as a request."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Handler = Callable[[int, object], None]


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Turn Ctrl-C into a request: a step half done would spoil the weights. A
    second Ctrl-C is obeyed at once."""
    stop = threading.Event()

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    with _handled_by(ask):
        yield stop


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold every Ctrl-C back until the block is done: a module half imported
    breaks whoever imports it next."""
    asked = threading.Event()
    with _handled_by(lambda number, frame: asked.set()):
        yield
    if asked.is_set():
        signal.raise_signal(signal.SIGINT)


@contextmanager
def _handled_by(handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        # None: a handler that was not set from Python, and cannot be put back.
        if before is not None:
            signal.signal(signal.SIGINT, before)
