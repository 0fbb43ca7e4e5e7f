"""How long a lesson's core takes: reading by an estimate, exercises by their cards.

The core is what is open: not sections whose heading ends in "· further", not cells
whose code is folded, not hints and solutions. An exercise's code is in its minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode

from tools.notebooks import read

WORDS_PER_MINUTE = 180
SECONDS_PER_LINE, SECONDS_PER_FORMULA, SECONDS_PER_WIDGET = 6, 40, 90
MOST_READING, MOST_EXERCISES = 40, 35  # minutes

_HEADING = re.compile(r"^(#{1,6}) +(.*?) *$")
_CARD = re.compile(r"^[●○]{3} · (\d+) minutes", re.M)
_FOLDED = re.compile(r"<details.*?</details>", re.S)
_FORMULA = re.compile(r"\$\$.*?\$\$", re.S)
_WIDGET = re.compile(r"\bvl\.(?:widgets\.[A-Z]\w*|predict)\(")


class Sitting(NamedTuple):
    """Minutes, rounded."""

    reading: int
    exercises: int

    @property
    def fits(self) -> bool:
        return self.reading <= MOST_READING and self.exercises <= MOST_EXERCISES

    def __str__(self) -> str:
        return (
            f"**One sitting.** {self.reading} minutes of reading, "
            f"{self.exercises} of exercises."
        )


def sitting(source: Path) -> Sitting:
    """The estimate for a lesson's source, ``notebooks/src/NN-name.md``."""
    seconds = 0.0
    exercises = 0
    for cell in core(read(source).cells):
        if cell.cell_type == "code":
            seconds += _code(cell)
        else:
            text = _FOLDED.sub("", cell.source)
            formulas = len(_FORMULA.findall(text))
            words = len(_FORMULA.sub("", text).split())
            seconds += 60 * words / WORDS_PER_MINUTE + SECONDS_PER_FORMULA * formulas
            exercises += sum(int(minutes) for minutes in _CARD.findall(text))
    return Sitting(round(seconds / 60), exercises)


def is_further(cell: NotebookNode) -> bool:
    """Whether the cell begins a section that is closed until it is wanted."""
    first = cell.source.lstrip().partition("\n")[0]
    heading = _HEADING.match(first) if cell.cell_type == "markdown" else None
    return heading is not None and heading[2].endswith("· further")


def core(cells: list[NotebookNode]) -> Iterator[NotebookNode]:
    """The cells that stand open, in order."""
    closed = 7  # the level of the closed section's heading; 7: none is closed
    for cell in cells:
        if cell.cell_type == "markdown":
            level = _level(cell.source)
            if level is not None and level <= closed:
                closed = level if is_further(cell) else 7
        if closed == 7:
            yield cell


def _level(text: str) -> int | None:
    """How deep the cell's highest heading is; fenced blocks hold comments."""
    plain = re.sub(r"^```.*?^```", "", _FOLDED.sub("", text), flags=re.S | re.M)
    levels = [len(m[1]) for m in map(_HEADING.match, plain.splitlines()) if m]
    return min(levels, default=None)


def _code(cell: NotebookNode) -> float:
    exercise = "exercise" in cell.metadata.get("tags", ())
    if exercise or cell.source.startswith("check."):
        return 0
    widgets = SECONDS_PER_WIDGET * len(_WIDGET.findall(cell.source))
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        return widgets
    lines = sum(bool(line.strip()) for line in cell.source.splitlines())
    return SECONDS_PER_LINE * lines + widgets
