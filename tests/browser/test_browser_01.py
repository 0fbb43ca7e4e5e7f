"""Lesson 01 as its reader meets it: the component sliders, dragged and typed at."""

from __future__ import annotations

import re

import pytest
import torch
from alone import Alone
from labpage import NotebookPage, frames
from playwright.sync_api import Locator, expect

import vaelib as vl
from vaelib.widgets import ComponentSliders

EIGHT_BIT = 0.51 / 255 + 1e-3
COUNT = ".vl-count input"


OPTIONS = {"has_touch": True}


@pytest.fixture
def widget(page: NotebookPage) -> Locator:
    found = page.widget("component-sliders")
    page.ask("[setattr(sliders, 'k', 10), setattr(sliders, 'example', 1)]")
    page.ask("setattr(sliders, 'z', sliders._codes[1])")
    page.settled(found)
    return found


def assert_agrees(page: NotebookPage, widget: Locator) -> None:
    """Picture, code, error and share on the screen are what torch makes of the
    state that Python knows."""
    z = page.settled(widget)
    assert z == pytest.approx(page.ask("sliders._code()"), abs=6e-4)
    wanted = page.ask(
        f"pca.decode(torch.tensor([{z}]).to(pca.mean)).flatten().tolist()"
    )
    shown = page.pixels(widget)
    clipped = [min(max(v, 0), 1) for v in wanted]
    assert shown == pytest.approx(clipped, abs=EIGHT_BIT)
    given = page.ask("sliders._x[sliders.example].flatten().tolist()")
    assert page.pixels(widget, on=".vl-given") == pytest.approx(given, abs=EIGHT_BIT)
    error = sum((a - b) ** 2 for a, b in zip(given, wanted, strict=True))
    said = float(widget.get_attribute("data-error") or "nan")
    assert said == pytest.approx(error, rel=1e-3, abs=1e-2)
    k, share = page.ask(
        "[sliders.k, pca.explained_variance_ratio[:sliders.k].sum().item()]"
    )
    expect(widget).to_contain_text(f"k = {k} keeps {100 * share:.1f} %")


def test_k_is_dragged(page: NotebookPage, widget: Locator) -> None:
    before = frames(widget)
    few = float(widget.get_attribute("data-error") or "nan")
    page.drag(widget, [(0.16, 0.5), (0.9, 0.5), (0.7, 0.5)], on=COUNT)
    z = page.settled(widget)
    assert frames(widget) > before + 1
    assert page.ask("sliders.k") == pytest.approx(0.7 * 64, abs=3)
    assert sum(v != 0 for v in z) == pytest.approx(page.ask("sliders.k"), abs=1)
    assert_agrees(page, widget)
    assert float(widget.get_attribute("data-error") or "nan") < few


def test_a_component_is_dragged(page: NotebookPage, widget: Locator) -> None:
    picture = page.pixels(widget)
    own = float(widget.get_attribute("data-error") or "nan")
    page.drag(widget, [(0.5, 0.5), (0.1, 0.5), (0.95, 0.5)], on="input >> nth=2")
    assert page.settled(widget)[1] > 2
    assert_agrees(page, widget)
    shown = page.pixels(widget)
    assert max(abs(a - b) for a, b in zip(shown, picture, strict=True)) > 0.1
    # No slider can beat the picture's own code.
    assert float(widget.get_attribute("data-error") or "nan") > own
    widget.get_by_role("button", name="Its own code").click()
    page.settled(widget)
    assert float(widget.get_attribute("data-error") or "nan") == pytest.approx(
        own, abs=0.01
    )


def test_a_finger_moves_k(page: NotebookPage, widget: Locator) -> None:
    page.touch(widget, [(0.16, 0.5), (0.3, 0.5), (0.5, 0.5)], on=COUNT)
    assert_agrees(page, widget)
    assert page.ask("sliders.k") != 10


def test_by_keyboard(page: NotebookPage, widget: Locator) -> None:
    before = page.cells()
    keys = page.page.keyboard
    count = widget.get_by_role("slider", name="k, the number of components")
    count.focus()
    keys.press("Shift+ArrowRight")
    keys.press("ArrowLeft")
    page.settled(widget)
    assert page.ask("sliders.k") == 19
    keys.press("Home")
    assert set(page.settled(widget)) == {0.0}
    assert_agrees(page, widget)
    first = widget.get_by_role("slider", name="z₁")
    expect(first).to_be_disabled()
    expect(first).to_have_attribute("aria-valuetext", "not used")
    count.focus()
    for _ in range(3):
        keys.press("ArrowUp")
    expect(first).to_be_enabled()
    first.focus()
    keys.press("Home")
    keys.press("Shift+ArrowRight")
    assert page.settled(widget)[0] > 0
    assert_agrees(page, widget)
    for key in ["b", "a", "d", "d", "x", "m", "0", "0"]:
        keys.press(key)
    assert page.cells() == before


