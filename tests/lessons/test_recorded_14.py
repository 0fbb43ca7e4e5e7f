"""The recorded runs of lesson 14 come out again."""

import sys

import pytest

from tools.notebooks import ROOT
from vaelib.exercises.posterior_collapse import recorded

sys.path.insert(0, str(ROOT / "benchmarks"))
from collapse import plan, recipe, run


def test_the_table_is_whole() -> None:
    names = recipe()
    assert [(r["kind"], r["cure"], r["seed"]) for r in recorded()] == plan(names)


@pytest.mark.slow
def test_a_row_of_the_table_comes_out_again() -> None:
    row = next(r for r in recorded() if (r["kind"], r["cure"]) == ("deep", "He"))
    again = run(recipe(), "deep", "He", int(row["seed"]))
    assert again["elbo"] == pytest.approx(row["elbo"], abs=2.5)
    assert again["rate"] == pytest.approx(row["rate"], abs=1)
