"""Lesson 04 in JupyterLab: components are added, the pointer moves over the fit."""

from __future__ import annotations

import numpy as np
import pytest
from alone import Alone
from labpage import NotebookPage, code, frames
from playwright.sync_api import Locator, expect

from vaelib.widgets import MixtureFit


@pytest.fixture
def widget(page: NotebookPage) -> Locator:
    return page.widget("mixture-fit")


def numbers(widget: Locator, name: str) -> list[float]:
    text = widget.get_attribute(f"data-{name}") or ""
    return [float(v) for v in text.replace(",", " ").split()]


def assert_agrees(page: NotebookPage, widget: Locator, size: int) -> None:
    """The page's fit, score and responsibilities are those that Python finds."""
    expect(widget).to_have_attribute("data-steps", "200")
    page.settled(widget)
    shown, at = code(widget)
    assert shown == size == page.ask("widget.components")
    assert at == pytest.approx(page.ask("widget.at"), abs=1e-3)
    mixture = "[v for c in zip(m.weights, m.means, m.sigmas) for v in c]"
    fitted = page.ask(f"(lambda m: [float(v) for v in {mixture}])(widget.mixture)")
    assert numbers(widget, "mixture") == pytest.approx(fitted, abs=1e-3)
    lesson = page.ask(
        f"[log_p(y, *fit(y_own, {size})).mean().item()"
        " for y_own in [width(pictures.x[:200]).double().cpu()]"
        " for y in (y_own, others)]"
    )
    assert numbers(widget, "fit") == pytest.approx(lesson, abs=1e-3)
    r = page.ask(
        f"(lambda at: responsibilities(at, *fit(width(pictures.x[:200])"
        f".double().cpu(), {size}))[0].tolist())(torch.tensor([{at}]).double())"
    )
    assert numbers(widget, "r") == pytest.approx(r, abs=1e-3)
    assert sum(numbers(widget, "r")) == pytest.approx(1, abs=1e-3)


def test_components_are_added_and_removed(page: NotebookPage, widget: Locator) -> None:
    assert_agrees(page, widget, 2)
    before = frames(widget)
    widget.get_by_role("button", name="Add a component").click()
    assert_agrees(page, widget, 3)
    assert frames(widget) > before + 5, "the fit should be seen to move"
    widget.get_by_role("button", name="Remove a component").click()
    widget.get_by_role("button", name="Remove a component").click()
    assert_agrees(page, widget, 1)
    assert numbers(widget, "r") == [1]
    widget.get_by_role("button", name="Remove a component").click()
    assert_agrees(page, widget, 1)


def test_the_slider_is_dragged(page: NotebookPage, widget: Locator) -> None:
    path = [(0.02, 0.5), (0.9, 0.5), (0.4, 0.5), (4 / 11, 0.5)]
    page.drag(widget, path, on='input[aria-label="Number of components"]')
    assert_agrees(page, widget, 5)
    score = widget.get_by_role("status")
    assert f"{numbers(widget, 'fit')[1]:.3f}".replace("-", "−") in score.inner_text()


def test_the_pointer_asks_who_is_responsible(
    page: NotebookPage, widget: Locator
) -> None:
    plot = widget.locator(".vl-density")
    low, high = page.ask("[widget._plan['low'], widget._plan['high']]")
    seen = []
    for part in (0.1, 0.9, 0.3):
        page.drag(widget, [(0.5, 0.5), (part, 0.4)], on=".vl-density")
        assert_agrees(page, widget, 5)
        at = code(widget)[1]
        assert at == pytest.approx(low + part * (high - low), abs=0.02)
        seen.append(numbers(widget, "r"))
    assert max(abs(a - b) for a, b in zip(seen[0], seen[1], strict=True)) > 0.5
    # The line stands under the pointer, and the bar shows the same shares.
    line = plot.locator(".vl-hair").bounding_box()
    box = plot.bounding_box()
    assert line is not None
    assert box is not None
    assert line["x"] - box["x"] == pytest.approx(0.3 * box["width"], abs=3)
    widths = widget.locator(".vl-shares span").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().width)"
    )
    shares = [w / sum(widths) for w in widths]
    assert shares == pytest.approx(seen[2], abs=0.01)


