"""Lesson 05 in JupyterLab: an exact model is dragged, both guesses are answered."""

from __future__ import annotations

from labpage import NotebookPage
from playwright.sync_api import expect


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("A blank page", "lower than most of theirs")
    assert "The answer: higher than most of theirs. ✗" in told
    told = page.guess("20 latent dimensions", "more than a million")
    assert "The answer: more than a million. ✓" in told


def test_the_decoder_of_the_exact_model_is_in_the_page(page: NotebookPage) -> None:
    pad = page.widget("latent-pad")
    page.drag(pad, [(0.5, 0.5), (0.7, 0.4)])
    z = page.settled(pad)
    wanted = page.ask(f"model.decode(torch.tensor([{z}])).flatten().tolist()")
    gap = [abs(a - b) for a, b in zip(page.pixels(pad), wanted, strict=True)]
    assert max(gap) < 0.51 / 255 + 1e-3
    expect(pad).not_to_contain_text("runs in the kernel")


def test_the_experiment_s_solution_reaches_its_goal(page: NotebookPage) -> None:
    assert page.ask("reached(propose)") is False
    better = "lambda x, W, s: (x @ W / (1 + s**2), s / (1 + s**2) ** 0.5)"
    assert page.ask(f"reached({better})") is True


def test_what_is_further_is_closed_at_first(page: NotebookPage) -> None:
    heading = page.page.get_by_role("heading", name="How many samples count · further")
    expect(heading).to_be_visible()
    shown = page.page.get_by_text("If all", exact=False).first
    expect(shown).not_to_be_visible()
