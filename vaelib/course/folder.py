"""A learner's folder: copies of the lessons that are theirs."""

from itertools import count
from pathlib import Path

from vaelib.course.ledger import changing, write
from vaelib.course.lessons import edition, find, fresh, lessons


class Folder:
    """The copies in which one works.

    Args:
        path: the folder; made, with those above it, where it does not exist.

    Raises:
        ValueError: if it is a file, or holds the course's own sources.

    Example::

        Folder("vae-course").update()
        Folder("vae-course").reset("06")
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"folder: {self.path} is a file; name a folder")
        if (self.path / "src" / "00-start-here.md").exists():
            raise ValueError(
                f"folder: {self.path} holds the lessons that others copy. Name a "
                "folder of your own, or use `make edit` to change the course itself."
            )
        self.path.mkdir(parents=True, exist_ok=True)

    def update(self) -> list[str]:
        """Copy each lesson that is not there yet, and bring up to date what nobody
        wrote in. An edited copy stays as it is; if there is a newer edition, it is
        laid beside it, once.

        Returns:
            What was done, a sentence for each lesson that is not as it was.
        """
        with changing(self.path) as ledger:
            said = []
            for lesson in lessons():
                name, copy = lesson.name, self.path / lesson.name
                new = fresh(lesson)
                now, given = edition(new), ledger.given.get(name)
                assert now is not None
                mine = edition(copy.read_bytes()) if copy.exists() else None
                if not copy.exists():
                    said.append(f"{lesson.stem}: copied")
                    write(copy, new)
                    ledger.given[name] = now
                elif mine == now:
                    ledger.given[name] = now
                elif mine is not None and mine == given:
                    said.append(f"{lesson.stem}: brought up to date")
                    write(copy, new)
                    ledger.given[name] = now
                elif now not in (given, ledger.beside.get(name)):
                    beside = self._free(lesson.stem, "new edition")
                    said.append(
                        f"{lesson.stem}: yours is edited and stays as it is; the new "
                        f"edition lies beside it, {beside.name}"
                    )
                    write(beside, new)
                    ledger.beside[name] = now
            return said

    def reset(self, which: str) -> list[str]:
        """A fresh copy of a lesson. The old one is kept under another name.

        Args:
            which: its number or name, e.g. ``"06"``.

        Returns:
            What was done, in sentences.

        Raises:
            ValueError: if there is no such lesson.
        """
        lesson = find(which)
        copy, said = self.path / lesson.name, []
        if copy.exists():
            kept = self._free(lesson.stem, "mine")
            copy.rename(kept)
            said = [f"{lesson.stem}: yours is kept as {kept.name}"]
        new = fresh(lesson)
        write(copy, new)
        with changing(self.path) as ledger:
            ledger.given[lesson.name] = edition(new) or ""
        return [*said, f"{lesson.stem}: a fresh copy"]

    def _free(self, stem: str, kind: str) -> Path:
        for number in count(1):
            again = "" if number == 1 else f" {number}"
            path = self.path / f"{stem} ({kind}{again}).ipynb"
            if not path.exists():
                return path
        raise AssertionError