def test_everything_by_keyboard(page: NotebookPage, widget: Locator) -> None:
    cells = page.cells()
    keys = page.page.keyboard
    count = widget.get_by_role("slider", name="Number of components")
    count.focus()
    keys.press("Home")
    assert_agrees(page, widget, 1)
    for _ in range(3):
        keys.press("ArrowRight")
    assert_agrees(page, widget, 4)
    expect(count).to_have_attribute("aria-valuetext", "4 components")
    spot = widget.get_by_role("slider", name="width of the ink / pixels")
    spot.focus()
    step, before = page.ask("widget._plan['step']"), code(widget)[1]
    keys.press("ArrowRight")
    keys.press("Shift+ArrowLeft")
    assert_agrees(page, widget, 4)
    assert code(widget)[1] == pytest.approx(before - 9 * step, abs=2e-3)
    best = max(range(4), key=numbers(widget, "r").__getitem__)
    text = spot.get_attribute("aria-valuetext") or ""
    assert f"component {best + 1} has" in text
    keys.type("bad")
    assert page.cells() == cells


def test_python_moves_it(page: NotebookPage, widget: Locator) -> None:
    page.ask("[setattr(widget, 'components', 12), setattr(widget, 'at', 3.25)]")
    expect(widget).to_have_attribute("data-z", "12,3.250")
    assert_agrees(page, widget, 12)


def test_the_last_state_belongs_to_the_last_choice(
    page: NotebookPage, widget: Locator
) -> None:
    add = widget.get_by_role("button", name="Add a component")
    remove = widget.get_by_role("button", name="Remove a component")
    for _ in range(4):
        remove.click()
    for _ in range(2):
        add.click()
    page.drag(widget, [(0.2, 0.5), (0.7, 0.5)], on=".vl-density")
    assert_agrees(page, widget, 10)


def test_it_fits_a_narrow_page(page: NotebookPage, widget: Locator) -> None:
    page.page.set_viewport_size({"width": 420, "height": 800})
    try:
        widget.scroll_into_view_if_needed()
        root, plot = widget.bounding_box(), widget.locator("svg").bounding_box()
        assert root is not None
        assert plot is not None
        assert plot["width"] <= root["width"] <= 420
        page.drag(widget, [(0.5, 0.5), (0.6, 0.5)], on=".vl-density")
        assert_agrees(page, widget, 10)
    finally:
        page.page.set_viewport_size({"width": 1280, "height": 1000})


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    assert "The answer: worse. ✓" in page.guess("other pictures the fit", "worse")
    assert "The answer: 3. ✗" in page.guess("Humps of", "2")


def test_it_lives_in_a_page_without_a_kernel(alone: Alone) -> None:
    x = np.random.default_rng(0).normal(0, 1, 60) + np.arange(60) % 2 * 5
    made = MixtureFit(x.tolist(), components=2, at=1.0)
    root = alone(made, has_touch=True, reduced_motion="reduce")
    expect(root).to_have_attribute("data-steps", "200")
    for size in (2, 3):
        made.components = size
        wanted = made.mixture.log_prob(made.x).mean()
        assert numbers(root, "fit")[0] == pytest.approx(wanted, abs=1e-3)
        r = made.mixture.responsibilities(np.array([1.0]))[0]
        assert numbers(root, "r") == pytest.approx(r, abs=1e-3)
        # Who wants no movement is given none: the fit is there at once.
        frame = frames(root)
        root.get_by_role("button", name="Add a component").tap()
        expect(root).to_have_attribute("data-z", f"{size + 1},1.000")
        assert frames(root) == frame + 1
