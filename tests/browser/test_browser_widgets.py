"""The widgets in a real JupyterLab: dragged, typed at, touched."""

from __future__ import annotations

import io
import random
import re

import pytest
from labpage import NotebookPage, code, frames
from PIL import Image
from playwright.sync_api import Locator, expect

from vaelib.widgets import esm

SETUP = """
import torch, vaelib as vl
from vaelib.widgets import DrawAndEncode, LatentPad, LatentSliders

def lively(model):
    # Untrained, but its pictures differ from place to place.
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(2.5)
    return model

data = vl.load("handwriting", n=200)
model = lively(vl.mlp_vae((1, 28, 28), 2, (64, 64)))
deep = lively(vl.conv_vae((1, 16, 16), 5, 8))

def decoded(z, model=model):
    with torch.no_grad():
        return model.decode(torch.tensor([z])).flatten().tolist()

class Moody:
    latent_dim = 2
    def decode(self, z):
        if z[0, 0] > 1:
            raise RuntimeError("no pictures beyond 1")
        return model.decode(z)
"""
CELLS = [
    SETUP,
    "pad = LatentPad(model, data)\npad",
    "slow = LatentPad(model, prefer='kernel')\nslow",
    "sliders = LatentSliders(deep)\nsliders",
    "draw = DrawAndEncode(model, data)\ndraw",
    "distant = DrawAndEncode(model, data, prefer='kernel')\ndistant",
    "moody = LatentPad(Moody())\nmoody",
    "pad",
    "draw",
]
PADS = {"pad": 0, "slow": 1, "moody": 2, "pad again": 3}
DRAWINGS = {"draw": 0, "distant": 1, "draw again": 2}
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.8)]
EIGHT_BIT = 0.51 / 255 + 1e-3


OPTIONS = {"has_touch": True}


def pad(page: NotebookPage, name: str = "pad") -> Locator:
    return page.widget("latent-pad", PADS[name])


def drawing(page: NotebookPage, name: str = "draw") -> Locator:
    return page.widget("draw-and-encode", DRAWINGS[name])


def assert_shows(page: NotebookPage, widget: Locator, z: str, model: str) -> None:
    """The picture on the screen is what torch makes of the code it claims."""
    shown = page.settled(widget)
    assert shown == pytest.approx(page.ask(z), abs=6e-4)
    wanted = page.ask(f"decoded({shown}, {model})")
    difference = [abs(a - b) for a, b in zip(page.pixels(widget), wanted, strict=True)]
    assert max(difference) <= EIGHT_BIT
    assert max(wanted) - min(wanted) > 0.1


def place_on(page: NotebookPage, name: str, x: float, y: float) -> list[float]:
    """The code at a fraction of the pad's width and height."""
    low, high = page.ask(f"[{name}._scene['low'], {name}._scene['high']]")
    return [low[0] + x * (high[0] - low[0]), high[1] - y * (high[1] - low[1])]


# ------------------------------------------------------------------------ the pad


@pytest.mark.parametrize("name", ["pad", "slow"])
def test_the_picture_follows_the_mouse(page: NotebookPage, name: str) -> None:
    widget = pad(page, name)
    before = frames(widget)
    page.drag(widget, [(0.5, 0.5), (0.8, 0.4), (0.7, 0.1)])
    assert page.settled(widget) == pytest.approx(
        place_on(page, name, 0.7, 0.1), abs=0.05
    )
    assert frames(widget) > before + 1
    assert_shows(page, widget, f"{name}.z", "model")


def test_the_picture_follows_a_finger(page: NotebookPage) -> None:
    widget = pad(page)
    page.touch(widget, [(0.5, 0.5), (0.4, 0.6), (0.3, 0.7), (0.2, 0.75)])
    assert page.settled(widget) == pytest.approx(
        place_on(page, "pad", 0.2, 0.75), abs=0.05
    )
    assert_shows(page, widget, "pad.z", "model")


