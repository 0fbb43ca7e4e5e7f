"""What a page gets of each widget. That it then moves is for the browser tests."""

import base64
import gzip
import json
import re
from typing import Any

import ipywidgets
import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

import vaelib as vl
from vaelib.book.widgets import Embedded, embed
from vaelib.widgets import esm

KINDS = [
    getattr(vl.widgets, name)
    for name in vl.widgets.__all__
    if hasattr(getattr(vl.widgets, name), "_esm")
]


@pytest.fixture(scope="module")
def model() -> vl.VAE:
    torch.manual_seed(0)
    return vl.mlp_vae((1, 8, 8), 2, (64,))


def embedded(widget: Any, still: str | None = "assets/a.png") -> Embedded:
    saved = ipywidgets.Widget.get_manager_state(widgets=[widget])["state"]
    return embed(saved, widget.model_id, still, "A plane.")


def told(found: Embedded) -> dict[str, Any]:
    """What the page's host would give the front end."""
    kept = {}
    for content in found.files.values():
        text = re.fullmatch(
            r'\(globalThis.vaelibBook\?\?=\{\}\)\["(.*?)"\]=(.*);\n', content.decode()
        )
        if text:
            kept[text[1]] = json.loads(text[2])

    def revive(value: dict[str, Any]) -> Any:
        text = value.get("$bytes", value.get("$blocks"))
        if text is None:
            return value
        content = base64.b64decode(kept.get(text, text))
        return floats(content) if "$blocks" in value else content

    name = re.search(r'data-vl-state="(.*?)"', found.html)
    assert name is not None
    state: dict[str, Any] = json.loads(json.dumps(kept[name[1]]), object_hook=revive)
    return state


def floats(content: bytes) -> bytes:
    """Blocks of 64 as the float32 numbers they stand for."""
    count = len(content) // 132
    scales = np.frombuffer(content, "<f4", count)
    parts = np.frombuffer(content, "<i2", offset=4 * count).reshape(-1, 64)
    return (parts * scales[:, None]).astype("<f4").tobytes()


def test_the_page_is_told_what_python_told(model: vl.VAE) -> None:
    pad = vl.widgets.LatentPad(model, vl.load("digits"), z=[0.5, -1])
    state = told(embedded(pad))
    assert state["z"] == [0.5, -1]
    assert state["_decoder"]["weights"] == pad._decoder["weights"]
    assert state["_scene"]["points"] == pad._scene["points"]
    assert set(state) == {"z", "_decoder", "_picture", "_scene"}


def test_wide_networks_travel_in_half_the_room() -> None:
    """And what they paint moves a third as much as with float16, or less."""
    torch.manual_seed(0)
    model = vl.mlp_vae((1, 28, 28), 2, (256, 256))
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(2)
    pad = vl.widgets.LatentPad(model)
    assert pad._decoder["wide"]
    found = embedded(pad)
    exact = np.frombuffer(pad._decoder["weights"], "<f4")
    near = np.frombuffer(told(found)["_decoder"]["weights"], "<f4")
    z = torch.randn(200, 2, generator=torch.Generator().manual_seed(0)) * 2

    def painted(weights: np.ndarray) -> torch.Tensor:
        rest = torch.tensor(weights.astype("f4"))
        with torch.no_grad():  # parameters come in the order of the weights
            for value in model.decoder.parameters():
                value.copy_(rest[: value.numel()].view_as(value))
                rest = rest[value.numel() :]
            return model.decode(z)

    error = (painted(near) - painted(exact)).abs().max()
    assert error < 2e-4
    assert error < (painted(exact.astype("f2")) - painted(exact)).abs().max() / 3
    assert 0.5 < max(map(len, found.files.values())) / len(exact) / 4 < 0.75


def test_bytes_deep_in_lists_travel_too() -> None:
    two = vl.widgets.TwoGaussians(q=(1.5, 0.5), p=(0, 1))
    saved = ipywidgets.Widget.get_manager_state(widgets=[two])["state"]
    saved[two.model_id]["state"]["_stops"] = [{"beta": 1}, {"beta": 2}]
    deep = {"path": ["_stops", 1, "weights"], "encoding": "base64", "data": "AAE="}
    saved[two.model_id]["buffers"] = [deep]
    stops = told(embed(saved, two.model_id, None, ""))["_stops"]
    assert stops == [{"beta": 1}, {"beta": 2, "weights": b"\x00\x01"}]