def test_an_example_and_the_mean(page: NotebookPage, widget: Locator) -> None:
    chosen = widget.get_by_role("combobox", name="Example")
    chosen.focus()
    chosen.press("ArrowDown")
    chosen.press("ArrowDown")
    page.settled(widget)
    assert page.ask("sliders.example") == 3
    own = page.ask("sliders._codes[3].tolist()")
    assert page.ask("sliders.z") == pytest.approx(own, abs=6e-4)
    assert_agrees(page, widget)
    widget.get_by_role("button", name="Mean picture").click()
    assert set(page.settled(widget)) == {0.0}
    assert_agrees(page, widget)


def test_the_last_picture_belongs_to_the_last_position(
    page: NotebookPage, widget: Locator
) -> None:
    places = [0.1, 0.9, 0.3, 0.8, 0.2, 0.95, 0.4]
    page.drag(widget, [(x, 0.5) for x in places * 3], on=COUNT)
    assert_agrees(page, widget)
    assert page.ask("sliders.k") == pytest.approx(0.4 * 64, abs=3)


def test_python_moves_it(page: NotebookPage, widget: Locator) -> None:
    page.ask("[setattr(sliders, 'k', 33), setattr(sliders, 'example', 7)]")
    assert sum(v != 0 for v in page.settled(widget)) == 33
    assert_agrees(page, widget)


def test_names_themes_and_a_narrow_screen(page: NotebookPage, widget: Locator) -> None:
    for control in widget.locator("button, input, select, canvas").all():
        expect(control).to_have_accessible_name(re.compile(r"\S"))
    size = page.page.viewport_size
    assert size is not None
    try:
        page.page.set_viewport_size({"width": 360, "height": 700})
        for theme in ("Dark", "Light"):
            page.theme(f"JupyterLab {theme}")
            widget = page.widget("component-sliders")
            too_wide = widget.evaluate(
                """root => [root, ...root.querySelectorAll("*:not(svg *)")].filter(
                    (node) => node.getBoundingClientRect().right
                        > root.parentElement.getBoundingClientRect().right + 1)
                    .map((node) => node.outerHTML)"""
            )
            assert too_wide == []
    finally:
        page.page.set_viewport_size(size)


def test_the_ring_is_run_round_and_crossed(page: NotebookPage) -> None:
    pad = page.widget("latent-pad")
    before = frames(pad)
    page.drag(pad, [(0.9, 0.5), (0.5, 0.1), (0.5, 0.5)])
    z = page.settled(pad)
    assert frames(pad) > before + 1
    assert page.ask("pad.z") == pytest.approx(z, abs=6e-4)
    wanted = page.ask(f"ring.decode(torch.tensor([{z}])).flatten().tolist()")
    clipped = [min(max(v, 0), 1) for v in wanted]
    assert page.pixels(pad) == pytest.approx(clipped, abs=EIGHT_BIT)


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("on the test split", "smaller")
    assert "The answer: larger. ✗" in told
    for question, guess, answer in (
        ("How much of this error", "50", "69 %"),
        ("95 % of the variance", "3", "12"),
    ):
        parts = page.page.locator('[data-vl="predict"]').filter(has_text=question)
        parts.first.get_by_role("spinbutton").fill(guess)
        parts.first.get_by_role("button").click()
        answered = parts.last.get_by_role("status")
        answered.get_by_text("Your guess").wait_for()
        expect(answered).to_contain_text(f"The answer: {answer}.")


def test_what_is_further_is_closed_at_first(page: NotebookPage) -> None:
    name = "What each mistake costs · further"
    expect(page.page.get_by_role("heading", name=name)).to_be_visible()
    inside = page.page.get_by_text("and the mean is counted twice", exact=False).first
    expect(inside).not_to_be_visible()


def test_it_lives_without_a_kernel(alone: Alone) -> None:
    data = vl.load("digits", n=200, device="cpu")
    sliders = ComponentSliders(vl.PCA(20).fit(data), data, k=4)
    root = alone(sliders)
    expect(root).not_to_have_attribute("data-frame", "0")
    errors = [float(root.get_attribute("data-error") or "nan")]
    root.get_by_role("slider", name="k, the number of components").focus()
    root.page.keyboard.press("Shift+ArrowRight")
    expect(root).to_contain_text("k = 14 keeps")
    expect(root).not_to_have_attribute("data-error", f"{errors[0]:.3f}")
    errors.append(float(root.get_attribute("data-error") or "nan"))
    codes = sliders._codes[0].clone()
    for k, shown in zip((4, 14), errors, strict=True):
        made = sliders.subject.decode((codes * (torch.arange(20) < k))[None])[0]
        wanted = (made - sliders._x[0]).pow(2).sum().item()
        assert shown == pytest.approx(wanted, abs=5e-3)
    root.get_by_role("combobox", name="Example").select_option("4")
    wanted_code = [v if i < 14 else 0 for i, v in enumerate(sliders._codes[4].tolist())]
    expect(root).to_have_attribute(
        "data-z", ",".join(f"{round(v, 3) + 0:.3f}" for v in wanted_code)
    )
