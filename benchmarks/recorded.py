"""What the scripts share that record a lesson's runs.

A lesson whose runs take minutes shows them from a table, and runs two or three of its
rows itself. The table is made by the page's own cells, those tagged ``recipe``.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jupytext
import torch

ROOT = Path(__file__).parents[1]
Names = dict[str, Any]


def recipe_of(lesson: str) -> Names:
    """The names that the recipe of a page defines, e.g. of ``"12-likelihoods"``."""
    names: Names = {}
    for cell in jupytext.read(ROOT / "notebooks" / "src" / f"{lesson}.md").cells:
        if "recipe" in cell.metadata.get("tags", ()):
            exec(cell.source, names)
    return names


def record(rows: Iterable[dict[str, Any]], table: str) -> None:
    """Print each row when it is there, and write all of them in the end, on one
    thread, to ``vaelib/exercises/table``."""
    torch.set_num_threads(1)
    done = []
    for row in rows:
        print(*row.values(), flush=True)
        done.append(row)
    path = ROOT / "vaelib" / "exercises" / table
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, done[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(done)