@pytest.mark.parametrize("name", ["pad", "slow"])
def test_arrow_keys(page: NotebookPage, name: str) -> None:
    widget = pad(page, name)
    step = page.ask(f"{name}._scene['step']")
    widget.get_by_role("slider", name="z₁").focus()
    keys = page.page.keyboard
    keys.press("Home")
    assert page.settled(widget) == [0, 0]
    keys.press("ArrowRight")
    keys.press("Shift+ArrowUp")
    expect(widget.get_by_role("slider", name="z₂")).to_be_focused()
    assert page.settled(widget) == pytest.approx([step, 10 * step])
    keys.press("ArrowLeft")
    keys.press("ArrowLeft")
    keys.press("ArrowDown")
    assert page.settled(widget) == pytest.approx([-step, 9 * step])
    assert_shows(page, widget, f"{name}.z", "model")
    for _ in range(20):
        keys.press("Shift+ArrowDown")
    assert page.settled(widget)[1] == pytest.approx(
        page.ask(f"{name}._scene['low'][1]"), abs=1e-3
    )
    keys.press("Home")
    assert page.settled(widget) == [0, 0]
    assert page.ask(f"{name}.z") == [0, 0]


def test_a_reader_hears_names_and_values(page: NotebookPage) -> None:
    widget = pad(page)
    page.ask("setattr(pad, 'z', [0.5, -1.25])")
    expect(widget).to_have_attribute("data-z", "0.500,-1.250")
    expect(widget).to_have_role("group")
    expect(widget).to_have_accessible_name("Latent pad")
    for name in ("z₁", "z₂"):
        slider = widget.get_by_role("slider", name=name, exact=True)
        expect(slider).to_have_attribute("aria-valuetext", "z₁ 0.50, z₂ −1.25")
    expect(widget.get_by_role("img")).to_have_accessible_name(
        "The picture decoded from the point"
    )
    # One stop on the way through the page, not two.
    assert widget.locator("input[tabindex='0']").count() == 1


def test_python_moves_the_point(page: NotebookPage) -> None:
    for name in ("pad", "slow"):
        page.ask(f"setattr({name}, 'z', [1.5, -0.5])")
        widget = pad(page, name)
        expect(widget).to_have_attribute("data-z", "1.500,-0.500")
        assert_shows(page, widget, f"{name}.z", "model")
    # Beyond the plane the picture still follows; the point stays at the edge.
    page.ask("setattr(pad, 'z', [50, 0])")
    expect(pad(page)).to_have_attribute("data-z", "50.000,0.000")
    page.ask("setattr(pad, 'z', [0, 0])")
    expect(pad(page)).to_have_attribute("data-z", "0.000,0.000")


def hurry(page: NotebookPage, widget: Locator, moves: int) -> list[float]:
    """Many moves at once, sent without waiting for the page; returns the last
    place as fractions of the pad."""
    box = widget.locator(".vl-pad").bounding_box()
    assert box is not None
    chance = random.Random(0)
    session = page.page.context.new_cdp_session(page.page)
    places = [
        (chance.uniform(0.1, 0.9), chance.uniform(0.1, 0.9)) for _ in range(moves)
    ]
    kinds = ["mousePressed", *["mouseMoved"] * (moves - 2), "mouseReleased"]
    places[-1] = places[-2]
    for kind, (x, y) in zip(kinds, places, strict=True):
        session.send(
            "Input.dispatchMouseEvent",
            {
                "type": kind,
                "x": box["x"] + x * box["width"],
                "y": box["y"] + y * box["height"],
                "button": "left",
                "buttons": 0 if kind == "mouseReleased" else 1,
                "clickCount": 1,
            },
        )
    session.detach()
    return list(places[-1])


@pytest.mark.parametrize("name", ["pad", "slow"])
def test_the_last_picture_belongs_to_the_last_position(
    page: NotebookPage, name: str
) -> None:
    widget = pad(page, name)
    last = hurry(page, widget, 60)
    at_release = frames(widget)
    shown = page.settled(widget, quiet=1)
    assert shown == pytest.approx(place_on(page, name, *last), abs=0.05)
    assert_shows(page, widget, f"{name}.z", "model")
    # Nothing was queued: at most three on their way, and the last position.
    assert frames(widget) - at_release <= 4


