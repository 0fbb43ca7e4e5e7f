"""LikelihoodPad: what it accepts, and the page's likelihoods against torch's."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import vaelib as vl
from vaelib.widgets import LikelihoodPad, esm

SHAPE = (2, 3, 4)
HEADS = {
    "fixed": vl.GaussianHead(SHAPE, 0.3),
    "learned": vl.GaussianHead(SHAPE, "learned"),
    "each": vl.GaussianHead(SHAPE, "per-dimension"),
    "floor": vl.GaussianHead(SHAPE, "per-dimension", 0.2),
    "bernoulli": vl.BernoulliHead(SHAPE),
    "continuous": vl.ContinuousBernoulliHead(SHAPE),
    "levels": vl.CategoricalHead(SHAPE, 5),
}


def models() -> dict[str, vl.VAE]:
    encoder = nn.Sequential(vl.MLP(SHAPE, (6,), 4), vl.DiagonalGaussianHead(2))
    made = {}
    for seed, (name, head) in enumerate(HEADS.items()):
        with vl.seeded(seed):
            body = vl.MLP(2, (6,), head.in_shape)
            for p in body.parameters():
                p.data = 2 * torch.randn_like(p)
        made[name] = vl.VAE(encoder, nn.Sequential(body, head))
    HEADS["learned"].log_var.data.fill_(-1.0)  # type: ignore[union-attr,operator]
    return made


@pytest.fixture(scope="module")
def pad() -> LikelihoodPad:
    generator = torch.Generator().manual_seed(0)
    return LikelihoodPad(models(), torch.rand(50, *SHAPE, generator=generator))


# ----------------------------------------------------------------------- the class


def test_all_bodies_travel_as_one(pad: LikelihoodPad) -> None:
    pixels = 2 * 3 * 4
    assert pad._decoder["size"] == pixels * (1 + 1 + 2 + 2 + 1 + 1 + 5)
    assert [h["name"] for h in pad._heads] == list(HEADS)
    assert pad._heads[1]["log_var"] == -1
    assert pad._heads[3] == {
        "name": "floor",
        "kind": "gaussian",
        "log_var": None,
        "floor": 0.2,
    }
    noise = np.frombuffer(pad._noise, "<f4")
    assert noise.size == 20 * 2 * pixels
    assert noise.min() >= 0
    assert noise.max() < 1


def test_the_kernel_answers_with_the_same_features() -> None:
    here = LikelihoodPad(models(), prefer="kernel")
    assert "why" in here._decoder
    z = torch.tensor([0.3, -0.7])
    features = here._evaluate("decoder", z)
    wanted = [m.decoder[0](z[None]).flatten() for m in here.models.values()]
    assert torch.allclose(features, torch.cat(wanted), atol=1e-6)


def test_a_still_picture_comes_along(pad: LikelihoodPad) -> None:
    bundle, metadata = pad._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "σ of every pixel under fixed, learned" in metadata["image/png"]["alt"]


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="models: got none"):
        LikelihoodPad({})
    plain = vl.VAE(models()["fixed"].encoder, vl.MLP(2, (), 9))
    with pytest.raises(TypeError, match="models: 'mine' has no decoder"):
        LikelihoodPad({"mine": plain})
    with pytest.raises(ValueError, match="its latent_dim is 3"):
        LikelihoodPad({"deep": vl.mlp_vae((1, 8, 8), 3, (4,))})
    pad = LikelihoodPad({"one": vl.mlp_vae((1, 8, 8), 2, (4,))})
    with pytest.raises(ValueError, match="draw: got 20, wanted 0 … 19"):
        pad.draw = 20


# -------------------------------------------------------------------- the front end


@pytest.fixture(scope="module")
def page(run_script: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    text = esm.module("likelihood_pad").replace("export default", "globalThis.front =")
    script = tmp_path_factory.mktemp("likelihoods") / "ask.mjs"
    script.write_text(
        text
        + """
const { head, features, noise } = JSON.parse(process.argv[2]);
const made = drawnOf(head, Float32Array.from(features), Float32Array.from(noise));
console.log(JSON.stringify({
  count: featuresOf(head),
  ...Object.fromEntries(Object.entries(made).map(([k, v]) => [k, Array.from(v)])),
}));
"""
    )

    def ask(head: Any, features: torch.Tensor, noise: torch.Tensor) -> Any:
        question = {
            "head": head,
            "features": features.flatten().tolist(),
            "noise": noise.flatten().tolist(),
        }
        told = json.loads(run_script(script, json.dumps(question)))
        count = told.pop("count")
        return count, {k: torch.tensor(v) for k, v in told.items()}

    return ask


@pytest.mark.parametrize("name", HEADS)
def test_the_page_agrees_with_torch(page: Any, pad: LikelihoodPad, name: str) -> None:
    head = HEADS[name]
    generator = torch.Generator().manual_seed(1)
    features = 3 * torch.randn(1, *head.in_shape, generator=generator)
    features.view(-1)[:3] = torch.tensor([0.0, 1e-5, -30.0])
    noise = torch.rand(2, 24, generator=generator)
    told = next(h for h in pad._heads if h["name"] == name)
    count, made = page(told, features, noise)
    assert count * 24 == features.numel()
    with torch.no_grad():
        p = head(features)
    assert torch.allclose(made["mean"], p.mean.flatten(), atol=1e-4)
    assert torch.allclose(made["σ"], p.stddev.flatten(), atol=1e-4, rtol=1e-3)
    x, u, v = made["sample"], *noise
    if told["kind"] == "gaussian":
        e = (-2 * (1 - u).log()).sqrt() * (2 * torch.pi * v).cos()
        wanted = (p.mean + p.stddev * e.view(SHAPE)).flatten()
        assert torch.allclose(x, wanted, atol=1e-4, rtol=1e-3)
    elif told["kind"] == "continuous":
        # The share of the density below the sample is the uniform number.
        t = torch.linspace(0, 1, 20_001, dtype=torch.float64)[:, None] * x.double()
        density = vl.ContinuousBernoulli(logits=features.flatten().double())
        below = torch.trapezoid(density.log_prob(t).exp(), t, dim=0)
        assert torch.allclose(below.float(), u, atol=2e-3)
    elif told["kind"] == "bernoulli":
        assert torch.equal(x, (u < p.mean.flatten()).float())
    else:
        below = p.base_dist.categorical.probs.reshape(24, 5).cumsum(1)
        level = (below < u[:, None]).sum(1)
        assert torch.allclose(x, level / 4)
