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


def test_the_recording_shows_how_the_plane_took_shape(page: NotebookPage) -> None:
    film = page.widget("live-training")  # the recording comes first
    slider = film.get_by_role("slider")
    slider.focus()
    page.page.keyboard.press("Home")
    expect(film).to_have_attribute("data-step", "0")
    first = page.pixels(film)
    page.page.keyboard.press("End")
    expect(film).to_have_attribute("data-step", "300")
    last = page.pixels(film)
    assert max(abs(a - b) for a, b in zip(first, last, strict=True)) > 0.2


def test_it_trains_while_it_is_watched(page: NotebookPage) -> None:
    live = page.widget("live-training", 1)
    live.get_by_role("button", name="Reset").click()
    expect(live).to_have_attribute("data-step", "0")
    live.get_by_role("button", name="Start").click()
    page.page.wait_for_function(
        "root => +root.dataset.step > 50", arg=live.element_handle(), timeout=60_000
    )
    live.get_by_role("button", name="Pause").click()
    assert page.ask("live.running") is False
    assert page.ask("live.history['elbo'][-1] > live.history['elbo'][0]") is True


def test_a_slider_moves_the_picture(page: NotebookPage) -> None:
    page.page.evaluate(
        "() => jupyterapp.commands.execute('notebook:expand-all-headings')"
    )
    sliders = page.widget("latent-sliders")
    picture = page.pixels(sliders)
    sliders.get_by_role("slider").first.focus()
    for _ in range(10):
        page.page.keyboard.press("Shift+ArrowRight")
    assert page.settled(sliders)[0] > 0.5
    shown = page.pixels(sliders)
    assert max(abs(a - b) for a, b in zip(shown, picture, strict=True)) > 0.1


def test_four_predictions_are_answered(page: NotebookPage) -> None:
    expect(page.page.locator('[data-vl="predict"]')).to_have_count(8)
    told = page.guess("Which is nearer to 4?", "the 0")
    assert told == "Your guess: the 0. The answer: the 9. ✗ Not this time."
    told = page.guess("Nats in the code of a shrunk picture", "more")
    assert told == "Your guess: more. The answer: fewer. ✗ Not this time."
    lines = page.page.locator('[data-vl="predict"]').filter(has_text="Of 100 fours")
    expect(lines.last.get_by_role("status")).to_contain_text("You made no guess.")
    assert 25 < page.ask("round(100 * (1 - through))") < 75
