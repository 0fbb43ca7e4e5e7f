"""Lesson 02 in JupyterLab: PCA and the autoencoder, linked by the picture."""

from __future__ import annotations

import pytest
from labpage import NotebookPage, frames
from playwright.sync_api import Locator, expect

OPTIONS = {"has_touch": True}


def plane(nth: int) -> str:
    return f".vl-pad >> nth={nth}"


def assert_follows(page: NotebookPage, pair: Locator) -> int:
    """Codes, pictures and errors on the screen are those of one and the same
    example, and Python knows which."""
    shown = page.settled(pair)
    example = int(pair.get_attribute("data-example") or -1)
    assert page.ask("pair.example") == example
    assert shown == pytest.approx(page.ask("pair.z + pair.z_b"), abs=1e-3)
    for i, model in enumerate(("pca[2]", "nonlinear[2][0]")):
        wanted = page.ask(
            f"{model}.reconstruct(pair.x[[{example}]].to(test.x.device))"
            ".clamp(0, 1).flatten().tolist()"
        )
        pixels = page.pixels(pair, on=f".vl-decoded >> nth={i}")
        assert pixels == pytest.approx(wanted, abs=0.51 / 255 + 1e-3)
        error = page.ask(
            f"error({model}, pair.x[[{example}]].to(test.x.device)).item()"
        )
        words = pair.locator(".vl-words-below").nth(i).inner_text()
        assert float(words.removeprefix("squared error ")) == pytest.approx(
            error, abs=0.3
        )
    wanted = page.ask(f"pair.x[{example}].flatten().tolist()")
    assert page.pixels(pair, on=".vl-x") == pytest.approx(wanted, abs=0.51 / 255)
    return example


@pytest.mark.parametrize("nth", [0, 1])
def test_a_drag_over_one_plane_chooses_in_both(page: NotebookPage, nth: int) -> None:
    pair = page.widget("pad-pair")
    before, first = frames(pair), pair.get_attribute("data-example")
    page.drag(pair, [(0.5, 0.5), (0.8, 0.3), (0.3, 0.7)], on=plane(nth))
    page.settled(pair)
    assert frames(pair) > before + 1
    assert pair.get_attribute("data-example") != first
    example = assert_follows(page, pair)
    scene = "_scene_b" if nth else "_scene"
    low, high = page.ask(f"[pair.{scene}['low'], pair.{scene}['high']]")
    z = [low[0] + 0.3 * (high[0] - low[0]), high[1] - 0.7 * (high[1] - low[1])]
    codes = f"torch.frombuffer(bytearray(pair._codes[{nth}]), dtype=torch.float32)"
    distances = f"({codes}.view(-1, 2) - torch.tensor({z})).norm(dim=1)"
    # The pointer stands on whole pixels: no other may be much nearer.
    away, least = page.ask(f"[{distances}[{example}].item(), {distances}.min().item()]")
    assert away <= least + 0.02 * (high[0] - low[0])


def test_a_finger_drags(page: NotebookPage) -> None:
    pair = page.widget("pad-pair")
    before = pair.get_attribute("data-example")
    page.touch(pair, [(0.6, 0.4), (0.5, 0.45), (0.4, 0.5)], on=plane(1))
    page.settled(pair)
    assert pair.get_attribute("data-example") != before
    assert_follows(page, pair)


def test_an_arrow_key_goes_to_the_next_picture(page: NotebookPage) -> None:
    pair = page.widget("pad-pair")
    slider = pair.get_by_role("slider", name="PCA z₁")
    slider.focus()
    before = page.settled(pair)
    page.page.keyboard.press("ArrowRight")
    shown = page.settled(pair)
    assert shown[0] > before[0]
    assert_follows(page, pair)
    page.page.keyboard.press("Shift+ArrowDown")
    assert page.settled(pair)[1] < shown[1]
    example = assert_follows(page, pair)
    label = page.ask(f"pair.labels[{example}].item()")
    other = pair.get_by_role("slider", name="PCA z₂")
    text = other.get_attribute("aria-valuetext") or ""
    assert text.endswith(f", picture {example}, a {label}")


def test_python_chooses(page: NotebookPage) -> None:
    pair = page.widget("pad-pair")
    page.ask("setattr(pair, 'example', 321)")
    expect(pair).to_have_attribute("data-example", "321")
    assert assert_follows(page, pair) == 321


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("two linear networks find", "PCA's plane and PCA's axes")
    assert "The answer: PCA's plane, other axes. ✗" in told
    told = page.guess("has learnt twelve pictures", "larger")
    assert "The answer: larger. ✓" in told
    numbers = page.page.locator('[data-vl="predict"]').filter(
        has_text="as well as how many of PCA's?"
    )
    numbers.first.get_by_role("spinbutton").fill("3")
    numbers.first.get_by_role("button").click()
    answered = numbers.last.get_by_role("status")
    answered.get_by_text("Your guess").wait_for()
    truth = page.ask("sorted(worth)[1]")
    expect(answered).to_contain_text(f"The answer: {truth}.")


def test_what_is_further_is_closed_at_first(page: NotebookPage) -> None:
    name = "How many pictures does a non-linear map need? · further"
    expect(page.page.get_by_role("heading", name=name)).to_be_visible()
    inside = page.page.get_by_text("You have found it when", exact=False).first
    expect(inside).not_to_be_visible()


def test_letters_are_not_commands_and_names_are_heard(page: NotebookPage) -> None:
    pair = page.widget("pad-pair")
    expect(pair).to_have_accessible_name("Latent planes of PCA and autoencoder")
    before = page.cells()
    pair.get_by_role("slider", name="autoencoder z₁").focus()
    for key in ("b", "d", "d", "x"):
        page.page.keyboard.press(key)
    assert page.cells() == before


@pytest.mark.parametrize("width", [360, 320])
def test_a_narrow_screen(page: NotebookPage, width: int) -> None:
    size = page.page.viewport_size
    try:
        page.page.set_viewport_size({"width": width, "height": 700})
        wide = page.widget("pad-pair").evaluate(
            """root => [...root.querySelectorAll("*:not(svg *)")].filter((node) =>
                node.getBoundingClientRect().right
                    > root.parentElement.getBoundingClientRect().right + 1)
                .map((node) => node.outerHTML.slice(0, 80))"""
        )
        assert wide == []
    finally:
        assert size is not None
        page.page.set_viewport_size(size)
