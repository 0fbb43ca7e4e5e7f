"""mdBook's preprocessor: ``[context, book]`` comes as JSON, the book goes back.

``book.toml`` starts it. What it writes beside the book are the chapters' pictures,
widgets and the formulas' fonts, into the folder ``assets`` of the book's source.

``python -m vaelib.book execute`` only executes the lessons, for the tests to compare
with; that needs neither node nor mdBook.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vaelib.book.execute import FOLDER, LessonFailed, execute
from vaelib.book.maths import BadFormula, Formulas
from vaelib.book.page import ASSETS, Files, Page, page, prose

WIDGET = re.compile(r"<!-- widget: (?P<kind>[\w-]+) of (?P<lesson>[\w-]+) -->")
PARAGRAPH = re.compile(r"<!-- README, first paragraph -->")
CONTENTS = "<!-- contents -->"


def build(context: Mapping[str, Any], book: dict[str, Any]) -> dict[str, Any]:
    """The book with each notebook's JSON replaced by its chapter.

    Args:
        context: as mdBook gives it; its ``root`` and ``book.src`` are used.
        book: as mdBook gives it.

    Raises:
        LessonFailed: if a lesson's cell fails.
        BadFormula: if a formula cannot be set.
        BadIndex: if a page asks for what is not there.
    """
    root = Path(context["root"])
    source = root / context["config"]["book"].get("src", "src")
    chapters = [c for c in _chapters(book["items"]) if c.get("path")]
    lessons = [source / c["path"] for c in chapters if c["path"].endswith(".ipynb")]
    executed = execute(lessons, root / FOLDER)
    formulas = Formulas()
    pages = {name: page(name, lesson, formulas) for name, lesson in executed.items()}
    for chapter in chapters:
        name = Path(chapter["path"]).stem
        if name in pages:
            chapter["content"] = pages[name].text
        else:
            text = prose(chapter["content"], name, formulas)
            chapter["content"] = _filled(text, root, pages, book)
    typeset = formulas.set(root)
    for chapter in chapters:
        chapter["content"] = typeset.put_back(chapter["content"])
    files = {n: content for one in pages.values() for n, content in one.files.items()}
    _write(source / ASSETS, files | typeset.files)
    return book


class BadIndex(Exception):
    """A page asks for something that is not there."""


def _chapters(items: list[Any]) -> Iterator[dict[str, Any]]:
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            yield item["Chapter"]
            yield from _chapters(item["Chapter"]["sub_items"])


def _filled(
    text: str, root: Path, pages: Mapping[str, Page], book: Mapping[str, Any]
) -> str:
    """The page with its marks filled: what stands elsewhere is not written twice."""

    def widget(m: re.Match[str]) -> str:
        kind = f'data-vl-kind="{m["kind"].replace("-", "_")}"'
        found = pages[m["lesson"]].widgets if m["lesson"] in pages else []
        for one in found:
            if kind in one:
                return f'<div class="output">{one}</div>'
        raise BadIndex(f"{m[0]}: wanted a lesson of the book that has such a widget")

    def paragraph(m: re.Match[str]) -> str:
        blocks = (root / "README.md").read_text("utf-8").split("\n\n")
        return next(block for block in blocks if not block.startswith("#"))

    text = WIDGET.sub(widget, PARAGRAPH.sub(paragraph, text))
    return text.replace(CONTENTS, "\n".join(_contents(book["items"])))


def _contents(items: list[Any]) -> Iterator[str]:
    """The parts and lessons as lists with links."""
    for item in items:
        if isinstance(item, dict) and "PartTitle" in item:
            yield f"\n**{item['PartTitle']}**\n"
        elif isinstance(item, dict) and "Chapter" in item:
            path = item["Chapter"].get("path") or ""
            if path.endswith(".ipynb"):
                yield f"- [{item['Chapter']['name']}]({Path(path).stem}.html)"


def _write(folder: Path, files: Files) -> None:
    """Make the folder hold these files and no others.

    What is there already stays untouched: `mdbook serve` watches the folder, and
    a file written anew would start the next build.
    """
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["supports"]:
        return 0 if arguments[1:] == ["html"] else 1
    try:
        if arguments == ["execute"]:
            execute(sorted(Path("notebooks").glob("[0-9][0-9]-*.ipynb")), Path(FOLDER))
            return 0
        built = build(*json.load(sys.stdin))
    except (LessonFailed, BadFormula, BadIndex) as problem:
        print(f"\n{problem}\n", file=sys.stderr)
        return 1
    json.dump(built, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
