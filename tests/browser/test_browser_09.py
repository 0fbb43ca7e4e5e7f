"""Lesson 09 in JupyterLab: a path over the plane, a wall of samples, arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from alone import Alone
from labpage import NotebookPage, code, frames
from playwright.sync_api import Locator, expect

import vaelib as vl
from vaelib.widgets import LatentArithmetic, PathOnPlane, SamplesWall

OPTIONS = {"has_touch": True, "timeout": 500}


def decoded(page: NotebookPage, model: str, name: str) -> list[float]:
    """What Python paints at a widget's code."""
    wanted: list[float] = page.ask(
        f"{model}.decode(torch.tensor([{name}.z]).to(data.x.device))"
        ".clamp(0, 1).flatten().tolist()"
    )
    return wanted


def assert_follows(
    page: NotebookPage, widget: Locator, model: str, name: str
) -> list[float]:
    """Page and Python agree on the code, and on the picture at it."""
    shown = page.settled(widget)
    assert page.ask(f"{name}.z") == pytest.approx(shown, abs=1e-3)
    assert page.pixels(widget) == pytest.approx(
        decoded(page, model, name), abs=0.51 / 255 + 1e-3
    )
    return shown


def test_both_predictions_are_answered(page: NotebookPage) -> None:
    told = page.guess("during the first 300 steps", "both fall")
    assert "The answer: the KL rises. ✗" in told
    told = page.guess("Whose halfway pictures", "less than ten points apart")
    assert "The answer: less than ten points apart. ✓" in told


def test_what_is_further_is_closed_at_first(page: NotebookPage) -> None:
    heading = page.page.get_by_role("heading", name="Arithmetic with codes · further")
    expect(heading).to_be_visible()
    inside = page.page.get_by_text("Turn the weights of", exact=False).first
    expect(inside).not_to_be_visible()


def opened(page: NotebookPage, kind: str) -> Locator:
    """The widget, which may stand in a section that is closed at first."""
    page.page.evaluate(
        "() => jupyterapp.commands.execute('notebook:expand-all-headings')"
    )
    return page.widget(kind)


# ---------------------------------------------------------------- path on plane


def place(page: NotebookPage, x: float, y: float) -> list[float]:
    low, high = page.ask("[route._scene['low'], route._scene['high']]")
    return [low[0] + x * (high[0] - low[0]), high[1] - y * (high[1] - low[1])]


@pytest.mark.parametrize("how", ["drag", "touch"])
def test_a_path_is_drawn(page: NotebookPage, how: str) -> None:
    walk = page.widget("path-on-plane")
    before = frames(walk)
    corners = [(0.2, 0.8), (0.5, 0.3), (0.8, 0.6)]
    getattr(page, how)(walk, corners)
    shown = assert_follows(page, walk, "model", "route")
    assert frames(walk) > before + 1
    assert shown == pytest.approx(place(page, *corners[-1]), abs=0.1)
    path = page.ask("route.path")
    assert path[0] == pytest.approx(place(page, *corners[0]), abs=0.1)
    assert len(path) == int(walk.get_attribute("data-points") or 0) > 2
    assert page.ask("route.t") == 1


def test_the_scrubber_goes_along_it(page: NotebookPage) -> None:
    walk = page.widget("path-on-plane")
    page.ask("setattr(route, 'path', [[-1, -1], [1, -1], [1, 1]])")
    expect(walk).to_have_attribute("data-points", "3")
    scrub = walk.get_by_role("slider", name="Place on the path")
    scrub.focus()
    page.page.keyboard.press("Home")
    assert assert_follows(page, walk, "model", "route") == [-1, -1]
    page.page.keyboard.press("End")
    assert assert_follows(page, walk, "model", "route") == [1, 1]
    page.drag(walk, [(0.9, 0.5), (0.5, 0.5)], on="[aria-label='Place on the path']")
    shown = assert_follows(page, walk, "model", "route")
    assert shown == pytest.approx([1, -1], abs=0.2)
    wanted = page.ask("route.along(2001)[round(2000 * route.t)].tolist()")
    assert shown == pytest.approx(wanted, abs=2e-3)


