"""Lesson 10 in JupyterLab: the guesses, the β slider, and β while it trains."""

from __future__ import annotations

from labpage import NotebookPage, frames
from playwright.sync_api import expect

SLOW = 60_000


OPTIONS = {"timeout": 500}


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    answer = page.ask("answer")  # of three seeds, on this processor
    assert f"The answer: {answer}. ✓" in page.guess("gives the best ELBO", answer)
    told = page.guess("are the digits where they were", "they are elsewhere")
    assert "The answer: they are elsewhere. ✓" in told


def test_the_slider_moves_the_model(page: NotebookPage) -> None:
    root = page.widget("beta-explorer")
    before = frames(root)
    page.drag(root, [(0.2, 0.5), (0.5, 0.5), (0.99, 0.5)], on=".vl-sliders input")
    assert page.settled(root) == [28.0]
    assert frames(root) > before
    assert page.ask("explorer.beta") == 28
    row = page.ask("[r for r in swept.table if r['beta'] == 28][0]")
    says = f"rate {row['kl']:.3g} nats, distortion {-row['reconstruction']:.3g} nats"
    expect(root.locator(".vl-says")).to_contain_text(says)


def test_beta_is_dragged_while_it_trains(page: NotebookPage) -> None:
    root = page.widget("live-training")
    root.get_by_role("button", name="Start").click()
    page.page.wait_for_function(
        "r => +r.dataset.step > 150", arg=root.element_handle(), timeout=SLOW
    )
    told = float(root.get_attribute("data-kl") or "nan")
    page.drag(root, [(0.5, 0.5), (0.7, 0.5), (0.99, 0.5)], on="input[aria-label='β']")
    step = int(root.get_attribute("data-step") or 0)
    page.page.wait_for_function(
        f"r => +r.dataset.step > {step + 100}",
        arg=root.element_handle(),
        timeout=SLOW,
    )
    assert page.ask("live.beta") > 50
    assert float(root.get_attribute("data-kl") or "nan") < 0.5 * told
    root.get_by_role("button", name="Pause").click()


def test_what_is_further_is_closed_at_first(page: NotebookPage) -> None:
    name = "Gradients and whole runs agree · further"
    expect(page.page.get_by_role("heading", name=name)).to_be_visible()
    shown = page.page.get_by_text("Adam divides each step", exact=False).first
    expect(shown).not_to_be_visible()
