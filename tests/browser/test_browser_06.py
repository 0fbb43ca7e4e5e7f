"""Lesson 06 as its reader meets it: the bell is dragged, the bound follows, and the
guesses are answered. The first widget holds the linear decoder, the second two that
are not."""

from __future__ import annotations

from typing import Any

import pytest
from alone import Alone
from labpage import NotebookPage, frames
from playwright.sync_api import Locator, expect

from vaelib.widgets import ElboGap

LINE, PARABOLA = "linear: f(z) = z", "parabola: f(z) = z²"
WAVE = "wave: f(z) = 2 sin 3z"
NAMES = ("bell", "hills")  # in the kernel, in the page's order

OPTIONS = {"has_touch": True}


def bell(page: NotebookPage, name: str = "bell") -> Locator:
    return page.widget("elbo-gap", NAMES.index(name))


def numbers(widget: Locator) -> list[float]:
    """ELBO, gap and log p(x) as the page shows them."""
    names = ("data-elbo", "data-gap", "data-evidence")
    return [float(widget.get_attribute(name) or "nan") for name in names]


def assert_agrees(page: NotebookPage, name: str = "bell") -> list[float]:
    """Page and kernel: the same bell, the same three numbers."""
    widget = bell(page, name)
    shown = page.settled(widget, quiet=0.5)
    assert page.ask(f"[{name}.mu, {name}.sigma]") == pytest.approx(shown, abs=6e-4)
    bounds = page.ask(f"list({name}.bounds())")
    assert numbers(widget) == pytest.approx(bounds, abs=1e-3)
    elbo, gap, evidence = numbers(widget)
    assert elbo + gap == pytest.approx(evidence, abs=1e-3)
    words = f"{elbo:.2f} nats".replace("-", "−")
    expect(widget.get_by_role("row", name="ELBO")).to_contain_text(words)
    return shown


def reset(page: NotebookPage, mu: float, sigma: float, decoder: str) -> str:
    """The widget that has this decoder, with q as wanted; its name."""
    name = NAMES[decoder != LINE]
    page.ask(f"{name}.set_trait('decoder', {decoder!r})")
    page.ask(f"[{name}.set_trait('mu', {mu}), {name}.set_trait('sigma', {sigma})]")
    expect(bell(page, name)).to_have_attribute("data-z", f"{mu:.3f},{sigma:.3f}")
    expect(bell(page, name)).to_have_attribute("data-decoder", decoder)
    return name


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("Which guess leaves", "half as wide")
    assert "The answer: twice as wide as the posterior. ✗" in told
    told = page.guess("After 800 steps", "less than a thousandth of a nat")
    assert "The answer: less than a thousandth of a nat. ✓" in told


def test_what_is_further_is_closed_at_first_and_asks_too(page: NotebookPage) -> None:
    heading = page.page.get_by_role("heading", name="How loose is it in a network?")
    expect(heading).to_be_visible()
    question = "Which part of the gap is larger here?"
    expect(page.page.get_by_text(question).first).not_to_be_visible()
    page.page.evaluate(
        "() => jupyterapp.commands.execute('notebook:expand-all-headings')"
    )
    told = page.guess(question, "the amortisation gap: a network guesses q")
    assert "The answer: the amortisation gap: a network guesses q. ✓" in told


def test_dragging_the_summit(page: NotebookPage) -> None:
    widget = bell(page)
    reset(page, 0.3, 0.7, LINE)
    before, first = frames(widget), numbers(widget)
    page.drag(widget, [(0.54, 0.7), (0.3, 0.6), (0.671, 0.5)])
    mu, sigma = assert_agrees(page)
    assert frames(widget) > before + 1
    # Where the pointer was let go: 0.671 of −3.5 … 3.5, and the bell that high.
    assert mu == pytest.approx(1.2, abs=0.05)
    assert sigma == pytest.approx(0.4, abs=0.05)
    last = numbers(widget)
    assert last[1] < 0.1 < first[1]
    assert last[2] == first[2]


def test_a_finger_drags_it_too(page: NotebookPage) -> None:
    reset(page, 0.3, 0.7, LINE)
    page.touch(bell(page), [(0.5, 0.7), (0.4, 0.65), (0.25, 0.6)])
    mu, _ = assert_agrees(page)
    assert mu == pytest.approx(-1.75, abs=0.06)


