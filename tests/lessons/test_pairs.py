"""A lesson's two files stay in step, by command and by JupyterLab."""

import asyncio
import difflib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import nbformat
import pytest
from jupytext import AsyncTextFileContentsManager

from tools import notebooks
from tools.lint import lint
from tools.tasks import tasks

WORD, OTHER = "Never believe a formula", "Never trust a formula"


def test_the_lessons_are_in_step() -> None:
    assert notebooks.out_of_step() == []


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the notebooks, in step."""
    here = notebooks.ROOT / "notebooks"
    shutil.copytree(here, tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    notebooks.sync(tmp_path)
    return tmp_path


@pytest.fixture
def source(course: Path) -> Path:
    return notebooks.sources(course)[0]


def changed(before: str, after: str) -> list[str]:
    """The lines that a diff would show, without its headers."""
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0)
    return [line for line in diff if not line.startswith(("---", "+++", "@@"))]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_one_word_is_one_line_in_both_files(course: Path, source: Path) -> None:
    pair = notebooks.pair_of(source)
    before = pair.read_text("utf-8")
    edit(source, WORD, OTHER)
    assert notebooks.out_of_step(course) == [
        f"{pair.name} does not say what {source.name} says: run `make notebooks`"
    ]
    notebooks.sync(course)
    lines = changed(before, pair.read_text("utf-8"))
    assert len(lines) == 2, lines  # one line out, one line in
    assert notebooks.out_of_step(course) == []


def test_a_new_cell_leaves_the_other_ids_alone(course: Path, source: Path) -> None:
    pair = notebooks.pair_of(source)
    before = ids(pair)
    edit(source, "## Check\n", "```{code-cell} ipython3\n1 + 1\n```\n\n## Check\n")
    notebooks.sync(course)
    after = ids(pair)
    assert len(after) == len(set(after)) > len(before)
    assert set(before) <= set(after)


def test_the_same_source_gives_the_same_file(course: Path, source: Path) -> None:
    pair = notebooks.pair_of(source)
    made = []
    for _ in range(2):
        pair.unlink()
        notebooks.sync(course)
        made.append(pair.read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("outputs", [{"output_type": "stream", "name": "stdout", "text": "1"}],
         "holds outputs"),
        ("execution_count", 3, "holds execution counts"),
        ("metadata", {"collapsed": True}, "holds metadata"),
    ],
)  # fmt: skip
def test_what_running_leaves_behind_is_seen_and_mended(
    key: str, value: Any, words: str, course: Path, source: Path
) -> None:
    pair = notebooks.pair_of(source)
    before = pair.read_text("utf-8")
    notebook = json.loads(before)
    next(c for c in notebook["cells"] if c["cell_type"] == "code")[key] = value
    pair.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (fault,) = notebooks.out_of_step(course)
    assert words in fault
    assert "make notebooks" in fault
    notebooks.sync(course)
    assert pair.read_text("utf-8") == before


def test_missing_and_left_over_pairs_are_seen(course: Path, source: Path) -> None:
    pair = notebooks.pair_of(source)
    shutil.copy(pair, pair.with_name("99-old.ipynb"))
    pair.unlink()
    faults = notebooks.out_of_step(course)
    assert any("missing" in f for f in faults)
    assert any("99-old.ipynb has no source" in f for f in faults)


def test_edits_made_in_the_notebook_alone_are_not_lost(
    course: Path, source: Path
) -> None:
    pair = notebooks.pair_of(source)
    edit(pair, WORD, OTHER)
    with pytest.raises(SystemExit, match="jupytext --sync"):
        notebooks.sync(course)
    assert OTHER in pair.read_text("utf-8")
    command = [sys.executable, "-m", "jupytext", "--sync", str(pair)]
    subprocess.run(command, check=True, capture_output=True, cwd=course)
    assert OTHER in source.read_text("utf-8")
    notebooks.sync(course)
    assert notebooks.out_of_step(course) == []


def ids(pair: Path) -> list[str]:
    return [cell["id"] for cell in nbformat.read(pair, as_version=4).cells]


# -------------------------------------------------------------------- JupyterLab


class Lab:
    """JupyterLab's way to the files: the contents manager its server uses."""

    def __init__(self, root: Path):
        self.manager = AsyncTextFileContentsManager(root_dir=str(root))

    def open(self, path: str) -> Any:
        model = asyncio.run(self.manager.get(path, type="notebook"))
        return model["content"]

    def save(self, path: str, content: Any) -> None:
        model = {"type": "notebook", "content": content, "path": path}
        asyncio.run(self.manager.save(model, path))


# Lab is started in the repository by `make lab`, in notebooks/ by some by hand.
@pytest.fixture(params=["", "notebooks/"])
def lab(request: pytest.FixtureRequest, course: Path) -> tuple[Lab, str]:
    prefix = "" if request.param else "notebooks/"
    return Lab(course / request.param), prefix


