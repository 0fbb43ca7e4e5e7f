"""One VAE under six likelihoods, on real 8×8 digits. The table of lesson 12.

    python benchmarks/likelihoods.py

trains each (likelihood, seed) with the very cells of the page that are tagged
``recipe``, and writes −ELBO and rate in nats per held-out picture, the root mean
squared error, and what the Bernoulli's decoder is worth as a density, to
``vaelib/exercises/likelihoods.csv``. One thread, a minute.
"""

from functools import partial
from typing import Any

from recorded import recipe_of, record

SEEDS = (0, 1, 2)
TABLE = "likelihoods.csv"
recipe = partial(recipe_of, "12-likelihoods")


def run(names: dict[str, Any], likelihood: str, seed: int) -> dict[str, Any]:
    """One row of the table."""
    found = names["measured"](names["fitted"](likelihood, seed), likelihood)
    return {
        "likelihood": likelihood,
        "seed": seed,
        **{name: round(value, 4) for name, value in found.items()},
    }


def main() -> None:
    names = recipe()
    record((run(names, kind, s) for kind in names["KINDS"] for s in SEEDS), TABLE)


if __name__ == "__main__":
    main()
