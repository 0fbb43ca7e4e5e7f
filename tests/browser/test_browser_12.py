"""Lesson 12 in JupyterLab: the guesses, and one code under six likelihoods."""

from __future__ import annotations

import pytest
from alone import Alone
from labpage import NotebookPage, code, frames
from playwright.sync_api import Locator, expect

import vaelib as vl
from vaelib.widgets import LikelihoodPad

HEADS = 6


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("of the training pictures do at the end", "it has levelled off")
    assert "The answer: it is still rising. ✗" in told
    told = page.guess("How many of the six", "two or three")
    assert "The answer: two or three. ✓" in told


def means(page: NotebookPage, widget: Locator, z: list[float]) -> None:
    """What stands on the screen is what torch says of this code, under every head."""
    for i in range(HEADS):
        wanted = page.ask(
            f"list(six.values())[{i}].decode(torch.tensor([{z}]).to(train))"
            ".clamp(0, 1).flatten().tolist()"
        )
        shown = page.pixels(widget, on=f".vl-mean-{i}")
        assert shown == pytest.approx(wanted, abs=0.01)


def test_all_six_follow_the_drag(page: NotebookPage) -> None:
    widget = page.widget("likelihood-pad")
    before = frames(widget)
    page.drag(widget, [(0.5, 0.5), (0.3, 0.7), (0.62, 0.31)])
    z = page.settled(widget)
    assert frames(widget) > before + 1
    assert page.ask("pad.z") == pytest.approx(z, abs=1e-3)
    means(page, widget, z)
    sigma = page.pixels(widget, on=".vl-sigma-1")  # one σ: one grey
    assert max(sigma) == pytest.approx(min(sigma), abs=0.01)
    assert min(page.pixels(widget, on=".vl-sigma-0")) == 1  # σ = 1 is off the scale


def test_a_new_sample_leaves_the_means(page: NotebookPage) -> None:
    widget = page.widget("likelihood-pad")
    z = page.settled(widget)
    kept = [page.pixels(widget, on=f".vl-mean-{i}") for i in range(HEADS)]
    old = [page.pixels(widget, on=f".vl-sample-{i}") for i in range(HEADS)]
    widget.get_by_role("button", name="New sample").click()
    expect(widget).to_have_attribute("data-draw", "1")
    assert page.settled(widget) == z
    assert page.ask("pad.draw") == 1
    for i in range(HEADS):
        assert page.pixels(widget, on=f".vl-mean-{i}") == kept[i]
        assert page.pixels(widget, on=f".vl-sample-{i}") != old[i]
    assert set(page.pixels(widget, on=".vl-sample-3")) <= {0, 1}  # Bernoulli


def test_keys_move_the_point(page: NotebookPage) -> None:
    widget = page.widget("likelihood-pad")
    before = page.settled(widget)
    cells = page.cells()
    widget.locator("input[type=range]").first.focus()
    page.page.keyboard.press("Shift+ArrowRight")
    after = page.settled(widget)
    assert after[0] > before[0]
    assert after[1] == before[1]
    page.page.keyboard.press("b")  # no cell appears
    assert page.cells() == cells


def test_what_is_further_is_closed_at_first(page: NotebookPage) -> None:
    heading = page.page.get_by_role("heading", name="Sigmoid and BCE at logit 17")
    expect(heading).to_be_visible()
    shown = page.page.get_by_text("A Bernoulli may be written with").first
    expect(shown).not_to_be_visible()


def test_it_lives_without_a_kernel_on_a_narrow_page(alone: Alone) -> None:
    kinds = ("bernoulli", "continuous-bernoulli", "categorical")
    models = {k: vl.mlp_vae((1, 8, 8), 2, (9,), k, levels=5) for k in kinds}
    root = alone(LikelihoodPad(models), viewport={"width": 360, "height": 800})
    assert root.page.evaluate("document.documentElement.scrollWidth") <= 360
    before = code(root)
    root.locator("input[type=range]").first.focus()
    root.page.keyboard.press("Shift+ArrowRight")
    expect(root).not_to_have_attribute("data-z", ",".join(f"{v:.3f}" for v in before))
    root.get_by_role("button", name="New sample").click()
    expect(root).to_have_attribute("data-draw", "1")
    assert code(root)[0] > before[0]
