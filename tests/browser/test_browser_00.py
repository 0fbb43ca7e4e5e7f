"""Each lesson as its reader meets it: opened in JupyterLab, run, dragged."""

from __future__ import annotations

import pytest
from labpage import NotebookPage, frames
from playwright.sync_api import expect


def test_dragging_walks_through_what_was_just_trained(page: NotebookPage) -> None:
    pad = page.widget("latent-pad")
    before, picture = frames(pad), page.pixels(pad)
    page.drag(pad, [(0.5, 0.5), (0.7, 0.2), (0.3, 0.8)])
    z = page.settled(pad)
    assert frames(pad) > before + 1
    assert page.ask("pad.z") == pytest.approx(z, abs=6e-4)
    wanted = page.ask(
        f"model.decode(torch.tensor([{z}], device=mu.device)).flatten().tolist()"
    )
    shown = page.pixels(pad)
    assert shown == pytest.approx(wanted, abs=0.51 / 255 + 1e-3)
    assert max(abs(a - b) for a, b in zip(shown, picture, strict=True)) > 0.2


def test_a_drawing_is_encoded_and_painted(page: NotebookPage) -> None:
    draw = page.widget("draw-and-encode")
    before = page.settled(draw)
    page.drag(draw, [(0.25, 0.2), (0.75, 0.2), (0.45, 0.8)], on=".vl-canvas")
    assert page.settled(draw) != before
    assert max(page.pixels(draw)) > 0.3


def test_a_slider_moves_the_picture(page: NotebookPage) -> None:
    sliders = page.widget("latent-sliders")
    picture = page.pixels(sliders)
    sliders.get_by_role("slider").first.focus()
    for _ in range(10):
        page.page.keyboard.press("Shift+ArrowRight")
    assert page.settled(sliders)[0] > 0.5
    shown = page.pixels(sliders)
    assert max(abs(a - b) for a, b in zip(shown, picture, strict=True)) > 0.1


def test_three_predictions_are_answered(page: NotebookPage) -> None:
    parts = page.page.locator('[data-vl="predict"]')
    expect(parts).to_have_count(6)  # each question before its answer
    for i, answer in ((0, "the 9"), (2, "fewer"), (4, "0 nats")):
        told = parts.nth(i + 1).get_by_role("status")
        expect(told).to_have_text(f"You made no guess. The answer: {answer}.")
    question, answer = parts.nth(0), parts.nth(1)
    question.get_by_role("radio", name="the 0").check()
    question.get_by_role("button").click()
    expect(answer).to_contain_text("Your guess: the 0. The answer: the 9.")