def test_two_views_of_one_widget_move_together(page: NotebookPage) -> None:
    again = pad(page, "pad again")
    page.drag(again, [(0.5, 0.5), (0.25, 0.25)])
    there = page.settled(again)
    assert there == pytest.approx(place_on(page, "pad", 0.25, 0.25), abs=0.05)
    assert page.settled(pad(page)) == there


def test_an_error_in_the_decoder_is_shown_and_passes(page: NotebookPage) -> None:
    widget = pad(page, "moody")
    page.ask("setattr(moody, 'z', [2, 0])")
    alert = widget.get_by_role("alert")
    expect(alert).to_have_text("RuntimeError: no pictures beyond 1")
    assert code(widget) != [2, 0]
    page.ask("setattr(moody, 'z', [-2, 0])")
    expect(widget).to_have_attribute("data-z", "-2.000,0.000")
    expect(alert).to_have_count(0)
    expect(widget).to_contain_text("Moody.decode is not vaelib's own")


def test_refresh_shows_what_the_model_has_become(page: NotebookPage) -> None:
    widget = pad(page)
    before = page.pixels(widget)
    try:
        page.ask(
            "[p.data.neg_() for p in model.decoder.parameters()] and pad.refresh()"
        )
        assert_shows(page, widget, "pad.z", "model")
        assert page.pixels(widget) != before
    finally:
        page.ask(
            "[p.data.neg_() for p in model.decoder.parameters()] and pad.refresh()"
        )
    assert_shows(page, widget, "pad.z", "model")
    assert page.pixels(widget) == before


# -------------------------------------------------------------------- the sliders


def test_a_slider_is_dragged(page: NotebookPage) -> None:
    widget = page.widget("latent-sliders")
    for i, fraction in ((2, 0.75), (4, 0.25)):
        on = f"input >> nth={i}"
        page.drag(widget, [(0.5, 0.5), (fraction, 0.5)], on=on)
    shown = page.settled(widget)
    assert shown == pytest.approx([0, 0, 1.5, 0, -1.5], abs=0.2)
    assert_shows(page, widget, "sliders.z", "deep")


def test_sliders_by_keyboard(page: NotebookPage) -> None:
    widget = page.widget("latent-sliders")
    widget.get_by_role("button", name="Reset").press("Enter")
    expect(widget).to_have_attribute("data-z", ",".join(["0.000"] * 5))
    slider = widget.get_by_role("slider", name="z₂", exact=True)
    slider.focus()
    keys = page.page.keyboard
    keys.press("ArrowRight")
    keys.press("Shift+ArrowRight")
    keys.press("ArrowDown")
    expect(widget).to_have_attribute("data-z", "0.000,0.500,0.000,0.000,0.000")
    expect(slider).to_have_attribute("aria-valuetext", "0.50")
    keys.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0.00")
    assert_shows(page, widget, "sliders.z", "deep")


def test_random_codes_differ_and_reach_python(page: NotebookPage) -> None:
    widget = page.widget("latent-sliders")
    seen = []
    for _ in range(3):
        widget.get_by_role("button", name="Random").click()
        seen.append(page.settled(widget))
        assert_shows(page, widget, "sliders.z", "deep")
    assert len({tuple(z) for z in seen}) == 3
    page.ask("setattr(sliders, 'z', torch.tensor([1., 2, -1, 0, 0.5]))")
    expect(widget).to_have_attribute("data-z", "1.000,2.000,-1.000,0.000,0.500")


# -------------------------------------------------------------------- the drawing


def assert_encodes(page: NotebookPage, name: str) -> None:
    """mu and sigma, as the page found them, are torch's of the picture it sent."""
    x, mu, sigma = page.ask(f"[{name}.x.flatten().tolist(), {name}.mu, {name}.sigma]")
    q = f"model.posterior({name}.x[None])"
    assert mu == pytest.approx(page.ask(f"{q}.mean[0].tolist()"), abs=1e-3)
    assert sigma == pytest.approx(page.ask(f"{q}.stddev[0].tolist()"), rel=1e-3)
    assert len(x) == 784


