"""Ctrl-C, or the notebook's interrupt button, as a request."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[threading.Event]:
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
