"""What a learner writes is never lost, and what nobody wrote in stays new."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.notebooks import pair_of, sources
from vaelib.course import folder as folder_module
from vaelib.course import ledger, lessons
from vaelib.course.folder import Folder
from vaelib.course.lessons import edition, find, fresh


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three small lessons that a test may edit as an author would."""
    path = tmp_path / "course"
    path.mkdir()
    for number, name in enumerate(("one", "two", "three")):
        author(path / f"0{number}-{name}.ipynb", f"# 0{number} · {name}", "x = 1")
    monkeypatch.setattr(lessons, "_PACKED", path)
    return path


def author(path: Path, *cells: str) -> None:
    kinds = ["markdown" if text.startswith("#") else "code" for text in cells]
    path.write_text(
        json.dumps(
            {
                "cells": [
                    {"cell_type": k, "metadata": {}, "source": t.splitlines(True)}
                    for k, t in zip(kinds, cells, strict=True)
                ],
                "metadata": {"jupytext": {"formats": "ipynb,src//md:myst"}},
                "nbformat": 4,
                "nbformat_minor": 5,
            }
        ),
        "utf-8",
    )


def learn(copy: Path, text: str) -> bytes:
    """Somebody writes into a copy."""
    notebook = json.loads(copy.read_bytes())
    notebook["cells"][-1]["source"] = [text]
    copy.write_text(json.dumps(notebook), "utf-8")
    return copy.read_bytes()


def run(copy: Path) -> None:
    """Somebody runs a copy and saves it: outputs and counts, no word."""
    notebook = json.loads(copy.read_bytes())
    notebook["cells"][-1] |= {"outputs": [{"output_type": "stream"}], "id": "7"}
    copy.write_text(json.dumps(notebook), "utf-8")


def names(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir())


def test_each_lesson_is_copied_once(course: Path, tmp_path: Path) -> None:
    mine = Folder(tmp_path / "a" / "mine")
    assert len(mine.update()) == 3
    assert names(mine.path) == [".vaelib.json", *names(course)]
    assert mine.update() == []


def test_a_copy_is_no_pair(course: Path, tmp_path: Path) -> None:
    """Saved in JupyterLab, it would else write the authors' text beside itself."""
    Folder(tmp_path / "mine").update()
    copy = json.loads((tmp_path / "mine/00-one.ipynb").read_bytes())
    assert "jupytext" not in copy["metadata"]


def test_what_was_only_run_is_brought_up_to_date(course: Path, tmp_path: Path) -> None:
    mine = Folder(tmp_path / "mine")
    mine.update()
    run(mine.path / "01-two.ipynb")
    assert mine.update() == []
    author(course / "01-two.ipynb", "# 01 · two", "x = 2")
    assert mine.update() == ["01-two: brought up to date"]
    assert edition((mine.path / "01-two.ipynb").read_bytes()) == edition(
        fresh(course / "01-two.ipynb")
    )
    assert names(mine.path) == [".vaelib.json", *names(course)]


def test_what_was_edited_is_never_overwritten(course: Path, tmp_path: Path) -> None:
    mine, copy = Folder(tmp_path / "mine"), tmp_path / "mine" / "01-two.ipynb"
    mine.update()
    written = learn(copy, "x = 'my own'")
    assert mine.update() == []  # there is nothing newer
    for edition_number in (2, 3):
        author(course / "01-two.ipynb", "# 01 · two", f"x = {edition_number}")
        (said,) = mine.update()
        assert "yours is edited and stays as it is" in said
        assert mine.update() == []  # said once, laid once
        assert copy.read_bytes() == written
    assert names(mine.path)[2:5] == [
        "01-two (new edition 2).ipynb",
        "01-two (new edition).ipynb",
        "01-two.ipynb",
    ]
    assert b"x = 2" in (mine.path / "01-two (new edition).ipynb").read_bytes()
    assert b"x = 3" in (mine.path / "01-two (new edition 2).ipynb").read_bytes()


def test_a_reset_keeps_the_old_one(course: Path, tmp_path: Path) -> None:
    mine, copy = Folder(tmp_path / "mine"), tmp_path / "mine" / "02-three.ipynb"
    mine.update()
    first = learn(copy, "x = 'first'")
    assert "kept as 02-three (mine).ipynb" in " ".join(mine.reset("02"))
    assert edition(copy.read_bytes()) == edition(fresh(course / copy.name))
    second = learn(copy, "x = 'second'")
    mine.reset("three")
    assert (mine.path / "02-three (mine).ipynb").read_bytes() == first
    assert (mine.path / "02-three (mine 2).ipynb").read_bytes() == second
    author(course / copy.name, "# 02 · three", "x = 9")
    assert mine.update() == ["02-three: brought up to date"]


@pytest.mark.parametrize("broken", [None, b"", b"{", b"[]", b'{"given": 3}', b"\xff"])
def test_without_its_small_file_nothing_is_lost(
    broken: bytes | None, course: Path, tmp_path: Path
) -> None:
    mine, copy = Folder(tmp_path / "mine"), tmp_path / "mine" / "01-two.ipynb"
    mine.update()
    written = learn(copy, "x = 'my own'")
    if broken is None:
        (mine.path / ledger.FILE).unlink()
    else:
        (mine.path / ledger.FILE).write_bytes(broken)
    mine.update()
    assert copy.read_bytes() == written
    assert ledger.read(mine.path).given.keys() == {"00-one.ipynb", "02-three.ipynb"}


def test_what_is_no_notebook_stays(course: Path, tmp_path: Path) -> None:
    mine = Folder(tmp_path / "mine")
    copy = mine.path / "00-one.ipynb"
    copy.write_bytes(b"<<<<<<< half of a merge")
    mine.update()
    assert copy.read_bytes() == b"<<<<<<< half of a merge"
    assert (mine.path / "00-one (new edition).ipynb").exists()


def test_bad_folders_and_lessons_are_named(course: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file is a file"):
        Folder(tmp_path / "file")
    source = tmp_path / "notebooks" / "src"
    source.mkdir(parents=True)
    (source / "00-start-here.md").touch()
    with pytest.raises(ValueError, match="make edit"):
        Folder(source.parent)
    for which in ("", "7", "0", "four", "../02-three"):
        with pytest.raises(ValueError, match="wanted one of 00-one, 01-two, 02-three"):
            find(which)
    assert find("01").stem == find("two").stem == find("01-two.ipynb").stem == "01-two"


def test_an_installation_without_lessons_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "_PACKED", tmp_path)
    with pytest.raises(FileNotFoundError, match="install it again"):
        lessons.lessons()


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL here")
def test_no_half_file_when_killed(tmp_path: Path) -> None:
    """Killed at any moment, a copy is whole or not there, and the next call mends."""
    mine = tmp_path / "mine"
    code = (
        "import sys; from vaelib.course import Folder\n"
        "while True:\n    Folder(sys.argv[1]).update(); print(flush=True)\n"
        "    for p in Folder(sys.argv[1]).path.glob('*.ipynb'): p.unlink()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(mine)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    given = {edition(fresh(p)) for p in map(pair_of, sources())}
    for copy in mine.glob("*.ipynb"):
        assert edition(copy.read_bytes()) in given
    Folder(mine).update()
    assert {edition(p.read_bytes()) for p in mine.glob("[0-9]*.ipynb")} == given


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        folder_module.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_the_repository_s_lessons_are_the_course(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    Folder(tmp_path).update()
    assert names(tmp_path)[1:] == [pair_of(s).name for s in sources()]
