"""The recorded runs of lesson 11 come out again."""

import sys

import pytest

from tools.notebooks import ROOT
from vaelib.exercises.disentanglement import recorded

sys.path.insert(0, str(ROOT / "benchmarks"))
from disentanglement import BETAS, METHODS, SEEDS, recipe, run


def test_the_table_is_whole() -> None:
    rows = [(r["method"], r["beta"], r["seed"]) for r in recorded()]
    assert rows == [(m, b, s) for m in METHODS for b in BETAS for s in SEEDS]


@pytest.mark.slow
def test_a_cell_of_the_table_comes_out_again() -> None:
    row = next(r for r in recorded() if r["method"] == "ada-gvae" and r["beta"] == 1)
    again = run(recipe(), "ada-gvae", 1.0, int(row["seed"]))
    for name, room in (("rate", 0.1), ("distortion", 0.1)):
        assert again[name] == pytest.approx(row[name], rel=room)
    assert again["mig"] == pytest.approx(row["mig"], abs=0.2)