def test_sliders_by_keyboard(page: NotebookPage) -> None:
    reset(page, 0.3, 0.7, LINE)
    widget, keys = bell(page), page.page.keyboard
    mean = widget.get_by_role("slider", name="mean μ")
    mean.focus()
    keys.press("ArrowRight")
    keys.press("Shift+ArrowRight")
    widget.get_by_role("slider", name="width σ").focus()
    keys.press("ArrowDown")
    expect(widget).to_have_attribute("data-z", "0.850,0.650")
    elbo, gap, _ = numbers(widget)
    words = f"0.85; ELBO {elbo:.2f}, gap {gap:.2f} nats".replace("-", "−")
    expect(mean).to_have_attribute("aria-valuetext", words)
    for _ in range(30):
        keys.press("Shift+ArrowUp")
    assert assert_agrees(page) == pytest.approx([0.85, 1.5])
    keys.press("Home")
    assert assert_agrees(page) == [0, 1]
    before = page.cells()
    for key in ("b", "a", "d", "d", "x"):
        keys.press(key)
    assert page.cells() == before


def test_another_decoder_has_another_evidence(page: NotebookPage) -> None:
    reset(page, 0.4, 0.9, PARABOLA)
    widget = bell(page, "hills")
    evidence = numbers(widget)[2]
    widget.get_by_role("combobox", name="Decoder").select_option(label=WAVE)
    expect(widget).to_have_attribute("data-decoder", WAVE)
    assert_agrees(page, "hills")
    assert page.ask("hills.decoder") == WAVE
    assert abs(numbers(widget)[2] - evidence) > 0.1


@pytest.mark.parametrize(
    ("start", "decoder", "end", "gap"),
    [
        ((0.3, 0.7), LINE, (1.2, 0.447), 0.0),
        ((-1.0, 0.3), PARABOLA, (-1.11, 0.23), 0.737),
        ((0.0, 1.0), PARABOLA, (0.0, 0.732), 1.588),
    ],
)
def test_the_climb_ends_on_a_hill(
    page: NotebookPage, start: Any, decoder: str, end: Any, gap: float
) -> None:
    name = reset(page, *start, decoder)
    widget = bell(page, name)
    widget.get_by_role("button", name="Climb").click()
    expect(widget.get_by_role("button", name="Stop")).to_be_visible()
    expect(widget.get_by_role("button", name="Climb")).to_be_visible(timeout=30_000)
    assert assert_agrees(page, name) == pytest.approx(end, abs=0.02)
    assert numbers(widget)[1] == pytest.approx(gap, abs=0.005)


def test_a_hand_stops_the_climb(page: NotebookPage) -> None:
    widget = bell(page, reset(page, -3.0, 1.5, PARABOLA))
    widget.get_by_role("button", name="Climb").click()
    widget.get_by_role("slider", name="mean μ").focus()
    page.page.keyboard.press("Home")
    expect(widget.get_by_role("button", name="Climb")).to_be_visible()
    assert assert_agrees(page, "hills") == [0, 1]


def test_light_dark_and_narrow(page: NotebookPage) -> None:
    widget = bell(page)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.theme(theme)
        text, ground = widget.evaluate(
            """root => [getComputedStyle(root).color,
                getComputedStyle(root.querySelector(".vl-chart")).backgroundColor]
                .map((c) => c.match(/[\\d.]+/g).slice(0, 3)
                    .reduce((sum, v) => sum + Number(v), 0))"""
        )
        assert (text > ground) == ("Dark" in theme)
    size = page.page.viewport_size
    assert size is not None
    try:
        page.page.set_viewport_size({"width": 360, "height": 740})
        too_wide = bell(page).evaluate(
            """root => [...root.querySelectorAll("*:not(svg *)")].filter((node) =>
                node.getBoundingClientRect().right
                    > root.parentElement.getBoundingClientRect().right + 1).length"""
        )
        assert too_wide == 0
    finally:
        page.page.set_viewport_size(size)


def test_without_a_kernel(alone: Alone) -> None:
    root = alone(ElboGap(decoder="non-linear: f(z) = z²"), reduced_motion="reduce")
    expect(root).to_have_attribute("data-gap", "3.0006")
    root.page.get_by_role("button", name="Climb").click()
    # At once, where motion is not wanted.
    expect(root).to_have_attribute("data-frame", "2")
    assert numbers(root)[1] == pytest.approx(1.588, abs=0.005)
