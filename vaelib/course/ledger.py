"""The small file beside the learner's copies: what was handed out, what was solved.

It is made by ``vaelib lab`` and by nothing else. Where it is not, in the repository,
in CI, in the book, nothing is ever remembered.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

FILE = ".vaelib.json"


@dataclass
class Ledger:
    """What it says.

    Attributes:
        given: the edition of each copy when it was handed out, by its name.
        beside: the edition that was laid beside an edited copy.
        solved: the day on which an exercise's check was first passed.
    """

    given: dict[str, str] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    solved: dict[str, str] = field(default_factory=dict)


def read(folder: Path) -> Ledger:
    """The folder's; an empty one where there is none, or it is broken."""
    try:
        content = json.loads((folder / FILE).read_text("utf-8"))
        parts = [content[name] for name in ("given", "beside", "solved")]
        return Ledger(*({str(k): str(v) for k, v in p.items()} for p in parts))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Ledger()


@contextmanager
def changing(folder: Path) -> Iterator[Ledger]:
    """The ledger, to be changed: read anew, and written as a whole or not at all."""
    ledger = read(folder)
    yield ledger
    text = json.dumps(asdict(ledger), indent=1, sort_keys=True)
    write(folder / FILE, text.encode() + b"\n")


def write(path: Path, content: bytes) -> None:
    """A file that is whole, whenever one looks."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def remember(exercise: str) -> None:
    """An exercise was solved. It is noted where the kernel runs, if that is a folder
    of ``vaelib lab``'s; a file that cannot be written costs nothing but the note."""
    folder = Path.cwd()
    if (folder / FILE).is_file() and exercise not in read(folder).solved:
        with contextlib.suppress(OSError), changing(folder) as ledger:
            ledger.solved[exercise] = date.today().isoformat()
