"""Each lesson executed once, and again only when its results could differ.

The executed notebooks lie in a cache of jupyter-cache. It knows a notebook by its
code cells, so that an edited sentence runs nothing; what else decides the results,
what the lesson uses of ``vaelib`` and the packages below it, goes into the key as
well.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from vaelib.book.fingerprint import fingerprint

FOLDER = ".jupyter_cache"  # in the course's folder, where the tests look, too
CELL_TIMEOUT = 300  # seconds
MOST_KEPT = 60  # notebooks in the cache, a few MB each; beyond, the oldest go
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class LessonFailed(Exception):
    """A lesson that cannot be shown, because a cell of it fails."""


@dataclass(frozen=True)
class Executed:
    """A lesson with its outputs, and the widgets' state in its metadata.

    Attributes:
        notebook: all cells, text and code, with outputs.
        seconds: from the kernel's start to the last cell's end, as measured
            when it was executed.
    """

    notebook: NotebookNode
    seconds: float


def execute(
    lessons: Sequence[Path], folder: Path, *, at_once: int = 2
) -> dict[str, Executed]:
    """All lessons with their outputs, by name; from the cache where possible.

    Args:
        lessons: notebooks without outputs. Each runs in its own folder.
        folder: of the cache; made if it is not there.
        at_once: kernels at a time.

    Raises:
        LessonFailed: if a cell fails; names lesson and cell. What else was
            executed meanwhile is kept.
    """
    found = {path: look_up(path, folder) for path in lessons}
    missing = [path for path, known in found.items() if known is None]
    failures: list[LessonFailed] = []
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        # Read here: Python 3.11 cannot parse in two threads at once.
        running = {path: pool.submit(_run, path, _read(path)) for path in missing}
        try:
            for path, future in running.items():
                try:
                    found[path] = _keep(path, future.result(), folder)
                except LessonFailed as failure:
                    failures.append(failure)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    if failures:
        raise LessonFailed("\n\n".join(map(str, failures)))
    return {path.stem: known for path, known in found.items() if known is not None}


def look_up(lesson: Path, folder: Path) -> Executed | None:
    """The lesson as last executed, or None if its results may have changed."""
    if not (folder / "global.db").exists():
        return None  # opening the cache would make one
    notebooks, plain = get_cache(folder), _read(lesson)
    try:
        key, merged = notebooks.merge_match_into_notebook(plain)
    except KeyError:
        return None
    seconds = notebooks.get_cache_record(key).data["seconds"]
    return Executed(merged, seconds)


def stamp(lesson: Path, folder: Path) -> Path:
    """A file that is there if the lesson, as it is now, was run a second time and
    printed and drew the same. Who compares makes it; a new first run takes it away."""
    _, key = get_cache(folder).create_hashed_notebook(_read(lesson))
    return folder / "compared" / str(key)


def _keep(lesson: Path, executed: Executed, folder: Path) -> Executed:
    # uri is only for people who look into the cache; an absolute path would tie it
    # to a place.
    bundle = CacheBundleIn(
        executed.notebook, lesson.name, data={"seconds": executed.seconds}
    )
    notebooks = get_cache(folder)
    notebooks.change_cache_limit(MOST_KEPT)
    notebooks.cache_notebook_bundle(bundle, overwrite=True)
    stamp(lesson, folder).unlink(missing_ok=True)
    return executed


def _read(lesson: Path) -> NotebookNode:
    """The notebook with the fingerprint in the metadata that jupyter-cache hashes."""
    notebook: NotebookNode = nbformat.read(lesson, as_version=4)
    code = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    kernel = notebook.metadata.setdefault("kernelspec", NotebookNode())
    kernel.update(name="python3", display_name="Python 3", vaelib=fingerprint(code))
    return notebook


def _run(lesson: Path, notebook: NotebookNode) -> Executed:
    """Execute a lesson, as it was read, in a kernel of its own."""
    begun: list[int] = []

    def begin(cell: NotebookNode, cell_index: int) -> None:
        begun.append(cell_index)

    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        extra_arguments=["--log-level=40"],  # errors; else it warns of TCP each time
        on_cell_start=begin,
        record_timing=False,  # it would go into the cells' metadata, and so the key
        resources={"metadata": {"path": str(lesson.parent)}},
    )
    sys.stderr.write(f"executing {lesson.stem}\n")  # at once, from two threads
    start = time.perf_counter()
    try:
        client.execute()
    except Exception as error:  # a cell's own, a timeout, a kernel that died
        raise _failure(lesson, notebook, begun, error) from error
    return Executed(notebook, round(time.perf_counter() - start, 1))


def _failure(
    lesson: Path, notebook: NotebookNode, begun: list[int], error: Exception
) -> LessonFailed:
    if not begun:
        return LessonFailed(f"{lesson.stem}: no kernel could be started: {error}")
    at = begun[-1]
    number = sum(c.cell_type == "code" for c in notebook.cells[: at + 1])
    code = "\n".join(f"    {line}" for line in notebook.cells[at].source.splitlines())
    if isinstance(error, CellExecutionError):
        why = f"{error.ename}: {_COLOUR.sub('', error.evalue)}"
    else:
        why = _COLOUR.sub("", str(error)).strip()
    return LessonFailed(f"{lesson.stem}, code cell {number}:\n{code}\n{why}")