def test_the_strip_is_the_path(page: NotebookPage) -> None:
    walk = page.widget("path-on-plane")
    page.settled(walk)
    pixels = page.pixels(walk, on=".vl-strip")
    width = 12 * 29 - 1
    wanted = page.ask(
        "model.decode(route.along(12).to(data.x.device)).clamp(0, 1).tolist()"
    )
    for i in (0, 5, 11):
        tile = [
            pixels[row * width + i * 29 + column]
            for row in range(28)
            for column in range(28)
        ]
        flat = [v for row in wanted[i][0] for v in row]
        assert tile == pytest.approx(flat, abs=0.51 / 255 + 1e-3)


def test_play_runs_to_the_end(page: NotebookPage) -> None:
    walk = page.widget("path-on-plane")
    page.ask("setattr(route, 't', 0.7)")
    before = frames(walk)
    walk.get_by_role("button", name="Play").click()
    expect(walk.get_by_role("button", name="Play")).to_be_visible(timeout=15000)
    shown = assert_follows(page, walk, "model", "route")
    assert shown == pytest.approx(page.ask("route.path[-1]"), abs=1e-3)
    assert frames(walk) > before + 5


def test_keys_add_move_and_remove_points(page: NotebookPage) -> None:
    cells = page.cells()
    walk = page.widget("path-on-plane")
    page.ask("setattr(route, 'path', [[0, 0]])")
    expect(walk).to_have_attribute("data-points", "1")
    walk.get_by_role("slider", name="Path z₁").focus()
    for key in ("ArrowUp", "Enter", "Shift+ArrowRight", "b", "Enter", "Backspace"):
        page.page.keyboard.press(key)
    shown = assert_follows(page, walk, "model", "route")
    path = page.ask("route.path")
    assert len(path) == 2
    step = page.ask("route._scene['step']")
    assert path[0] == pytest.approx([0, step], abs=1e-3)
    assert shown == pytest.approx([15 * step, step], abs=2e-3)
    walk.get_by_role("button", name="Remove the last").click()
    expect(walk).to_have_attribute("data-points", "1")
    walk.get_by_role("button", name="Remove the last").click()
    expect(walk).to_have_attribute("data-points", "1")
    assert page.cells() == cells


# ----------------------------------------------------------------- samples wall


def test_new_samples_at_another_temperature(page: NotebookPage) -> None:
    wall = page.widget("samples-wall")
    before = page.settled(wall)
    wall.get_by_role("button", name="New samples").click()
    expect(wall).to_have_attribute("data-wall", "1")
    shown = assert_follows(page, wall, "deep", "wall")
    assert shown != before
    page.drag(wall, [(0.34, 0.5), (0.05, 0.5)], on="[aria-label='Temperature']")
    cool = assert_follows(page, wall, "deep", "wall")
    t = page.ask("wall.temperature")
    assert 0 <= t < 0.5
    assert cool == pytest.approx([t * v for v in shown], abs=2e-3)
    heat = wall.get_by_role("slider", name="Temperature")
    heat.focus()
    page.page.keyboard.press("Home")
    assert max(map(abs, assert_follows(page, wall, "deep", "wall"))) == 0
    page.ask("setattr(wall, 'temperature', 1.0)")
    expect(wall).to_have_attribute("data-temperature", "1")
    assert_follows(page, wall, "deep", "wall")


def test_a_picture_of_the_wall_is_chosen(page: NotebookPage) -> None:
    wall = page.widget("samples-wall")
    page.drag(wall, [(0.45, 0.5)], on=".vl-tiles")
    expect(wall).to_have_attribute("data-tile", "19")
    assert_follows(page, wall, "deep", "wall")
    for key in ("ArrowRight", "ArrowDown", "x"):
        page.page.keyboard.press(key)
    expect(wall).to_have_attribute("data-tile", "28")
    assert_follows(page, wall, "deep", "wall")
    pixels, width = page.pixels(wall, on=".vl-wall"), 8 * 29 - 1
    top, left = 28 // 8 * 29, 28 % 8 * 29
    tile = [
        pixels[(top + row) * width + left + column]
        for row in range(28)
        for column in range(28)
    ]
    assert tile == pytest.approx(page.pixels(wall), abs=1e-6)


