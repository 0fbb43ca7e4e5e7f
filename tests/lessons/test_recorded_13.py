"""The recorded runs of lesson 13 come out again."""

import sys

import pytest

from tools.notebooks import ROOT
from vaelib.exercises.encoders_and_decoders import recorded

sys.path.insert(0, str(ROOT / "benchmarks"))
from architectures import SEEDS, recipe, rows, run


@pytest.mark.slow
def test_the_table_is_whole_and_a_row_comes_out_again() -> None:
    names = recipe()
    wanted = {row[0]: row for row in rows(names)}
    found = [(r["row"], r["seed"]) for r in recorded()]
    assert found == [(name, seed) for name in wanted for seed in SEEDS]
    then = next(r for r in recorded() if r["row"] == "ELU" and r["seed"] == 1)
    now = run(names, wanted["ELU"], 1)
    assert now["parameters"] == then["parameters"]
    for name, room in (("elbo", 1.5), ("kl", 1.0), ("gap", 0.5)):
        assert now[name] == pytest.approx(then[name], abs=room)