@pytest.mark.parametrize("name", ["draw", "distant"])
def test_a_drawing_is_encoded(page: NotebookPage, name: str) -> None:
    widget = drawing(page, name)
    page.drag(widget, SEVEN, on=".vl-canvas")
    shown = page.settled(widget, quiet=0.8)
    assert_encodes(page, name)
    assert_shows(page, widget, f"{name}.z", "model")
    assert shown == pytest.approx(page.ask(f"{name}.mu"), abs=1e-3)
    x = page.ask(f"{name}.x[0].tolist()")
    # A seven: a bar above, a stroke that ends below, its weight in the middle.
    assert sum(map(sum, x)) > 20
    across = sum(v * (i + 0.5) for row in x for i, v in enumerate(row))
    assert across / sum(map(sum, x)) == pytest.approx(14, abs=0.3)
    seen = page.pixels(widget, on=".vl-x")
    assert seen == pytest.approx([v for row in x for v in row], abs=EIGHT_BIT)


def test_a_finger_draws(page: NotebookPage) -> None:
    widget = drawing(page)
    widget.get_by_role("button", name="Clear").click()
    page.settled(widget)
    assert page.ask("float(draw.x.sum())") == 0
    path = [(0.5, 0.2 + 0.05 * i) for i in range(12)]
    page.touch(widget, path, on=".vl-canvas")
    page.settled(widget, quiet=0.8)
    assert page.ask("float(draw.x.sum())") > 20
    assert_encodes(page, "draw")


def test_two_strokes_are_one_drawing(page: NotebookPage) -> None:
    widget = drawing(page)
    widget.get_by_role("button", name="Clear").click()
    for x in (0.3, 0.7):
        page.drag(widget, [(x, 0.3), (x, 0.7)], on=".vl-canvas")
        # Long enough for Jupyter's echo of the first stroke to come back.
        page.settled(widget, quiet=1)
    inked = page.ask("(draw.x[0].amax(0) > 0.5).nonzero().flatten().tolist()")
    assert inked[-1] - inked[0] > 12
    assert_encodes(page, "draw")


@pytest.mark.parametrize("name", ["draw", "distant"])
def test_samples_are_drawn_from_the_posterior(page: NotebookPage, name: str) -> None:
    widget = drawing(page, name)
    mu, sigma = page.ask(f"[{name}.mu, {name}.sigma]")
    seen = []
    for _ in range(4):
        widget.get_by_role("button", name="Sample").click()
        z = page.settled(widget)
        seen.append(tuple(z))
        assert_shows(page, widget, f"{name}.z", "model")
        for value, m, s in zip(z, mu, sigma, strict=True):
            assert abs(value - m) < 6 * s + 1e-3
    assert len(set(seen)) == 4
    widget.get_by_role("button", name="Mean").click()
    assert page.settled(widget) == pytest.approx(mu, abs=1e-3)
    assert page.ask(f"{name}.mu") == mu


@pytest.mark.parametrize("name", ["draw", "distant"])
def test_an_example_is_chosen_by_keyboard(page: NotebookPage, name: str) -> None:
    widget = drawing(page, name)
    chosen = widget.get_by_role("combobox", name="Example")
    chosen.focus()
    chosen.press("ArrowDown")
    chosen.press("ArrowDown")
    page.settled(widget, quiet=0.8)
    index = int(chosen.input_value())
    error = f"({name}.x - {name}._pictures[{index}]).abs().max().item()"
    assert page.ask(error) <= 0.5 / 255 + 1e-6
    assert_encodes(page, name)


def test_python_puts_a_picture_on_the_canvas(page: NotebookPage) -> None:
    widget = drawing(page)
    page.ask("setattr(draw, 'x', data.x[17])")
    page.settled(widget, quiet=0.8)
    seen = page.pixels(widget, on=".vl-x")
    assert seen == pytest.approx(page.ask("data.x[17].flatten().tolist()"), abs=0.003)
    assert_encodes(page, "draw")
    again = drawing(page, "draw again")
    assert page.settled(again) == page.settled(widget)
    assert page.pixels(again, on=".vl-x") == seen


# --------------------------------------------------------------------- everything


