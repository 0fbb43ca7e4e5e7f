"""Modules of the widgets name the module they import from: through the package's own
``__init__``, which imports them all, each would go round in a circle."""

import ast
from pathlib import Path

import pytest

from vaelib.widgets import esm

FILES = sorted(Path(esm.__file__).parent.glob("[a-z]*.py"))


def through_the_package(text: str) -> list[int]:
    """The lines that import from ``vaelib.widgets`` itself."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.ImportFrom) and node.module == "vaelib.widgets")
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "vaelib"
            and "widgets" in [alias.name for alias in node.names]
        )
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_import_names_the_module(file: Path) -> None:
    assert through_the_package(file.read_text("utf-8")) == []


def test_it_would_be_seen() -> None:
    text = "import torch\nfrom vaelib.widgets import esm\nfrom vaelib import widgets"
    assert through_the_package(text) == [2, 3]
    assert through_the_package("from vaelib.widgets.esm import module") == []
