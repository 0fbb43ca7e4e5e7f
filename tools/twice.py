"""A lesson run a second time, in another kernel, says what the book shows.

The book's cache holds each lesson with the outputs of its first run. Who runs it
again, nbval or a browser, compares with those. Where all is the same a stamp is laid
beside the cache, and the lesson is not run a third time until something changes that
it uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbval.plugin import coalesce_streams

WIDGET = "application/vnd.jupyter.widget-view+json"
Outputs = list[NotebookNode]


@dataclass(frozen=True)
class First:
    """A lesson's first run.

    Attributes:
        cells: its code cells with what they printed and drew.
        seconds: how long it took.
        stamp: this file is there once a second run said the same.
    """

    cells: list[NotebookNode]
    seconds: float
    stamp: Path

    def confirm(self) -> None:
        """A second run said the same."""
        self.stamp.parent.mkdir(exist_ok=True)
        self.stamp.touch()


def first_run(lesson: Path, root: Path) -> First | None:
    """The lesson as the book shows it; None if that has not executed it as it is.

    Args:
        lesson: its notebook.
        root: the course's folder, in which the cache lies.
    """
    try:
        from vaelib.book.execute import FOLDER, look_up, stamp
    except ImportError:  # the book's packages are not installed
        return None
    known = look_up(lesson, root / FOLDER)
    if known is None:
        return None
    cells = [cell for cell in known.notebook.cells if cell.cell_type == "code"]
    return First(cells, known.seconds, stamp(lesson, root / FOLDER))


def told(outputs: Iterable[NotebookNode]) -> Outputs:
    """What a reader sees of the outputs, each thing once. Progress bars and widgets,
    whose ids are new each time, are left out."""
    seen = []
    for output in outputs:
        data: dict[str, Any] = output.get("data", {})
        if WIDGET in data or output.get("name") == "stderr":
            continue
        if "image/png" in data:  # its HTML holds the same picture
            data = {kind: data[kind] for kind in ("image/png", "text/plain")}
            output = NotebookNode(output_type=output.output_type, data=data)
        seen.append(output)
    return seen


def differences(
    first: Sequence[NotebookNode], second: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Where two runs' code cells differ in text or picture, cell by cell, in words."""
    if len(first) != len(second):
        return [f"{len(second)} code cells instead of {len(first)}"]
    found = []
    for number, (old, new) in enumerate(zip(first, second, strict=True), 1):
        was, now = _plain(old["outputs"]), _plain(new.get("outputs", []))
        if was != now:
            found.append(
                f"code cell {number}:\n{old['source']}\n"
                f"printed or drew\n{_short(now)}\nwhere the book shows\n{_short(was)}"
            )
    return found


def _plain(outputs: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each output as what it is → its text or picture."""
    nodes = [NotebookNode(output) for output in outputs]
    for node in nodes:
        if "text" in node:
            node.text = _text(node.text)
    return [
        {kind: _text(value).strip() for kind, value in output["data"].items()}
        if "data" in output
        else {output.get("name", "error"): _text(output.get("text", output))}
        for output in told(coalesce_streams(nodes))
    ]


def _text(value: Any) -> str:
    # Jupyter writes a long text as one or as its lines.
    return "".join(value) if isinstance(value, list) else str(value)


def _short(outputs: Sequence[Mapping[str, str]]) -> str:
    parts = (f"{kind}: {text}" for one in outputs for kind, text in one.items())
    return "\n".join(part[:1000] for part in parts) or "nothing"
