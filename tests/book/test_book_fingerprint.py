"""An edit executes the lessons whose results it may change, and no others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import nbformat
import pytest
from built import ROOT

from tools.notebooks import pair_of, sources
from vaelib.book import fingerprint as module
from vaelib.book.fingerprint import PACKAGE, fingerprint, used

NAMES = [source.stem for source in sources()]


def code(name: str) -> list[str]:
    notebook = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


CODE = {name: code(name) for name in NAMES}


def lesson(name: str) -> str:
    """The lesson of that name, whatever its number."""
    return next(known for known in NAMES if known[3:] == name)


def own(name: str) -> str:
    """The file of a lesson's checks."""
    return f"exercises/{name[3:].replace('-', '_')}.py"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of vaelib, to be edited."""
    aside = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(PACKAGE, tmp_path / "vaelib", ignore=aside))


@pytest.fixture
def executed_again(package: Path) -> Callable[[], set[str]]:
    """The lessons that the edits since then would have executed again."""
    return lambda: {n for n, c in CODE.items() if fingerprint(c, package) != now()[n]}


@cache
def now() -> dict[str, str]:
    return {name: fingerprint(cells) for name, cells in CODE.items()}


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8") + text, "utf-8")


def test_every_lesson_has_a_pair_and_checks_to_follow() -> None:
    assert [pair_of(source).exists() for source in sources()] == [True] * len(NAMES)
    assert [name for name in NAMES if PACKAGE / own(name) not in used(CODE[name])] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_s_checks_are_its_own(
    name: str, package: Path, executed_again: Callable[[], set[str]]
) -> None:
    append(package / own(name), "\nHINT = 'another'\n")
    assert executed_again() == {name}


def test_an_edited_hint_executes_one_lesson(
    package: Path, executed_again: Callable[[], set[str]]
) -> None:
    path = package / "exercises/vae.py"
    hint = "Your arrow points away"
    assert hint in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(hint, "Your arrow looks away"))
    assert executed_again() == {lesson("vae")}


@pytest.mark.parametrize(
    "name",
    ["objectives/kl.py", "__init__.py", "widgets/base.py", "exercises/__init__.py",
     "exercises/checking.py", "data/strokes.py"],
)  # fmt: skip
def test_what_all_lessons_use_executes_all(
    name: str, package: Path, executed_again: Callable[[], set[str]]
) -> None:
    append(package / name, "\nONE_MORE = 1\n")
    assert executed_again() == set(NAMES)


def test_a_new_a_lost_and_a_renamed_file_execute_all(
    package: Path, executed_again: Callable[[], set[str]]
) -> None:
    (package / "data/new.bin").write_bytes(b"1")
    assert executed_again() == set(NAMES)
    (package / "data/new.bin").unlink()
    assert executed_again() == set()
    (package / "pca.py").rename(package / "pcb.py")  # in the same place of the list
    assert executed_again() == set(NAMES)


def test_a_table_belongs_to_the_checks_it_lies_beside(
    package: Path, executed_again: Callable[[], set[str]]
) -> None:
    append(package / "exercises/disentanglement.csv", "\n")
    assert executed_again() == {lesson("disentanglement")}


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("book", "py"), ("course", "py"), ("widgets", "js"), ("widgets", "css")],
)
def test_neither_the_book_nor_a_front_end_executes_anything(
    folder: str, kind: str, package: Path, executed_again: Callable[[], set[str]]
) -> None:
    found = list((package / folder).glob(f"*.{kind}"))
    assert found
    for path in found:
        append(path, "\n1\n")
    assert executed_again() == set()


def test_comments_and_layout_execute_nothing_but_words_do(
    package: Path, executed_again: Callable[[], set[str]]
) -> None:
    path = package / "models/vae.py"
    text = path.read_text("utf-8")
    path.write_text(f"# A comment.\n\n\n{text}", "utf-8")
    assert executed_again() == set()
    path.write_text(f'{text}\n"""Text that help() might show."""\n', "utf-8")
    assert executed_again() == set(NAMES)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A package in which checks use each other."""
    for name, text in {
        "core.py": "",
        "exercises/__init__.py": "",
        "exercises/a.py": "def f():\n    from vaelib.exercises.cases.some import x",
        "exercises/a.csv": "1",
        "exercises/b.py": "import vaelib.exercises.deep",
        "exercises/deep.py": "from vaelib.exercises import a",
        "exercises/c.py": "",
        "exercises/cases/__init__.py": "",
        "exercises/cases/some.py": "",
    }.items():
        path = tmp_path / "vaelib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path / "vaelib"


ALWAYS = {"core.py", "__init__.py"}
A = {"a.py", "a.csv", "some.py"}
ALL = {*A, "b.py", "deep.py", "c.py"}


@pytest.mark.parametrize(
    ("cell", "checks"),
    [
        ("import vaelib", set()),
        ("from vaelib.exercises import c as check", {"c.py"}),
        ("import vaelib.exercises.c", {"c.py"}),
        ("from vaelib.exercises.c import first, second", {"c.py"}),
        ("def late():\n    from vaelib.exercises import a", A),
        ("from vaelib.exercises import b", A | {"b.py", "deep.py"}),
        ("import vaelib.exercises", ALL),
        ("from vaelib import exercises", ALL),
        ("from vaelib.exercises import *", ALL),
        ("import vaelib as vl\nvl.exercises.c", ALL),
        ("%matplotlib inline", ALL),
    ],
)
def test_checks_are_followed_through_their_imports(
    cell: str, checks: set[str], small: Path
) -> None:
    found = {path.name for path in used(["x = 1", cell], small)}
    assert found - ALWAYS == checks
    assert "core.py" in found


def test_the_packages_beneath_vaelib_are_in_the_fingerprint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = module.surroundings()
    assert all(f"\n{name} " in found for name in ("torch", "numpy", "matplotlib"))
    before = fingerprint(["1"])
    monkeypatch.setattr(module, "surroundings", lambda: found.replace("torch", "tor"))
    assert fingerprint(["1"]) != before


def test_another_processor_is_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    before = module.surroundings()
    module.surroundings.cache_clear()
    monkeypatch.setattr(
        module.torch.backends.cpu, "get_cpu_capability", lambda: "another"
    )
    assert module.surroundings() != before
    monkeypatch.undo()
    module.surroundings.cache_clear()
