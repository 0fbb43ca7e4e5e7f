"""The lessons as they are handed out: where they lie, and what is in them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

NAME = re.compile(r"\d\d-[a-z0-9-]+\.ipynb")
_PACKED = Path(__file__).parent / "lessons"  # in the wheel
_SOURCES = Path(__file__).parents[2] / "notebooks"  # in the repository


def lessons() -> list[Path]:
    """The course's notebooks, in order.

    Raises:
        FileNotFoundError: if this installation has none.
    """
    folder = _PACKED if _PACKED.is_dir() else _SOURCES
    found = sorted(p for p in folder.glob("*.ipynb") if NAME.fullmatch(p.name))
    if not found:
        raise FileNotFoundError(
            f"lessons: none in {folder}. This installation of vaelib is not whole: "
            "install it again, or run it from the repository."
        )
    return found


def find(which: str) -> Path:
    """One of them, by its number, its name, or the beginning of it.

    Raises:
        ValueError: if it is not the one's.
    """
    asked = which.removesuffix(".ipynb")
    known = lessons()
    found = [p for p in known if p.stem.startswith(asked) or p.stem[3:] == asked]
    if not asked or len(found) != 1:
        names = ", ".join(p.stem for p in known)
        raise ValueError(f"lesson: got {which!r}, wanted one of {names}")
    return found[0]


def fresh(lesson: Path) -> bytes:
    """The notebook as a learner gets it: not paired with a text file, as authors
    have it."""
    notebook = _read(lesson.read_bytes())
    notebook["metadata"].pop("jupytext", None)
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode() + b"\n"


def edition(notebook: bytes) -> str | None:
    """A digest of what is written in a notebook's cells; whether it was run, and
    what it showed then, does not matter. None if it is not a notebook."""
    try:
        cells = _read(notebook)["cells"]
        words = [[c["cell_type"], "".join(c["source"])] for c in cells]
    except (ValueError, KeyError, TypeError):
        return None
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def title(lesson: Path) -> str:
    """The heading it begins with."""
    first = "".join(_read(lesson.read_bytes())["cells"][0]["source"])
    return first.splitlines()[0].removeprefix("# ")


def exercises(lesson: Path) -> list[str]:
    """The names of the functions, or classes, that it asks for."""
    cells = _read(lesson.read_bytes())["cells"]
    stubs = [c for c in cells if "exercise" in c["metadata"].get("tags", ())]
    head = re.compile(r"^(?:def|class) (\w+)", re.M)
    heads = (head.search("".join(c["source"])) for c in stubs)
    return [found[1] for found in heads if found]


def _read(notebook: bytes) -> Any:
    return json.loads(notebook)
