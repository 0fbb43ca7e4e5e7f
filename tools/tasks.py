"""The exercises of a lesson, taken out of its page: stub, check, solution."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from tools.notebooks import read

_SOLUTION = re.compile(
    r"<details>\s*<summary>Solution</summary>(.*?)</details>", re.S | re.M
)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.S | re.M)


@dataclass(frozen=True)
class Task:
    """One exercise as it stands in the page.

    Attributes:
        name: of the function, or class, that the learner writes.
        imports: the lesson's import statements, all that a solution may rely on.
        stub: the cell tagged ``exercise``.
        check: the code cell after it.
        solution: the Python block folded under "Solution".
        hints: how many folded hints there are.
    """

    name: str
    imports: str
    stub: str
    check: str
    solution: str
    hints: int

    def function(self, code: str) -> Callable[..., Any]:
        """The task's function as ``code`` (stub or solution) defines it."""
        names: dict[str, Any] = {}
        exec(self.imports, names)
        exec(compile(code, f"<{self.name}>", "exec"), names)
        found: Callable[..., Any] = names[self.name]
        return found


def tasks(source: Path) -> list[Task]:
    """The exercises of a lesson, in order.

    Raises:
        ValueError: if a cell tagged ``exercise`` defines no function, is not
            followed by its check, or has no folded solution.
    """
    cells = read(source).cells
    starts = [
        i for i, c in enumerate(cells) if "exercise" in c.metadata.get("tags", ())
    ]
    imports = "\n".join(_imports(cells))
    ends = [*starts[1:], len(cells)]
    return [
        _task(cells[start:end], imports)
        for start, end in zip(starts, ends, strict=True)
    ]


def _task(cells: list[NotebookNode], imports: str) -> Task:
    stub = cells[0].source
    kinds = ast.FunctionDef, ast.ClassDef
    named = [n.name for n in ast.parse(stub).body if isinstance(n, kinds)]
    if not named:
        raise ValueError(f"this exercise defines no function:\n{stub}")
    name = named[-1]
    check = next((c.source for c in cells[1:] if c.cell_type == "code"), "")
    if check.strip() != f"check.{name}({name})":
        raise ValueError(f"{name}: wanted the cell check.{name}({name}) after the stub")
    text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    folded = _SOLUTION.search(text)
    solution = _PYTHON.search(folded[1]) if folded else None
    if not solution:
        raise ValueError(f"{name}: no ```python block in a folded <summary>Solution")
    hints = len(re.findall(r"<summary>Hint", text))
    return Task(name, imports, stub, check, solution[1], hints)


def _imports(cells: list[NotebookNode]) -> Iterator[str]:
    for cell in cells:
        if cell.cell_type == "code":
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield ast.unparse(node)
