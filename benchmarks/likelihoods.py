"""One VAE under six likelihoods, on real 8×8 digits. The table of lesson 12.

    python benchmarks/likelihoods.py

trains each (likelihood, seed) with the very cells of the page that are tagged
``recipe``, and writes −ELBO and rate in nats per held-out picture, the root mean
squared error, and what the Bernoulli's decoder is worth as a density, to
``vaelib/exercises/likelihoods.csv``. One thread, a minute.
"""

import csv
from pathlib import Path
from typing import Any

import jupytext
import torch

SEEDS = (0, 1, 2)
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "notebooks" / "src" / "12-likelihoods.md"
TABLE = ROOT / "vaelib" / "exercises" / "likelihoods.csv"


def recipe() -> dict[str, Any]:
    """The names that the page's recipe defines."""
    names: dict[str, Any] = {}
    for cell in jupytext.read(PAGE).cells:
        if "recipe" in cell.metadata.get("tags", ()):
            exec(cell.source, names)
    return names


def run(names: dict[str, Any], likelihood: str, seed: int) -> dict[str, Any]:
    """One row of the table."""
    found = names["measured"](names["fitted"](likelihood, seed), likelihood)
    return {
        "likelihood": likelihood,
        "seed": seed,
        **{name: round(value, 4) for name, value in found.items()},
    }


def main() -> None:
    torch.set_num_threads(1)
    names, rows = recipe(), []
    for likelihood in names["KINDS"]:
        for seed in SEEDS:
            rows.append(run(names, likelihood, seed))
            print(*rows[-1].values(), flush=True)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    main()
