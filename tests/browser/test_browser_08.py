"""Lesson 08 as its reader meets it, and its widget without any kernel."""

from __future__ import annotations

import pytest
from alone import Alone
from labpage import NotebookPage, code, frames
from playwright.sync_api import Locator, expect

from vaelib.widgets import TwoGaussians

PLOT = ".vl-chart"


OPTIONS = {"has_touch": True}


def shown_kl(widget: Locator) -> list[float]:
    return [float(v) for v in (widget.get_attribute("data-kl") or "").split(",")]


def handle(widget: Locator, nth: int) -> tuple[float, float]:
    """The middle of a handle as fractions of the pad."""
    box, pad = (
        widget.locator(on).nth(n).bounding_box()
        for on, n in ((".vl-handle", nth), (".vl-pad", 0))
    )
    assert box is not None
    assert pad is not None
    return (
        (box["x"] + box["width"] / 2 - pad["x"]) / pad["width"],
        (box["y"] + box["height"] / 2 - pad["y"]) / pad["height"],
    )


def assert_agrees(page: NotebookPage, widget: Locator) -> list[float]:
    """Page and kernel have the same Gaussians and the same divergences."""
    shown = page.settled(widget)
    assert page.ask("two.q + two.p") == pytest.approx(shown, abs=1e-3)
    assert shown_kl(widget) == pytest.approx(page.ask("list(two.kl)"), abs=1e-3)
    assert page.ask("two.kl[0]") == pytest.approx(
        page.ask(
            "kl_divergence(Normal(*map(number, two.q)), "
            "Normal(*map(number, two.p))).item()"
        )
    )
    return shown


def start(page: NotebookPage) -> Locator:
    page.ask("setattr(two, 'q', [1.5, 0.5]) or setattr(two, 'p', [0, 1])")
    widget = page.widget("two-gaussians")
    expect(widget).to_have_attribute("data-z", "1.500,0.500,0.000,1.000")
    return widget


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("larger KL from the prior", "the narrow one, several times")
    assert "The answer: about the same. ✗" in told
    told = page.guess("then halved again", "grows by the same amount")
    assert "✓ Right" in told
    told = page.guess("stands across both modes", "reverse, KL(q‖p)")
    assert "The answer: forward, KL(p‖q). ✗" in told
    told = page.guess("how much is KL(q(z)‖p(z))", "less than half")
    assert "✓ Right" in told


def test_what_is_further_is_closed_at_first(page: NotebookPage) -> None:
    heading = page.page.get_by_role("heading", name="Very small and very large")
    expect(heading).to_be_visible()
    shown = page.page.get_by_text("The formula is exact; float32 is not").first
    expect(shown).not_to_be_visible()


def test_a_top_is_dragged_and_the_kl_follows(page: NotebookPage) -> None:
    widget = start(page)
    before = frames(widget)
    page.drag(widget, [handle(widget, 0), (0.5, 0.5), (0.25, 0.3)])
    z = assert_agrees(page, widget)
    assert frames(widget) > before + 1
    assert z == pytest.approx([-3, 0.5, 0, 1], abs=0.03)
    assert shown_kl(widget)[0] == pytest.approx(4.818, abs=0.2)
    expect(widget).to_contain_text(f"KL(q‖p) = {shown_kl(widget)[0]:.2f} nats")


def test_a_hollow_mark_widens(page: NotebookPage) -> None:
    widget = start(page)
    page.drag(widget, [handle(widget, 3), (0.6, 0.6), (0.75, 0.7)])
    assert assert_agrees(page, widget) == pytest.approx([1.5, 0.5, 0, 3], abs=0.03)
    # Far beyond the edge it stays at the edge.
    page.drag(widget, [handle(widget, 1), (0.9, 0.5), (0.99, 0.5)])
    assert assert_agrees(page, widget)[1] == 3


def test_a_finger_does_the_same(page: NotebookPage) -> None:
    widget = start(page)
    page.touch(widget, [handle(widget, 2), (0.45, 0.5), (0.4, 0.5), (1 / 3, 0.5)])
    assert assert_agrees(page, widget) == pytest.approx([1.5, 0.5, -2, 1], abs=0.03)


def test_the_keyboard_does_the_same(page: NotebookPage) -> None:
    widget = start(page)
    cells = page.cells()
    keys = page.page.keyboard
    widget.get_by_role("slider", name="width of q").focus()
    keys.press("Home")
    expect(widget).to_have_attribute("data-z", "1.500,1.000,0.000,1.000")
    widget.get_by_role("slider", name="mean of q").focus()
    keys.press("Home")
    expect(widget).to_have_attribute("data-kl", "0.0000,0.0000")
    keys.press("Shift+ArrowRight")
    keys.press("ArrowRight")
    keys.press("b")  # would insert a cell, did it reach the notebook
    assert assert_agrees(page, widget) == [0.55, 1, 0, 1]
    assert page.cells() == cells
    expect(widget.get_by_role("slider", name="mean of q")).to_have_attribute(
        "aria-valuetext", "0.55, KL(q‖p) 0.15 nats, KL(p‖q) 0.15 nats"
    )


def test_python_moves_the_curves(page: NotebookPage) -> None:
    widget = start(page)
    page.ask("setattr(two, 'p', [-1, 2.5])")
    expect(widget).to_have_attribute("data-z", "1.500,0.500,-1.000,2.500")
    assert_agrees(page, widget)


def test_the_hatch_stands_below_the_line(page: NotebookPage) -> None:
    """Positive and negative parts differ in more than colour."""
    widget = start(page)
    page.ask("setattr(two, 'q', [0.5, 1.5])")
    expect(widget).to_have_attribute("data-z", "0.500,1.500,0.000,1.000")
    fill = widget.locator(".vl-minus").first.evaluate("e => getComputedStyle(e).fill")
    assert fill.startswith('url("#vl-hatch-')
    plus, minus = (
        widget.locator(on).first.bounding_box() for on in (".vl-plus", ".vl-minus")
    )
    assert plus is not None
    assert minus is not None
    assert minus["height"] > 2
    assert plus["y"] < minus["y"]
    assert widget.locator(".vl-tag:visible", has_text="−").count() >= 1


def test_it_lives_without_a_kernel(alone: Alone) -> None:
    two = TwoGaussians((1.0, 1.0), (0.0, 1.0))
    root = alone(two, viewport={"width": 360, "height": 800})
    expect(root).to_have_attribute("data-kl", "0.5000,0.5000")
    box = root.locator(PLOT).first.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 360
    assert root.page.evaluate("document.documentElement.scrollWidth") <= 360
    root.get_by_role("slider", name="mean of q").focus()
    root.page.keyboard.press("Home")
    expect(root).to_have_attribute("data-kl", "0.0000,0.0000")
    assert code(root) == [0, 1, 0, 1]
