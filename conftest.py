"""The lessons under nbval, and the order of all tests.

The notebooks hold no outputs. nbval compares with those the book's cache holds
(``python -m vaelib.book execute`` fills it, ``make test`` does so first): a lesson
that was executed twice, in two kernels, printed and drew the same, and the page shows
just that. ``tools/twice.py`` says what is compared. Where a lesson was compared
already, by the browser's tests in this session or by an earlier one, and nothing it
uses has changed since, its cells pass at once; named on the command line, it is run.

A lesson that the cache does not know is only run. With ``VAELIB_REQUIRE_BOOK=1`` that
is an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from tools.twice import First, Outputs, first_run, told

ROOT = Path(__file__).parent
NOTEBOOKS = ROOT / "notebooks"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    lessons: dict[Path, list[IPyNbCell]] = {}
    for item in items:
        if isinstance(item, IPyNbCell) and item.path.parent == NOTEBOOKS:
            lessons.setdefault(item.path, []).append(item)
    asked = any(".ipynb" in argument for argument in config.args)
    seconds: dict[Path, float] = {}
    for lesson, cells in lessons.items():
        first = first_run(lesson, ROOT)
        if first is not None:
            seconds[lesson] = first.seconds
            _Again(first, always=asked).take(cells)
        elif os.environ.get("VAELIB_REQUIRE_BOOK") == "1":
            raise pytest.UsageError(
                f"{lesson.name}: the book has not executed it as it is now; "
                "run `make book`, or `python -m vaelib.book execute`"
            )
    items.sort(key=lambda item: _turn(item.path, seconds.get(item.path, 0)))


def _turn(path: Path, seconds: float) -> tuple[int, float]:
    """What takes long comes first, so that both workers end together; nbval last,
    when the browser has run most lessons."""
    folder = path.relative_to(ROOT).parts[:-1]
    if folder == ("notebooks",):
        return 3, -seconds
    if folder == ("tests", "browser"):
        return 0, 0
    return (1 if len(folder) > 1 else 2), 0


class _Again:
    """A lesson's second run, by nbval."""

    def __init__(self, first: First, *, always: bool):
        self._first, self._always = first, always
        self._left = set(range(len(first.cells)))
        self._needed = True

    def take(self, cells: Iterable[IPyNbCell]) -> None:
        for cell in cells:
            reference = self._first.cells[cell.cell_num]
            cell.cell.outputs = reference.outputs
            cell.cell.execution_count = reference.execution_count
            cell.options["check"] = True
            # nbval keeps no history, where IPython would look for the semicolon.
            silent = cell.cell.source.rstrip().endswith(";")
            cell.compare_outputs = partial(_compare, cell.compare_outputs, silent)
            cell.runtest = partial(self._run, cell.cell_num, cell.runtest)
        file: IPyNbFile = cell.parent
        file.setup = partial(self._set_up, file.setup)
        # Pictures are the same to the byte on one machine.
        file.skip_compare = ("metadata", "output_type", "execution_count")

    def _set_up(self, start_kernel: Callable[[], None]) -> None:
        # Asked for now and not before: the browser may have compared meanwhile.
        self._needed = self._always or not self._first.stamp.exists()
        if self._needed:
            start_kernel()

    def _run(self, number: int, run: Callable[[], None]) -> None:
        if not self._needed:
            return
        run()
        self._left.discard(number)
        if not self._left:
            self._first.confirm()


def _compare(
    compare: Callable[..., bool], silent: bool, test: Outputs, ref: Outputs
) -> bool:
    if silent:
        test = [output for output in test if output.output_type != "execute_result"]
    return compare(told(test), told(ref))
