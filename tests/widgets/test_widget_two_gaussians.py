"""Two Gaussians: what the class accepts, and the page's arithmetic against torch."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vaelib.widgets import TwoGaussians, esm

PAIRS = [
    ((1.5, 0.5), (0.0, 1.0)),
    ((0.0, 1.0), (0.0, 1.0)),
    ((-4.0, 0.2), (4.0, 3.0)),
    ((4.0, 3.0), (-4.0, 0.2)),
    ((0.3, 2.2), (-0.4, 0.7)),
]


def normal(pair: tuple[float, float]) -> Normal:
    return Normal(*torch.tensor(pair, dtype=torch.float64))


# ----------------------------------------------------------------------- the class


def test_it_knows_both_divergences() -> None:
    for q, p in PAIRS:
        two = TwoGaussians(q, p)
        assert two.kl[0] == pytest.approx(float(kl_divergence(normal(q), normal(p))))
        assert two.kl[1] == pytest.approx(float(kl_divergence(normal(p), normal(q))))
    assert TwoGaussians().kl[0] == pytest.approx(1.4431, abs=1e-4)


def test_pairs_come_in_several_forms() -> None:
    assert TwoGaussians(torch.tensor([1.0, 2.0])).q == [1, 2]
    two = TwoGaussians((1, 2), [0, 1])
    two.p = (-1, 0.5)
    assert two.p == [-1, 0.5]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ((1.0,), "q: got 1 numbers, wanted a list of 2, one for each mean"),
        ((1.0, 2.0, 3.0), "q: got 3 numbers"),
        ((float("nan"), 1.0), "wanted finite"),
        ((0.0, 0.0), r"q: its width: got 0, wanted 0\.2 … 3"),
        ((0.0, -1.0), "its width: got -1"),
        ((7.0, 1.0), "its mean: got 7, wanted -4 … 4"),
    ],
)
def test_a_bad_pair_is_refused_and_nothing_changes(wrong: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TwoGaussians(wrong)
    two = TwoGaussians()
    with pytest.raises(ValueError, match=words):
        two.q = wrong
    assert two.q == [1.5, 0.5]


def test_a_still_picture_comes_along() -> None:
    bundle, metadata = TwoGaussians()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    alt = metadata["image/png"]["alt"]
    assert "KL(q‖p) is 1.44 nats and KL(p‖q) is 5.31 nats" in alt
    assert "q with mean 1.50 and width 0.50" in alt


# -------------------------------------------------------------------- the front end


@pytest.fixture(scope="module")
def page(run_script: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the page computes for a pair: both divergences, areas, integrand."""
    text = esm.module("two_gaussians").replace("export default", "globalThis.front =")
    script = tmp_path_factory.mktemp("two") / "ask.mjs"
    script.write_text(
        text
        + """
const [q, p] = JSON.parse(process.argv[2]);
console.log(JSON.stringify({
  kl: [klOf(q, p), klOf(p, q)],
  areas: [areasOf(q, p), areasOf(p, q)],
  curve: GRID.map((z) => integrandOf(q, p, z)),
  grid: GRID,
  levels: [1e-9, 0.5, 0.51, 1.01, 2.5, 4, 700].map(level),
}));
"""
    )

    def ask(q: Any, p: Any) -> Any:
        return json.loads(run_script(script, json.dumps([q, p])))

    return ask


@pytest.mark.parametrize(("q", "p"), PAIRS)
def test_the_page_agrees_with_torch(page: Any, q: Any, p: Any) -> None:
    answer = page(q, p)
    for (a, b), kl, (plus, minus) in zip(
        ((q, p), (p, q)), answer["kl"], answer["areas"], strict=True
    ):
        exact = float(kl_divergence(normal(a), normal(b)))
        assert kl == pytest.approx(exact, abs=1e-9)
        # What adds minus what takes away is the closed form.
        assert plus - minus == pytest.approx(exact, abs=1e-6, rel=1e-9)
        assert plus >= 0
        assert minus >= 0
        z = torch.linspace(*_reach(a), 20_001, dtype=torch.float64)
        ratio = normal(a).log_prob(z) - normal(b).log_prob(z)
        part = (normal(a).log_prob(z).exp() * ratio).clamp(max=0)
        assert minus == pytest.approx(-float(torch.trapezoid(part, z)), abs=1e-3)
    z = torch.tensor(answer["grid"], dtype=torch.float64)
    ratio = normal(q).log_prob(z) - normal(p).log_prob(z)
    wanted = normal(q).log_prob(z).exp() * ratio
    assert answer["curve"] == pytest.approx(wanted.tolist(), abs=1e-9)


def _reach(g: tuple[float, float]) -> tuple[float, float]:
    return g[0] - 12 * g[1], g[0] + 12 * g[1]


def test_the_scale_moves_in_steps(page: Any) -> None:
    levels = page(*PAIRS[0])["levels"]
    assert levels == pytest.approx([0.5, 0.5, 1, 2, 3, 5, 1000])


def test_the_style_sheet_is_found() -> None:
    assert Path(esm.__file__).with_name("two_gaussians.css").is_file()
    assert "vl-minus" in TwoGaussians._css