def test_saving_in_lab_writes_both_files(
    lab: tuple[Lab, str], course: Path, source: Path
) -> None:
    server, prefix = lab
    before = source.read_text("utf-8")
    name = f"{prefix}{source.stem}.ipynb"
    content = server.open(name)
    for cell in content["cells"]:
        cell["source"] = cell["source"].replace(WORD, OTHER)
        if cell["cell_type"] == "code":  # run, as a learner has by then
            cell["execution_count"] = 7
    content["metadata"]["language_info"] = {"name": "python", "version": "3.99"}
    server.save(name, content)
    lines = changed(before, source.read_text("utf-8"))
    assert len(lines) == 2, lines
    assert OTHER in notebooks.pair_of(source).read_text("utf-8")
    notebooks.sync(course)
    assert notebooks.out_of_step(course) == []


def test_opening_in_lab_shows_the_edited_source(
    lab: tuple[Lab, str], source: Path
) -> None:
    server, prefix = lab
    edit(source, WORD, OTHER)
    content = server.open(f"{prefix}{source.stem}.ipynb")
    assert any(OTHER in cell["source"] for cell in content["cells"])


def test_opening_in_lab_works_though_the_pair_is_younger(
    lab: tuple[Lab, str], course: Path, source: Path
) -> None:
    server, prefix = lab
    pair = notebooks.pair_of(source)
    later = source.stat().st_mtime + 3600

    os.utime(pair, (later, later))  # as after a checkout, or `make notebooks`
    assert server.open(f"{prefix}{source.stem}.ipynb")["cells"]


@pytest.mark.slow
def test_the_server_that_make_lab_starts_does_the_same(
    course: Path, source: Path
) -> None:
    """Over HTTP, as the page does it: jupytext's extension must be switched on."""
    from labpage import start_lab

    before = source.read_text("utf-8")
    with start_lab(course) as lab:
        address = f"{lab.url}/api/contents/notebooks/{source.stem}.ipynb"
        headers = {"Authorization": f"token {lab.token}"}
        with urlopen(Request(address, headers=headers)) as answer:
            content = json.load(answer)["content"]
        for cell in content["cells"]:
            cell["source"] = cell["source"].replace(WORD, OTHER)
        body = json.dumps({"type": "notebook", "content": content}).encode()
        urlopen(Request(address, body, headers, method="PUT")).close()
    assert len(changed(before, source.read_text("utf-8"))) == 2
    assert OTHER in notebooks.pair_of(source).read_text("utf-8")


# -------------------------------------------------------------------- a new lesson


def test_a_new_lesson_starts_complete(course: Path) -> None:
    made = notebooks.new("97", "a-test", course)
    assert [str(p.relative_to(course)) for p in made] == [
        "notebooks/src/97-a-test.md",
        "notebooks/97-a-test.ipynb",
        "vaelib/exercises/a_test.py",
        "tests/exercises/mistakes/97-a-test.py",
    ]
    assert notebooks.out_of_step(course) == []
    assert "\n".join(map(str, lint(made[0]))) == ""
    assert [task.name for task in tasks(made[0])] == ["first"]
    assert "@" not in "".join(p.read_text("utf-8") for p in made)


def test_a_new_lesson_runs_and_its_check_works(course: Path) -> None:
    import runpy

    source, _, checks, mistakes = notebooks.new("97", "a-test", course)
    check = runpy.run_path(str(checks))["first"]
    (task,) = tasks_without_the_module(source)
    assert check(task.function(task.solution)).ok
    assert check(task.function(task.stub)).status == "not started"
    wrong = vars(runpy.run_path(str(mistakes))["first"])
    for mistake in check.mistakes:
        assert check(wrong[mistake.name]).mistake == mistake.name


def tasks_without_the_module(source: Path) -> list[Any]:
    """The lesson's tasks, its import of a module that is not installed taken out."""
    text = source.read_text("utf-8")
    line = "from vaelib.exercises import a_test as check\n"
    assert line in text
    source.write_text(text.replace(line, ""), "utf-8")
    return list(tasks(source))


@pytest.mark.parametrize(
    ("number", "name", "words"),
    [
        ("97", "Bad Name", "no lesson's name"),
        ("7", "pca", "no lesson's name"),
        ("00", "another", "taken"),
    ],
)
def test_a_new_lesson_with_a_bad_name_is_refused(
    number: str, name: str, words: str, course: Path
) -> None:
    with pytest.raises(SystemExit, match=words):
        notebooks.new(number, name, course)


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert notebooks.main(["check"]) == 0
    assert "in step" in capsys.readouterr().out
