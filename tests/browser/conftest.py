"""One JupyterLab and one Chromium for all browser tests.

They share two cores with everything else: keep all tests of this folder on one
xdist worker (``--dist loadgroup`` honours the mark set below; with
``--dist loadfile`` each file brings up its own pair).

Without a Chromium the tests are skipped and say so; with
``VAELIB_REQUIRE_BROWSER=1`` they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from alone import Alone
from labpage import (
    Lab,
    NoBrowser,
    NotebookPage,
    start_browser,
    start_lab,
    write_notebook,
)

from tools.twice import differences, first_run

REQUIRED = os.environ.get("VAELIB_REQUIRE_BROWSER") == "1"
HERE = Path(__file__).parent
ROOT = HERE.parents[1]

Opener = Callable[..., NotebookPage]


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


# Per module, not per session: while Playwright runs, its event loop counts as running
# in this thread, and tests of other modules could not use asyncio.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium; skips where there is none."""
    try:
        with start_browser() as running:
            yield running
    except NoBrowser as reason:
        (pytest.fail if REQUIRED else pytest.skip)(str(reason))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab over an empty folder."""
    with start_lab(tmp_path_factory.mktemp("notebooks")) as running:
        yield running


@pytest.fixture(scope="module")
def open_cells(browser: Any, lab: Lab) -> Iterator[Opener]:
    """Opens a notebook made of code cells, runs all of it, and closes it when
    the module's tests are done."""
    opened: list[NotebookPage] = []

    def opener(cells: Sequence[str], **context: Any) -> NotebookPage:
        name = f"made-{len(list(lab.folder.glob('made-*.ipynb')))}.ipynb"
        write_notebook(lab.folder / name, cells)
        page = NotebookPage.open(browser, lab, name, **context)
        opened.append(page)
        page.run_all()
        return page

    yield opener
    for page in opened:
        page.close()


@pytest.fixture(scope="module")
def open_lesson(browser: Any, lab: Lab) -> Iterator[Opener]:
    """Opens a copy of a lesson, e.g. ``open_lesson("00-start-here")``, and runs it.

    This is the second run of its cells, and they must say what the book shows of the
    first: nbval then need not run them a third time.
    """
    opened: list[NotebookPage] = []

    def opener(name: str, *, timeout: float = 300, **context: Any) -> NotebookPage:
        lesson = ROOT / "notebooks" / f"{name}.ipynb"
        (lab.folder / lesson.name).write_bytes(lesson.read_bytes())
        page = NotebookPage.open(browser, lab, lesson.name, **context)
        opened.append(page)
        page.run_all(timeout=timeout)
        compare(lesson, page)
        return page

    yield opener
    for page in opened:
        page.close()


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> NotebookPage:
    """The module's notebook, run once: its ``CELLS``, or the lesson whose number its
    name ends in. Its ``OPTIONS`` go to the opener."""
    module, how = request.module, "open_cells"
    what: Any = getattr(module, "CELLS", None)
    if what is None:
        found = (ROOT / "notebooks").glob(f"{module.__name__[-2:]}-*.ipynb")
        how, what = "open_lesson", next(found).stem
    opener: Opener = request.getfixturevalue(how)
    return opener(what, **getattr(module, "OPTIONS", {}))


@pytest.fixture(autouse=True)
def nothing_goes_wrong(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test of a ``page``: no error in cells, kernel, console or network."""
    asked = "page" in request.fixturenames
    page = request.getfixturevalue("page") if asked else None
    yield
    assert page is None or page.problems() == []


@pytest.fixture
def alone(browser: Any, tmp_path: Path) -> Iterator[Alone]:
    """Opens widgets in pages without a kernel, in which nothing may go wrong."""
    opener = Alone(browser, tmp_path)
    yield opener
    opener.close()
    assert opener.heard == []


def compare(lesson: Path, page: NotebookPage) -> None:
    """What the page printed and drew, with what the book shows."""
    first = first_run(lesson, ROOT)
    if first is None:
        return
    ran = [cell for cell in page.contents() if cell["cell_type"] == "code"]
    differing = differences(first.cells, ran)
    assert not differing, "\n\n".join(differing)
    if not page.problems():
        first.confirm()
