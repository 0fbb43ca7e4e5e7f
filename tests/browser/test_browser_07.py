"""Lesson 07 as its reader meets it: run in JupyterLab, its widget dragged."""

from __future__ import annotations

from typing import Any

import pytest
from alone import Alone
from labpage import NotebookPage, code, frames
from playwright.sync_api import Locator, expect

from vaelib.widgets import Reparameterise

STATS = (
    "(lambda e: [[d.mean().item(), d.std().item()] for d in e[:2]] + [e.exact])"
    "(shown.estimates())"
)
BELL_TOP, BELL_SHOULDER = 0.48, 0.583  # heights, as shares of the plane's


OPTIONS = {"timeout": 400}


@pytest.fixture
def widget(page: NotebookPage) -> Locator:
    """At the start again before each test."""
    page.page.evaluate(
        """() => jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({ code: "shown.f = 'bowl'; shown.baseline = False; "
                + "shown.mu, shown.sigma = 0.0, 1.0" }).done"""
    )
    root = page.widget("reparameterise")
    expect(root).to_have_attribute("data-z", "0.000,1.000")
    return root


def x_of(z: float) -> float:
    return (z + 3) / 6


def shown_stats(widget: Locator) -> list[Any]:
    """What the page says of the two estimates, and the exact gradient."""
    pairs = [widget.get_attribute(f"data-{name}") for name in ("pathwise", "score")]
    both = [[float(v) for v in (pair or "").split(",")] for pair in pairs]
    return [*both, float(widget.get_attribute("data-exact") or "nan")]


def assert_agree(page: NotebookPage, widget: Locator) -> None:
    """The last state belongs to the last place, and Python finds the same."""
    z = page.settled(widget)
    assert page.ask("[shown.mu, shown.sigma]") == pytest.approx(z, abs=6e-4)
    *mine, exact = shown_stats(widget)
    *python, truth = page.ask(STATS)
    for shown, theirs in zip(mine, python, strict=True):
        assert shown == pytest.approx(theirs, abs=1e-3)
    assert exact == pytest.approx(truth, abs=1e-3)


def test_dragging_the_top_moves_mu(page: NotebookPage, widget: Locator) -> None:
    before, eps = frames(widget), page.ask("shown.eps")
    path = [(x_of(v), BELL_TOP) for v in (0, 2.5, 1.5)]
    page.drag(widget, path)
    assert page.settled(widget) == pytest.approx([1.5, 1.0], abs=0.03)
    assert frames(widget) > before + 1
    assert page.ask("shown.eps") == eps
    assert_agree(page, widget)


def test_dragging_the_shoulder_changes_sigma(
    page: NotebookPage, widget: Locator
) -> None:
    page.drag(widget, [(x_of(v), BELL_SHOULDER) for v in (1, 2, 0.4)])
    assert page.settled(widget) == pytest.approx([0, 0.4], abs=0.03)
    assert_agree(page, widget)


def test_every_function_and_the_baseline_agree(
    page: NotebookPage, widget: Locator
) -> None:
    seen = []
    for f in ("sine", "step", "bowl"):
        widget.get_by_role("combobox").select_option(f)
        page.settled(widget)
        assert_agree(page, widget)
        seen.append(shown_stats(widget))
    (sine_path, sine_score, _), (step_path, _, step_exact), (_, bare, _) = seen
    assert sine_path[1] > 10 * sine_score[1]
    assert step_path == [0, 0]
    assert step_exact > 0.3
    widget.get_by_role("checkbox").check()
    page.settled(widget)
    assert_agree(page, widget)
    assert shown_stats(widget)[1][1] < bare[1]


def test_new_noise_reaches_python(page: NotebookPage, widget: Locator) -> None:
    eps, before = page.ask("shown.eps"), shown_stats(widget)
    widget.get_by_role("button", name="New noise").click()
    page.settled(widget)
    fresh = page.ask("shown.eps")
    assert len(fresh) == len(eps)
    assert fresh != eps
    assert shown_stats(widget) != before
    assert_agree(page, widget)


