"""The same front ends without any kernel: a page opened from disk, with nothing
but what the widget's state holds."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from labpage import code
from playwright.sync_api import Browser, Page, expect

import vaelib as vl
from vaelib.widgets import DrawAndEncode, LatentPad, LatentSliders, esm

HOST = """<!doctype html><meta charset="utf-8"><title>static</title>
<style>%(style)s</style><div id="here"></div>
<script>%(script)s</script>
<script>
const bytes = (text) => new DataView(
  Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const state = JSON.parse(%(state)s, (key, value) => value?.bytes !== undefined
  ? bytes(value.bytes) : value);
const listeners = [];
globalThis.model = {
  get: (name) => state[name],
  set(name, value) {
    state[name] = value;
    for (const [event, f] of listeners) if (event === "change:" + name) f();
  },
  save_changes() {},
  on: (event, f) => listeners.push([event, f]),
  off() {},
  send() { throw new Error("there is no kernel here"); },
};
vaelibWidgets[%(name)s].render({ model, el: document.getElementById("here") });
</script>"""


def as_page(widget: Any, name: str) -> str:
    """A whole page for one widget; binary state in base64."""

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return {"bytes": base64.b64encode(value).decode()}
        raise TypeError(type(value).__name__)

    state = {k: v for k, v in widget.get_state().items() if k not in ("_esm", "_css")}
    state.pop("layout")
    return HOST % {
        "style": esm.style(),
        "script": esm.script(name),
        "state": json.dumps(json.dumps(state, default=plain)),
        "name": json.dumps(name),
    }


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on(
        "request",
        lambda request: request.url.startswith("file:") or heard.append(request.url),
    )
    yield page
    context.close()
    assert heard == []


@pytest.fixture(scope="module")
def model() -> vl.VAE:
    made = vl.mlp_vae((1, 8, 8), 2, (16,))
    with torch.no_grad():
        for value in made.parameters():
            value.mul_(3)
    return made


def open_page(tab: Page, folder: Path, widget: Any, name: str) -> Any:
    file = folder / f"{name}.html"
    file.write_text(as_page(widget, name), encoding="utf-8")
    tab.goto(file.as_uri())
    root = tab.locator("[data-vl]")
    expect(root).not_to_have_attribute("data-frame", "0")
    return root


def picture(root: Any) -> str:
    found: str = root.locator(".vl-decoded").evaluate("canvas => canvas.toDataURL()")
    return found


def test_the_pad(tab: Page, tmp_path: Path, model: vl.VAE) -> None:
    root = open_page(tab, tmp_path, LatentPad(model), "latent_pad")
    before = picture(root)
    box = root.locator(".vl-pad").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"], box["y"], steps=5)
    tab.mouse.up()
    expect(root).to_have_attribute("data-z", "3.240,3.240")
    assert picture(root) != before
    tab.keyboard.press("Home")
    expect(root).to_have_attribute("data-z", "0.000,0.000")
    assert picture(root) == before


def test_the_sliders(tab: Page, tmp_path: Path, model: vl.VAE) -> None:
    root = open_page(tab, tmp_path, LatentSliders(model), "latent_sliders")
    before = picture(root)
    root.get_by_role("slider", name="z₂").focus()
    tab.keyboard.press("Shift+ArrowRight")
    expect(root).to_have_attribute("data-z", "0.000,0.500")
    assert picture(root) != before
    root.get_by_role("button", name="Reset").click()
    expect(root).to_have_attribute("data-z", "0.000,0.000")
    assert picture(root) == before


def test_the_drawing(tab: Page, tmp_path: Path, model: vl.VAE) -> None:
    x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    draw = DrawAndEncode(model, x)
    root = open_page(tab, tmp_path, draw, "draw_and_encode")
    frame = 1
    for i in (3, 1):
        root.get_by_role("combobox").select_option(str(i))
        # Examples travel in 255 steps.
        x = (draw._pictures[i : i + 1] * 255).round() / 255
        wanted = model.encode(x)[0].tolist()
        expect(root).to_have_attribute("data-frame", str(frame := frame + 1))
        assert code(root) == pytest.approx(wanted, abs=1.5e-3)


def test_a_code_without_width_cannot_be_sampled(tab: Page, tmp_path: Path) -> None:
    shape = (1, 8, 8)
    certain = vl.Autoencoder(vl.MLP(shape, (8,), 2), vl.MLP(2, (8,), shape))
    root = open_page(tab, tmp_path, DrawAndEncode(certain), "draw_and_encode")
    expect(root.get_by_role("button", name="Sample")).to_be_disabled()
    expect(root).to_contain_text("the code of x")


@pytest.mark.parametrize("dark", [False, True])
def test_the_system_s_theme(
    browser: Browser, tmp_path: Path, model: vl.VAE, dark: bool
) -> None:
    context = browser.new_context(color_scheme="dark" if dark else "light")
    page = context.new_page()
    root = open_page(page, tmp_path, LatentPad(model), "latent_pad")
    page.add_style_tag(content=":root { color-scheme: light dark }")
    ground, text = root.evaluate(
        """root => [
            getComputedStyle(root.querySelector(".vl-plane")).backgroundColor,
            getComputedStyle(root).color,
        ].map((colour) => {
            const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number);
            return red + green + blue;
        })"""
    )
    assert (ground < text) == dark
    context.close()
