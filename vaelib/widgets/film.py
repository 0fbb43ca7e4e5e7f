"""Pictures of a model in training: what is looked at, and which of them are kept."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelib.plots import CLASS_COLOURS
from vaelib.widgets.recording import Frame
from vaelib.widgets.scene import plane_of
from vaelib.widgets.subject import Subject

POINTS = 1000  # dots on the plane
EXAMPLES = 8
MOST_FRAMES = 120  # in a recording; then every second one goes
ROWS = 300  # points of a curve
HALVES = (4, 6, 10, 16, 24, 40, 60, 100, 160, 240, 400, 1000)


class Camera:
    """Takes pictures of a model: its codes on the plane, and some reconstructions.

    Attributes:
        shown: the examples whose codes are dots, ``(N, *data_shape)``.
        examples: those that are rebuilt.
    """

    def __init__(self, subject: Subject):
        self._subject = subject.first(POINTS)
        self._format = subject.format()
        self._half: float = HALVES[0]
        self.shown = self._subject.x
        self.examples = self.shown[self._subject.of_each(EXAMPLES)]

    def describe(self) -> dict[str, Any]:
        """What does not change: examples and classes."""
        subject, count = self._subject, len(self.examples)
        few = len(subject.class_names) <= 12
        classes = subject.classes if few else torch.zeros_like(subject.classes)
        channels, height, width = self._format.shape
        return {
            "shape": (channels, height, width * count),
            "count": count,
            "originals": self._format.side_by_side(self.examples),
            "classes": classes.numpy().astype("u1").tobytes(),
            "names": list(subject.class_names) if few else [],
            "colours": CLASS_COLOURS,
            "rings": [1, 2, 3] if subject.standard_prior() else [],
        }

    def take(self, about: dict[str, float | None]) -> Frame:
        """The model as it is now, with what is to be said ``about`` it."""
        z = plane_of(self._subject.encode(self.shown))
        x = self._subject.decode(self._subject.encode(self.examples))
        self._half = half_of(z, self._half)
        place = ((z / self._half + 1) / 2).nan_to_num(0.5).clamp(0, 1) * 65535
        codes = place.round().numpy().astype("<u2").tobytes()
        pixels = self._format.side_by_side(x)
        return Frame({**about, "half": self._half}, codes, pixels)


class Film:
    """Frames of a run from its start; of too many, every second one goes."""

    def __init__(self, first: Frame):
        self.frames = [first]
        self._stride, self._count = 1, 0  # of frames kept, of frames seen

    def add(self, frame: Frame) -> None:
        """Keep it if it is its turn."""
        self._count += 1
        if self._count % self._stride == 0:
            self.frames.append(frame)
        if len(self.frames) > MOST_FRAMES:
            self.frames = self.frames[::2]
            self._stride *= 2

    def end(self, frame: Frame) -> None:
        """Keep it as the last one."""
        if frame.about["step"] != self.frames[-1].about["step"]:
            self.frames.append(frame)


def curve_of(history: dict[str, list[float]]) -> np.ndarray:
    """Step, reconstruction, KL and β, ``(M, 4)``; at most 300 rows of means."""
    if "kl" not in history:
        return np.zeros((0, 4), "<f4")
    names = ("step", "reconstruction", "kl", "beta")
    # While a slice is under way, one column may be a row ahead.
    least = min(len(history[name]) for name in names)
    rows = np.array([history[name][:least] for name in names]).T
    group = -(-least // ROWS)
    parts = [rows[i : i + group] for i in range(0, least, group)]
    means = [[p[-1, 0], p[:, 1].mean(), p[:, 2].mean(), p[-1, 3]] for p in parts]
    return np.array(means).reshape(-1, 4).astype("<f4")


def half_of(z: Tensor, before: float) -> float:
    """Half the plane's width: it grows at once and shrinks late, so that it does
    not flicker."""
    reach = float(z.abs().nan_to_num(0).flatten().quantile(0.99))
    fits = next((h for h in HALVES if h >= reach), HALVES[-1])
    return before if fits <= before and reach > 0.5 * before else fits