def test_typed_letters_never_become_commands(page: NotebookPage) -> None:
    before = page.cells()
    controls = [
        pad(page).get_by_role("slider", name="z₁"),
        page.widget("latent-sliders").get_by_role("slider", name="z₃"),
        page.widget("latent-sliders").get_by_role("button", name="Random"),
        drawing(page).get_by_role("button", name="Clear"),
        drawing(page).get_by_role("combobox", name="Example"),
    ]
    for control in controls:
        control.focus()
        for key in ["b", "a", "d", "d", "x", "m", "y", "z", "0", "0", "Shift+M"]:
            page.page.keyboard.press(key)
        assert page.cells() == before
    assert page.page.locator(".jp-Dialog").count() == 0
    # What JupyterLab asks for; stopping the event is for those that do not ask.
    roots, asking = "[data-vl]", "[data-vl][data-lm-suppress-shortcuts='true']"
    assert page.page.locator(asking).count() == page.page.locator(roots).count() > 0


def test_every_control_has_a_name(page: NotebookPage) -> None:
    controls = page.page.locator("[data-vl]").locator("button, input, select, canvas")
    for control in controls.all():
        if control.get_attribute("aria-hidden") != "true":
            expect(control).to_have_accessible_name(re.compile(r"\S"))


def test_the_notebook_keeps_a_still_picture_with_words(page: NotebookPage) -> None:
    outputs = page.page.evaluate(
        """() => jupyterapp.shell.currentWidget.content.model.toJSON()
            .cells.flatMap((cell) => cell.outputs)"""
    )
    assert len(outputs) == len(CELLS) - 1
    for output in outputs:
        assert output["data"]["image/png"].startswith("iVBOR")
        assert "decoded at" in output["metadata"]["image/png"]["alt"]


KINDS = ["latent-pad", "latent-sliders", "draw-and-encode"]


@pytest.mark.parametrize("kind", KINDS)
def test_light_and_dark(page: NotebookPage, kind: str) -> None:
    brightness = {}
    for theme in ("Light", "Dark"):
        page.theme(f"JupyterLab {theme}")
        shot = page.widget(kind).screenshot()
        image = Image.open(io.BytesIO(shot)).convert("L")
        counts = image.histogram()
        assert sum(count > 0 for count in counts) > 40
        brightness[theme] = sum(v * n for v, n in enumerate(counts)) / sum(counts)
    page.theme("JupyterLab Light")
    assert brightness["Dark"] < brightness["Light"] - 30


@pytest.mark.parametrize("kind", KINDS)
def test_a_narrow_screen(page: NotebookPage, kind: str) -> None:
    size = page.page.viewport_size
    try:
        page.page.set_viewport_size({"width": 320, "height": 700})
        widget = page.widget(kind)
        too_wide = widget.evaluate(
            """root => [root, ...root.querySelectorAll("*:not(svg *)")].filter((node) =>
                node.getBoundingClientRect().right
                    > root.parentElement.getBoundingClientRect().right + 1)
                .map((node) => node.outerHTML)"""
        )
        assert too_wide == []
    finally:
        assert size is not None
        page.page.set_viewport_size(size)


IN_PAGE = """async ({ text, packed, x }) => {
    const parts = text.replace("export default", "export { compile };\\nconst front =");
    const url = URL.createObjectURL(new Blob([parts], { type: "text/javascript" }));
    const { compile } = await import(url);
    const bytes = Uint8Array.from(atob(packed.weights), (c) => c.charCodeAt(0));
    const net = compile({ ...packed, weights: new DataView(bytes.buffer) });
    return x.map((one) => Array.from(net(Float32Array.from(one))));
}"""


@pytest.mark.parametrize("name", ["pad", "sliders", "draw"])
def test_page_and_kernel_decode_alike(page: NotebookPage, name: str) -> None:
    packed = page.ask(
        f"{{**{name}._decoder, 'weights':"
        f" __import__('base64').b64encode({name}._decoder['weights']).decode()}}"
    )
    model = "deep" if name == "sliders" else "model"
    z = page.ask(f"(2 * {model}.prior.sample((20,))).tolist()")
    question = {"text": esm.module("latent_pad"), "packed": packed, "x": z}
    got = page.page.evaluate(IN_PAGE, question)
    for one, pixels in zip(z, got, strict=True):
        wanted = page.ask(f"decoded({one}, {model})")
        assert pixels == pytest.approx(wanted, abs=1e-3)