# ------------------------------------------------------------ latent arithmetic


def test_weights_and_terms(page: NotebookPage) -> None:
    sums = opened(page, "latent-arithmetic")
    first = assert_follows(page, sums, "deep", "sums")
    page.drag(sums, [(0.62, 0.5), (0.95, 0.5)], on="[aria-label='Weight of a']")
    second = assert_follows(page, sums, "deep", "sums")
    assert second != first
    assert page.ask("sums.weights[0]") > 1
    sums.get_by_role("combobox", name="c").select_option(label="mean of all 3s")
    third = assert_follows(page, sums, "deep", "sums")
    assert page.ask("sums.names[sums.terms[2]]") == "mean of all 3s"
    wanted = page.ask("(torch.tensor(sums.weights) @ sums.codes[sums.terms]).tolist()")
    assert third == pytest.approx(wanted, abs=1e-3)
    sums.get_by_role("slider", name="Weight of b").focus()
    page.page.keyboard.press("Home")
    assert_follows(page, sums, "deep", "sums")
    assert page.ask("sums.weights[1]") == 0
    sums.get_by_role("button", name="a − b + c").click()
    assert_follows(page, sums, "deep", "sums")
    assert page.ask("sums.weights") == [1, -1, 1]


def test_python_chooses(page: NotebookPage) -> None:
    sums = opened(page, "latent-arithmetic")
    page.ask("(setattr(sums, 'terms', [3, 4, 5]), sums.terms)[1]")
    expect(sums).to_have_attribute("data-terms", "3,4,5")
    assert_follows(page, sums, "deep", "sums")


# ------------------------------------------------------------------- all of them

KINDS = ("path-on-plane", "samples-wall", "latent-arithmetic")


@pytest.mark.parametrize("width", [360, 320])
@pytest.mark.parametrize("kind", KINDS)
def test_a_narrow_screen(page: NotebookPage, kind: str, width: int) -> None:
    size = page.page.viewport_size
    try:
        page.page.set_viewport_size({"width": width, "height": 700})
        wide = opened(page, kind).evaluate(
            """root => [...root.querySelectorAll("*:not(svg *)")].filter((node) =>
                node.getBoundingClientRect().right
                    > root.parentElement.getBoundingClientRect().right + 1)
                .map((node) => node.outerHTML.slice(0, 80))"""
        )
        assert wide == []
    finally:
        assert size is not None
        page.page.set_viewport_size(size)


@pytest.mark.parametrize("kind", KINDS)
def test_every_control_has_a_name(page: NotebookPage, kind: str) -> None:
    widget = opened(page, kind)
    expect(widget).to_have_accessible_name(
        {
            "path-on-plane": "A path on the latent plane",
            "samples-wall": "A wall of samples",
            "latent-arithmetic": "Arithmetic with codes",
        }[kind]
    )
    for control in widget.locator("input, select, button").all():
        name = control.get_attribute("aria-label") or control.inner_text()
        assert name.strip()


# -------------------------------------------------------------- without a kernel


@pytest.mark.parametrize("widget", [PathOnPlane, SamplesWall, LatentArithmetic])
def test_it_lives_without_a_kernel_on_a_narrow_screen(
    alone: Alone, widget: Any
) -> None:
    x = torch.rand(30, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    shown = widget(vl.mlp_vae((1, 8, 8), 2, (16,)), (x, torch.arange(30) % 3))
    root = alone(shown, viewport={"width": 360, "height": 900})
    expect(root).not_to_have_attribute("data-frame", "0")
    assert code(root) == pytest.approx(shown.z, abs=1e-3)
    assert root.page.evaluate("document.documentElement.scrollWidth") <= 360
    before = root.get_attribute("data-z")
    root.get_by_role("slider").first.focus()
    root.page.keyboard.press("ArrowLeft" if widget is not SamplesWall else "ArrowRight")
    expect(root).not_to_have_attribute("data-z", str(before))
    root.page.wait_for_timeout(300)  # Python is told ten times a second
    assert root.page.evaluate("model.get('z')") == pytest.approx(code(root), abs=1e-3)
