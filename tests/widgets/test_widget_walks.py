"""PathOnPlane, SamplesWall and LatentArithmetic: what they accept, what follows
what, and the page's arithmetic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

import vaelib as vl
from vaelib.widgets import LatentArithmetic, PathOnPlane, SamplesWall, esm

SHAPE = (1, 8, 8)
FRONT_ENDS = {
    "path_on_plane": PathOnPlane,
    "samples_wall": SamplesWall,
    "latent_arithmetic": LatentArithmetic,
}


@pytest.fixture(scope="module")
def data() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.rand(80, *SHAPE, generator=g), torch.arange(80) % 3


@pytest.fixture(scope="module")
def model() -> vl.VAE:
    return vl.mlp_vae(SHAPE, 2, (16,))


def autoencoder(size: int) -> vl.Autoencoder:
    return vl.Autoencoder(vl.MLP(SHAPE, (16,), size), vl.MLP(size, (16,), SHAPE))


# ---------------------------------------------------------------- path on plane


def test_a_path_is_walked_at_equal_distances(model: Any) -> None:
    walk = PathOnPlane(model, path=[[0, 0], [3, 0], [3, 1]])
    assert walk.along(5).tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]]
    assert walk.z == [3, 1]
    walk.t = 0.5
    assert walk.z == pytest.approx([2, 0])
    walk.path = torch.tensor([[1.0, 1.0]])
    assert walk.z == [1, 1]
    assert walk.along(2).tolist() == [[1, 1], [1, 1]]
    walk.path = [[0, 0], [0, 0], [0, 2]]
    assert walk.z == pytest.approx([0, 1])


def test_the_page_s_code_is_kept(model: Any) -> None:
    walk = PathOnPlane(model, path=[[0, 0], [1 / 3, 0]])
    walk.set_state({"t": 0.5, "z": [0.167, 0]})
    assert walk.z == [0.167, 0]


def test_where_a_path_starts(model: Any, data: Any) -> None:
    assert PathOnPlane(model).path == [[-2, 0], [2, 0]]
    walk = PathOnPlane(model, data)
    assert walk.subject.codes is not None
    assert walk.path == walk.subject.codes[:2].double().tolist()
    assert walk.z == pytest.approx(walk.path[1])


@pytest.mark.parametrize(
    "bad", [[], [[1, 2, 3]], [1, 2], [[1, float("nan")]], "ab", None, [[1], [1, 2]]]
)
def test_a_bad_path_is_refused(model: Any, bad: Any) -> None:
    walk = PathOnPlane(model, path=[[0, 0], [1, 0]])
    with pytest.raises(Exception, match="pairs of finite numbers"):
        walk.path = bad
    assert walk.path == [[0, 0], [1, 0]]
    for t in (-0.1, 1.1, float("nan")):
        with pytest.raises(Exception, match="wanted 0 … 1"):
            walk.t = t


def test_a_path_needs_a_plane() -> None:
    with pytest.raises(ValueError, match="latent_dim is 3"):
        PathOnPlane(vl.mlp_vae(SHAPE, 3, (8,)))


# ----------------------------------------------------------------- samples wall


@pytest.mark.parametrize("size", [1, 2, 10])
def test_the_wall_draws_from_the_prior(size: int) -> None:
    wall = SamplesWall(vl.mlp_vae(SHAPE, size, (8,)), count=40)
    everything = []
    for i in range(50):
        wall.wall = i
        everything.append(wall.codes())
    z = torch.cat(everything)
    assert len(z.unique(dim=0)) == 2000
    assert z.mean().abs() < 0.1
    assert (z.std(0) - 1).abs().max() < 0.1
    wall.temperature = 0.5
    assert torch.allclose(wall.codes(), everything[-1] / 2)
    wall.tile = 7
    assert wall.z == pytest.approx((everything[-1][7] / 2).tolist())


def test_another_prior_is_drawn_from_as_it_is() -> None:
    means = torch.tensor([[-5.0, 0], [5, 0]])
    parts = Independent(Normal(means, torch.full((2, 2), 0.1)), 1)
    prior = MixtureSameFamily(Categorical(torch.ones(2)), parts)
    plain = vl.mlp_vae(SHAPE, 2, (8,))
    wall = SamplesWall(vl.VAE(plain.encoder, plain.decoder, prior))
    assert (wall.codes()[:, 0].abs() - 5).abs().max() < 1
    wall.temperature = 0
    assert wall.codes().abs().max() < 1e-5


def test_without_a_prior_the_codes_decide(data: Any) -> None:
    line = autoencoder(2)
    with torch.no_grad():  # both codes are the same number, up to a sign
        last = [part for part in line.encoder.modules() if isinstance(part, nn.Linear)]
        last[-1].weight[1] = -last[-1].weight[0]
        last[-1].bias[:] = torch.tensor([30.0, -30.0])
    z = SamplesWall(line, data).codes()
    assert torch.allclose(z[:, 0], -z[:, 1], atol=1e-2)
    assert (z[:, 0] - 30).abs().max() < 5
    assert SamplesWall(autoencoder(1), data).codes().shape == (40, 1)
    assert SamplesWall(autoencoder(2)).codes().std() > 0.7


@pytest.mark.parametrize(
    ("name", "bad"), [("wall", 50), ("wall", -1), ("tile", 40), ("temperature", 3.5)]
)
def test_a_bad_wall_is_refused(model: Any, name: str, bad: Any) -> None:
    wall = SamplesWall(model)
    with pytest.raises(Exception, match=f"{name}: got {bad}"):
        setattr(wall, name, bad)
    with pytest.raises(ValueError, match="wanted 1 … 100"):
        SamplesWall(model, count=101)
    with pytest.raises(ValueError, match="wanted 1 … 40"):
        SamplesWall(model, columns=41)


# ------------------------------------------------------------ latent arithmetic


def test_sums_of_class_means_pictures_and_codes_of_one_s_own(
    model: Any, data: Any
) -> None:
    sums = LatentArithmetic(
        model, data, codes={"mine": [1.0, 2.0]}, terms=("mine", "mean of all 2s", 5)
    )
    assert sums.names[:5] == [
        "mine", "mean of all 0s", "mean of all 1s", "mean of all 2s",
        f"picture 0, a {int(sums.subject.labels[0])}",  # type: ignore[index]
    ]  # fmt: skip
    assert sums.subject.x is not None
    with torch.no_grad():
        codes = model.encode(sums.subject.x)
    twos = codes[sums.subject.labels == 2].mean(0)
    wanted = torch.tensor([1.0, 2.0]) - twos + codes[1]
    assert sums.z == pytest.approx(wanted.tolist(), abs=1e-5)
    sums.weights = [0, 2, 0]
    assert sums.z == pytest.approx((2 * twos).tolist(), abs=1e-5)
    sums.terms = [0, 0, 0]
    assert sums.z == pytest.approx([2, 4])


def test_without_labels_only_pictures(model: Any, data: Any) -> None:
    assert LatentArithmetic(model, data[0]).names[:2] == ["picture 0", "picture 1"]
    assert len(LatentArithmetic(model, data[0][:1]).names) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": None}, "wanted pictures"),
        ({"terms": ("a", "b", "c")}, "terms: got 'a'"),
        ({"terms": (0, 1)}, "wanted three numbers"),
        ({"terms": (0, 1, 99)}, "wanted three numbers"),
        ({"weights": (1, 2)}, "weights: got 2 numbers, wanted a list of 3"),
        ({"weights": (1, 2, float("inf"))}, "weights: got .* wanted finite"),
        ({"codes": {"x": [1.0]}}, r"got shape \(1,\), wanted \(2,\)"),
    ],
)
def test_bad_sums(model: Any, data: Any, given: Any, message: str) -> None:
    with pytest.raises(Exception, match=message):
        LatentArithmetic(model, **{"data": data, **given})


# ------------------------------------------------------------------- all of them


def all_of(model: Any, data: Any, **more: Any) -> list[Any]:
    return [widget(model, data, **more) for widget in FRONT_ENDS.values()]


def test_pictures_with_words(model: Any, data: Any) -> None:
    texts = ["A path of 2 points", "A wall of 40 pictures", "+1.00 times mean of all"]
    for widget, text in zip(all_of(model, data), texts, strict=True):
        bundle, words = widget._repr_mimebundle_()
        assert bundle["image/png"].startswith("iVBOR")
        assert text in words["image/png"]["alt"]


def test_refresh_follows_the_model(data: Any) -> None:
    model = vl.mlp_vae(SHAPE, 2, (8,))
    widgets = all_of(model, data)
    before = [(w._decoder["weights"], w.z) for w in widgets]
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(2)
    for widget, (weights, _) in zip(widgets, before, strict=True):
        widget.refresh()
        assert widget._decoder["weights"] != weights
    assert widgets[2].z != before[2][1]


def test_the_kernel_decodes_several_at_once(
    model: Any, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    z = torch.randn(5, 2)
    for widget in all_of(model, data, prefer="kernel"):
        assert widget._decoder == {"why": "as asked"}
        heard: list[Any] = []
        monkeypatch.setattr(widget, "send", lambda c, b=None, h=heard: h.append(b))
        question = {"op": "decoder", "view": "v", "id": 1}
        widget._answer(widget, question, [z.numpy().astype("<f4").tobytes()])
        wanted = model.decode(z).detach().flatten()
        assert np.allclose(np.frombuffer(heard[0][0], "<f4"), wanted, atol=1e-5)


def in_node(run: Any, folder: Path, name: str, body: str, given: Any) -> Any:
    script = folder / "parts.mjs"
    front = esm.module(name).replace("export default", "const front =")
    body = f"const given = JSON.parse(process.argv[2]);\n{body}"
    script.write_text(f"{front}\n{body}")
    return json.loads(run(script, json.dumps(given)))


def test_the_page_walks_as_python(model: Any, run_script: Any, tmp_path: Path) -> None:
    g = torch.Generator().manual_seed(1)
    paths = [torch.randn(n, 2, generator=g).tolist() for n in (1, 2, 3, 40)]
    paths += [[[0, 0], [0, 0], [1, 0], [1, 0]], [[2, 2], [2, 2]]]
    body = """console.log(JSON.stringify(given.map((path) =>
        Array.from({ length: 21 }, (_, i) => along(path, i / 20)))));"""
    got = in_node(run_script, tmp_path, "path_on_plane", body, paths)
    for path, places in zip(paths, got, strict=True):
        wanted = PathOnPlane(model, path=path).along(21)
        assert torch.allclose(torch.tensor(places).float(), wanted, atol=1e-5)


def test_the_page_draws_as_python(run_script: Any, tmp_path: Path) -> None:
    wall = SamplesWall(vl.mlp_vae(SHAPE, 3, (8,)), count=6, columns=3)
    source = {"bank": wall._draws.flatten().tolist(), "middle": [0.5, 0, -1], "size": 3}
    wall._middle = torch.tensor(source["middle"])
    wall.wall, wall.temperature = 4, 1.7
    body = "console.log(JSON.stringify(wallCodes(given, 4, 6, 1.7)));"
    got = in_node(run_script, tmp_path, "samples_wall", body, source)
    assert torch.allclose(torch.tensor(got).view(6, 3), wall.codes(), atol=1e-5)


def test_the_page_adds_as_python(
    model: Any, data: Any, run_script: Any, tmp_path: Path
) -> None:
    sums = LatentArithmetic(model, data, terms=(4, 0, 2), weights=(0.3, -1, 1.5))
    codes = sums.codes.flatten().tolist()
    body = """console.log(JSON.stringify(
        combine(given, 2, [4, 0, 2], [0.3, -1, 1.5])));"""
    got = in_node(run_script, tmp_path, "latent_arithmetic", body, codes)
    assert got == pytest.approx(sums.z, abs=1e-5)


def test_several_inputs_in_turn(run_script: Any, tmp_path: Path) -> None:
    body = """
      const buffer = new Float32Array(2);  // overwritten by each call, as compile's
      const net = ([a, b]) => { buffer.set([a + b, a * b]); return buffer; };
      console.log(JSON.stringify([
        Array.from(inTurn(net, 2)(given)), inTurn(net, 0) === net]));"""
    got = in_node(run_script, tmp_path, "samples_wall", body, [1, 2, 3, 4, 5, 6])
    assert got == [[3, 2, 7, 12, 11, 30], True]
