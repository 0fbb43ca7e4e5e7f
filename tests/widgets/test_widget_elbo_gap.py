"""ElboGap: what it accepts, and that page, kernel and formulas agree."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vaelib.widgets import ElboGap, esm

LINE, BEND = "linear: f(z) = z", "non-linear: f(z) = z²"


def exact(mu: float, sigma: float, w: float, x: float, s: float) -> tuple[float, ...]:
    """ELBO, gap and log p(x) of a line f(z) = w z, in closed form."""
    q, prior = Normal(mu, sigma), Normal(0.0, 1.0)
    v = 1 / (1 + w**2 / s**2)
    truth = Normal(v * w * x / s**2, v**0.5)
    fit = Normal(w * mu, s).log_prob(torch.tensor(x)) - (w * sigma / s) ** 2 / 2
    evidence = Normal(0.0, (w**2 + s**2) ** 0.5).log_prob(torch.tensor(x))
    elbo = fit - kl_divergence(q, prior)
    return elbo.item(), kl_divergence(q, truth).item(), evidence.item()


BELLS = [(0.0, 1.0), (1.2, 0.45), (-3.0, 1.5), (3.0, 0.2), (0.7, 0.2)]


@pytest.mark.parametrize(("mu", "sigma"), BELLS)
@pytest.mark.parametrize("w", [1.0, -2.0])
def test_the_numbers_are_the_closed_forms(mu: float, sigma: float, w: float) -> None:
    shown = ElboGap({"line": lambda z: w * z}, 0.8, 0.6, mu=mu, sigma=sigma)
    wanted = exact(mu, sigma, w, 0.8, 0.6)
    assert shown.bounds() == pytest.approx(wanted, rel=1e-5, abs=1e-5)


def test_the_gap_is_zero_at_the_posterior_and_only_there() -> None:
    shown = ElboGap(mu=1.2, sigma=0.2**0.5)
    assert shown.bounds().gap == pytest.approx(0, abs=1e-9)
    shown.sigma = 0.5
    assert shown.bounds().gap > 0.01


def test_two_modes_cost_about_log_two() -> None:
    shown = ElboGap(decoder=BEND, mu=1.11, sigma=0.23)
    assert shown.bounds().gap == pytest.approx(0.737, abs=0.002)
    evidence = shown.bounds().log_evidence
    shown.mu = -0.3
    assert shown.bounds().gap > 3
    assert shown.bounds().log_evidence == evidence


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mu": 3.5}, "mu: got 3.5, wanted -3 … 3"),
        ({"mu": float("nan")}, "mu: got nan"),
        ({"sigma": 0.1}, "sigma: got 0.1, wanted 0.2 … 1.5"),
        ({"decoder": "no"}, "decoder: got 'no', wanted one of"),
        ({"noise": 0.0}, "noise: got 0.0"),
        ({"x": float("inf")}, "x: got inf"),
        ({"decoders": {}}, "decoders: got none"),
        ({"decoders": {"f": lambda z: z[:3]}}, r"'f' gave \(3,\) for z of shape"),
        ({"decoders": {"f": lambda z: 1.0}}, "'f' gave float"),
        ({"decoders": {"f": torch.sqrt}}, "'f' is not finite"),
    ],
)
def test_what_cannot_be_shown_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ElboGap(**given)


def test_a_bad_assignment_leaves_the_old_value() -> None:
    shown = ElboGap(mu=0.5)
    for name, value in (("mu", 9.0), ("sigma", 0.0), ("decoder", "?")):
        with pytest.raises(ValueError, match=name):
            setattr(shown, name, value)
    assert (shown.mu, shown.sigma, shown.decoder) == (0.5, 1.0, LINE)


def test_a_still_picture_with_words() -> None:
    data, metadata = ElboGap(decoder=BEND)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"])[:4] == b"\x89PNG"
    words = metadata["image/png"]["alt"]
    assert "gap 3.00" in words
    assert "log p(x) −1.73" in words


SCRIPT = """
const { scene, bells } = JSON.parse(process.argv[2]);
const joints = scene.joints.map((text) => {
  const odd = new Uint8Array([0, ...Buffer.from(text, "base64")]);
  return floats(new DataView(odd.buffer, 1));
});
console.log(JSON.stringify(joints.map((joint) => {
  const evidence = evidenceOf(scene, joint);
  const bound = (mu, sigma) => boundsOf(scene, joint, evidence, mu, sigma);
  const seen = bells.map((bell) => ({ ...bound(...bell), evidence }));
  let at = [0.8, 0.4];
  const steps = [];
  for (let i = 0; i < 200; i++) steps.push(bound(...(at = uphill(bound, ...at))).elbo);
  return { seen, at, steps };
})));
"""


@pytest.fixture(scope="module")
def in_page(run_script: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    shown = ElboGap()
    scene = dict(shown._scene)
    scene["joints"] = [base64.b64encode(j).decode() for j in scene["joints"]]
    text = esm.module("elbo_gap").replace("export default", "globalThis.front =")
    file = tmp_path_factory.mktemp("gap") / "check.mjs"
    file.write_text(text + SCRIPT)
    # Too long for some systems' command line: by file.
    question = Path(file.parent, "question.json")
    question.write_text(json.dumps({"scene": scene, "bells": BELLS}))
    file.write_text(
        'import { readFileSync } from "node:fs";\n'
        + file.read_text().replace("process.argv[2]", "readFileSync(process.argv[2])")
    )
    return json.loads(run_script(file, str(question)))


@pytest.mark.parametrize("k", [0, 1])
def test_the_page_computes_what_python_computes(in_page: Any, k: int) -> None:
    shown = ElboGap(decoder=[LINE, BEND][k])
    for (mu, sigma), seen in zip(BELLS, in_page[k]["seen"], strict=True):
        shown.mu, shown.sigma = mu, sigma
        got = [seen["elbo"], seen["gap"], seen["evidence"]]
        assert got == pytest.approx(shown.bounds(), abs=1e-3, rel=1e-6)
        # Each is a sum of its own: that they add up is a finding.
        assert got[0] + got[1] == pytest.approx(got[2], abs=1e-3)


def test_climbing_ends_where_the_gap_is_smallest(in_page: Any) -> None:
    assert in_page[0]["at"] == pytest.approx([1.2, 0.2**0.5], abs=2e-3)
    assert in_page[1]["at"] == pytest.approx([1.11, 0.23], abs=1e-2)
    for found in in_page:
        rises = [
            b - a for a, b in zip(found["steps"], found["steps"][1:], strict=False)
        ]
        assert min(rises) > -1e-4
