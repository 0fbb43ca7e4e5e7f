"""How disentangled are the codes of small sprites? The table of lesson 11.

    python benchmarks/disentanglement.py

trains each (method, β, seed) with the very cells of the page that are tagged
``recipe``, and writes rate and distortion in nats, MIG and FactorVAE score to
``vaelib/exercises/disentanglement.csv``. One thread, a few minutes.
"""

import csv
from pathlib import Path
from typing import Any

import jupytext
import torch

BETAS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
SEEDS = (0, 1, 2, 3, 4)
METHODS = ("vae", "ada-gvae")
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "notebooks" / "src" / "11-disentanglement.md"
TABLE = ROOT / "vaelib" / "exercises" / "disentanglement.csv"


def recipe() -> dict[str, Any]:
    """The names that the page's recipe defines."""
    names: dict[str, Any] = {}
    for cell in jupytext.read(PAGE).cells:
        if "recipe" in cell.metadata.get("tags", ()):
            exec(cell.source, names)
    return names


def run(names: dict[str, Any], method: str, beta: float, seed: int) -> dict[str, Any]:
    """One row of the table."""
    adapt = names["adapt"] if method == "ada-gvae" else None
    model = names["train_hearts"](beta, seed, adapt)
    scores = {name: round(v, 4) for name, v in names["measure"](model).items()}
    return {"method": method, "beta": beta, "seed": seed, **scores}


def main() -> None:
    torch.set_num_threads(1)
    names, rows = recipe(), []
    for method in METHODS:
        for beta in BETAS:
            for seed in SEEDS:
                rows.append(run(names, method, beta, seed))
                print(*rows[-1].values(), flush=True)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    main()
