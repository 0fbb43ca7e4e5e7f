"""What is on its way from a training model to the page that watches it."""

import time
from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

from vaelib.widgets.recording import Frame

IN_FLIGHT = 3  # pictures on their way
UNSEEN_SECONDS = 5.0  # without an answer: the tab was closed


class Mail:
    """Pictures sent to a page, and what it says of them.

    Attributes:
        visitor: whether a page ever said hello.
        heard: when anything was last heard.
        sent, seen: number of the last picture sent, and of the last one shown.
    """

    def __init__(self, send: Callable[..., None]):
        self._send = send
        self.visitor, self.heard = False, -inf
        self.sent, self.seen = 0, 0

    @property
    def full(self) -> bool:
        """Whether nobody looks, or too many are on their way."""
        return not self.visitor or self.sent - self.seen >= IN_FLIGHT

    @property
    def silent(self) -> bool:
        """Whether the page stopped answering."""
        late = time.monotonic() - self.heard > UNSEEN_SECONDS
        return late and self.sent > self.seen

    def welcome(self) -> None:
        """A page has opened; what was on its way to another is lost."""
        self.visitor, self.seen = True, self.sent

    def confirm(self, number: Any) -> None:
        """The page has shown this picture."""
        self.seen = max(self.seen, min(int(number), self.sent))

    def post(self, frame: Frame, curve: np.ndarray) -> None:
        """Send a picture, if there is anybody to look at it."""
        if self.visitor:
            self.sent += 1
            message = {"op": "picture", "id": self.sent, **frame.about}
            self._send(message, [frame.codes, frame.pixels, curve.tobytes()])
