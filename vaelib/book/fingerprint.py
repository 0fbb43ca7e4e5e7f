"""What a lesson's results depend on beside its own code, as one short text.

A lesson uses vaelib whole, but of the folder of checks only its own module and what
that imports, and nothing of the book, nor of the learner's folder. What Python does
not read as code counts for nothing: comments, layout, and the widgets' scripts and
style sheets, which the book takes as they are now.
"""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import torch
from packaging.requirements import Requirement

from vaelib import data
from vaelib.devices import resolve_device

PACKAGE = Path(__file__).parent.parent
CHECKS, APART = "exercises", ("book", "course")
_FRONT_END = {".js", ".css"}


def fingerprint(cells: Iterable[str], package: Path = PACKAGE) -> str:
    """Changes if what a lesson uses does.

    Args:
        cells: the lesson's code, cell by cell.
        package: the folder of vaelib.
    """
    summary = hashlib.sha256()
    for path in sorted(used(cells, package)):
        place = path.relative_to(package).as_posix()
        meaning = _meaning(path.read_bytes(), path.suffix)
        summary.update(f"{place}\0{meaning}\0".encode())
    summary.update(surroundings().encode())
    return summary.hexdigest()[:16]


def used(cells: Iterable[str], package: Path = PACKAGE) -> set[Path]:
    """The files of ``package`` that a lesson's results may depend on."""
    ours = {path for path in package.rglob("*") if _counts(path, package)}
    checks = {path for path in ours if package / CHECKS in path.parents}
    try:
        # The ladder keeps all else from reaching down to the checks.
        waiting = [name for cell in cells for name in _named(ast.parse(cell))]
    except SyntaxError:  # a magic command: nobody knows what it uses
        return ours
    reached: set[Path] = set()
    while waiting:
        parts = waiting.pop().split(".")
        if CHECKS not in parts[:2]:
            continue
        if parts[0] == CHECKS or len(parts) == 2:  # the folder itself: all of it
            return ours
        # A module, and what lies beside it under its name, such as a table.
        found = {path for path in checks if _module(path, package) in parts[2:3]}
        found |= {package / CHECKS / "__init__.py"} & checks
        waiting += [name for path in found - reached for name in _names_in(path)]
        reached |= found
    return ours - checks | reached


def _counts(path: Path, package: Path) -> bool:
    parts = path.relative_to(package).parts
    apart = parts[0] in APART or "__pycache__" in parts
    return path.is_file() and not apart and path.suffix not in _FRONT_END


def _module(path: Path, package: Path) -> str:
    """``exercises/pca.py``, ``exercises/pca.csv``, ``exercises/pca/x.py`` → pca."""
    return path.relative_to(package / CHECKS).parts[0].partition(".")[0]


def _names_in(path: Path) -> Iterator[str]:
    if path.suffix == ".py":
        yield from _named(ast.parse(path.read_bytes()))


def _named(tree: ast.AST) -> Iterator[str]:
    """All modules, and names in them, that ``tree`` imports, with dots; and the
    folder of checks wherever it is named without an import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            stars = (alias.name.replace("*", "") for alias in node.names)
            yield from (f"{node.module}.{name}".rstrip(".") for name in stars)
        elif isinstance(node, ast.Attribute) and node.attr == CHECKS:
            yield CHECKS


@cache
def _meaning(content: bytes, kind: str) -> str:
    """A short text for the content; Python's comments and layout change nothing."""
    if kind == ".py":
        content = ast.dump(ast.parse(content)).encode()
    return hashlib.sha256(content).hexdigest()


@cache
def surroundings() -> str:
    """The versions of Python and of what vaelib stands on; processor and device,
    which round each in their own way; and whether MNIST is here, since lesson 00
    shows it if so."""
    needs: Any = map(Requirement, requires("vaelib") or [])
    names = sorted(r.name for r in needs if not r.marker or r.marker.evaluate())
    packages = [f"{name} {version(name)}" for name in names]
    processor = torch.backends.cpu.get_cpu_capability()
    device = resolve_device("auto").type
    mnist = "with" if data.downloaded("mnist") else "without"
    return "\n".join(
        [platform.python_version(), *packages, processor, device, f"{mnist} mnist"]
    )
