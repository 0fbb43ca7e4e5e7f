"""Ctrl-C, or the notebook's interrupt button, as a request."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Handler = Callable[[int, object], None]

_open: list[threading.Event] = []  # of the blocks under way, the outermost first


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Turn Ctrl-C into a request: a step half done would spoil the weights. A
    second Ctrl-C is obeyed at once. The request is made to the blocks around this
    one as well: what ends a run ends the sweep it is part of."""
    stop = threading.Event()

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        for event in _open:
            event.set()

    with _handled_by(ask) as handled:
        if handled:
            _open.append(stop)
        try:
            yield stop
        finally:
            if handled:
                _open.remove(stop)


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
def _handled_by(handler: Handler) -> Iterator[bool]:
    """Whether it is: only the main thread hears of signals."""
    if threading.current_thread() is not threading.main_thread():
        yield False
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield True
    finally:
        # None: a handler that was not set from Python, and cannot be put back.
        if before is not None:
            signal.signal(signal.SIGINT, before)
