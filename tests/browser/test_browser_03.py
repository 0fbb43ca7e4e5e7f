"""Lesson 03 in JupyterLab: two planes, each dragged on its own; a path; guesses."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from alone import Alone
from labpage import NotebookPage, code, frames
from playwright.sync_api import Locator, expect

import vaelib as vl
from vaelib.widgets import PadPair

MODELS = ("aes[2][0]", "vaes[2][0]")


OPTIONS = {"has_touch": True, "timeout": 500}


def plane(nth: int) -> str:
    return f".vl-pad >> nth={nth}"


def place_on(page: NotebookPage, nth: int, x: float, y: float) -> list[float]:
    scene = "_scene_b" if nth else "_scene"
    low, high = page.ask(f"[pair.{scene}['low'], pair.{scene}['high']]")
    return [low[0] + x * (high[0] - low[0]), high[1] - y * (high[1] - low[1])]


def assert_follows(page: NotebookPage, pair: Locator) -> list[float]:
    """Both pictures, and both distances, are those of the codes that are shown,
    and Python knows the codes."""
    shown = page.settled(pair)
    assert shown == pytest.approx(page.ask("pair.z + pair.z_b"), abs=6e-4)
    for i, model in enumerate(MODELS):
        z = shown[2 * i : 2 * i + 2]
        on = "next(" + model + ".parameters()).device"
        wanted = page.ask(
            f"{model}.decode(torch.tensor([{z}], device={on})).flatten().tolist()"
        )
        pixels = page.pixels(pair, on=f".vl-decoded >> nth={i}")
        assert pixels == pytest.approx(wanted, abs=0.51 / 255 + 1e-3)
        codes = f"torch.frombuffer(bytearray(pair._codes[{i}]), dtype=torch.float32)"
        away = page.ask(
            f"({codes}.view(-1, 2) - torch.tensor({z})).norm(dim=1).min().item()"
        )
        words = pair.locator(".vl-words-below").nth(i).inner_text()
        found = [float(v) for v in re.findall(r"\d+\.\d+", words)]
        assert found == pytest.approx([away, page.ask(f"pair._gaps[{i}]")], abs=6e-3)
    return shown


@pytest.mark.parametrize("nth", [0, 1])
def test_each_point_is_dragged_on_its_own(page: NotebookPage, nth: int) -> None:
    pair = page.widget("pad-pair")
    before, other = frames(pair), page.settled(pair)
    picture = page.pixels(pair, on=f".vl-decoded >> nth={nth}")
    page.drag(pair, [(0.5, 0.5), (0.8, 0.4), (0.25, 0.2)], on=plane(nth))
    shown = assert_follows(page, pair)
    assert frames(pair) > before + 1
    mine, theirs = slice(2 * nth, 2 * nth + 2), slice(2 - 2 * nth, 4 - 2 * nth)
    wanted = place_on(page, nth, 0.25, 0.2)
    assert shown[mine] == pytest.approx(wanted, abs=0.05)
    assert shown[theirs] == other[theirs]
    moved = page.pixels(pair, on=f".vl-decoded >> nth={nth}")
    assert max(abs(a - b) for a, b in zip(moved, picture, strict=True)) > 0.1


def test_a_finger_drags(page: NotebookPage) -> None:
    pair = page.widget("pad-pair")
    page.touch(pair, [(0.5, 0.5), (0.6, 0.6), (0.7, 0.7)], on=plane(1))
    shown = assert_follows(page, pair)
    assert shown[2:] == pytest.approx(place_on(page, 1, 0.7, 0.7), abs=0.05)


def test_keys_move_one_point(page: NotebookPage) -> None:
    pair = page.widget("pad-pair")
    before = page.settled(pair)
    pair.get_by_role("slider", name="VAE z₁").focus()
    keys = page.page.keyboard
    keys.press("Home")
    keys.press("Shift+ArrowLeft")
    step = page.ask("pair._scene_b['step']")
    assert page.settled(pair) == pytest.approx([*before[:2], -10 * step, 0], abs=6e-4)
    assert_follows(page, pair)


def test_python_moves_both(page: NotebookPage) -> None:
    pair = page.widget("pad-pair")
    page.ask("(setattr(pair, 'z', [1.5, -0.5]), setattr(pair, 'z_b', [0, 1]))[0]")
    expect(pair).to_have_attribute("data-z", "1.500,-0.500,0.000,1.000")
    assert_follows(page, pair)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_the_words_are_legible(page: NotebookPage, theme: str) -> None:
    pair = page.widget("pad-pair")
    page.theme(theme)
    ground, text = pair.evaluate(
        """root => [
            getComputedStyle(root.querySelector(".vl-plane")).backgroundColor,
            getComputedStyle(root.querySelector(".vl-words-below")).color,
        ].map((colour) => {
            const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number);
            return red + green + blue;
        })"""
    )
    assert abs(ground - text) > 200
    page.theme("JupyterLab Light")


@pytest.mark.parametrize("link", [None, "example"])
def test_it_lives_without_a_kernel(alone: Alone, link: Any) -> None:
    x = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    models = vl.PCA(2).fit(x), vl.mlp_vae((1, 8, 8), 2, (16,))
    pair = PadPair(*models, x, ("PCA", "VAE"), link=link)
    root = alone(pair, viewport={"width": 360, "height": 1400})
    expect(root).not_to_have_attribute("data-frame", "0")
    assert root.page.evaluate("document.documentElement.scrollWidth") <= 360
    before = code(root)
    box = root.locator(".vl-pad").nth(1).bounding_box()
    assert box is not None
    root.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    root.page.mouse.down()
    root.page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 20, steps=5)
    root.page.mouse.up()
    root.page.wait_for_timeout(300)
    after = code(root)
    assert after[2:] != before[2:]
    assert (after[:2] != before[:2]) == (link == "example")
    if link:
        with torch.no_grad():
            z = [
                m.encode(pair.x)[int(root.get_attribute("data-example") or -1)]
                for m in models
            ]
        assert after == pytest.approx(torch.cat(z).tolist(), abs=1e-3)


def test_a_path_is_drawn_across_the_gaps(page: NotebookPage) -> None:
    walk = page.widget("path-on-plane")
    before = frames(walk)
    corners = [(0.2, 0.8), (0.5, 0.3), (0.8, 0.6)]
    page.drag(walk, corners)
    shown = page.settled(walk)
    assert frames(walk) > before + 1
    assert shown == pytest.approx(page.ask("across.path[-1]"), abs=6e-4)
    low, high = page.ask("[across._scene['low'], across._scene['high']]")
    wanted = [low[0] + 0.8 * (high[0] - low[0]), high[1] - 0.6 * (high[1] - low[1])]
    assert shown == pytest.approx(wanted, abs=0.1)
    walk.get_by_role("slider", name="Place on the path").focus()
    page.page.keyboard.press("Home")
    assert page.settled(walk) == pytest.approx(page.ask("across.path[0]"), abs=6e-4)


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    near = "neither: within 10 points"
    assert f"The answer: {near}. ✓" in page.guess("Whose random codes", near)
    assert f"The answer: {near}. ✓" in page.guess("Half way between", near)
    assert "The answer: two. ✗" in page.guess("How many of the three", "one")
    for cloud in ("the autoencoder's codes", "an ideal Gaussian"):
        parts = page.page.locator('[data-vl="predict"]').filter(
            has_text=f"round {cloud}"
        )
        parts.first.get_by_role("spinbutton").fill("10")
        parts.first.get_by_role("button", name="This is my guess").click()
        told = parts.last.get_by_role("status")
        told.get_by_text("Your guess: 10 %").wait_for()
        assert re.search(r"The answer: \d+ %", str(told.text_content()))
