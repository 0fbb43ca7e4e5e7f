"""BetaExplorer: what it accepts, what travels, and the page's arithmetic."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import vaelib as vl
from vaelib.widgets import BetaExplorer, CannotTravel, beta_explorer, esm

SHAPE = (1, 8, 8)
BETAS = (0.5, 1.0, 4.0)


@pytest.fixture(scope="module")
def data() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.rand(80, *SHAPE, generator=g), torch.arange(80) % 3


@pytest.fixture(scope="module")
def swept(data: Any) -> Any:
    return vl.sweep(
        lambda seed: vl.mlp_vae(SHAPE, 2, (16,), seed=seed),
        data[0],
        betas=BETAS,
        seeds=(3, 4),
        epochs=2,
        progress=False,
    )


def some(size: int = 2, betas: Any = BETAS) -> dict[float, vl.VAE]:
    return {b: vl.mlp_vae(SHAPE, size, (8,), seed=i) for i, b in enumerate(betas)}


# ----------------------------------------------------------------- what it accepts


def test_a_sweep_with_its_table(swept: Any, data: Any) -> None:
    explorer = BetaExplorer(swept, data)
    assert explorer.betas == list(BETAS)
    assert explorer.beta == 1
    first = [row for row in swept.table if row["seed"] == 3]
    assert explorer.rates == [row["kl"] for row in first]
    assert explorer.distortions == [-row["reconstruction"] for row in first]
    models = [subject.model for subject in explorer._subjects]
    assert models == [swept.models[b, 3] for b in BETAS]
    assert explorer._page["counts"] == [8, 25, 81]


def test_models_and_table_apart(swept: Any, data: Any) -> None:
    models, table = swept
    together = BetaExplorer(swept, data)
    apart = BetaExplorer(models, data, table=table)
    assert apart.rates == together.rates
    late = {(b, 4): models[b, 4] for b in BETAS}
    wanted = [row["kl"] for row in table if row["seed"] == 4]
    assert BetaExplorer(late, data, table=table).rates == wanted


def test_without_a_table_it_measures(swept: Any, data: Any) -> None:
    models = {b: swept.models[b, 3] for b in reversed(BETAS)}
    explorer = BetaExplorer(models, data)
    assert explorer.betas == list(BETAS)
    e = [vl.elbo(models[b], data[0]) for b in BETAS]
    kl = [part.kl.mean().item() for part in e]
    assert explorer.rates == pytest.approx(kl, rel=1e-4)
    distortion = [-part.reconstruction.mean().item() for part in e]
    assert explorer.distortions == pytest.approx(distortion, rel=0.02)
    again = BetaExplorer(models, data)
    assert again.distortions == explorer.distortions
    assert again.get_state()["_stops"] == explorer.get_state()["_stops"]


def test_beta_is_one_of_them(data: Any) -> None:
    explorer = BetaExplorer(some(), data)
    explorer.beta = 4
    for bad in (3, -1, float("nan")):
        with pytest.raises(Exception, match=r"wanted one of 0\.5, 1, 4"):
            explorer.beta = bad
    assert explorer.beta == 4
    assert BetaExplorer({2: some()[1.0]}, data).beta == 2


@pytest.mark.parametrize("size", [1, 2, 5])
def test_any_latent_size(size: int, data: Any) -> None:
    explorer = BetaExplorer(some(size), data)
    counts = explorer._page["counts"]
    assert counts == ([8, 25, 81] if size == 2 else [8, 25])
    for stop in explorer._stops:
        assert len(stop["z"]) == 4 * size * sum(counts)
        assert len(stop["points"]) == 4 * len(data[0])
    assert "image/png" in explorer._repr_mimebundle_()[0]


def test_the_plane_shows_the_dimensions_in_use(data: Any) -> None:
    models = some(5)
    for model in models.values():
        last = [p for p in model.encoder.modules() if isinstance(p, nn.Linear)][-1]
        with torch.no_grad():
            last.weight[[1, 4]] *= 100
    explorer = BetaExplorer(models, data)
    assert explorer._page["dims"] == [1, 4]
    limits = {(plane.low, plane.high) for plane in explorer._planes}
    assert len(limits) == 1
    assert limits.pop()[1][0] <= 8


def test_vectors_single_pictures_and_no_labels(data: Any) -> None:
    x = data[0].flatten(1)
    models = {b: vl.mlp_vae((64,), 2, (8,)) for b in (1, 2)}
    explorer = BetaExplorer(models, x[:3], image_shape=(1, 4, 16))
    assert explorer._page["counts"][0] == 3
    assert explorer._page["picture"]["shape"] == (1, 4, 16)
    one = BetaExplorer(models, x[:1])
    assert one._page["counts"][0] == 1
    assert one._repr_mimebundle_()[0]["image/png"].startswith("iVBOR")


def test_examples_are_of_many_classes(data: Any) -> None:
    explorer = BetaExplorer(some(), data)
    subject = explorer._subjects[0]
    assert subject.labels is not None
    assert sorted(subject.labels[explorer._rows].tolist()) == [0, 0, 0, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({}, "models: got none"),
        ([1, 2], "models: got list"),
        ({"a": 1}, "the key 'a'"),
        ({-1.0: 1}, "the key -1.0"),
        ({float("nan"): 1}, "the key nan"),
        ({1.0: 1}, "β = 1 has a int, wanted a vl.VAE"),
        ({**some(2, [1]), **some(3, [2])}, "latent_dim 3, the first 2"),
        ({1.0: vl.mlp_vae((1, 4, 4), 2, (8,))}, r"β = 1: .*\(1, 8, 8\)"),
    ],
)
def test_bad_models(data: Any, models: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        BetaExplorer(models, data)


def test_bad_data_and_tables(data: Any) -> None:
    models = some()
    with pytest.raises(ValueError, match="data: got None"):
        BetaExplorer(models, None)
    with pytest.raises(ValueError, match="holds NaN"):
        BetaExplorer(models, data[0] * float("nan"))
    row = {"beta": 1.0, "kl": 1.0, "reconstruction": -2.0}
    with pytest.raises(ValueError, match=r"no row for β = 0\.5"):
        BetaExplorer(models, data, table=[row])
    for rows in (["beta"], [{"beta": 0.5}], [{"b": 1.0}]):
        with pytest.raises(TypeError, match="wanted rows with beta"):
            BetaExplorer(models, data, table=rows)  # type: ignore[arg-type]
    bad = [{**row, "beta": b, "kl": float("nan")} for b in BETAS]
    with pytest.raises(ValueError, match=r"β = 0\.5 has a KL .* NaN"):
        BetaExplorer(models, data, table=bad)


def test_models_that_cannot_travel_are_named(
    data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = some()
    models[4.0].decoder.register_forward_hook(lambda *_: None)
    with pytest.raises(CannotTravel, match=r"of β = 4 cannot be .* page: .* hook"):
        BetaExplorer(models, data)
    monkeypatch.setattr(beta_explorer, "MOST", 1000)
    with pytest.raises(CannotTravel, match="3 decoders have"):
        BetaExplorer(some(), data)


def test_a_picture_with_words(swept: Any, data: Any) -> None:
    explorer = BetaExplorer(swept, data)
    explorer.beta = 4.0
    bundle, words = explorer._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR")
    alt = words["image/png"]["alt"]
    assert "One of 3 models, β = 4, rate " in alt
    assert "rate–distortion curve" in alt


# ------------------------------------------------------------------- the front end


def in_node(run: Any, folder: Path, body: str, given: Any) -> Any:
    file, script = folder / "given.json", folder / "parts.mjs"
    file.write_text(json.dumps(given))
    front = esm.module("beta_explorer").replace("export default", "const front =")
    read = f"JSON.parse(readFileSync({json.dumps(str(file))}, 'utf-8'))"
    start = f'import {{ readFileSync }} from "node:fs";\nconst given = {read};\n'
    script.write_text(f"{start}{front}\n{body}")
    return json.loads(run(script))


def test_the_page_decodes_as_torch(
    swept: Any, data: Any, run_script: Any, tmp_path: Path
) -> None:
    explorer = BetaExplorer(swept, data)

    def plain(stop: Any) -> Any:
        text = {k: base64.b64encode(stop[k]).decode() for k in ("z",)}
        weights = base64.b64encode(stop["decoder"]["weights"]).decode()
        return {**text, "decoder": {**stop["decoder"], "weights": weights}}

    body = """
      const view = (text) => new DataView(new Uint8Array(Buffer.from(text, "base64")).buffer);
      console.log(JSON.stringify(given.map(({ z, decoder }) => Array.from(picturesOf(
        { z: view(z), decoder: { ...decoder, weights: view(decoder.weights) } }, 2)))));
    """  # noqa: E501
    got = in_node(run_script, tmp_path, body, [plain(s) for s in explorer._stops])
    subject = explorer._subjects[0]
    assert subject.x is not None
    for beta, stop, shown in zip(BETAS, explorer._stops, got, strict=True):
        assert stop["decoder"]["wide"] is False
        model = swept.models[beta, 3]
        codes = torch.from_numpy(np.frombuffer(stop["z"], "<f4").copy()).view(-1, 2)
        with torch.no_grad():
            means = model.encode(subject.x[explorer._rows])
            wanted = model.decode(codes).flatten(1)
        assert torch.allclose(codes[:8], means, atol=1e-6)
        page = torch.tensor(shown).view(wanted.shape)
        assert (page - wanted).abs().max() < 1e-3
    # The same draws for every β, and others for the examples.
    draws = [np.frombuffer(s["z"], "<f4")[16:] for s in explorer._stops]
    assert all((d == draws[0]).all() for d in draws)


def test_the_dots_are_the_codes(swept: Any, data: Any) -> None:
    explorer = BetaExplorer(swept, data)
    subject = explorer._subjects[2]
    assert subject.x is not None
    with torch.no_grad():
        codes = swept.models[4.0, 3].encode(subject.x)
    parts = np.frombuffer(explorer._stops[2]["points"], "<u2").astype("f4") / 65535
    low, high = (explorer._page["scene"][k][0] for k in ("low", "high"))
    shown = torch.from_numpy(low + parts * (high - low)).view(-1, 2)
    assert torch.allclose(shown, codes, atol=(high - low) / 60000)


def test_the_page_speaks_of_the_point(run_script: Any, tmp_path: Path) -> None:
    points = [[4, 3.204, 90.02], [0.05, 21.5, 1234.5], [1, 1e-7, -12.345], [0, 0, 0]]
    got = in_node(
        run_script,
        tmp_path,
        "console.log(JSON.stringify(given.map(sayPoint)));",
        points,
    )
    assert got == [
        "β = 4, rate 3.2 nats, distortion 90 nats",
        "β = 0.05, rate 21.5 nats, distortion 1230 nats",
        "β = 1, rate 1e−7 nats, distortion −12.3 nats",
        "β = 0, rate 0 nats, distortion 0 nats",
    ]
