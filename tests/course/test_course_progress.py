"""A passed check is remembered in the learner's folder, and nowhere else."""

from pathlib import Path

import pytest
import torch
from bs4 import BeautifulSoup

import vaelib as vl
from tools.notebooks import sources
from tools.tasks import tasks
from vaelib.course import Folder, ledger
from vaelib.course.command import main
from vaelib.course.lessons import exercises, find, lessons
from vaelib.exercises import start_here as check


def right(a, b, n):
    t = torch.linspace(0, 1, n)
    return a + t[:, None] * (b - a)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a learner's kernel runs."""
    path = Folder(tmp_path / "mine").path
    Folder(path).update()
    monkeypatch.chdir(path)
    return path


def test_what_is_passed_is_remembered(mine: Path) -> None:
    assert vl.progress() is None
    check.interpolate(lambda a, b, n: ...)
    check.interpolate(lambda a, b, n: a)
    assert vl.progress() is None
    assert check.interpolate(right).ok
    assert ledger.read(mine).solved.keys() == {"interpolate"}
    when = (mine / ledger.FILE).read_bytes()
    check.interpolate(right)
    assert (mine / ledger.FILE).read_bytes() == when


def test_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check.interpolate(right).ok
    assert list(tmp_path.iterdir()) == []
    assert vl.progress() is None


def test_a_file_that_cannot_be_written_costs_nothing_but_the_note(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(ledger, "write", refuse)
    assert check.interpolate(right).ok
    assert vl.progress() is None


def test_a_broken_file_is_begun_anew(mine: Path) -> None:
    (mine / ledger.FILE).write_bytes(b"\x00")
    assert check.interpolate(right).ok
    assert ledger.read(mine).solved.keys() == {"interpolate"}


def test_the_table_says_what_is_left(mine: Path) -> None:
    check.interpolate(right)
    table = vl.progress()
    assert table is not None
    first = repr(table).splitlines()[1]
    assert first.split("  ")[0].startswith("00 · ")
    assert "1 / 4" in first
    assert "picture_loss" in first
    assert "interpolate" not in first
    page = BeautifulSoup(table._repr_html_(), "html.parser")
    assert len(page.select("tbody tr")) == len(lessons())
    assert [cell.text for cell in page.select("th")] == list(table.labels)


def test_each_lesson_s_exercises_are_known_by_their_names() -> None:
    """The small file knows a function's name alone: it must be one's own."""
    found = [exercises(lesson) for lesson in lessons()]
    assert found == [[task.name for task in tasks(source)] for source in sources()]
    flat = [name for names in found for name in names]
    assert len(set(flat)) == len(flat)


def test_the_command_shows_it(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["progress", "."]) == 0
    assert "Nothing is solved yet" in capsys.readouterr().out
    check.interpolate(right)
    assert main(["progress", "."]) == 0
    assert "1 / 4" in capsys.readouterr().out


def test_the_command_resets(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reset", "06", "."]) == 0
    assert "06-elbo: a fresh copy" in capsys.readouterr().out
    assert (mine / "06-elbo (mine).ipynb").exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["reset", "77", "."], "wanted one of 00-start-here"),
        (["reset", "06", "nowhere"], "`vaelib lab nowhere` makes it"),
        (["progress", "nowhere"], "there is no nowhere"),
        (["lab", "--lesson", "nothing"], "wanted one of"),
        (["lab", ".vaelib.json"], "is a file"),
    ],
)
def test_what_cannot_be_done_is_said(
    asked: list[str], said: str, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(mine.iterdir())
    assert main(asked) == 2
    assert said in capsys.readouterr().err
    assert sorted(mine.iterdir()) == before


def test_without_jupyterlab_the_mend_is_named(
    mine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["lab", "other"]) == 2
    assert "pip install 'vaelib[course]'" in capsys.readouterr().err
    assert find("00").stem == "00-start-here"
