"""Three causes of posterior collapse, and what cures which. The table of lesson 14.

    python benchmarks/collapse.py

trains each (kind, cure, seed) with the very cells of the page that are tagged
``recipe``, and writes what they measure on held-out pictures, in nats per picture,
to ``vaelib/exercises/posterior_collapse.csv``. One thread, a quarter of an hour.
"""

import csv
from pathlib import Path
from typing import Any

import jupytext
import torch

SEEDS = {"noisy": (0, 1, 2), "deep": (0, 1, 2, 3, 4), "pixelcnn": (0, 1, 2)}
AGGRESSIVE = ("deep", "pixelcnn")  # the kinds whose encoder is tried with more steps
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "notebooks" / "src" / "14-posterior-collapse.md"
TABLE = ROOT / "vaelib" / "exercises" / "posterior_collapse.csv"


def recipe() -> dict[str, Any]:
    """The names that the page's recipe defines."""
    names: dict[str, Any] = {}
    for cell in jupytext.read(PAGE).cells:
        if "recipe" in cell.metadata.get("tags", ()):
            exec(cell.source, names)
    return names


def run(names: dict[str, Any], kind: str, cure: str, seed: int) -> dict[str, Any]:
    """One row of the table."""
    if cure == "aggressive":
        model = names["aggressive"](kind, seed)
    else:
        model = names["trained"](kind, cure, seed)
    found = {name: round(v, 4) for name, v in names["measure"](model).items()}
    return {"kind": kind, "cure": cure, "seed": seed, **found}


def plan(names: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Every (kind, cure, seed), in the table's order."""
    rows = [(k, c, s) for k in SEEDS for c in names["cures"][k] for s in SEEDS[k]]
    return rows + [(k, "aggressive", s) for k in AGGRESSIVE for s in SEEDS["noisy"]]


def main() -> None:
    torch.set_num_threads(1)
    names, rows = recipe(), []
    for kind, cure, seed in plan(names):
        rows.append(run(names, kind, cure, seed))
        print(*rows[-1].values(), flush=True)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    main()
