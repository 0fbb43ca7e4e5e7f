"""Lesson 13 in JupyterLab: the guesses, and its maps dragged; and without a kernel."""

from __future__ import annotations

import pytest
import torch
from alone import Alone
from labpage import NotebookPage, code, frames
from playwright.sync_api import Locator, expect

import vaelib as vl
from vaelib.widgets import ReceptiveField

OPTIONS = {"timeout": 500}


def map_of(k: int) -> str:
    return f".vl-map:nth-child({k + 1}) .vl-pad"


def lit(widget: Locator) -> list[int]:
    """Rows and columns of the input that light up."""
    return [int(v) for v in (widget.get_attribute("data-field") or "").split(",")]


@pytest.fixture
def widget(page: NotebookPage) -> Locator:
    """The first network, with a place that no test leaves behind."""
    page.ask("setattr(field, 'network', 'residual CNN')")
    page.ask("setattr(field, 'place', [0, 0, 0])")
    root = page.widget("receptive-field", 0)
    expect(root).to_have_attribute("data-z", "0.000,0.000,0.000")
    return root


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("which has the best ELBO", "attention over patches")
    assert "The answer: a convolutional one. ✗" in told
    told = page.guess("With eight narrower", "worse: the code is ignored")
    assert "✓ Right" in told
    told = page.guess("With 64 latent dimensions", "does not grow")
    assert "✓ Right" in told


def test_a_map_is_dragged_and_its_field_lights_up(
    page: NotebookPage, widget: Locator
) -> None:
    before = frames(widget)
    page.drag(widget, [(0.1, 0.1), (0.5, 0.2), (0.44, 0.3)], on=map_of(1))
    assert page.settled(widget) == [1, 2, 3]
    assert frames(widget) > before + 1
    assert page.ask("field.place") == [1, 2, 3]
    assert lit(widget) == [4, 4]
    assert page.ask("int(field.field().sum())") == 16
    page.drag(widget, [(0.6, 0.6)], on=map_of(2))
    assert page.settled(widget) == [2, 2, 2]
    assert lit(widget) == [10, 10]
    expect(widget).to_contain_text("depends on 10 × 10 pixels of the input")


def test_a_pixel_depends_on_all_of_the_input(
    page: NotebookPage, widget: Locator
) -> None:
    last = page.ask("len(field._made[field.network]) - 1")
    page.drag(widget, [(0.5, 0.5), (0.01, 0.01)], on=map_of(last))
    assert page.settled(widget) == [last, 0, 0]
    assert lit(widget) == [16, 16]
    shown = page.pixels(widget, on=f".vl-map:nth-child({last + 1}) canvas")
    assert len(shown) == 16 * 16


def test_another_network_is_chosen(page: NotebookPage, widget: Locator) -> None:
    widget.get_by_role("combobox", name="Network").select_option("MLP")
    page.settled(widget)
    expect(widget).to_have_attribute("data-network", "MLP")
    assert page.ask("field.network") == "MLP"
    assert page.ask("field.place") == code(widget)
    expect(widget).to_contain_text("32,896 parameters")


def test_the_keyboard_does_the_same(page: NotebookPage, widget: Locator) -> None:
    cells, keys = page.cells(), page.page.keyboard
    widget.get_by_role("slider", name="map").focus()
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    widget.get_by_role("slider", name="row").focus()
    keys.press("Shift+ArrowRight")  # beyond the last row: the last
    keys.press("b")  # would insert a cell, did it reach the notebook
    assert page.settled(widget) == [2, 3, 0]
    assert page.ask("field.place") == [2, 3, 0]
    assert page.cells() == cells
    text = widget.get_by_role("slider", name="row").get_attribute("aria-valuetext")
    assert text is not None
    assert text.startswith("3. Row 3, column 0 of map 2")


def test_kernels_overlap_unevenly(page: NotebookPage) -> None:
    root = page.widget("receptive-field", 1)
    expect(root).to_have_attribute("data-network", "kernel 3")
    last = page.ask("len(ways_field._made['kernel 3']) - 1")
    counts = []
    for column in (6, 7):
        page.drag(root, [((column + 0.5) / 16, 6.5 / 16)], on=map_of(last))
        assert page.settled(root) == [last, 6, column]
        counts.append(page.ask(f"int(ways_field.field({last - 1}).sum())"))
    assert counts == [1, 2]


def test_it_lives_without_a_kernel(alone: Alone) -> None:
    model = vl.conv_vae((1, 8, 12), 2, 3, patch=2)
    root = alone(
        ReceptiveField({"patches": model}, torch.rand(1, 1, 8, 12)),
        viewport={"width": 360, "height": 900},
    )
    assert root.page.evaluate("document.documentElement.scrollWidth") <= 360
    pad = root.locator(map_of(1))
    box = pad.bounding_box()
    assert box is not None
    root.page.mouse.click(box["x"] + 2, box["y"] + 2)
    expect(root).to_have_attribute("data-z", "1.000,0.000,0.000")
    assert lit(root) == [2, 2]
