"""The lessons' two files kept in step: ``notebooks/src/NN-name.md`` is edited and
reviewed, ``notebooks/NN-name.ipynb`` beside it is what a learner opens.

    python tools/notebooks.py sync            # write the .ipynb files anew
    python tools/notebooks.py check           # are they in step? and the lint
    python tools/notebooks.py new 01 pca      # start a lesson from the template
    python tools/notebooks.py time 01         # run it, say how long it took
    python tools/notebooks.py sitting         # how long each lesson's core takes
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import jupytext
import nbformat
from jupytext.combine import map_outputs_to_inputs
from nbformat import NotebookNode

if TYPE_CHECKING:
    from tools.sitting import Sitting

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).resolve().parent / "lesson"
LESSON = re.compile(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*")


def sources(root: Path = ROOT) -> list[Path]:
    """The lessons' sources in order."""
    folder = root / "notebooks" / "src"
    return sorted(p for p in folder.glob("*.md") if LESSON.fullmatch(p.stem))


def read(source: Path) -> NotebookNode:
    """A lesson's source as a notebook."""
    return jupytext.read(source, fmt="md:myst")


def pair_of(source: Path) -> Path:
    """``notebooks/src/NN-name.md`` → ``notebooks/NN-name.ipynb``."""
    return source.parent.parent / f"{source.stem}.ipynb"


# ------------------------------------------------------------------------- sync


def rendered(source: Path) -> str:
    """What the pair should hold: the source's cells, no outputs, no counts.

    Ids are taken over from the pair as it is, cell by cell, so that one edited
    word changes one line; a new cell's id follows from its text, so that two
    people who render the same source get the same file.
    """
    notebook = read(source)
    notebook.metadata.get("jupytext", {}).pop("text_representation", None)
    old = _read(pair_of(source))
    # jupytext's own matching: same text first, then same place.
    places = map_outputs_to_inputs(notebook.cells, old)
    taken: set[str] = set()
    for cell, place in zip(notebook.cells, places, strict=True):
        known = None if place is None else old[place].get("id")
        cell["id"] = known if known and known not in taken else _new_id(cell, taken)
        taken.add(cell["id"])
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return nbformat.writes(notebook) + "\n"


def _read(path: Path) -> list[NotebookNode]:
    if not path.exists():
        return []
    cells: list[NotebookNode] = nbformat.read(path, as_version=4).cells
    return cells


def _new_id(cell: NotebookNode, taken: set[str]) -> str:
    for again in range(len(taken) + 1):
        text = f"{cell.cell_type} {again} {cell.source}"
        made = hashlib.sha256(text.encode()).hexdigest()[:8]
        if made not in taken:
            return made
    raise AssertionError("more ids asked for than cells exist")


def edited_in_place(source: Path) -> bool:
    """Was the pair edited after the source, in its text and not only run?

    JupyterLab writes both files at once; other editors write only the .ipynb,
    and rendering the source would lose that work.
    """
    pair = pair_of(source)
    if not pair.exists() or pair.stat().st_mtime <= source.stat().st_mtime:
        return False
    mine = [(c.cell_type, c.source) for c in read(source).cells]
    return mine != [(c.cell_type, c.source) for c in _read(pair)]


def sync(root: Path = ROOT, *, force: bool = False) -> list[str]:
    """Render every source whose pair is out of step; gives what was done.

    Raises:
        SystemExit: if a pair holds edits that its source has not.
    """
    done = []
    for source in sources(root):
        if edited_in_place(source) and not force:
            raise SystemExit(
                f"{pair_of(source).name} was edited after {source.name}, and rendering "
                "would lose that. To keep it: "
                f"jupytext --sync {pair_of(source).relative_to(root)}. "
                "To drop it: python tools/notebooks.py sync --force"
            )
        text = rendered(source)
        pair = pair_of(source)
        if not pair.exists() or pair.read_text("utf-8") != text:
            pair.write_text(text, "utf-8")
            done.append(f"wrote {pair.relative_to(root)}")
    return done


def out_of_step(root: Path = ROOT) -> list[str]:
    """One sentence for each pair that is stale, holds outputs, or is left over."""
    found = []
    for source in sources(root):
        pair = pair_of(source)
        if not pair.exists():
            found.append(f"{pair.name} is missing")
        elif pair.read_text("utf-8") != rendered(source):
            found.append(f"{pair.name} {_what_is_wrong(source, pair)}")
    known = {pair_of(source) for source in sources(root)}
    for pair in sorted((root / "notebooks").glob("[0-9][0-9]-*.ipynb")):
        if pair not in known:
            found.append(f"{pair.name} has no source in notebooks/src")
    return [f"{one}: run `make notebooks`" for one in found]


