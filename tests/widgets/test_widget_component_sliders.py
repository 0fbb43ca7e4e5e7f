"""ComponentSliders: its Python side, and its arithmetic in node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import vaelib as vl
from vaelib.widgets import ComponentSliders, esm

SHAPE = (1, 8, 8)
K = 12


@pytest.fixture(scope="module")
def data() -> vl.Dataset:
    return vl.load("digits", n=300, device="cpu")


@pytest.fixture(scope="module")
def pca(data: vl.Dataset) -> vl.PCA:
    return vl.PCA(K).fit(data)


@pytest.fixture
def sliders(pca: vl.PCA, data: vl.Dataset) -> ComponentSliders:
    return ComponentSliders(pca, data, k=5)


def numbers(part: bytes, kind: str) -> Tensor:
    return torch.from_numpy(np.frombuffer(part, kind).astype("f4"))


def test_it_starts_at_the_example_s_own_code(
    sliders: ComponentSliders, pca: vl.PCA
) -> None:
    assert (sliders.k, sliders.example, len(sliders.z)) == (5, 0, K)
    pictures = numbers(sliders._parts["pictures"], "<f2").view(-1, *SHAPE)
    assert torch.allclose(
        torch.tensor(sliders.z), pca.encode(pictures[:1])[0], atol=1e-2
    )
    sliders.example = 3
    assert torch.allclose(
        torch.tensor(sliders.z), pca.encode(pictures[3:4])[0], atol=1e-2
    )


def test_one_example_of_each_class(sliders: ComponentSliders, pca: vl.PCA) -> None:
    assert sliders._parts["names"] == [f"example {c}" for c in range(10)]
    x = torch.rand(30, *SHAPE)
    bare = ComponentSliders(pca, x)
    assert bare._parts["names"] == [f"example {i}" for i in range(1, 11)]
    assert len(ComponentSliders(pca, x[:4])._parts["names"]) == 4


def test_the_share_is_pca_s(sliders: ComponentSliders, pca: vl.PCA) -> None:
    share = sliders._parts["share"]
    assert len(share) == K + 1
    assert share[0] == 0
    assert share[5] == pytest.approx(pca.explained_variance_ratio[:5].sum().item())


def test_the_page_has_the_components_and_codes(
    sliders: ComponentSliders, pca: vl.PCA
) -> None:
    parts = sliders._parts
    pushes = numbers(parts["components"], "<f2").view(-1, 64)
    assert len(pushes) == len(parts["low"]) == len(parts["high"]) == 6
    assert torch.allclose(pushes.abs().amax(1), torch.ones(6))
    cosine = torch.cosine_similarity(pushes, pca.components[:6])
    assert (cosine > 0.9999).all()
    codes = numbers(parts["codes"], "<f4").view(-1, K)
    pictures = numbers(parts["pictures"], "<f2").view(-1, *SHAPE)
    assert torch.allclose(codes, pca.encode(pictures), atol=1e-2)
    for low, high, step in zip(parts["low"], parts["high"], parts["step"], strict=True):
        assert low < 0 < high
        assert 0 < step < high - low


def test_fewer_components_than_sliders(data: vl.Dataset) -> None:
    small = ComponentSliders(vl.PCA(2).fit(data), data)
    assert (small.k, len(small._parts["low"])) == (2, 2)


def test_the_code_shown_ends_at_k(sliders: ComponentSliders) -> None:
    sliders.k = 2
    assert sliders._code() == [*sliders.z[:2], *[0.0] * (K - 2)]
    sliders.k = 0
    assert sliders._code() == [0.0] * K
    sliders.k = K
    assert sliders._code() == sliders.z


@pytest.mark.parametrize(
    ("name", "value"), [("k", K + 1), ("k", -1), ("example", 10), ("example", -1)]
)
def test_what_is_out_of_range_is_refused(
    pca: vl.PCA, data: vl.Dataset, name: str, value: int
) -> None:
    with pytest.raises(ValueError, match=f"{name}: got {value}, wanted"):
        ComponentSliders(pca, data, **{name: value})
    sliders = ComponentSliders(pca, data)
    before, z = getattr(sliders, name), sliders.z
    with pytest.raises(ValueError, match=f"{name}: got {value}, wanted"):
        setattr(sliders, name, value)
    assert getattr(sliders, name) == before
    assert sliders.z == z


def test_wrong_models_and_data(pca: vl.PCA, data: vl.Dataset) -> None:
    with pytest.raises(TypeError, match=r"wanted a fitted vl.PCA"):
        ComponentSliders(vl.mlp_vae(SHAPE, 2, (8,)), data)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="data: got None"):
        ComponentSliders(pca, None)
    with pytest.raises(RuntimeError, match="not fitted"):
        ComponentSliders(vl.PCA(3), data)
    with pytest.raises(ValueError, match="NaN"):
        ComponentSliders(pca, data.x * float("nan"))


def test_what_the_page_says_is_kept(sliders: ComponentSliders) -> None:
    # The page sends the example and a code that may have moved on since.
    z = [1.0, *[0.5] * (K - 1)]
    sliders.set_state({"z": z, "k": 7, "example": 4})
    assert (sliders.z, sliders.k, sliders.example) == (z, 7, 4)
    # From Python, the example brings its own code again.
    sliders.example = 5
    assert sliders.z != z


def test_a_still_picture_with_words(sliders: ComponentSliders) -> None:
    data, metadata = sliders._repr_mimebundle_()
    assert data["image/png"].startswith("iVBOR")
    words = metadata["image/png"]["alt"]
    share = sliders._parts["share"][5]
    assert f"5 principal components, which keep {share:.0%}" in words
    error = sliders.subject.decode(torch.tensor([sliders._code()]))[0] - sliders._x[0]
    assert words.endswith(f"squared error is {error.pow(2).sum():.1f}")


def test_a_changed_decode_stays_in_the_kernel(data: vl.Dataset) -> None:
    class Inverted(vl.PCA):
        def decode(self, z: Tensor) -> Tensor:
            return 1 - super().decode(z)

    inverted = ComponentSliders(Inverted(3).fit(data), data)
    assert inverted._decoder == {"why": "Inverted.decode is not vaelib's own"}
    asked = ComponentSliders(vl.PCA(3).fit(data), data, prefer="kernel")
    assert asked._decoder == {"why": "as asked"}


def test_refresh_reads_a_pca_that_was_fitted_again(data: vl.Dataset) -> None:
    pca = vl.PCA(3).fit(data)
    sliders = ComponentSliders(pca, data)
    before = sliders._parts["share"]
    pca.fit(data.x[:50])
    sliders.refresh()
    assert sliders._parts["share"] != before


def test_double_precision(data: vl.Dataset) -> None:
    x = data.x.double()
    sliders = ComponentSliders(vl.PCA(4).fit(x), x)
    assert "weights" in sliders._decoder


# ---------------------------------------------------------------------- the page


def test_node_decodes_what_torch_does(
    node: Any, sliders: ComponentSliders, pca: vl.PCA
) -> None:
    z = torch.randn(5, K, generator=torch.Generator().manual_seed(0)) * 2
    z[:, 5:] = 0
    made = node.decode(sliders._decoder, z)
    assert torch.allclose(made, pca.decode(z).flatten(1), atol=1e-3)


def test_the_curve_in_node(run_script: Any, tmp_path: Path) -> None:
    text = esm.module("component_sliders").replace("export default", "const front =")
    (tmp_path / "curve.mjs").write_text(text + CURVE)
    run_script(tmp_path / "curve.mjs")


CURVE = """
// A document of just enough to see what the curve draws.
const node = () => ({ attributes: {}, append() {}, replaceChildren() {},
  setAttribute(name, value) { this.attributes[name] = value; } });
const made = [];
globalThis.document = { createElementNS: () => (made.push(node()), made.at(-1)) };
const curve = curveOf([0, 0.5, 0.75, 1]);
curve.mark(2);
const dot = made.find(({ attributes }) => attributes.class === "vl-dot").attributes;
// Two thirds of the way between the edges, and three quarters of the height.
const off = Math.abs(dot.cx - (46 + (2 / 3) * 263)) + Math.abs(dot.cy - 27);
if (!(off < 1e-9)) throw new Error(JSON.stringify(dot));
if (percent(0.536) !== "53.6 %") throw new Error(percent(0.536));
const half = halves(new DataView(Uint16Array.of(0x3c00, 0xb800).buffer));
if (half[0] !== 1 || half[1] !== -0.5) throw new Error(half);
"""
