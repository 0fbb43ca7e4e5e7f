"""A lesson is executed once, and again when its results may differ; not before."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from built import ROOT, write_lesson

from vaelib.book import execute as module
from vaelib.book.execute import FOLDER, LessonFailed, execute, look_up

COUNT = ">>> with open('runs', 'a') as file: file.write('x')\nprint('hello')"
STATE = "application/vnd.jupyter.widget-state+json"


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text())


def test_only_what_decides_the_results_runs_a_lesson_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, lesson = tmp_path / "cache", tmp_path / "00-a.ipynb"
    write_lesson(lesson, ["# A", COUNT])
    first = execute([lesson], cache)["00-a"]
    assert first.notebook.cells[1].outputs[0].text == "hello\n"
    assert first.seconds > 0
    again = execute([lesson], cache)["00-a"]
    assert again == first
    assert runs(tmp_path) == 1

    write_lesson(lesson, ["# A better title", COUNT, "And an end."])
    edited = execute([lesson], cache)["00-a"]
    assert runs(tmp_path) == 1
    assert edited.notebook.cells[0].source == "# A better title"
    assert edited.notebook.cells[1].outputs == first.notebook.cells[1].outputs

    write_lesson(lesson, ["# A", f"{COUNT}  # changed"])
    execute([lesson], cache)
    assert runs(tmp_path) == 2
    monkeypatch.setattr(module, "fingerprint", lambda code: "another vaelib")
    assert look_up(lesson, cache) is None
    execute([lesson], cache)
    assert runs(tmp_path) == 3


def test_lessons_are_parsed_in_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two parsing at once can stop Python 3.11 (CPython issue 106905)."""
    lessons = [write_lesson(tmp_path / f"0{i}-a.ipynb", [COUNT]) for i in (0, 1)]
    threads: list[str] = []

    def parse(code: object) -> str:
        threads.append(threading.current_thread().name)
        return "a vaelib"

    monkeypatch.setattr(module, "fingerprint", parse)
    execute(lessons, tmp_path / "cache")
    assert len(threads) >= 4
    assert set(threads) == {"MainThread"}


def test_a_failing_lesson_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    good = write_lesson(tmp_path / "00-good.ipynb", [COUNT])
    bad = write_lesson(
        tmp_path / "01-bad.ipynb",
        ["# B", ">>> a = 0", ">>> 1 / a  # the culprit", ">>> a = 1"],
    )
    with pytest.raises(LessonFailed) as failure:
        execute([good, bad], tmp_path / "cache")
    said = str(failure.value)
    assert "01-bad, code cell 2:\n    1 / a  # the culprit" in said
    assert "ZeroDivisionError: division by zero" in said
    assert "00-good" not in said
    assert look_up(bad, tmp_path / "cache") is None
    execute([good], tmp_path / "cache")
    assert runs(tmp_path) == 1


def test_a_cell_that_takes_too_long_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CELL_TIMEOUT", 1)
    slow = write_lesson(tmp_path / "00-slow.ipynb", [">>> import time; time.sleep(99)"])
    with pytest.raises(LessonFailed, match="00-slow, code cell 1:") as failure:
        execute([slow], tmp_path / "cache")
    assert "imed out" in str(failure.value)


def test_widgets_come_back_from_the_cache_with_their_weights(tmp_path: Path) -> None:
    lesson = write_lesson(
        tmp_path / "00-pad.ipynb",
        [">>> import vaelib as vl\n"
         "vl.widgets.LatentPad(vl.mlp_vae((1, 4, 4), 2, (8,)))"],
    )  # fmt: skip
    ran = execute([lesson], tmp_path / "cache")["00-pad"].notebook
    kept = look_up(lesson, tmp_path / "cache").notebook
    state = kept.metadata.widgets[STATE]["state"]
    assert state == ran.metadata.widgets[STATE]["state"]
    shown = kept.cells[0].outputs[0].data["application/vnd.jupyter.widget-view+json"]
    pad = state[shown["model_id"]]
    weights = [b for b in pad["buffers"] if b["path"] == ["_decoder", "weights"]]
    assert len(weights) == 1
    assert len(weights[0]["data"]) > 100


def pytest_on(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    more = {"VAELIB_REQUIRE_BOOK": "1", "PYTHONPATH": f"{ROOT}"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "--nbval-current-env",
         "-p", "no:cacheprovider", *(arguments or ["notebooks"])],
        cwd=folder, capture_output=True, text=True, env=os.environ | more,
    )  # fmt: skip


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A folder of lessons under the course's conftest."""
    (tmp_path / "conftest.py").write_bytes((ROOT / "conftest.py").read_bytes())
    (tmp_path / "notebooks").mkdir()
    return tmp_path / "notebooks"


def test_nbval_compares_with_what_the_book_shows(notebooks: Path) -> None:
    folder = notebooks.parent
    steady = write_lesson(
        notebooks / "00-steady.ipynb",
        [">>> print('the'); print('same')", ">>> object();",
         ">>> from PIL import Image; Image.new('L', (4, 4), 128)",
         ">>> from tqdm.auto import tqdm; list(tqdm([1]))"],
    )  # fmt: skip
    wild = write_lesson(
        notebooks / "01-wild.ipynb",
        [">>> import random; print(random.random())",
         ">>> from PIL import Image; import os; Image.frombytes('L', (4, 4), "
         "os.urandom(16))"],
    )  # fmt: skip
    required = pytest_on(folder)
    assert "00-steady.ipynb: the book has not executed it" in required.stderr
    execute([steady, wild], folder / FOLDER)
    strict = pytest_on(folder)
    assert "Cell outputs differ" in strict.stdout
    assert "2 failed, 4 passed" in strict.stdout
    again = pytest_on(folder)  # what differed is not forgotten
    assert "2 failed, 4 passed" in again.stdout


def test_a_lesson_is_compared_once(notebooks: Path) -> None:
    folder, cache = notebooks.parent, notebooks.parent / FOLDER
    lesson = write_lesson(notebooks / "00-a.ipynb", [COUNT, ">>> print(1)"])
    execute([lesson], cache)
    assert runs(notebooks) == 1
    some = pytest_on(folder, "notebooks", "--deselect", "notebooks/00-a.ipynb::Cell 1")
    assert "1 passed" in some.stdout
    assert runs(notebooks) == 2
    for _ in range(2):  # a part of it proved nothing; all of it does
        assert "2 passed" in pytest_on(folder).stdout
        assert runs(notebooks) == 3
    assert "2 passed" in pytest_on(folder, "notebooks/00-a.ipynb").stdout
    assert runs(notebooks) == 4  # asked for by name

    write_lesson(notebooks / "00-a.ipynb", [COUNT, ">>> print(2)"])
    execute([lesson], cache)
    pytest_on(folder)
    assert runs(notebooks) == 6
    (cache / "global.db").unlink()  # forgotten, and executed anew
    execute([lesson], cache)
    pytest_on(folder)
    assert runs(notebooks) == 8
