"""Work that goes on in the background, on the kernel's own event loop."""

import asyncio
import signal
import threading
import weakref
from collections.abc import Callable
from typing import Any

REST = 0.004  # seconds in which the kernel's other work gets its turn


class Pulse:
    """Calls a method once for each :meth:`beat`, after a rest, on the thread and the
    event loop it was made on.

    Attributes:
        loop: None where none runs, as in a script.
        timer: the call that is to come, or None.
    """

    def __init__(self, turn: Callable[[], None]):
        # A timer must not keep a widget alive.
        self._turn = weakref.WeakMethod(turn)
        self._thread = threading.get_ident()
        self.loop = running_loop()
        self.timer: asyncio.Handle | None = None

    def beat(self) -> None:
        """Call the method soon, if that is not to come already."""
        if self.timer is None and self.loop is not None:
            self.timer = self.loop.call_later(REST, _call, self._turn)

    def stop(self) -> None:
        """Do not call it."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def at_home(self, do: Callable[[], None]) -> None:
        """Do it on the pulse's own thread: JupyterLab may deliver messages on
        another."""
        away = threading.get_ident() != self._thread
        if away and self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(do)
        else:
            do()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, if one runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def sigint_handler() -> Any:
    """What Ctrl-C calls, on the main thread; else None."""
    main = threading.current_thread() is threading.main_thread()
    return signal.getsignal(signal.SIGINT) if main else None


def pass_on(handler: Callable[..., Any], otherwise: Callable[[], None]) -> None:
    """Give Ctrl-C to whom it was meant for; what nobody takes is taken here."""
    try:
        handler(signal.SIGINT, None)
    except KeyboardInterrupt:
        otherwise()


def _call(method: "weakref.WeakMethod[Callable[[], None]]") -> None:
    turn = method()
    if turn is not None:
        turn()
