"""Nothing in vaelib looks down the ladder, and nothing goes round in circles."""

import ast
from pathlib import Path

import pytest

import vaelib

ROOT = Path(vaelib.__file__).parent
LADDER = [
    "devices",
    "randomness",
    "data",
    "networks",
    "distributions",
    "layers",
    "pca",
    "models",
    "storage",
    "objectives",
    "plots",
    "training",
    "metrics",
    "stacking",
    "sweep",
    "widgets",
    "course",
    "exercises",
    "book",
]
FILES = [p for p in sorted(ROOT.rglob("*.py")) if p != ROOT / "__init__.py"]


def rung(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The rungs a file imports from, wherever in it the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import hides its rung"
            module = node.module or ""
            if module == "vaelib":
                found |= {alias.name for alias in node.names}
            elif module.startswith("vaelib."):
                found.add(module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {
                ([*alias.name.split("."), "vaelib"])[1]
                for alias in node.names
                if alias.name.split(".")[0] == "vaelib"
            }
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_looks_down(path: Path) -> None:
    mine = LADDER.index(rung(path))
    for other in imported(path):
        assert other in LADDER, f"{path.name} imports vaelib.{other}: not a rung"
        assert LADDER.index(other) <= mine, f"{path.name} looks down at vaelib.{other}"


def test_every_public_name_exists_and_has_a_docstring() -> None:
    for name in vaelib.__all__:
        assert getattr(vaelib, name).__doc__, name
