"""The same front ends without any kernel: a page opened from disk, with nothing
but what the widget's state holds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from alone import Alone
from labpage import code
from playwright.sync_api import expect

import vaelib as vl
from vaelib.widgets import DrawAndEncode, LatentPad, LatentSliders


@pytest.fixture(scope="module")
def model() -> vl.VAE:
    made = vl.mlp_vae((1, 8, 8), 2, (16,))
    with torch.no_grad():
        for value in made.parameters():
            value.mul_(3)
    return made


def picture(root: Any) -> str:
    found: str = root.locator(".vl-decoded").evaluate("canvas => canvas.toDataURL()")
    return found


def test_the_pad(alone: Alone, model: vl.VAE) -> None:
    root = alone(LatentPad(model))
    before = picture(root)
    box = root.locator(".vl-pad").bounding_box()
    root.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    root.page.mouse.down()
    root.page.mouse.move(box["x"] + box["width"], box["y"], steps=5)
    root.page.mouse.up()
    expect(root).to_have_attribute("data-z", "3.240,3.240")
    assert picture(root) != before
    root.page.keyboard.press("Home")
    expect(root).to_have_attribute("data-z", "0.000,0.000")
    assert picture(root) == before


def test_the_sliders(alone: Alone, model: vl.VAE) -> None:
    root = alone(LatentSliders(model))
    before = picture(root)
    root.get_by_role("slider", name="z₂").focus()
    root.page.keyboard.press("Shift+ArrowRight")
    expect(root).to_have_attribute("data-z", "0.000,0.500")
    assert picture(root) != before
    root.get_by_role("button", name="Reset").click()
    expect(root).to_have_attribute("data-z", "0.000,0.000")
    assert picture(root) == before


def test_the_drawing(alone: Alone, model: vl.VAE) -> None:
    x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    draw = DrawAndEncode(model, x)
    root = alone(draw)
    frame = 1
    for i in (3, 1):
        root.get_by_role("combobox").select_option(str(i))
        # Examples travel in 255 steps.
        x = (draw._pictures[i : i + 1] * 255).round() / 255
        wanted = model.encode(x)[0].tolist()
        expect(root).to_have_attribute("data-frame", str(frame := frame + 1))
        assert code(root) == pytest.approx(wanted, abs=1.5e-3)


def test_a_code_without_width_cannot_be_sampled(alone: Alone) -> None:
    shape = (1, 8, 8)
    certain = vl.Autoencoder(vl.MLP(shape, (8,), 2), vl.MLP(2, (8,), shape))
    root = alone(DrawAndEncode(certain))
    expect(root.get_by_role("button", name="Sample")).to_be_disabled()
    expect(root).to_contain_text("the code of x")


@pytest.mark.parametrize("dark", [False, True])
def test_the_system_s_theme(alone: Alone, model: vl.VAE, dark: bool) -> None:
    root = alone(LatentPad(model), color_scheme="dark" if dark else "light")
    root.page.add_style_tag(content=":root { color-scheme: light dark }")
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
