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

from labpage import (
    Lab,
    NoBrowser,
    NotebookPage,
    start_browser,
    start_lab,
    write_notebook,
)

REQUIRED = os.environ.get("VAELIB_REQUIRE_BROWSER") == "1"
HERE = Path(__file__).parent

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
def open_file(browser: Any, lab: Lab) -> Iterator[Opener]:
    """Opens a copy of a notebook from the course, e.g.
    ``open_file(Path("notebooks/00-start-here.ipynb"))``; runs nothing yet."""
    opened: list[NotebookPage] = []

    def opener(path: Path, **context: Any) -> NotebookPage:
        (lab.folder / path.name).write_bytes(path.read_bytes())
        page = NotebookPage.open(browser, lab, path.name, **context)
        opened.append(page)
        return page

    yield opener
    for page in opened:
        page.close()
