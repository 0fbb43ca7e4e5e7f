"""Posterior collapse: codes that do not matter, and how to find out why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from matplotlib.axes import Axes
from matplotlib.text import Text
from torch import Tensor
from torch.distributions import Distribution

from vaelib.plots.figures import COLOURS, Picture, bare, figure, style, titled
from vaelib.randomness import seeded

SWAPPED_WORDS = {
    "title": "Decoded with its own code, and with another picture's",
    "x": "$x$",
    "own": "own code",
    "other": "another's",
    "alt": (
        "For each of {count} models three columns: a picture, a sample decoded from "
        "its own code, and one from the next picture's code. {told}"
    ),
    "told": "{name}: the own code is worth {gain:.1f} nats more than the other's.",
}


class Coder(Protocol):
    """A model with q(z|x) and p(x|z)."""

    def posterior(self, x: Tensor, /) -> Distribution: ...

    def likelihood(self, z: Tensor, /) -> Distribution: ...


@torch.no_grad()
def swapped(
    models: Mapping[str, Coder],
    x: Tensor,
    *,
    rows: int = 5,
    seed: int = 0,
    words: dict[str, str] | None = None,
) -> Picture:
    """Samples of p(x|z), z being a picture's own code or that of another picture.

    Args:
        models: by name.
        x: pictures of one channel, ``(B, 1, H, W)``; the first ``rows`` are drawn,
            all of them measured.
        rows: how many are drawn.
        seed: of codes and samples.
        words: other labels, for a translation; the keys are ``SWAPPED_WORDS``'s.

    Raises:
        ValueError: for fewer than two pictures, or none to draw.
    """
    say = SWAPPED_WORDS | (words or {})
    if len(x) < 2 or not 1 <= rows <= len(x):
        raise ValueError(
            f"x: got {len(x)} pictures of which to draw {rows}, wanted two or more"
        )
    fig, axes = figure(1, len(models), size=(2.75 * len(models) + 0.4, 0.75 * rows + 1))
    told = []
    panels = axes if len(models) > 1 else [axes]
    for ax, (name, model) in zip(panels, models.items(), strict=True):
        with seeded(seed):
            z = model.posterior(x).sample()
            other = z.roll(1, 0)
            drawn = [model.likelihood(c[:rows]).sample() for c in (z, other)]
            gain = model.likelihood(z).log_prob(x) - model.likelihood(other).log_prob(x)
        columns = [x[:rows], *drawn]
        with style():
            _columns(ax, columns, [say["x"], say["own"], say["other"]])
            ax.set_title(name)
        told.append(say["told"].format(name=name, gain=gain.mean().item()))
    alt = say["alt"].format(count=len(models), told=" ".join(told))
    return titled(fig, say["title"], alt)


def _columns(ax: Axes, columns: Sequence[Tensor], labels: Sequence[str]) -> None:
    """Columns of pictures with a name above each."""
    height, width = columns[0].shape[-2:]
    bare(ax)
    for k, (column, label) in enumerate(zip(columns, labels, strict=True)):
        for r, one in enumerate(column):
            left, top = 1.5 * width * k, 1.15 * height * r
            grey = one.mean(0).clamp(0, 1).cpu().numpy()
            place = (left, left + width, top + height, top)
            ax.imshow(grey, cmap="gray_r", vmin=0, vmax=1, extent=place)
        middle = width * (1.5 * k + 0.5)
        ax.text(middle, -0.25 * height, label, ha="center", fontsize=10)
    ax.set_xlim(-0.3 * width, 4.3 * width)
    ax.set_ylim(1.15 * height * len(columns[0]), -0.8 * height)


DIAGNOSIS_WORDS = {
    "title": "",
    "symptom": "Another picture's code\nserves as well\nswap ≈ 0",
    "code": "Does $p(x|z)$ beat\nthe mean picture?",
    "start": "Does another start reach\na better ELBO?",
    "decoder": "The decoder\ndoes without $z$",
    "optimisation": "Optimisation",
    "objective": "The objective\nwants it",
    "yes": "yes",
    "no": "no",
    "cure of": "cure",
    "alt": (
        "A flow chart. Symptom: another picture's code serves as well. First test: "
        "does p(x|z) beat the mean picture? Yes ({decoder[test]}): the decoder does "
        "without z; cure: {decoder[cure]}. No: second test, does another start reach "
        "a better ELBO? Yes ({optimisation[test]}): optimisation; cure: "
        "{optimisation[cure]}. No ({objective[test]}): the objective wants it; cure: "
        "{objective[cure]}."
    ),
}

# Places as shares of the axes: middle, and half the size.
_BOXES = {
    "symptom": (0.11, 0.78), "code": (0.4, 0.78), "start": (0.4, 0.28),
    "decoder": (0.66, 0.86), "optimisation": (0.66, 0.5), "objective": (0.66, 0.14),
}  # fmt: skip
_ARROWS = (
    ("symptom", "code", ""), ("code", "start", "no"), ("code", "decoder", "yes"),
    ("start", "optimisation", "yes"), ("start", "objective", "no"),
)  # fmt: skip
_CURES = 0.9


def diagnosis(
    measured: Mapping[str, Mapping[str, str]],
    *,
    words: dict[str, str] | None = None,
) -> Picture:
    """From symptom to cure: two tests tell three causes apart.

    Args:
        measured: for ``"decoder"``, ``"optimisation"`` and ``"objective"`` what the
            ``"test"`` found and what the ``"cure"`` did, in a few words each.
        words: other labels, for a translation; the keys are ``DIAGNOSIS_WORDS``'s.

    Raises:
        ValueError: if one of the three is missing.
    """
    say = DIAGNOSIS_WORDS | (words or {})
    causes = ("decoder", "optimisation", "objective")
    if missing := [name for name in causes if name not in measured]:
        raise ValueError(f"measured: lacks {missing}, wanted all of {causes}")
    fig, ax = figure(size=(11.0, 4.6))
    bare(ax)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    with style():
        boxes = {
            name: _box(ax, *place, say[name], COLOURS[1 if name in causes else 0])
            for name, place in _BOXES.items()
        }
        for name in causes:
            x, y = _BOXES[name]
            cure = _box(ax, _CURES, y, measured[name]["cure"], COLOURS[2])
            _arrow(ax, boxes[name], cure)
            ax.text(
                x, y - 0.14, measured[name]["test"], ha="center", va="center",
                fontsize=9.5, color="#555555",
            )  # fmt: skip
        for start, end, label in _ARROWS:
            _arrow(ax, boxes[start], boxes[end], say.get(label, ""))
    return titled(fig, say["title"], say["alt"].format(**measured))


def _box(ax: Axes, x: float, y: float, text: str, colour: str) -> Text:
    frame = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": colour}
    return ax.text(x, y, text, ha="center", va="center", fontsize=10.5, bbox=frame)


def _arrow(ax: Axes, start: Text, end: Text, label: str = "") -> None:
    """From edge to edge of two boxes."""
    line = {
        "arrowstyle": "-|>", "lw": 1.8, "color": "#444444", "shrinkA": 2, "shrinkB": 2,
        "patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch(),
    }  # fmt: skip
    a, b = start.get_position(), end.get_position()
    ax.annotate("", b, a, arrowprops=line)
    if label:
        middle = (0.45 * a[0] + 0.55 * b[0], 0.45 * a[1] + 0.55 * b[1])
        ax.annotate(label, middle, (4, 7), textcoords="offset points", fontsize=10)
