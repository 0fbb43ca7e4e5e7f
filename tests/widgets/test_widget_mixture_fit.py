"""MixtureFit: what it accepts, what it shows, and the page's EM against Python's
and scikit-learn's."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture
from torch.distributions import Categorical, MixtureSameFamily, Normal

from vaelib.widgets import MixtureFit, esm
from vaelib.widgets.mixture_fit import Mixture, fit_mixture


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    a = 0.6 * torch.randn(120, generator=generator)
    b = 4 + torch.randn(180, generator=generator)
    return torch.cat([a, b])


def as_torch(m: Mixture) -> MixtureSameFamily:
    weights, means, sigmas = map(torch.tensor, (m.weights, m.means, m.sigmas))
    return MixtureSameFamily(Categorical(weights), Normal(means, sigmas))


# ------------------------------------------------------------------------ the fit


@pytest.mark.parametrize("size", [1, 2, 5, 12])
def test_the_density_is_torch_s(x: torch.Tensor, size: int) -> None:
    made = MixtureFit(x, components=size).mixture
    at = torch.linspace(-9, 12, 50, dtype=torch.float64)
    wanted = as_torch(made).log_prob(at)
    assert np.allclose(made.log_prob(at.numpy()), wanted, atol=1e-10)
    assert np.allclose(made.responsibilities(at.numpy()).sum(1), 1, atol=1e-12)
    assert made.weights.sum() == pytest.approx(1, abs=1e-12)


def test_two_components_are_scikit_learn_s(x: torch.Tensor) -> None:
    data = x.double().numpy()
    made = fit_mixture(data, 2, 1e-3, steps=500)
    theirs = GaussianMixture(2, random_state=0, tol=1e-9, max_iter=1000)
    theirs.fit(data[:, None])
    order = theirs.means_[:, 0].argsort()
    assert np.allclose(made.means, theirs.means_[order, 0], atol=1e-3)
    assert np.allclose(made.weights, theirs.weights_[order], atol=1e-3)
    assert np.allclose(made.sigmas**2, theirs.covariances_[order, 0, 0], atol=1e-2)


def test_no_step_makes_the_fit_worse(x: torch.Tensor) -> None:
    data = x.double().numpy()
    scores = [fit_mixture(data, 4, 1e-3, n).log_prob(data).mean() for n in range(60)]
    assert (np.diff(scores) > -1e-12).all()
    assert scores[-1] > scores[0] + 0.05


def test_the_floor_holds() -> None:
    # Two points far away: without a floor their component shrinks onto them.
    data = np.concatenate([np.linspace(-1, 1, 40), [9.0, 9.0]])
    made = fit_mixture(data, 4, 0.25)
    assert made.sigmas.min() == 0.25
    assert np.isfinite(made.log_prob(data)).all()


# ----------------------------------------------------------------- what it accepts


def test_numbers_come_in_several_forms(x: torch.Tensor) -> None:
    for form in (x, x.double(), x.numpy(), x.tolist()):
        assert len(MixtureFit(form, form).x) == len(x)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.rand(20, 2), ValueError, r"got shape \(20, 2\)"),
        (torch.rand(3), ValueError, "got 3 numbers, wanted 12 to 5,000"),
        (torch.rand(6000), ValueError, "got 6000 numbers"),
        (torch.full((20,), torch.nan), ValueError, "NaN"),
        (torch.ones(20), ValueError, "all its numbers are the same"),
        ("numbers", TypeError, "wanted numbers"),
    ],
)
def test_bad_data(bad: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        MixtureFit(bad)


def test_bad_settings(x: torch.Tensor) -> None:
    shown = MixtureFit(x, components=3)
    for size in (0, 13):
        with pytest.raises(ValueError, match=f"got {size}, wanted 1 … 12"):
            MixtureFit(x, components=size)
        with pytest.raises(ValueError, match=f"got {size}, wanted 1 … 12"):
            shown.components = size
    assert shown.components == 3
    with pytest.raises(ValueError, match="finite"):
        shown.at = float("nan")
    with pytest.raises(ValueError, match="floor: got 0"):
        MixtureFit(x, floor=0)


def test_the_histogram_is_a_density(x: torch.Tensor) -> None:
    plan = MixtureFit(x)._plan
    width = (plan["high"] - plan["low"]) / len(plan["bars"])
    assert sum(plan["bars"]) * width == pytest.approx(1)
    assert plan["low"] < x.min() < x.max() < plan["high"]


def test_a_still_picture_comes_along(x: torch.Tensor) -> None:
    bundle, metadata = MixtureFit(x, components=2, at=4)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    text = metadata["image/png"]["alt"]
    assert "mixture of 2 Gaussians" in text
    assert "component 2 has the responsibility 1.00" in text


# ------------------------------------------------------------------------ the page


NODE = """
const [xs, sizes, floor, steps, at] = JSON.parse(process.argv[2]);
const data = Float32Array.from(xs).sort();
console.log(JSON.stringify(sizes.map((size) => {
  let mixture = startMixture(data, size);
  for (let i = 0; i < steps; i++) mixture = stepMixture(mixture, data, floor);
  return {
    mixture, score: scoreOf(mixture, data),
    r: at.map((x) => responsible(mixture, x)),
    log: at.map((x) => logSumExp(jointOf(mixture, x))),
  };
})));
"""


def test_the_page_s_fit_is_python_s(
    x: torch.Tensor, run_script: Any, tmp_path: Path
) -> None:
    script = tmp_path / "fit.mjs"
    text = esm.module("mixture_fit").replace("export default", "const front =")
    script.write_text(text + NODE)
    sizes, at, shown = [1, 2, 5, 12], [-30.0, 0.0, 3.0, 40.0], MixtureFit(x)
    question = json.dumps([shown.x.tolist(), sizes, shown.floor, 200, at])
    for size, page in zip(sizes, json.loads(run_script(script, question)), strict=True):
        made = fit_mixture(shown.x, size, shown.floor)
        theirs = as_torch(made)
        there = torch.tensor(at, dtype=torch.float64)
        for key, value in (
            ("pi", made.weights),
            ("mu", made.means),
            ("sigma", made.sigmas),
        ):
            assert [c[key] for c in page["mixture"]] == pytest.approx(value, abs=1e-6)
        assert page["score"] == pytest.approx(made.log_prob(shown.x).mean(), abs=1e-9)
        assert page["log"] == pytest.approx(theirs.log_prob(there).tolist(), abs=1e-4)
        r = (
            theirs.mixture_distribution.logits
            + theirs.component_distribution.log_prob(there[:, None])
        ).softmax(1)
        assert np.allclose(page["r"], r, atol=1e-6)
