"""Latent dimensions that die and wake while β and free bits change."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributions import kl_divergence

import vaelib as vl
from vaelib.widgets import LiveUnits, esm


@pytest.fixture(scope="module")
def data() -> vl.data.Dataset:
    return vl.load("digits")


def build(seed: int) -> vl.VAE:
    return vl.mlp_vae((1, 8, 8), 4, (32,), seed=seed)


def test_its_steps_are_those_of_fit_with_free_bits(data: Any) -> None:
    live, model = LiveUnits(build, data, beta=2, free_bits=0.3), build(0)
    live.step(-(-len(data.x) // 64))
    objective = partial(vl.elbo, beta=2, free_bits=0.3)
    vl.fit(model, data, objective, epochs=1, progress=False, schedule="constant")
    for a, b in zip(live.model.parameters(), model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_bars_are_the_kl_of_each_dimension(data: Any) -> None:
    live = LiveUnits(build, data)
    live.step(60)
    units = torch.tensor(live._frames[-1]["units"])
    q = live.model.posterior(live._camera.shown)
    with torch.no_grad():
        one = torch.distributions.Normal(q.mean.double(), q.stddev.double())
        wanted = kl_divergence(one, torch.distributions.Normal(0.0, 1.0)).mean(0)
    assert torch.allclose(units.double(), wanted, atol=1e-3)
    assert units.max() > 0.2


def test_a_dimension_dies_and_is_waked() -> None:
    x = vl.load("handwriting", n=1000, device="cpu").x
    x = torch.nn.functional.avg_pool2d(x, 2)
    live = LiveUnits(lambda s: vl.mlp_vae((1, 14, 14), 4, (64,), seed=s), x)
    live.record(250, frames=3)
    alive = live._frames[-1]["units"]
    live.record(150, beta=16, frames=3)
    dead = live._frames[-1]["units"]
    live.free_bits = 0.5
    film = live.record(200, beta=4, frames=3)
    waked = film._frames[-1]["units"]
    assert max(alive) > 0.5
    assert max(dead) < 0.05
    assert min(waked) > 0.25
    assert len(film) == 10
    assert [f["free_bits"] for f in film._frames] == [0] * 7 + [0.5] * 3
    assert film._page["units"] == 4


def test_the_still_picture_has_the_bars(data: Any) -> None:
    film = LiveUnits(build, data, free_bits=0.25).record(20, frames=2)
    _, metadata = film._repr_mimebundle_()
    told = ", ".join(f"{v:.2f}" for v in film._frames[-1]["units"])
    alt = metadata["image/png"]["alt"]
    assert f"the KL of each latent dimension ({told} nats)" in alt
    assert film._codes == b""  # the plane is not shown, and does not travel


@pytest.mark.parametrize("value", [-1, float("nan")])
def test_bad_numbers_are_refused(data: Any, value: float) -> None:
    with pytest.raises(ValueError, match="free_bits: got"):
        LiveUnits(build, data, free_bits=value)


PAGE = """
class Node {
  constructor() { this.attributes = {}; this.style = {}; this.dataset = {}; }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  removeAttribute(name) { delete this.attributes[name]; }
  append() {}
  replaceChildren() {}
  addEventListener() {}
}
const made = [];
const create = () => { made.push(new Node()); return made.at(-1); };
globalThis.document = { createElement: create, createElementNS: (_, name) => create() };
"""

SHOW = """
import { readFileSync } from "node:fs";
const about = JSON.parse(readFileSync(process.argv[2], "utf8"));
const told = unitsOf(about.units.length).show(about);
const paths = made.map((node) => node.attributes)
  .filter((a) => (a.class ?? "").startsWith("vl-unit") || a.class === "vl-free");
console.log(JSON.stringify({ told, paths }));
"""


def test_the_bars_in_node(run_script: Any, tmp_path: Path) -> None:
    """Bars as high as their KL, a dead one told apart, and the line of what is
    free."""
    text = esm.module("live_training").replace("export default", "globalThis.front =")
    script, given = tmp_path / "bars.mjs", tmp_path / "given.json"
    script.write_text(PAGE + text + SHOW, "utf-8")
    given.write_text(json.dumps({"units": [0.0, 1.0, 2.0], "free_bits": 0.5}))
    answer = json.loads(run_script(script, str(given)))
    assert answer["told"] == "2 of 3 dimensions above 0.01 nats"
    *bars, free = answer["paths"]
    assert [bar["class"] for bar in bars] == ["vl-unit vl-dead", "vl-unit", "vl-unit"]
    places = [re.findall(r"[\d.]+ [\d.]+", p["d"]) for p in answer["paths"]]
    low, one, two = (float(p[1].split()[1]) for p in places[:3])
    assert low - one == pytest.approx(one - two)
    assert one < low
    assert float(places[3][0].split()[1]) == pytest.approx((low + one) / 2)
    assert free["class"] == "vl-free"
