"""Each lesson as its reader meets it: opened in JupyterLab, run, dragged."""

from __future__ import annotations

from typing import Any

import pytest
from labpage import NotebookPage, frames
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def start_here(open_lesson: Any) -> NotebookPage:
    opened: NotebookPage = open_lesson("00-start-here")
    return opened


@pytest.fixture(autouse=True)
def nothing_goes_wrong(start_here: NotebookPage) -> Any:
    yield
    assert start_here.problems() == []


def test_dragging_walks_through_what_was_just_trained(start_here: NotebookPage) -> None:
    pad = start_here.widget("latent-pad")
    before, picture = frames(pad), start_here.pixels(pad)
    start_here.drag(pad, [(0.5, 0.5), (0.7, 0.2), (0.3, 0.8)])
    z = start_here.settled(pad)
    assert frames(pad) > before + 1
    assert start_here.ask("pad.z") == pytest.approx(z, abs=6e-4)
    wanted = start_here.ask(
        f"model.decode(torch.tensor([{z}], device=mu.device)).flatten().tolist()"
    )
    shown = start_here.pixels(pad)
    assert shown == pytest.approx(wanted, abs=0.51 / 255 + 1e-3)
    assert max(abs(a - b) for a, b in zip(shown, picture, strict=True)) > 0.2


def test_a_drawing_is_encoded_and_painted(start_here: NotebookPage) -> None:
    draw = start_here.widget("draw-and-encode")
    before = start_here.settled(draw)
    start_here.drag(draw, [(0.25, 0.2), (0.75, 0.2), (0.45, 0.8)], on=".vl-canvas")
    assert start_here.settled(draw) != before
    assert max(start_here.pixels(draw)) > 0.3


def test_a_slider_moves_the_picture(start_here: NotebookPage) -> None:
    sliders = start_here.widget("latent-sliders")
    picture = start_here.pixels(sliders)
    sliders.get_by_role("slider").first.focus()
    for _ in range(10):
        start_here.page.keyboard.press("Shift+ArrowRight")
    assert start_here.settled(sliders)[0] > 0.5
    shown = start_here.pixels(sliders)
    assert max(abs(a - b) for a, b in zip(shown, picture, strict=True)) > 0.1


def test_three_predictions_are_answered(start_here: NotebookPage) -> None:
    parts = start_here.page.locator('[data-vl="predict"]')
    expect(parts).to_have_count(6)  # each question before its answer
    for i, answer in ((0, "the 9"), (2, "fewer"), (4, "0 nats")):
        told = parts.nth(i + 1).get_by_role("status")
        expect(told).to_have_text(f"You made no guess. The answer: {answer}.")
    question, answer = parts.nth(0), parts.nth(1)
    question.get_by_role("radio", name="the 0").check()
    question.get_by_role("button").click()
    expect(answer).to_contain_text("Your guess: the 0. The answer: the 9.")
