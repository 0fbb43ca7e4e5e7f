"""Three causes of posterior collapse, and what cures which. The table of lesson 14.

    python benchmarks/collapse.py

trains each (kind, cure, seed) with the very cells of the page that are tagged
``recipe``, and writes what they measure on held-out pictures, in nats per picture,
to ``vaelib/exercises/posterior_collapse.csv``. One thread, a quarter of an hour.
"""

from functools import partial
from typing import Any

from recorded import recipe_of, record

SEEDS = {"noisy": (0, 1, 2), "deep": (0, 1, 2, 3, 4), "pixelcnn": (0, 1, 2)}
AGGRESSIVE = ("deep", "pixelcnn")  # the kinds whose encoder is tried with more steps
TABLE = "posterior_collapse.csv"
recipe = partial(recipe_of, "14-posterior-collapse")


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
    names = recipe()
    record((run(names, *row) for row in plan(names)), TABLE)


if __name__ == "__main__":
    main()
