"""The book as tests want it: the real one built once, small ones made on the spot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
BIN = Path(sys.executable).parent
REQUIRED = "1" in (
    os.environ.get("VAELIB_REQUIRE_BOOK"),
    os.environ.get("VAELIB_REQUIRE_BROWSER"),
)
INPUTS = ("book.toml", "README.md", "package-lock.json", "notebooks", "theme", "vaelib")


def missing() -> str:
    """What this machine lacks to build a book; empty if nothing."""
    if not shutil.which("node"):
        return "there is no node, which sets the book's formulas"
    if not (ROOT / "node_modules/katex").is_dir():
        return "KaTeX is not installed: run `make book`"
    if not shutil.which("mdbook", path=BIN):
        return "mdBook is not installed: run `make book`"
    return ""


def built_site() -> Path:
    """The folder of the real book, built anew only if something is newer.

    Workers of one test run wait for each other.

    Raises:
        AssertionError: if the book cannot be built; says what mdBook said.
    """
    lock = ROOT / ".venv/.book-lock"
    with lock.open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except ImportError:  # Windows; there the tests run in one process
            pass
        if not _up_to_date():
            answer = build(ROOT)
            assert answer.returncode == 0, answer.stderr
    return SITE


def build(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``mdbook build`` with this environment's Python."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(BIN / "mdbook"), "build", *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )


def small_course(folder: Path, lessons: dict[str, Sequence[str]]) -> Path:
    """A course of small lessons: ``{"00-name": ["# title", ">>> code", …]}``."""
    for name in ("book.toml", "theme"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "README.md").write_text("# A course\n\nThe README says this.\n", "utf-8")
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    lines = [f"- [{name}]({name}.ipynb)" for name in lessons]
    summary = ["# Summary", "", "# A part", "", *lines]
    (notebooks / "SUMMARY.md").write_text("\n".join(summary), "utf-8")
    for name, cells in lessons.items():
        write_lesson(notebooks / f"{name}.ipynb", cells)
    return folder


def write_lesson(path: Path, cells: Sequence[str]) -> Path:
    """A notebook; a cell that begins with ``>>> `` is code."""
    made = [
        new_code_cell(cell.removeprefix(">>> "))
        if cell.startswith(">>> ")
        else new_markdown_cell(cell)
        for cell in cells
    ]
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
    return path


def _up_to_date() -> bool:
    index = SITE / "index.html"
    if not index.exists():
        return False
    at = index.stat().st_mtime
    files = (p for name in INPUTS for p in [ROOT / name, *(ROOT / name).rglob("*")])
    ours = (p for p in files if not {"__pycache__", "assets"} & set(p.parts))
    return all(p.stat().st_mtime <= at for p in ours if p.is_file())
