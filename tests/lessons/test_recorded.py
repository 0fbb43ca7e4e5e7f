"""The recorded runs of lessons 11 and 12 come out again."""

import sys

import pytest

from tools.notebooks import ROOT
from vaelib.exercises.disentanglement import recorded
from vaelib.exercises.likelihoods import recorded as likelihoods_recorded

sys.path.insert(0, str(ROOT / "benchmarks"))
import likelihoods as twelve
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


def test_the_table_of_likelihoods_is_whole() -> None:
    names = twelve.recipe()
    rows = [(r["likelihood"], r["seed"]) for r in likelihoods_recorded()]
    assert rows == [(k, s) for k in names["KINDS"] for s in twelve.SEEDS]


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", ["Gaussian, one σ", "17 levels"])
def test_a_likelihood_comes_out_again(likelihood: str) -> None:
    rows = likelihoods_recorded()
    row = next(r for r in rows if r["likelihood"] == likelihood and r["seed"] == 2)
    again = twelve.run(twelve.recipe(), likelihood, 2)
    assert again["nats"] == pytest.approx(row["nats"], abs=4)
    assert again["rate"] == pytest.approx(row["rate"], abs=2)
    assert again["rmse"] == pytest.approx(row["rmse"], abs=0.01)
