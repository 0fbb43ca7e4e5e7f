"""PadPair: what it accepts, what follows what, and the page's arithmetic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vaelib as vl
from vaelib.widgets import LatentPad, PadPair, esm
from vaelib.widgets.pad_pair import EXAMPLES

SHAPE = (1, 8, 8)


@pytest.fixture(scope="module")
def data() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.rand(80, *SHAPE, generator=g), torch.arange(80) % 3


@pytest.fixture(scope="module")
def models(data: Any) -> tuple[vl.PCA, vl.VAE]:
    return vl.PCA(2).fit(data[0]), vl.mlp_vae(SHAPE, 2, (16,))


def test_pca_and_vae_travel(models: Any, data: Any) -> None:
    pair = PadPair(*models, data, ("PCA", "VAE"))
    assert "weights" in pair._decoder
    assert "weights" in pair._decoder_b
    assert pair._scene["rings"] == ()
    assert pair._scene_b["rings"] == (1, 2, 3)
    # A PCA travels to the other widgets, too.
    assert "weights" in LatentPad(models[0], data)._decoder


def test_both_show_the_same_pictures(models: Any, data: Any) -> None:
    pair = PadPair(*models, data, link="example")
    for model, packed in zip(models, pair._codes, strict=True):
        codes = np.frombuffer(packed, "<f4").reshape(-1, 2)
        with torch.no_grad():
            assert np.allclose(codes, model.encode(pair.x), atol=1e-5)
    pixels = np.frombuffer(pair._examples["pixels"], "u1").reshape(80, 64) / 255
    assert np.allclose(pixels, pair.x.flatten(1), atol=0.51 / 255)
    i, label = 7, int(pair.labels[7])  # type: ignore[index]
    assert pair._examples["names"][i] == f"picture 7, a {label}"
    assert PadPair(*models, data[0], link="example")._examples["names"][3] == (
        "picture 3"
    )


def test_the_example_moves_both_codes(models: Any, data: Any) -> None:
    pair = PadPair(*models, data, link="example")
    for i in (0, 11):
        pair.example = i
        with torch.no_grad():
            wanted = [m.encode(pair.x[i : i + 1])[0].tolist() for m in models]
        assert pair.z == pytest.approx(wanted[0], abs=1e-5)
        assert pair.z_b == pytest.approx(wanted[1], abs=1e-5)
    for bad in (80, -1):
        with pytest.raises(Exception, match=r"wanted 0 … 79"):
            pair.example = bad
    assert pair.example == 11


def test_without_a_link_each_moves_alone(models: Any, data: Any) -> None:
    pair = PadPair(*models, data)
    assert pair.example == -1
    before = pair.z
    pair.z_b = (0.5, -1)
    assert pair.z == before
    assert pair.z_b == [0.5, -1.0]
    with pytest.raises(Exception, match="got 3 numbers"):
        pair.z_b = [1, 2, 3]
    with pytest.raises(Exception, match="not linked"):
        pair.example = 3
    assert pair._examples == {}


def test_a_gap_is_what_99_of_100_dots_fall_short_of(models: Any) -> None:
    line = torch.linspace(0, 1, 201)[:, None, None, None] * torch.ones(SHAPE)
    line[-1] = 3  # one far away
    pca = vl.PCA(2).fit(line)
    pair = PadPair(pca, models[1], line)
    step = 64**0.5 / 200
    assert pair._gaps[0] == pytest.approx(step, rel=1e-3)


def test_many_pictures_are_thinned_out_alike(models: Any) -> None:
    x = torch.rand(EXAMPLES + 200, *SHAPE)
    pair = PadPair(*models, x)
    assert len(pair.x) == EXAMPLES
    assert torch.equal(pair.subject.x, pair.subject_b.x)  # type: ignore[arg-type]
    pair.refresh()
    assert pair.subject.codes is not None
    assert len(pair.subject.codes) == EXAMPLES


def test_refresh_reads_both_models(data: Any) -> None:
    first, second = (vl.mlp_vae(SHAPE, 2, (8,), seed=s) for s in (0, 1))
    pair = PadPair(first, second, data, link="example")
    before = pair._decoder_b["weights"], pair._codes, pair.z_b
    with torch.no_grad():
        for value in second.parameters():
            value.mul_(2)
    pair.refresh()
    assert pair._decoder_b["weights"] != before[0]
    assert pair._codes[0] == before[1][0]
    assert pair._codes[1] != before[1][1]
    assert pair.z_b != before[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"link": "codes"}, "wanted 'example' or None"),
        ({"names": ("one",)}, "wanted two"),
        ({"names": "ab"}, "wanted two"),
        ({"model_b": vl.mlp_vae(SHAPE, 3, (8,))}, "latent_dim is 3"),
        ({"data": None}, "at least two pictures"),
        ({"data": torch.rand(1, *SHAPE)}, "at least two pictures"),
        ({"prefer": "cloud"}, "wanted 'page' or 'kernel'"),
    ],
)
def test_what_cannot_be_shown(
    models: Any, data: Any, change: dict[str, Any], message: str
) -> None:
    given = {"model_a": models[0], "model_b": models[1], "data": data, **change}
    with pytest.raises(ValueError, match=message):
        PadPair(**given)


def test_the_kernel_decodes_for_both(
    models: Any, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = PadPair(*models, data, prefer="kernel")
    assert pair._decoder == pair._decoder_b == {"why": "as asked"}
    heard: list[Any] = []
    monkeypatch.setattr(
        pair, "send", lambda content, buffers=None: heard.append(buffers)
    )
    z = torch.tensor([[0.5, -1.0]])
    for op in ("decoder", "decoder_b"):
        question = {"op": op, "view": "v", "id": 1}
        pair._answer(pair, question, [z.numpy().astype("<f4").tobytes()])
    for model, [answer] in zip(models, heard, strict=True):
        wanted = model.decode(z).detach().flatten()
        assert np.allclose(np.frombuffer(answer, "<f4"), wanted, atol=1e-5)


@pytest.mark.parametrize("link", [None, "example"])
def test_a_still_picture_with_words(models: Any, data: Any, link: Any) -> None:
    shown: Any = PadPair(*models, data, ("PCA", "VAE"), link=link)._repr_mimebundle_()
    bundle, words = shown
    assert bundle["image/png"].startswith("iVBOR")
    alt = words["image/png"]["alt"]
    assert "PCA and VAE with the codes of 80 pictures" in alt
    assert ("rebuild" in alt) == (link == "example")


# ----------------------------------------------------------------- the front end


PARTS = """
globalThis.document = undefined;
const { codes, at, axes, pair } = JSON.parse(process.argv[2]);
console.log(JSON.stringify({
  nearest: at.map((z) => nearestOf(codes, z)),
  next: axes.map(([from, axis, sign]) => neighbourOf(codes, from, axis, sign)),
  error: squaredError(...pair),
}));
"""


def test_the_page_s_arithmetic_is_torch_s(run_script: Any, tmp_path: Path) -> None:
    g = torch.Generator().manual_seed(1)
    codes, at = torch.randn(300, 2, generator=g), torch.randn(20, 2, generator=g)
    pair = torch.rand(2, 64, generator=g)
    axes = [[i, axis, sign] for i in range(8) for axis in (0, 1) for sign in (-1, 1)]
    script = tmp_path / "parts.mjs"
    front = esm.module("pad_pair").replace("export default", "const front =")
    script.write_text(front + PARTS)
    given = {"codes": codes.flatten(), "at": at, "pair": pair}
    asked = {**{k: v.tolist() for k, v in given.items()}, "axes": axes}
    got = json.loads(run_script(script, json.dumps(asked)))
    away, index = torch.cdist(at, codes).min(1)
    assert [n["index"] for n in got["nearest"]] == index.tolist()
    assert [n["distance"] for n in got["nearest"]] == pytest.approx(
        away.tolist(), abs=1e-5
    )
    assert got["error"] == pytest.approx((pair[0] - pair[1]).pow(2).sum().item())
    for (i, axis, sign), found in zip(axes, got["next"], strict=True):
        along = sign * (codes[:, axis] - codes[i, axis])
        aside = (codes[:, 1 - axis] - codes[i, 1 - axis]).abs()
        distance = (codes - codes[i]).norm(dim=1)
        distance[(along <= 0) | (aside > along)] = torch.inf
        wanted = i if distance.isinf().all() else int(distance.argmin())
        assert found == wanted


def test_every_picture_can_be_reached_by_keys() -> None:
    """From any code, right, up, left and down lead to all others."""
    g = torch.Generator().manual_seed(2)
    codes = torch.randn(60, 2, generator=g)
    reached, border = {0}, [0]
    while border:
        i = border.pop()
        for axis in (0, 1):
            for sign in (-1, 1):
                along = sign * (codes[:, axis] - codes[i, axis])
                aside = (codes[:, 1 - axis] - codes[i, 1 - axis]).abs()
                distance = (codes - codes[i]).norm(dim=1)
                distance[(along <= 0) | (aside > along)] = torch.inf
                j = int(distance.argmin())
                if distance[j] < torch.inf and j not in reached:
                    reached.add(j)
                    border.append(j)
    assert len(reached) > 55
