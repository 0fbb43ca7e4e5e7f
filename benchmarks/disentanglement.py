"""How disentangled are the codes of small sprites? The table of lesson 11.

    python benchmarks/disentanglement.py

trains each (method, β, seed) with the very cells of the page that are tagged
``recipe``, and writes rate and distortion in nats, MIG and FactorVAE score to
``vaelib/exercises/disentanglement.csv``. One thread, a few minutes.
"""

from functools import partial
from typing import Any

from recorded import recipe_of, record

BETAS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
SEEDS = (0, 1, 2, 3, 4)
METHODS = ("vae", "ada-gvae")
TABLE = "disentanglement.csv"
recipe = partial(recipe_of, "11-disentanglement")


def run(names: dict[str, Any], method: str, beta: float, seed: int) -> dict[str, Any]:
    """One row of the table."""
    adapt = names["adapt"] if method == "ada-gvae" else None
    model = names["train_hearts"](beta, seed, adapt)
    scores = {name: round(v, 4) for name, v in names["measure"](model).items()}
    return {"method": method, "beta": beta, "seed": seed, **scores}


def main() -> None:
    names = recipe()
    record((run(names, m, b, s) for m in METHODS for b in BETAS for s in SEEDS), TABLE)


if __name__ == "__main__":
    main()