def test_keys_move_the_sliders_and_type_nothing(
    page: NotebookPage, widget: Locator
) -> None:
    cells = page.cells()
    mu, sigma = widget.get_by_role("slider").all()
    mu.focus()
    for key in ("ArrowRight", "Shift+ArrowRight", "b", "ArrowLeft"):
        page.page.keyboard.press(key)
    assert page.settled(widget) == pytest.approx([0.2, 1.0], abs=1e-3)
    expect(mu).to_have_attribute("aria-valuetext", "μ 0.20")
    sigma.focus()
    page.page.keyboard.press("Shift+ArrowDown")
    assert page.settled(widget)[1] == pytest.approx(1.03**-10, abs=2e-3)
    page.page.keyboard.press("Home")
    assert page.settled(widget)[1] == 1
    assert page.cells() == cells
    assert_agree(page, widget)


def test_points_keep_their_noise(page: NotebookPage, widget: Locator) -> None:
    def places() -> list[float]:
        found: list[float] = widget.locator("svg").first.evaluate(
            """svg => Array.from(svg.querySelectorAll("circle[r='3']"),
                (dot) => +dot.getAttribute("cx"))"""
        )
        return found

    page.drag(widget, [(x_of(v), BELL_TOP) for v in (0, 0.5)])
    mu, sigma = page.settled(widget)
    wanted = [x_of(mu + sigma * e) * 400 for e in page.ask("shown.eps")]
    assert places() == pytest.approx(wanted, abs=0.1)


def test_python_moves_the_picture(page: NotebookPage, widget: Locator) -> None:
    page.page.evaluate(
        """() => jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({ code: "shown.mu = -1.25" }).done"""
    )
    expect(widget).to_have_attribute("data-z", "-1.250,1.000")
    assert code(widget) == [-1.25, 1]
    assert_agree(page, widget)


# Answers move what stands below them: these come after all that is dragged.


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("does the second coach need", "about 8")
    assert "The answer: about 8. ✓" in told
    told = page.guess("And with a hundred dimensions", "about 100")
    assert "The answer: about 10,000. ✗" in told
    told = page.guess("the smaller variance has", "the path")
    assert "The answer: the score function. ✗" in told


def test_what_is_further_is_closed_at_first(page: NotebookPage) -> None:
    heading = page.page.get_by_role("heading", name="Choices · further")
    expect(heading).to_be_visible()
    shown = page.page.get_by_text("It is the same with a choice").first
    expect(shown).not_to_be_visible()


def test_it_lives_without_a_kernel_on_a_narrow_touch_screen(alone: Alone) -> None:
    size = {"width": 360, "height": 900}
    root = alone(Reparameterise(), viewport=size, has_touch=True)
    expect(root).to_have_attribute("data-z", "0.000,1.000")
    assert root.page.evaluate("document.documentElement.scrollWidth") <= 360
    top = root.locator(".vl-pad .vl-dot").first
    box = top.bounding_box()
    start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = root.page.context.new_cdp_session(root.page)
    for kind, places in (
        ("touchStart", [start]),
        ("touchMove", [(start[0] + 20, start[1] + 60)]),
        ("touchMove", [(start[0] + 50, start[1] + 5)]),
        ("touchEnd", []),
    ):
        points = [{"x": x, "y": y} for x, y in places]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(root).not_to_have_attribute("data-z", "0.000,1.000")
    root.get_by_role("combobox").select_option("sine")
    root.get_by_role("button", name="New noise").click()
    root.page.wait_for_function("document.querySelector('[data-vl]').dataset.score")
    root.page.wait_for_timeout(300)
    mu, sigma = code(root)
    eps = root.page.evaluate("model.get('eps')")
    mine = Reparameterise(mu=mu, sigma=sigma, f="sine", eps=eps).estimates()
    assert mu > 0.5
    assert sigma == 1
    for shown, draws in zip(shown_stats(root), mine[:2], strict=False):
        both = [draws.mean().item(), draws.std().item()]
        assert shown == pytest.approx(both, abs=1e-3)