def _what_is_wrong(source: Path, pair: Path) -> str:
    cells = _read(pair)
    if any(c.get("outputs") for c in cells):
        return "holds outputs"
    if any(c.get("execution_count") for c in cells):
        return "holds execution counts"
    mine = [(c.cell_type, c.source) for c in read(source).cells]
    if mine != [(c.cell_type, c.source) for c in cells]:
        return f"does not say what {source.name} says"
    return "holds metadata its source has not"


# -------------------------------------------------------------------------- new


def new(number: str, name: str, root: Path = ROOT) -> list[Path]:
    """Start a lesson: its source, its pair, its checks, its table of mistakes.

    Args:
        number: two digits.
        name: lower case, words joined by hyphens: ``"beta-vae"``.

    Raises:
        SystemExit: if the name is not of that form or the number is taken.
    """
    stem = f"{number}-{name}"
    if not LESSON.fullmatch(stem):
        raise SystemExit(f"{stem!r} is no lesson's name; wanted e.g. 01 and pca")
    for other in sources(root):
        if other.stem.startswith(number):
            raise SystemExit(f"number {number} is taken by {other.name}")
    module = name.replace("-", "_")
    targets = {
        "lesson.md": root / "notebooks" / "src" / f"{stem}.md",
        "checks.py": root / "vaelib" / "exercises" / f"{module}.py",
        "mistakes.py": root / "tests" / "exercises" / "mistakes" / f"{stem}.py",
    }
    for target in targets.values():
        if target.exists():
            raise SystemExit(f"{target.relative_to(root)} is there already")
    words = {
        "@NUMBER@": number,
        "@MODULE@": module,
        "@TITLE@": name.replace("-", " ").capitalize(),
    }
    for template, target in targets.items():
        text = (TEMPLATES / template).read_text("utf-8")
        for word, meant in words.items():
            text = text.replace(word, meant)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    source = targets["lesson.md"]
    _tell(source)
    sync(root)
    return [source, pair_of(source), *list(targets.values())[1:]]


# ------------------------------------------------------------------------- time


def run_time(number: str, root: Path = ROOT) -> float:
    """Run a lesson in a fresh kernel; seconds from start to end.

    Raises:
        SystemExit: if there is no such lesson.
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    from nbclient import NotebookClient

    found = [p for p in sources(root) if p.stem.startswith(number)]
    if not found:
        raise SystemExit(f"no lesson {number!r} in notebooks/src")
    notebook = read(found[0])
    where = {"metadata": {"path": str(root / "notebooks")}}
    start = time.perf_counter()
    NotebookClient(notebook, timeout=600, resources=where).execute()
    return time.perf_counter() - start


# ---------------------------------------------------------------------- sitting

_TOLD = re.compile(r"\*\*One sitting\.\*\* .*?exercises\.")


def tell_sitting(root: Path = ROOT) -> list[str]:
    """Write into each lesson's head how long its core takes; a line for each."""
    lines = []
    for source in sources(root):
        found = _tell(source)
        long = "" if found.fits else "  more than one sitting"
        lines.append(
            f"{source.stem:28} {found.reading:3d} min reading"
            f" {found.exercises:3d} min exercises{long}"
        )
    sync(root)
    return lines


def _tell(source: Path) -> Sitting:
    from tools.sitting import sitting

    found = sitting(source)
    text = source.read_text("utf-8")
    told = _TOLD.sub(str(found), text, count=1)
    if told != text:
        source.write_text(told, "utf-8")
    return found


# ---------------------------------------------------------------------- command


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    force = commands.add_parser("sync", help="write the .ipynb files anew")
    force.add_argument("--force", action="store_true", help="drop edits made in them")
    commands.add_parser("check", help="pairs in step, and the lint")
    start = commands.add_parser("new", help="start a lesson from the template")
    start.add_argument("number")
    start.add_argument("name")
    clock = commands.add_parser("time", help="run a lesson and time it")
    clock.add_argument("number")
    commands.add_parser("sitting", help="how long each core takes, into its head")
    wanted = parser.parse_args(arguments)
    if wanted.command == "sync":
        print("\n".join(sync(force=wanted.force)) or "all notebooks are in step")
    elif wanted.command == "new":
        print(
            "\n".join(str(p.relative_to(ROOT)) for p in new(wanted.number, wanted.name))
        )
    elif wanted.command == "time":
        print(f"lesson {wanted.number}: {run_time(wanted.number):.0f} s")
    elif wanted.command == "sitting":
        print("\n".join(tell_sitting()))
    else:
        return _check()
    return 0


def _check() -> int:
    from tools.lint import lint

    faults = out_of_step() + [str(f) for s in sources() for f in lint(s)]
    print(
        "\n".join(faults) or "all lessons are in step, and the lint has nothing to say"
    )
    return bool(faults)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
