"""What a page draws of a latent space: the plane with the data's codes, and sliders."""

from dataclasses import dataclass
from math import floor, log10
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelib.plots import CLASS_COLOURS
from vaelib.widgets.pictures import float32
from vaelib.widgets.subject import Subject


@dataclass(frozen=True)
class Scene:
    """A latent plane.

    Attributes:
        low, high: the corners, in units of z; the plane is square.
        step: how far an arrow key moves.
        ticks: where each axis is labelled.
        rings: radii in σ of the prior's rings, ``()`` without a standard prior.
        points: the data's codes, ``(N, 2)``.
        classes: an index for each, ``(N,)``.
        marks: ``(x, y, name)`` at the middle of each class.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    step: float
    ticks: tuple[list[float], list[float]]
    rings: tuple[int, ...]
    points: Tensor
    classes: Tensor
    marks: list[tuple[float, float, str]]

    def to_page(self) -> dict[str, object]:
        """As a trait: points as uint16 from corner to corner, x and y in turn."""
        low = torch.tensor(self.low)
        part = ((self.points - low) / (torch.tensor(self.high) - low)).clamp(0, 1)
        return {
            "low": self.low,
            "high": self.high,
            "step": self.step,
            "ticks": self.ticks,
            "rings": self.rings,
            "points": (part * 65535).round().numpy().astype("<u2").tobytes(),
            "classes": self.classes.numpy().astype("u1").tobytes(),
            "colours": CLASS_COLOURS,
            "marks": self.marks,
        }


def scene_of(subject: Subject) -> Scene:
    """The plane of a model's first two latent dimensions."""
    codes = plane_of(subject.codes)
    standard = subject.standard_prior()
    low, high = _limits(codes, standard or not len(codes))
    span = high[0] - low[0]
    few = len(subject.class_names) <= 40  # else a measurement rather than classes
    return Scene(
        low=low,
        high=high,
        step=nice(span / 120),
        ticks=(ticks(low[0], high[0]), ticks(low[1], high[1])),
        rings=(1, 2, 3) if standard else (),
        points=codes,
        classes=subject.classes if few else torch.zeros_like(subject.classes),
        marks=_marks(codes, subject) if few else [],
    )


def plane_of(codes: Tensor) -> Tensor:
    """The first two dimensions ``(N, 2)``; the second is 0 where there is but one."""
    return torch.nn.functional.pad(codes[:, :2], (0, max(0, 2 - codes.shape[1])))


def _limits(
    codes: Tensor, prior: bool
) -> tuple[tuple[float, float], tuple[float, float]]:
    """A square around nearly all codes, the origin, and the prior's ±3."""
    edge = 3.0 if prior else 0.0
    low, high = np.full(2, -edge), np.full(2, edge)
    if len(codes):
        inner = np.quantile(codes.numpy(), [0.002, 0.998], axis=0)
        low, high = np.minimum(low, inner[0]), np.maximum(high, inner[1])
    half = max(float((high - low).max()) / 2, 1e-3) * 1.08
    x, y = (float(v) for v in (low + high) / 2)
    return (x - half, y - half), (x + half, y + half)


def ticks(low: float, high: float, most: int = 6, edge: float = 0.06) -> list[float]:
    """About ``most`` round numbers between; none near the ends (nearest the upper),
    where a label would be cut or cover the axis's name."""
    step, room = nice((high - low) / most), edge * (high - low)
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    values = [float(f"{k * step:.6g}") for k in range(first, last + 1)]
    return [v for v in values if low + room < v < high - 2 * room]


def nice(value: float) -> float:
    """The nearest 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(value))
    factor = min((1, 2, 5, 10), key=lambda f: abs(f - value / power))
    return float(f"{factor * power:.6g}")


def _marks(codes: Tensor, subject: Subject) -> list[tuple[float, float, str]]:
    """Each class's name, near the middle of its codes."""
    names = subject.class_names
    if not names or not len(codes):
        return []
    middles = [_densest(codes[subject.classes == k]) for k in range(len(names))]
    gap = 0.05 * float((codes.amax(0) - codes.amin(0)).max())
    places = _apart(torch.stack(middles), gap).tolist()
    return [(x, y, name) for (x, y), name in zip(places, names, strict=True)]


def _densest(codes: Tensor) -> Tensor:
    """The code with the most others near it: a mean may lie where nothing is."""
    some = codes[:400]
    near = torch.cdist(some, some)
    width = near.median().clamp(min=1e-6) / 3
    return some[(-((near / width) ** 2)).exp().sum(1).argmax()]


def _apart(places: Tensor, gap: float) -> Tensor:
    """Push places apart until any two are about ``gap`` from each other."""
    places = places.clone()
    for _ in range(50):
        away = places[:, None] - places[None]
        distance = away.norm(dim=-1, keepdim=True)
        # Two in one place have no direction: give each its own.
        turn = torch.arange(len(places)) * 2.4
        own = torch.stack([turn.cos(), turn.sin()], -1)[:, None]
        away = torch.where(distance > 1e-6 * gap, away / distance.clamp(min=1e-12), own)
        push = (gap - distance).clamp(min=0) * away
        push[range(len(places)), range(len(places))] = 0
        places += 0.3 * push.sum(1)
    return places


def slider_ranges(subject: Subject) -> dict[str, Any]:
    """Limits, middle and step of each slider, and codes to jump to."""
    size = subject.latent_dim
    codes = subject.aggregate()
    low, high = torch.full((size,), -3.0), torch.full((size,), 3.0)
    # The middle 80 % of N(0, 1) where there is no data.
    inner = torch.tensor([[-1.2816], [1.2816]]).expand(2, size)
    if len(codes):
        outer = codes.quantile(torch.tensor([0.003, 0.997]), dim=0)
        inner = codes.quantile(torch.tensor([0.1, 0.9]), dim=0)
        room = (0.1 * (outer[1] - outer[0])).clamp(min=1e-3)
        # The origin is always within reach: Home goes there.
        low = (outer[0] - room).clamp(max=0)
        high = (outer[1] + room).clamp(min=0)
    return {
        "low": low.tolist(),
        "high": high.tolist(),
        "inner": inner.tolist(),
        "step": [nice(v / 120) for v in (high - low).tolist()],
        "bank": float32(subject.spread()),
    }
