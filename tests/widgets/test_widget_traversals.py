"""Traversals: which factor an axis follows, what it accepts, and the page's
arithmetic."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

import vaelib as vl
from vaelib.data.sprites import render
from vaelib.distributions import DiagonalGaussian
from vaelib.widgets import Traversals, esm
from vaelib.widgets.axes import shares_of
from vaelib.widgets.subject import subject_of

SHAPE = (1, 4, 4)
NAMES = ("size", "x", "y")


class Known(nn.Module):
    """q(z|x) whose means are the first pixels, and whose widths are given."""

    def __init__(self, sigma: list[float]):
        super().__init__()
        self.log_var = nn.Parameter(2 * torch.tensor(sigma).log())

    def forward(self, x: Tensor) -> DiagonalGaussian:
        mu = x.flatten(1)[:, : len(self.log_var)]
        return DiagonalGaussian(mu, self.log_var.expand_as(mu))


def known(factors: Tensor, codes: Tensor, sigma: list[float], **more: Any) -> Any:
    """A model that encodes each picture to its row of codes, and the data."""
    x = torch.zeros(len(codes), 16)
    x[:, : codes.shape[1]] = codes
    plain = vl.mlp_vae(SHAPE, codes.shape[1], (8,))
    names = more.pop("names", NAMES)
    data = vl.Dataset("made", "train", x.view(-1, *SHAPE), None, factors, names)
    return vl.VAE(Known(sigma), plain.decoder), data


@pytest.fixture(scope="module")
def factors() -> Tensor:
    return torch.rand(2000, 3, generator=torch.Generator().manual_seed(0))


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


def unit(factors: Tensor) -> Tensor:
    return (factors - factors.mean(0)) / factors.std(0)


# ------------------------------------------------------------------- the naming


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_each_axis_is_named_by_its_factor(
    factors: Tensor, order: tuple[int, ...]
) -> None:
    signs = torch.tensor([1.0, -1.0, 1.0])  # a falling axis follows, too
    codes = signs * unit(factors)[:, order] + 0.3 * noise(2000, 3)
    rows = Traversals(*known(factors, codes, [0.1, 0.2, 0.3]))
    assert [axis.axis for axis in rows.axes] == [0, 1, 2]  # by KL
    assert [axis.follows for axis in rows.axes] == [NAMES[k] for k in order]
    for axis in rows.axes:
        assert axis.follows is not None
        share = axis.shares.pop(axis.follows)
        assert share == pytest.approx(1 / 1.09, abs=0.03)
        assert max(axis.shares.values()) < 0.03


def test_what_a_share_is(factors: Tensor) -> None:
    z = unit(factors)
    codes = torch.stack(
        [
            (z[:, 0] - 0.2) ** 2,  # not a line, and not one to one
            z[:, 0] + z[:, 1],
            noise(2000),
            torch.zeros(2000),
            z[:, 0] ** 3 * 1e-4,
        ],
        1,
    )
    share = shares_of(codes, factors[:, :1])
    assert 0.02 < share[0] < 0.3
    assert share[1] == pytest.approx(0.5, abs=0.07)
    assert share[2:4].max() < 0.02
    assert share[4] > 0.99
    folded = (factors[:, :1] - 0.5).abs()
    assert shares_of(z[:, :1], folded)[0] > 0.97


def test_classes_are_no_numbers() -> None:
    label = torch.arange(600) % 3
    # It tells class 1 from the two others, whose mean is 1: as a number, nothing.
    codes = torch.tensor([0.0, 2.0, 0.0])[label, None] + 0.01 * noise(600, 1)
    assert shares_of(codes, label[:, None])[0] < 0.05
    model, data = known(label[:, None].float(), codes, [0.1], names=("shape",))
    made = vl.Dataset("m", "train", data.x, label, data.factors, ("shape",))
    (axis,) = Traversals(model, made).axes
    assert axis.shares["shape"] == pytest.approx(0.5, abs=0.1)
    assert axis.says() == f"follows shape ({axis.shares['shape']:.2f})"


def test_a_sleeping_axis_follows_nothing(factors: Tensor) -> None:
    codes = torch.stack([1e-4 * unit(factors)[:, 0], unit(factors)[:, 1]], 1)
    rows = Traversals(*known(factors, codes, [1.0, 0.1]))
    busy, idle = rows.axes
    assert (busy.axis, idle.axis) == (1, 0)
    # Its mean tells the size, and still: nothing of it is left after the noise.
    assert idle.asleep
    assert idle.shares["size"] > 0.9
    assert idle.follows is None
    assert idle.says() == "follows nothing (asleep, 0.00 nats)"
    assert idle.also() == ""
    assert busy.says() == f"follows x ({busy.shares['x']:.2f})"
    assert busy.also().startswith(f"{busy.worth:.2f} nats; size 0.")
    mu, sigma = codes[:, 1].double(), 0.1
    wanted = 0.5 * (mu**2 + sigma**2 - 1).mean() - torch.tensor(sigma).log()
    assert busy.worth == pytest.approx(wanted.item(), abs=1e-4)


def test_an_axis_of_its_own(factors: Tensor) -> None:
    rows = Traversals(*known(factors, noise(2000, 1), [0.1]))
    assert rows.axes[0].follows is None
    assert rows.axes[0].says() == "follows no factor by itself"


def test_factors_that_never_vary_are_left_out(factors: Tensor) -> None:
    fixed = torch.cat([factors[:, :2], torch.ones(2000, 1)], 1)
    rows = Traversals(*known(fixed, unit(factors)[:, :2], [0.1, 0.1]))
    assert set(rows.axes[0].shares) == {"size", "x"}


def test_factors_stay_with_their_pictures(factors: Tensor) -> None:
    """Of many examples some are drawn: codes and factors by the same draw."""
    many = torch.rand(4000, 3, generator=torch.Generator().manual_seed(3))
    model, data = known(many, unit(many), [0.1, 0.1, 0.1])
    rows = Traversals(model, data, seed=5)
    assert [axis.follows for axis in sorted(rows.axes, key=lambda a: a.axis)] == [
        *NAMES
    ]
    subject = subject_of(model, data, seed=5)
    assert len(subject.rows) == 3000
    assert torch.equal(subject.x, data.x[subject.rows])  # type: ignore[arg-type]
    assert len(subject_of(model).rows) == 0


def test_another_prior(factors: Tensor) -> None:
    model, data = known(factors, 5 + unit(factors)[:, :2], [0.5, 1.0])
    wide = Independent(Normal(torch.full((2,), 5.0), torch.ones(2)), 1)
    rows = Traversals(vl.VAE(model.encoder, model.decoder, wide), data)
    wanted = [0.5 * torch.tensor(1 + 1 / s**2).log().item() for s in (0.5, 1.0)]
    assert [a.worth for a in rows.axes] == pytest.approx(wanted, abs=1e-2)


# ------------------------------------------------------------ models and numbers


def autoencoder(size: int) -> vl.Autoencoder:
    return vl.Autoencoder(vl.MLP(SHAPE, (16,), size), vl.MLP(size, (16,), SHAPE))


@pytest.mark.parametrize("size", [1, 2, 6, 30])
def test_any_latent_size_without_factors(size: int) -> None:
    x = torch.rand(50, *SHAPE, generator=torch.Generator().manual_seed(0))
    for model in (vl.mlp_vae(SHAPE, size, (8,)), autoencoder(size)):
        rows = Traversals(model, x)
        assert len(rows.z) == len(rows.axes) == size
        worth = [axis.worth for axis in rows.axes]
        assert worth == sorted(worth, reverse=True)
        assert all(axis.shares == {} for axis in rows.axes)
        shown = rows._parts["rows"]
        assert [r["axis"] for r in shown] == [a.axis for a in rows.axes[:12]]
        assert all("follows" not in r["says"] for r in shown)
        assert ("Not shown: z" in rows._parts["rest"]) == (size > 12)
    assert rows.axes[0].unit == "spread"
    if size == 30:
        assert "and 6 more" in rows._parts["rest"]


def test_an_autoencoder_and_pca_follow_too() -> None:
    data = vl.load("sprites", n=300)
    for model in (vl.PCA(3).fit(data), autoencoder_of(data)):
        rows = Traversals(model, data)
        assert rows.axes[0].unit == "spread"
        assert set(rows.axes[0].shares) == set(data.factor_names)
        if isinstance(model, vl.PCA):
            assert rows.axes[0].follows in ("x", "y")


def autoencoder_of(data: vl.Dataset) -> vl.Autoencoder:
    shape = tuple(data.x.shape[1:])
    return vl.Autoencoder(vl.MLP(shape, (8,), 3), vl.MLP(3, (8,), shape))


def test_few_examples_name_no_factor(factors: Tensor) -> None:
    rows = Traversals(*known(factors[:39], factors[:39], [0.1] * 3))
    assert rows.axes[0].shares == {}
    assert len(rows._codes) == 10
    assert len(Traversals(*known(factors[:1], factors[:1], [0.1] * 3))._codes) == 1


# --------------------------------------------------------------- what follows what


@pytest.fixture
def rows(factors: Tensor) -> Traversals:
    return Traversals(*known(factors, unit(factors), [0.3, 0.1, 0.2]))


def test_a_row_is_swept_with_the_rest_held(rows: Traversals) -> None:
    own = rows._codes[rows.base]
    for row in rows._parts["rows"]:
        codes = rows.sweep(row["axis"])
        others = [i for i in range(3) if i != row["axis"]]
        assert torch.equal(codes[:, others], own[others].expand(7, 2))
        along = codes[:, row["axis"]]
        assert along[0] == pytest.approx(row["low"])
        assert along[-1] == pytest.approx(row["high"])
        assert torch.allclose(along.diff(), along.diff()[0], atol=1e-5)
        # The posterior's range, with every base picture in it.
        assert row["low"] < rows._codes[:, row["axis"]].min() <= along[-1]


def test_the_code_follows_base_axis_and_place(rows: Traversals) -> None:
    codes = rows._codes.tolist()
    assert rows.axis == 1  # the narrowest posterior carries most
    assert rows.z == rows.at == pytest.approx(codes[0])
    rows.at = [9, 0.5, 9]
    assert rows.z == pytest.approx([codes[0][0], 0.5, codes[0][2]])
    rows.axis = 2
    assert rows.z == pytest.approx([*codes[0][:2], 9])
    rows.base = 3
    assert rows.z == rows.at == pytest.approx(codes[3])


def test_the_page_s_word_is_kept(rows: Traversals) -> None:
    said = {"base": 2, "axis": 0, "at": [0.125, 1, 2], "z": [0.125, 3, 4]}
    rows.set_state(said)
    assert {k: getattr(rows, k) for k in said} == said


def test_refresh_follows_the_model() -> None:
    data = vl.load("sprites", n=60)
    model = vl.conv_vae((1, 32, 32), 4, 8)
    rows = Traversals(model, data)
    before = rows._decoder["weights"], rows._parts["codes"], rows.z
    rows.at = [1, 1, 1, 1]
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(2)
    rows.refresh()
    assert rows._decoder["weights"] != before[0]
    assert rows._parts["codes"] != before[1]
    with torch.no_grad():
        wanted = model.encode(rows.subject.x[:1])[0].tolist()
    assert rows.z == pytest.approx(wanted, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": None}, "wanted the pictures"),
        ({"data": "abc"}, "wanted a Dataset"),
        ({"base": 10}, "base: got 10, wanted 0 … 9"),
        ({"base": -1}, "base: got -1"),
        ({"columns": 2}, "columns: got 2, wanted 3 … 15"),
        ({"columns": 16}, "columns: got 16"),
        ({"data": torch.rand(20, 1, 8, 8)}, "the model's have"),
        ({"data": torch.full((20, *SHAPE), float("nan"))}, "NaN"),
        ({"model": object()}, "no method decode"),
        ({"prefer": "cloud"}, "prefer: got 'cloud'"),
    ],
)
def test_bad_input(factors: Tensor, given: Any, message: str) -> None:
    model, data = known(factors, factors, [0.1] * 3)
    with pytest.raises((TypeError, ValueError), match=message):
        Traversals(**{"model": model, "data": data, **given})


def test_factors_that_are_not_finite(factors: Tensor) -> None:
    broken = factors.clone()
    broken[5, 1] = float("nan")
    with pytest.raises(ValueError, match="its factors hold NaN"):
        Traversals(*known(broken, factors, [0.1] * 3))


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("axis", 3, "axis: got 3, wanted one that has a row"),
        ("base", 10, "base: got 10"),
        ("at", [1, 2], "at: got 2 numbers"),
        ("at", [1, 2, float("inf")], "at: got .* wanted finite"),
    ],
)
def test_bad_states(rows: Traversals, name: str, bad: Any, message: str) -> None:
    before = getattr(rows, name)
    with pytest.raises(Exception, match=message):
        setattr(rows, name, bad)
    assert getattr(rows, name) == before
    with pytest.raises(ValueError, match="axis: got 9"):
        rows.sweep(9)


def test_the_still_cuts_no_words() -> None:
    data = vl.load("sprites", n=60)
    rows = Traversals(vl.conv_vae((1, 32, 32), 6, 8), data)
    assert "follows nothing (asleep" in rows.axes[-1].says()
    fig, _ = rows._still()
    fig.canvas.draw()
    (ax,) = fig.axes
    for label in ax.get_yticklabels():
        assert label.get_window_extent().x0 >= 0
    assert ax.get_window_extent().x1 <= fig.bbox.x1


def test_a_picture_with_words(rows: Traversals) -> None:
    bundle, words = rows._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR")
    alt = words["image/png"]["alt"]
    assert "3 rows of 7 decodings" in alt
    assert "z₂ follows x (1.00); z₃ follows y" in alt


# ----------------------------------------------------------------------- the page


@pytest.mark.parametrize("columns", [3, 15])
def test_the_page_sweeps_as_torch(
    columns: int, run_script: Any, tmp_path: Path
) -> None:
    """The codes of every row, and what the page decodes them to."""
    factors = torch.rand(60, 5, generator=torch.Generator().manual_seed(1))
    factors[:, 0] = 0
    data = vl.Dataset(
        "s", "train", render(factors), None, factors, ("shape", "scale", "a", "x", "y")
    )
    model = vl.conv_vae((1, 32, 32), 6, 8, seed=1)
    rows = Traversals(model, data, base=4, columns=columns)
    front = esm.module("traversals").replace("export default", "const front =")
    packed = dict(rows._decoder)
    packed["weights"] = base64.b64encode(packed["weights"]).decode()
    given = {
        "packed": packed,
        "code": rows._codes[4].tolist(),
        "rows": rows._parts["rows"],
        "columns": columns,
    }
    (tmp_path / "given.json").write_text(json.dumps(given))
    script = tmp_path / "parts.mjs"
    script.write_text(
        front
        + """
        const { readFileSync } = await import("node:fs");
        const given = JSON.parse(readFileSync(process.argv[2]));
        const raw = Uint8Array.from(Buffer.from(given.packed.weights, "base64"));
        const packed = { ...given.packed, weights: new DataView(raw.buffer) };
        const net = inTurn(compile(packed), given.code.length);
        console.log(JSON.stringify(given.rows.map((row) => {
            const codes = sweepOf(given.code, row, given.columns);
            const parts = [0, 0.2, 0.5, 0.9, 1];
            const values = parts.map((part) => valueAt(part, row, given.columns));
            return {
                codes, pixels: Array.from(net(codes)), values,
                back: values.map((v) => partOf(v, row, given.columns)),
            };
        })));"""
    )
    out = json.loads(run_script(script, str(tmp_path / "given.json")))
    for row, got in zip(rows._parts["rows"], out, strict=True):
        wanted = rows.sweep(row["axis"])
        codes = torch.tensor(got["codes"]).view(columns, 6)
        assert torch.allclose(codes, wanted, atol=1e-5)
        with torch.no_grad():
            pictures = model.decode(wanted).flatten()
        assert (torch.tensor(got["pixels"]) - pictures).abs().max() < 1e-3
        low, high, edge = row["low"], row["high"], 0.5 / columns
        assert got["values"][0] == pytest.approx(low)
        assert got["values"][2] == pytest.approx((low + high) / 2)
        assert got["values"][-1] == pytest.approx(high)
        inside = [edge, max(0.2, edge), 0.5, min(0.9, 1 - edge), 1 - edge]
        assert got["back"] == pytest.approx(inside)


def test_noise_explains_nothing() -> None:
    """Twenty cells would explain a tenth of anything by chance: the share is
    corrected for their number."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(200, 300, generator=generator)
    shares = shares_of(codes, torch.randn(200, 1, generator=generator))
    assert shares.mean() < 0.03
