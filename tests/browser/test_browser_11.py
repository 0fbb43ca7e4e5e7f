"""Lesson 11 in JupyterLab: the guesses, and the rows of two models."""

from __future__ import annotations

from labpage import NotebookPage, frames

OPTIONS = {"timeout": 500}


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("how much of the spread", "nearly all")
    assert "The answer: a third or less. ✗" in told
    told = page.guess("With the faint copy", "0")
    assert "The answer: 0. ✓" in told


def test_a_row_is_swept(page: NotebookPage) -> None:
    for nth in (0, 1):
        root = page.widget("traversals", nth)
        before = root.get_attribute("data-z")
        seen = frames(root)
        slider = root.get_by_role("slider").last
        slider.focus()
        page.page.keyboard.press("End")
        page.settled(root)
        assert frames(root) > seen
        assert root.get_attribute("data-z") != before