def test_the_page_gets_the_front_end_of_today(
    model: vl.VAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the notebook was executed with: an edited script executes nothing."""
    pad = vl.widgets.LatentPad(model)
    saved = ipywidgets.Widget.get_manager_state(widgets=[pad])["state"]
    today = "const today = 1;\nexport default { today };\n"
    monkeypatch.setattr(vl.widgets.LatentPad, "_esm", today)
    monkeypatch.setattr(vl.widgets.LatentPad, "_css", "b { top: 7px }")
    files = embed(saved, pad.model_id, None, "").files.values()
    (front,) = [f.decode() for f in files if b'["latent_pad"]' in f]
    assert "const today = 1;" in front
    assert "top: 7px" in front
    assert len(front) < 300


def test_a_network_s_code_is_that_of_today(model: vl.VAE) -> None:
    """An edited script executes no lesson: what the notebook kept is replaced."""
    pad = vl.widgets.LatentPad(model)
    saved = ipywidgets.Widget.get_manager_state(widgets=[pad])["state"]
    kept = saved[pad.model_id]["state"]["_decoder"]
    kept["code"] = "throw 1"
    assert (
        told(embed(saved, pad.model_id, None, ""))["_decoder"]["code"]
        == (pad._decoder["code"])
    )


def test_every_file_that_is_named_comes_along(model: vl.VAE) -> None:
    found = embedded(vl.widgets.LatentPad(model, vl.load("digits")))
    named = set(re.findall(r"[\w-]+-[0-9a-f]{12}\.js", found.html))
    assert named == set(found.files)
    assert "\n" not in found.html


def test_one_network_is_written_once(model: vl.VAE) -> None:
    pad = embedded(vl.widgets.LatentPad(model)).files
    sliders = embedded(vl.widgets.LatentSliders(model)).files
    shared = pad.keys() & sliders.keys()
    weights = base64.b64encode(vl.widgets.LatentPad(model)._decoder["weights"])
    assert any(weights in pad[name] for name in shared)
    assert any(name.startswith("host-") for name in shared)


def test_the_same_widget_gives_the_same_bytes(model: vl.VAE) -> None:
    data = vl.load("digits")
    first, second = (embedded(vl.widgets.LatentPad(model, data)) for _ in range(2))
    assert first == second
    other = embedded(vl.widgets.LatentPad(model, data, z=[1, 1]))
    assert len(other.files.keys() - first.files.keys()) == 1  # the state alone


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_front_end_is_small(kind: Any, model: vl.VAE) -> None:
    from vaelib.book.widgets import _front_end, _host

    front = _front_end(kind.__module__, kind._esm, kind._css)
    assert len(gzip.compress(front, 9)) <= 10 * 1024
    assert len(gzip.compress(_host(), 9)) <= 1200


def test_spare_parts_go_and_nothing_else() -> None:
    from vaelib.book.widgets import _front_end

    lean = _front_end("latent_pad", esm.module("latent_pad"), "").decode()
    ours = [line.strip() for line in esm.script("latent_pad").splitlines()]
    wanted = "\n".join(line for line in ours if line)
    assert lean == wanted + '\nvaelibWidgets["latent_pad"].style="";\n'


def test_what_needs_a_kernel_stays_a_picture(model: vl.VAE) -> None:
    x = vl.load("digits")
    for widget in (
        vl.widgets.LatentPad(model, prefer="kernel"),
        vl.widgets.DrawAndEncode(model, x, prefer="kernel"),
        vl.widgets.LiveTraining(model, x),
    ):
        found = embedded(widget)
        assert found.files == {}
        assert '<img src="assets/a.png" alt="A plane."' in found.html
        assert "needs Python" in found.html
        assert "data-vl-" not in found.html


def test_a_recording_is_alive(model: vl.VAE) -> None:
    recording = vl.widgets.LiveTraining(model, vl.load("digits")).record(20, frames=2)
    assert len(told(embedded(recording))["_frames"]) == 3


def test_widgets_of_others_are_pictures_or_nothing() -> None:
    bar = ipywidgets.IntProgress(3)
    assert embedded(bar) == Embedded(
        '<img src="assets/a.png" alt="A plane." loading="lazy">'
    )
    assert embedded(bar, None) == Embedded("<p>A plane.</p>")


def test_words_are_escaped() -> None:
    two = vl.widgets.TwoGaussians(q=(1.5, 0.5), p=(0, 1))
    saved = ipywidgets.Widget.get_manager_state(widgets=[two])["state"]
    found = embed(saved, two.model_id, "assets/a.png", 'μ < σ,\n\n"so"')
    assert 'alt="μ &lt; σ, &quot;so&quot;"' in found.html


def test_an_unknown_widget_is_an_error() -> None:
    with pytest.raises(ValueError, match="model_id: got 'x', wanted one of the 0"):
        embed({}, "x", None, "")


def test_nan_is_an_error() -> None:
    two = vl.widgets.TwoGaussians(q=(1.5, 0.5), p=(0, 1))
    saved = ipywidgets.Widget.get_manager_state(widgets=[two])["state"]
    saved[two.model_id]["state"]["q"] = [float("nan"), 1.0]
    with pytest.raises(ValueError, match=r"two_gaussians: .* NaN or infinity"):
        embed(saved, two.model_id, None, "")


def test_an_executed_notebook_holds_all_of_it() -> None:
    """Its kernel's messages are what nbclient keeps; later values win."""
    cells = [
        "import torch, vaelib as vl; _ = torch.manual_seed(0)",
        "pad = vl.widgets.LatentPad(vl.mlp_vae((1, 8, 8), 2, (64,)))",
        "pad",
        "pad.z = [0.25, 1]; pad._decoder['weights'].hex()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    NotebookClient(notebook, kernel_name="python3").execute()
    shown, last = (notebook.cells[i].outputs[0].data for i in (2, 3))
    model_id = shown["application/vnd.jupyter.widget-view+json"]["model_id"]
    saved = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]
    state = told(embed(saved["state"], model_id, None, ""))
    assert state["z"] == [0.25, 1]
    assert repr(state["_decoder"]["weights"].hex()) == last["text/plain"]


def test_bytes_of_a_value_long_replaced_do_no_harm() -> None:
    two = vl.widgets.TwoGaussians(q=(1.5, 0.5), p=(0, 1))
    saved = ipywidgets.Widget.get_manager_state(widgets=[two])["state"]
    stale = {"path": ["_gone", 0, "weights"], "encoding": "base64", "data": "AAAA"}
    saved[two.model_id]["buffers"] = [stale]
    assert "_gone" not in told(embed(saved, two.model_id, None, ""))
