"""What is solved, lesson by lesson."""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vaelib.course.ledger import read
from vaelib.course.lessons import exercises, lessons, title


@dataclass(frozen=True)
class Progress:
    """A table of lessons, and of the exercises whose checks were passed.

    Attributes:
        rows: for each lesson its title, and each exercise with whether it is solved.
        labels: the heads of the three columns.
    """

    rows: tuple[tuple[str, tuple[tuple[str, bool], ...]], ...]
    labels: tuple[str, str, str] = ("lesson", "solved", "still to do")

    def _cells(self) -> list[tuple[str, str, str]]:
        return [
            (
                name,
                f"{sum(done for _, done in asked)} / {len(asked)}",
                ", ".join(exercise for exercise, done in asked if not done),
            )
            for name, asked in self.rows
        ]

    def __repr__(self) -> str:
        table = [self.labels, *self._cells()]
        wide = [max(len(row[i]) for row in table) for i in range(2)]
        lines = [f"{a:{wide[0]}}  {b:{wide[1]}}  {c}".rstrip() for a, b, c in table]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = _row(self.labels, "th scope='col'")
        body = "".join(_row(row, "td") for row in self._cells())
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _row(cells: Iterable[str], tag: str) -> str:
    end = tag.split()[0]
    inside = (f"<{tag}>{html.escape(cell)}</{end}>" for cell in cells)
    return f"<tr>{''.join(inside)}</tr>"


def progress(
    folder: str | Path = ".",
    labels: tuple[str, str, str] = ("lesson", "solved", "still to do"),
) -> Progress | None:
    """Which exercises are solved, as the folder's small file remembers it.

    Args:
        folder: a learner's, made by ``vaelib lab``; as a rule the one in which the
            notebook lies.
        labels: the heads of the table's columns.

    Returns:
        The table; None, which a notebook does not show, as long as nothing is solved.
    """
    solved = read(Path(folder)).solved
    if not solved:
        return None
    rows = (
        (title(one), tuple((name, name in solved) for name in exercises(one)))
        for one in lessons()
    )
    return Progress(tuple(rows), labels)
