"""Lesson 14 in JupyterLab: the guesses, and dimensions that die and wake."""

from __future__ import annotations

from labpage import NotebookPage, frames
from playwright.sync_api import Locator, expect

SLOW = 60_000

OPTIONS = {"timeout": 500}


def test_the_guesses_are_answered(page: NotebookPage) -> None:
    told = page.guess("has a rate above 2 nats", "none of them")
    assert "The answer: none of them. ✓" in told


def units(root: Locator) -> list[float]:
    return [float(v) for v in (root.get_attribute("data-units") or "").split(",")]


def until(page: NotebookPage, root: Locator, condition: str) -> None:
    """Until a condition on the bars ``kl`` and the step holds."""
    page.page.wait_for_function(
        f"""r => {{
            const kl = r.dataset.units.split(",").map(Number), step = +r.dataset.step;
            return {condition};
        }}""",
        arg=root.element_handle(),
        timeout=SLOW,
    )


def test_dimensions_die_and_are_waked(page: NotebookPage) -> None:
    root = page.widget("live-training")
    root.get_by_role("button", name="Start").click()
    until(page, root, "step > 200 && Math.max(...kl) > 0.5")
    page.drag(root, [(0.5, 0.5), (0.7, 0.5), (0.9, 0.5)], on="input[aria-label='β']")
    assert page.ask("live.beta") > 20
    until(page, root, "Math.max(...kl) < 0.1")
    expect(root.locator(".vl-dead").first).to_be_attached()
    slider = "input[aria-label='free bits']"
    page.drag(root, [(0.01, 0.5), (0.1, 0.5), (0.25, 0.5)], on=slider)
    assert 0.3 < page.ask("live.free_bits") < 0.7
    root.get_by_role("slider", name="β").focus()
    page.page.keyboard.press("Home")
    until(page, root, "Math.max(...kl) > 0.3")
    root.get_by_role("button", name="Pause").click()
    expect(root).to_have_attribute("data-running", "false", timeout=SLOW)
    shown = units(root)
    assert len(shown) == 8
    kept = page.ask("live._frames[-1]['units']")
    page.page.wait_for_timeout(300)
    assert units(root) == kept


def test_the_recording_is_played(page: NotebookPage) -> None:
    root = page.widget("live-training", nth=1)
    before = frames(root)
    page.drag(root, [(0.99, 0.5), (0.5, 0.5), (0.02, 0.5)], on="input")
    assert frames(root) > before
    assert max(units(root)) < 0.1  # nothing was learned yet
    assert root.get_attribute("data-step") == "0"
