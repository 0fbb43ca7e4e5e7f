"""The lessons under nbval: each is run, and must say what the book shows.

The notebooks hold no outputs. nbval compares with those the book's cache holds
(``python -m vaelib.book execute`` fills it, ``make test`` does so first): a lesson
that was executed twice, in two kernels, printed and drew the same, and the page shows
just that. Progress bars and widgets, whose ids are new each time, are left out.

A lesson that the cache does not know is only run. With ``VAELIB_REQUIRE_BOOK=1`` that
is an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell

ROOT = Path(__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"
Outputs = list[NotebookNode]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    cells: dict[Path, list[IPyNbCell]] = {}
    for item in items:
        if isinstance(item, IPyNbCell) and item.path.parent == ROOT / "notebooks":
            cells.setdefault(item.path, []).append(item)
    for lesson, mine in cells.items():
        shown = _shown(lesson)
        if shown is None:
            continue
        for item in mine:
            reference = shown[item.cell_num]
            item.cell.outputs = reference.outputs
            item.cell.execution_count = reference.execution_count
            item.options["check"] = True
            # nbval keeps no history, where IPython would look for the semicolon.
            silent = item.cell.source.rstrip().endswith(";")
            item.compare_outputs = partial(_compare, item.compare_outputs, silent)
            # Pictures are the same to the byte on one machine.
            item.parent.skip_compare = ("metadata", "output_type", "execution_count")


def _shown(lesson: Path) -> list[NotebookNode] | None:
    """The code cells of a lesson as the book shows them."""
    try:
        from vaelib.book.execute import FOLDER, look_up
    except ImportError:  # the book's packages are not installed
        known = None
    else:
        known = look_up(lesson, ROOT / FOLDER)
    if known is not None:
        return [cell for cell in known.notebook.cells if cell.cell_type == "code"]
    if os.environ.get("VAELIB_REQUIRE_BOOK") == "1":
        raise pytest.UsageError(
            f"{lesson.name}: the book has not executed it as it is now; "
            "run `make book`, or `python -m vaelib.book execute`"
        )
    return None


def _compare(
    compare: Callable[..., bool], silent: bool, test: Outputs, ref: Outputs
) -> bool:
    if silent:
        test = [output for output in test if output.output_type != "execute_result"]
    return compare(_told(test), _told(ref))


def _told(outputs: Outputs) -> Outputs:
    """What a reader sees of the outputs, each thing once."""
    told = []
    for output in outputs:
        data: dict[str, Any] = output.get("data", {})
        if WIDGET in data or output.get("name") == "stderr":
            continue
        if "image/png" in data:  # its HTML holds the same picture
            data = {kind: data[kind] for kind in ("image/png", "text/plain")}
            output = NotebookNode(output_type=output.output_type, data=data)
        told.append(output)
    return told
