"""The unit tests that a change touches: what they import, followed through vaelib.

    python tools/quick.py           # since the last commit, and what is not committed
    python tools/quick.py main      # since main

Browser, book and executed lessons are left to ``make test``, and so are the few tests
marked ``slow``.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
APART = ("tests/browser", "tests/book")
EXERCISES = "tests/exercises/test_exercises.py"  # finds its modules by lesson
FOLDERS = ("vaelib", "tools", "tests", "benchmarks")


def changed(since: str = "HEAD") -> set[Path]:
    """Files edited, added or removed since a commit, committed or not."""
    ask = ["git", "diff", "--name-only", since], ["git", "ls-files", "-o"]
    told = [
        subprocess.run(
            [*one, *(["--exclude-standard"] if one[1] == "ls-files" else [])],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout
        for one in ask
    ]  # fmt: skip
    return {ROOT / line for text in told for line in text.splitlines()}


def touched(files: Iterable[Path]) -> list[str]:
    """pytest's arguments: the test files that use one of ``files``."""
    files = {path.resolve() for path in files}
    if {ROOT / "conftest.py", ROOT / "tests/conftest.py"} & files:
        return [str(t.relative_to(ROOT)) for t in unit_tests()]
    return [
        str(test.relative_to(ROOT))
        for test in unit_tests()
        if files & {*reached(test), *_beside(test)}
    ]


def lessons(files: Iterable[Path]) -> list[str]:
    """Numbers of the lessons whose page, checks or table of mistakes is among
    ``files``."""
    sources = sorted((ROOT / "notebooks/src").glob("[0-9][0-9]-*.md"))
    names = {source.stem[3:].replace("-", "_"): source.stem[:2] for source in sources}
    found = {names.get(path.stem.lstrip("0123456789-").replace("-", "_"))
             for path in files
             if path.parent.name in ("exercises", "mistakes", "src")}  # fmt: skip
    return sorted(number for number in found if number)


def unit_tests() -> list[Path]:
    """The files of unit tests."""
    return [
        path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if not str(path.relative_to(ROOT)).startswith(APART)
    ]


def reached(test: Path) -> set[Path]:
    """All files of the course that a test's imports lead to."""
    found, waiting = set[Path](), [test]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            # The package's own list of names leads everywhere: names are followed
            # one by one instead.
            waiting += () if path == ROOT / "vaelib/__init__.py" else _needs(path)
    return found


def _beside(test: Path) -> set[Path]:
    """What a test finds without an import: its folder's fixtures, and front ends."""
    near = {test.parent / "conftest.py"}
    if test.parent.name == "widgets":
        near |= {p for p in (ROOT / "vaelib/widgets").iterdir() if p.suffix != ".py"}
    if test.parent.name == "lessons":
        near |= set((ROOT / "notebooks").rglob("*"))
    return near


@cache
def _needs(path: Path) -> frozenset[Path]:
    tree = ast.parse(path.read_bytes())
    return frozenset(p for name in _names(tree) for p in _files(name))


def _names(tree: ast.AST) -> Iterator[str]:
    """What a file imports, and each name it takes from ``vl``, with dots."""
    aliases = {"vaelib": "vaelib"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                aliases[alias.asname or alias.name] = alias.name
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        chain = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        first, _, rest = chain.partition(".")
        if aliases.get(first, "").startswith("vaelib"):
            yield f"{aliases[first]}.{rest}"


@cache
def _files(name: str) -> frozenset[Path]:
    """The files in which a dotted name is defined, its packages' among them."""
    if name.split(".")[0] not in FOLDERS:
        beside = ROOT / "tests/book" / f"{name.split('.')[0]}.py"
        return frozenset({beside} if beside.exists() else ())
    parts = name.split(".")
    found = set[Path]()
    # By place: a module may bear the name of a function its package gives.
    for end in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:end])
        both = place.with_name(f"{place.name}.py"), place / "__init__.py"
        found |= {path for path in both if path.exists()}
    # By value: a package gives names that are defined elsewhere.
    thing: Any = import_module("vaelib")
    for part in parts[1:] if parts[0] == "vaelib" else ():
        thing = getattr(thing, part, None)
        where = thing.__name__ if isinstance(thing, ModuleType) else ""
        where = where or str(getattr(thing, "__module__", None))
        file = Path(getattr(sys.modules.get(where), "__file__", None) or "/").resolve()
        if ROOT in file.parents:
            found.add(file)
    return frozenset(found)


def command(files: Iterable[Path]) -> list[list[str]]:
    """The arguments of the calls of pytest that a change needs."""
    files = set(files)
    found, numbers = touched(files), lessons(files)
    calls = [[test for test in found if test != EXERCISES]]
    if numbers:
        calls.append([EXERCISES, "-k", " or ".join(f"{n}-" for n in numbers)])
    elif EXERCISES in found:
        calls.append([EXERCISES, "-k", "stub or solution"])
    return [call for call in calls if call]


def main(arguments: list[str]) -> int:
    sys.path.insert(0, str(ROOT))
    calls = command(changed(*arguments[:1]))
    if not calls:
        print("no unit test is touched")
    pytest = [sys.executable, "-m", "pytest", "-n", "2", "-m", "not slow"]
    codes = [subprocess.run([*pytest, *call], cwd=ROOT).returncode for call in calls]
    return max((code for code in codes if code != 5), default=0)  # 5: none to run


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
