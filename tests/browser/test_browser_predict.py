"""A prediction in JupyterLab; without a kernel, its answer waits for the guess."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipywidgets import Widget
from labpage import NotebookPage
from playwright.sync_api import Browser, Locator, Page, expect

from vaelib.book.widgets import embed
from vaelib.widgets import predict as module

CELLS = [
    "import vaelib as vl",
    'which = vl.predict("Which?", choices=["the 9", "the 0"])',
    'many = vl.predict("How many?", between=(0, 4), unit="nats")',
    'which.reveal("the 9")\nmany.reveal(1.8083)',
]
COMMIT = "This is my guess"


@pytest.fixture
def page(open_cells: Any) -> Iterator[NotebookPage]:
    opened: NotebookPage = open_cells(CELLS)
    yield opened
    assert opened.problems() == []
    assert opened.cells() == [f"code: {cell}" for cell in CELLS]


def parts(page: Page) -> list[Locator]:
    """Both questions, then both answers."""
    return [page.locator('[data-vl="predict"]').nth(i) for i in range(4)]


def test_a_guess_by_mouse(page: NotebookPage) -> None:
    which, many, which_answer, many_answer = parts(page.page)
    expect(which_answer).to_contain_text("You made no guess. The answer: the 9.")
    expect(many_answer).to_contain_text("You made no guess. The answer: 1.808 nats.")
    commit = which.get_by_role("button", name=COMMIT)
    expect(commit).to_be_disabled()
    group = which.get_by_role("radiogroup", name="Which?")
    group.get_by_text("the 9").click()
    commit.click()
    expect(which.get_by_role("status")).to_have_text("Your guess: the 9.")
    expect(which.get_by_role("radio", name="the 0")).to_be_disabled()
    # Late, and right.
    expect(which_answer).to_contain_text("The answer: the 9. ✓ Right.")
    assert page.ask("which.guess") == 0
    page.drag(many, [(0.5, 0.5), (0.995, 0.5)], on="input[type=range]")
    many.get_by_role("button", name=COMMIT).click()
    page.wait_idle()
    guess = page.ask("many.guess")
    assert 3.8 < guess <= 4
    expect(many_answer).to_contain_text("The answer: 1.808 nats. 2.")
    dot, bar = (
        many_answer.locator(on).bounding_box() for on in (".vl-dot", ".vl-truth")
    )
    assert dot["x"] > bar["x"] + 100
    # Run again: a new question, without the old guess.
    page.run_all()
    expect(parts(page.page)[0].get_by_role("radio", name="the 0")).to_be_enabled()
    expect(parts(page.page)[2]).to_contain_text("You made no guess.")
    assert page.ask("[which.guess, many.guess]") == [None, None]


def test_a_guess_by_keyboard(page: NotebookPage) -> None:
    which, many, which_answer, many_answer = parts(page.page)
    press = page.page.keyboard.press
    which.get_by_role("radio", name="the 9").focus()
    press("ArrowDown")
    expect(which.get_by_role("radio", name="the 0")).to_be_checked()
    press("Tab")
    expect(which.get_by_role("button", name=COMMIT)).to_be_focused()
    press("Enter")
    expect(which_answer).to_contain_text("Your guess: the 0. The answer: the 9. ✗")
    slider = many.get_by_role("slider", name="How many?")
    slider.focus()
    press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "2.05 nats")
    press("Shift+ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "1.55 nats")
    typed = many.get_by_role("spinbutton", name="How many?")
    expect(typed).to_have_value("1.55")
    typed.fill("9")
    expect(many.get_by_role("button", name=COMMIT)).to_be_disabled()
    typed.fill("1.25")
    expect(slider).to_have_attribute("aria-valuetext", "1.25 nats")
    press("Enter")
    expect(many.get_by_role("status")).to_have_text("Your guess: 1.25 nats.")
    expect(many_answer).to_contain_text("0.5583 nats apart.")
    assert page.ask("[which.guess, many.guess]") == [1, 1.25]


# -------------------------------------------------------------- without a kernel


@pytest.fixture
def book(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """The same questions and answers in a page of the book, straight from disk."""
    shown: list[Any] = []
    monkeypatch.setattr(module, "display", shown.append)
    questions = [
        module.predict("Which?", choices=["the 9", "the 0"]),
        module.predict("How many?", between=(0, 4), unit="nats"),
    ]
    for question, truth in zip(questions, ("the 9", 1.8083), strict=True):
        question.reveal(truth)
    state = Widget.get_manager_state(widgets=shown)["state"]
    made = [embed(state, widget.model_id, None, "") for widget in shown]
    (tmp_path / "assets").mkdir()
    for place in made:
        for name, content in place.files.items():
            (tmp_path / "assets" / name).write_bytes(content)
    body = "".join(f"<div>{place.html}</div>" for place in made)
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title>'
        f'<meta name="viewport" content="width=device-width"><main>{body}</main>'
    )
    (tmp_path / "index.html").write_text(text, "utf-8")
    context = browser.new_context(viewport={"width": 360, "height": 700})
    page, heard = context.new_page(), []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto((tmp_path / "index.html").as_uri())
    expect(page.locator('[data-vl="predict"]')).to_have_count(4)
    yield page
    context.close()
    assert heard == []


def test_the_answer_waits_for_the_guess(book: Page) -> None:
    which, many, which_answer, many_answer = parts(book)
    for answer in (which_answer, many_answer):
        expect(answer.get_by_role("status")).to_have_text(
            "The answer waits for your guess."
        )
        expect(answer.locator("svg")).not_to_be_visible()
    which.get_by_role("radio", name="the 0").check()
    expect(which_answer).to_contain_text("waits")
    which.get_by_role("button", name=COMMIT).click()
    expect(which_answer).to_contain_text("Your guess: the 0. The answer: the 9. ✗")
    expect(many_answer).to_contain_text("waits")
    many.get_by_role("slider").focus()
    book.keyboard.press("Shift+ArrowRight")
    book.keyboard.press("Enter")
    expect(many_answer).to_contain_text("Your guess: 2.5 nats. The answer: 1.808 nats.")
    expect(many_answer.locator("svg")).to_be_visible()
    assert book.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_answer_can_be_shown_without_a_guess(book: Page) -> None:
    which, _, which_answer, many_answer = parts(book)
    which_answer.get_by_role("button", name="Show the answer").click()
    told = which_answer.get_by_role("status")
    expect(told).to_have_text("You made no guess. The answer: the 9.")
    expect(which_answer.get_by_role("button")).to_have_count(0)
    expect(many_answer).to_contain_text("waits")
    which.get_by_role("radio", name="the 9").check()
    which.get_by_role("button", name=COMMIT).click()
    expect(told).to_have_text("Your guess: the 9. The answer: the 9. ✓ Right.")
