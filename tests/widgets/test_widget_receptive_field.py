"""The maps of networks: what the class accepts, and the page's arithmetic."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import vaelib as vl
from vaelib.layers.receptive import receptive_field
from vaelib.networks import ConvDecoder, ConvEncoder
from vaelib.widgets import ReceptiveField, esm

SHAPE = (1, 8, 12)


def shown() -> ReceptiveField:
    strided: Any = {"channels": 3, "overlap": True}
    model = vl.VAE(
        torch.nn.Sequential(
            ConvEncoder(SHAPE, 4, **strided), vl.DiagonalGaussianHead(2)
        ),
        torch.nn.Sequential(ConvDecoder(2, SHAPE, **strided), vl.BernoulliHead(SHAPE)),
    )
    with vl.seeded(0):
        x = torch.rand(1, *SHAPE)
    return ReceptiveField({"CNN": model, "MLP": vl.mlp_vae(SHAPE, 2, (9,))}, x)


def test_the_field_of_a_place() -> None:
    widget = shown()
    assert widget.network == "CNN"
    last = len(widget._made["CNN"]) - 1
    assert widget.place == [last, 4, 6]
    assert widget.field().shape == (8, 12)
    assert widget.field().all()
    widget.place = [1, 0, 2]
    assert widget.field().nonzero().aminmax(dim=0).max.tolist() == [2, 6]
    assert widget.field().nonzero().aminmax(dim=0).min.tolist() == [0, 3]
    assert widget.field(1).sum() == 1


def test_another_network_begins_anew() -> None:
    widget = shown()
    widget.network = "MLP"
    assert widget.place == [len(widget._made["MLP"]) - 1, 4, 6]


@pytest.mark.parametrize(
    ("trait", "wrong", "words"),
    [
        ("place", [1, 0], "place: got 2 numbers, wanted a list of 3"),
        ("place", [99, 0, 0], "place: at, on: got 99 and 0, wanted 0 ≤ on ≤ at"),
        ("place", [1, 4, 0], "place: row: got 4, wanted 0 to 3"),
        ("network", "RNN", "network: got 'RNN', wanted one of"),
    ],
)
def test_what_is_not_there_is_refused(trait: str, wrong: Any, words: str) -> None:
    widget = shown()
    before = widget.place
    with pytest.raises(ValueError, match=words):
        setattr(widget, trait, wrong)
    assert widget.place == before


def test_models_are_wanted_and_one_example() -> None:
    with pytest.raises(ValueError, match="models: got none"):
        ReceptiveField({}, torch.zeros(1, *SHAPE))
    with pytest.raises(ValueError, match="x: got 2 examples"):
        ReceptiveField({"MLP": vl.mlp_vae(SHAPE, 2)}, torch.zeros(2, *SHAPE))


def test_a_still_picture_comes_along() -> None:
    widget = shown()
    widget.place = [1, 0, 2]
    bundle, metadata = widget._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "depends on 12 of the 96 pixels" in metadata["image/png"]["alt"]


def test_the_page_lights_the_same_places(run_script: Any, tmp_path: Path) -> None:
    widget = shown()
    text = esm.module("receptive_field").replace("export default", "globalThis.front =")
    script = tmp_path / "ask.mjs"
    script.write_text(
        text
        + "const [maps, places] = JSON.parse(process.argv[2]);"
        + "console.log(JSON.stringify(places.map((p) => fieldsOf(maps, p))));"
    )
    made = widget._made["CNN"]
    places = [
        [at, row, column]
        for at, stage in enumerate(made)
        if len(stage.shape) == 3
        for row in range(stage.shape[1])
        for column in range(stage.shape[2])
    ]
    answer = json.loads(run_script(script, json.dumps([widget._scene["CNN"], places])))
    for place, fields in zip(places, answer, strict=True):
        for on in range(place[0] + 1):
            wanted = receptive_field(made, *place, on=on)
            rows, columns = map(torch.tensor, fields[on])
            if wanted.dim() == 2:
                assert torch.equal(rows[:, None] & columns, wanted)
            else:
                assert rows.all()
