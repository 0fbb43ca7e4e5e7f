"""Reparameterise: what it accepts, and that page, Python and autograd agree."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch.distributions import Normal

from vaelib.widgets import Reparameterise, esm

KB = 1024
FUNCTIONS = ["bowl", "sine", "step"]
PLACES = [(0.0, 1.0), (-1.3, 0.37), (0.42, 0.05), (2.9, 2.0), (0.0, 0.02)]

ASK = """
import { readFileSync } from "node:fs";
const out = JSON.parse(readFileSync(process.argv[2])).map(([f, eps, mu, sigma, b]) => {
  const found = parts.estimates(f, eps, mu, sigma, b);
  return { ...found, stats: [found.pathwise, found.score].map(parts.meanAndSpread) };
});
console.log(JSON.stringify(out));
"""


@pytest.fixture(scope="module")
def page_side(run_script: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Asks the page's own functions, in node."""
    folder = tmp_path_factory.mktemp("reparameterise")
    text = esm.module("reparameterise").replace("export default", "const front =")
    parts = "const parts = { estimates, meanAndSpread, niceLimit };\n"
    (folder / "ask.mjs").write_text(f"{text}\n{parts}{ASK}")
    (folder / "limits.mjs").write_text(
        f"{text}\n{parts}"
        "console.log(JSON.stringify([0.01, 1, 1.2, 4, 5, 7, 30, 1500]"
        ".map(parts.niceLimit)));"
    )

    def ask(*questions: Any) -> Any:
        (folder / "questions.json").write_text(json.dumps(questions))
        return json.loads(
            run_script(folder / "ask.mjs", str(folder / "questions.json"))
        )

    ask.limits = lambda: json.loads(run_script(folder / "limits.mjs"))  # type: ignore[attr-defined]
    return ask


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("baseline", [False, True])
def test_page_and_python_agree(page_side: Any, f: str, baseline: bool) -> None:
    shown = Reparameterise(f=f, baseline=baseline, seed=3)
    questions = [(f, shown.eps, mu, sigma, baseline) for mu, sigma in PLACES]
    for (mu, sigma), got in zip(PLACES, page_side(*questions), strict=True):
        shown.mu, shown.sigma = mu, sigma
        wanted = shown.estimates()
        assert got["pathwise"] == pytest.approx(wanted.pathwise.tolist(), abs=1e-9)
        assert got["score"] == pytest.approx(wanted.score.tolist(), abs=1e-9)
        assert got["exact"] == pytest.approx(wanted.exact, abs=1e-12)
        for mine, draws in zip(got["stats"], wanted[:2], strict=True):
            both = [draws.mean().item(), draws.std().item()]
            assert mine == pytest.approx(both, abs=1e-9)


def test_the_axis_ends_at_a_round_number(page_side: Any) -> None:
    assert page_side.limits() == pytest.approx([0.1, 1, 2, 5, 5, 10, 50, 2000])


AS_WRITTEN = {
    "bowl": lambda z: (z - 1) ** 2,
    "sine": lambda z: torch.sin(20 * z),
    "step": lambda z: (z.sign() + 1) / 2,
}


@pytest.mark.parametrize("f", FUNCTIONS)
def test_each_estimate_is_what_autograd_finds(f: str) -> None:
    shown = Reparameterise(mu=0.3, sigma=0.6, f=f)
    eps = torch.tensor(shown.eps, dtype=torch.float64)
    mu = torch.full_like(eps, 0.3, requires_grad=True)
    z = mu + 0.6 * eps
    (path,) = torch.autograd.grad(AS_WRITTEN[f](z).sum(), mu, retain_graph=True)
    fixed = z.detach()
    log_q = Normal(mu, 0.6).log_prob(fixed)
    (score,) = torch.autograd.grad((AS_WRITTEN[f](fixed) * log_q).sum(), mu)
    assert torch.allclose(shown.estimates().pathwise, path)
    assert torch.allclose(shown.estimates().score, score)


@pytest.mark.parametrize("f", FUNCTIONS)
def test_the_exact_gradient_is_that_of_the_integral(f: str) -> None:
    z = torch.linspace(-8, 8, 400_001, dtype=torch.float64)
    for mu, sigma in PLACES[:3]:
        score = (z - mu) / sigma**2
        density = Normal(mu, sigma).log_prob(z).exp()
        wanted = torch.trapezoid(density * score * AS_WRITTEN[f](z), z).item()
        exact = Reparameterise(mu=mu, sigma=sigma, f=f).estimates().exact
        assert exact == pytest.approx(wanted, abs=1e-4)


def test_a_baseline_leaves_the_draw_itself_out() -> None:
    eps = [0.5, -1.0, 2.0]
    shown = Reparameterise(eps=eps, baseline=True)
    f = [(e - 1) ** 2 for e in eps]
    wanted = [(f[i] - (sum(f) - f[i]) / 2) * e for i, e in enumerate(eps)]
    assert shown.estimates().score.tolist() == pytest.approx(wanted)


def test_the_same_seed_gives_the_same_noise() -> None:
    assert Reparameterise(seed=1).eps == Reparameterise(seed=1).eps
    assert Reparameterise(seed=1).eps != Reparameterise(seed=2).eps
    assert len(Reparameterise(eps=7).eps) == 7
    torch_eps = torch.randn(5)
    assert Reparameterise(eps=torch_eps).eps == pytest.approx(torch_eps.tolist())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"mu": 3.1}, "mu: got 3.1, wanted -3 … 3"),
        ({"mu": float("nan")}, "mu: got nan"),
        ({"sigma": 0.0}, "sigma: got 0,"),
        ({"sigma": -1.0}, "sigma: got -1,"),
        ({"f": "cube"}, r"wanted one of \['bowl', 'sine', 'step'\]"),
        ({"eps": [1.0]}, "eps: got 1 numbers, wanted two or more"),
        ({"eps": [1.0, float("inf")]}, "wanted finite"),
    ],
)
def test_what_does_not_fit_is_refused_and_undone(wrong: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Reparameterise(**wrong)
    shown = Reparameterise()
    ((name, value),) = wrong.items()
    before = getattr(shown, name)
    with pytest.raises(ValueError, match=words):
        setattr(shown, name, value)
    assert getattr(shown, name) == before


@pytest.mark.parametrize("f", FUNCTIONS)
def test_a_still_picture_with_words(f: str) -> None:
    data, metadata = Reparameterise(f=f, sigma=0.3)._repr_mimebundle_()
    alt = metadata["image/png"]["alt"]
    assert "100 draws with μ = 0.00 and σ = 0.30" in alt
    assert "exact gradient" in alt
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.width > 400


def test_both_forms_of_the_front_end_run(run_script: Any, tmp_path: Path) -> None:
    classic = tmp_path / "classic.cjs"
    classic.write_text(
        esm.script("reparameterise")
        + "if (typeof vaelibWidgets['reparameterise'].render !== 'function')"
        "  throw new Error('no render');"
    )
    run_script(classic)
