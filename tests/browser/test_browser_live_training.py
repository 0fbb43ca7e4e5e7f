"""Live training in a real JupyterLab: started, dragged, left alone, restarted; and
its recording in a page without a kernel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from alone import Alone
from labpage import Lab, NotebookPage, write_notebook
from playwright.sync_api import Browser, Locator, expect

import vaelib as vl
from vaelib.widgets import LiveTraining

CELLS = [
    """
import vaelib as vl
from vaelib.widgets import LiveTraining
data = vl.load("handwriting", n=2000)
live = LiveTraining(lambda seed: vl.mlp_vae((1, 28, 28), 2, (64,), seed=seed), data)
""",
    "live",
    "other = 6 * 7",
]
SLOW = 60_000
_KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"

INTERRUPTED = f"""async (code) => {{
    const future = {_KERNEL}.requestExecute({{ code }});
    await new Promise((resolve) => setTimeout(resolve, 700));
    {_KERNEL}.interrupt();
    return (await future.done).content.status;
}}"""


@pytest.fixture
def live(page: NotebookPage) -> Iterator[Locator]:
    """Paused, at its first step, with β = 1."""
    root = page.widget("live-training")
    press(root, "Reset")
    expect(root).to_have_attribute("data-step", "0", timeout=SLOW)
    root.get_by_role("slider", name="β").focus()
    page.page.keyboard.press("Home")
    yield root
    press(root, "Reset")
    expect(root).to_have_attribute("data-running", "false", timeout=SLOW)


def press(root: Locator, name: str) -> None:
    root.get_by_role("button", name=name).click()


def number(root: Locator, name: str) -> float:
    return float(root.get_attribute(f"data-{name}") or "nan")


def wait_for(page: NotebookPage, root: Locator, condition: str) -> None:
    """Until a condition on ``data``, the root's data as numbers, holds."""
    page.page.wait_for_function(
        f"""root => {{
            const data = Object.fromEntries(
                Object.entries(root.dataset).map(([k, v]) => [k, Number(v)]));
            return {condition};
        }}""",
        arg=root.element_handle(),
        timeout=SLOW,
    )


def test_pictures_arrive_while_other_cells_run(
    page: NotebookPage, live: Locator
) -> None:
    press(live, "Start")
    wait_for(page, live, "data.step > 20")
    frame, begin = number(live, "frame"), time.monotonic()
    for _ in range(4):
        assert page.ask("other") == 42
        page.page.wait_for_timeout(1000)
    rate = (number(live, "frame") - frame) / (time.monotonic() - begin)
    assert rate >= 2
    assert page.ask("live.running and not live.model.training")


def test_dragging_beta_moves_the_kl(page: NotebookPage, live: Locator) -> None:
    press(live, "Start")
    wait_for(page, live, "data.step > 150 && data.kl > 1.5")
    slider = 'input[aria-label="β"]'
    page.drag(live, [(0.5, 0.5), (0.95, 0.5)], on=slider)
    wait_for(page, live, "data.beta > 40 && data.kl < 0.5")
    assert page.ask("live.beta") == pytest.approx(number(live, "beta"))
    page.drag(live, [(0.95, 0.5), (0.3, 0.5)], on=slider)
    wait_for(page, live, "data.beta < 1 && data.kl > 1.5")


def test_pause_stops_and_the_page_shows_the_last_state(
    page: NotebookPage, live: Locator
) -> None:
    press(live, "Start")
    wait_for(page, live, "data.step > 30")
    press(live, "Pause")
    expect(live).to_have_attribute("data-running", "false", timeout=SLOW)
    step = page.ask("live._run.step")
    expect(live).to_have_attribute("data-step", str(step), timeout=SLOW)
    page.page.wait_for_timeout(500)
    assert page.ask("live._run.step") == step
    # The reconstructions on the screen are the model's.
    examples = "live._camera.examples"
    wanted = page.ask(f"live.model.reconstruct({examples})[0].flatten().tolist()")
    shown = page.pixels(live)
    width = len(shown) // 28
    first = [shown[row * width + column] for row in range(28) for column in range(28)]
    assert first == pytest.approx(wanted, abs=0.51 / 255 + 1e-3)
    press(live, "Step")
    expect(live).to_have_attribute("data-step", str(step + 1), timeout=SLOW)


def test_python_moves_the_sliders_and_keys_move_python(
    page: NotebookPage, live: Locator
) -> None:
    slider = live.get_by_role("slider", name="learning rate")
    page.ask("[setattr(live, 'lr', 0.01), 0][1]")
    expect(slider).to_have_attribute("aria-valuetext", "0.01", timeout=SLOW)
    cells = page.cells()
    slider.focus()
    page.page.keyboard.press("Shift+ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "0.0032")
    page.page.keyboard.press("b")  # would insert a cell
    page.page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0.004")
    page.page.wait_for_timeout(300)
    assert page.ask("live.lr") == 0.004
    assert page.cells() == cells


def test_an_interrupt_leaves_it_and_the_kernel_alive(
    page: NotebookPage, live: Locator
) -> None:
    press(live, "Start")
    for _ in range(5):
        step = number(live, "step")
        page.page.evaluate(f"() => {_KERNEL}.interrupt()")
        wait_for(page, live, f"data.step > {step}")
    assert page.ask("other") == 42
    # A cell's interrupt reaches the cell, also when it comes within a slice.
    for cell in (
        "import time; time.sleep(60)",
        "import asyncio; await asyncio.sleep(60)",
    ):
        begin = time.monotonic()
        assert page.page.evaluate(INTERRUPTED, cell) == "error"
        assert time.monotonic() - begin < 40
    step = number(live, "step")
    wait_for(page, live, f"data.step > {step}")
    page.page.evaluate("() => { kernelErrors.length = 0; }")


def test_restart_and_run_all(page: NotebookPage, live: Locator) -> None:
    press(live, "Start")
    wait_for(page, live, "data.step > 10")
    page.page.evaluate(f"() => {_KERNEL}.restart()")
    page.wait_idle()
    page.run_all()
    again = page.widget("live-training")
    expect(again).to_have_attribute("data-step", "0", timeout=SLOW)
    press(again, "Start")
    wait_for(page, again, "data.step > 10")
    assert page.ask("live.running")
    press(again, "Reset")
    expect(again).to_have_attribute("data-step", "0", timeout=SLOW)


def test_closing_the_tab_stops_the_training(browser: Browser, lab: Lab) -> None:
    write_notebook(lab.folder / "closing.ipynb", CELLS)
    page = NotebookPage.open(browser, lab, "closing.ipynb")
    page.run_all()
    root = page.widget("live-training")
    press(root, "Start")
    wait_for(page, root, "data.step > 10")
    page.page.context.close()  # the kernel lives on
    page = NotebookPage.open(browser, lab, "closing.ipynb")
    assert page.ask("live.running")
    end = time.monotonic() + 60
    step, before = page.ask("live._run.step"), -1
    while step != before and time.monotonic() < end:
        page.page.wait_for_timeout(1500)
        step, before = page.ask("live._run.step"), step
    assert step == before
    page.run_all()  # its first cell makes another one; nothing is in its way
    root = page.widget("live-training")
    press(root, "Start")
    wait_for(page, root, "data.step > 10")
    assert page.problems() == []
    page.close()


def test_it_fits_a_narrow_screen(open_cells: Any) -> None:
    page = open_cells(CELLS[:2], viewport={"width": 360, "height": 800})
    root = page.widget("live-training")
    assert root.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert root.evaluate(
        """e => [...e.querySelectorAll("input, canvas, svg, button")]
            .every((part) => part.getBoundingClientRect().right
                <= e.getBoundingClientRect().right + 1)"""
    )
    assert page.problems() == []


# ------------------------------------------------------------- without any kernel


@pytest.fixture(scope="module")
def run() -> LiveTraining:
    model = vl.mlp_vae((1, 8, 8), 2, (16,))
    return LiveTraining(model, vl.load("digits"))


def test_a_recording_is_scrubbed(alone: Alone, run: LiveTraining) -> None:
    recording = run.record(200, beta=lambda step: 1 if step < 100 else 40, frames=10)
    root = alone(recording)
    expect(root).to_have_attribute("data-step", "200")  # as its still picture
    slider = root.get_by_role("slider", name="Step of the recording")
    expect(slider).to_have_value("10")
    slider.focus()
    root.page.keyboard.press("Home")
    expect(root).to_have_attribute("data-step", "0")
    picture = "canvas => canvas.toDataURL()"
    first = root.locator(".vl-decoded").evaluate(picture)
    root.page.keyboard.press("End")
    expect(root).to_have_attribute("data-step", "200")
    expect(root).to_have_attribute("data-beta", "40")
    assert root.locator(".vl-decoded").evaluate(picture) != first
    kl = float(root.get_attribute("data-kl") or "nan")
    assert kl == pytest.approx(recording._frames[-1]["kl"], abs=1e-3)
    root.page.keyboard.press("ArrowLeft")
    expect(root).to_have_attribute("data-step", "180")
    root.page.keyboard.press("Home")
    expect(root).to_have_attribute("data-step", "0")
    assert root.locator(".vl-decoded").evaluate(picture) == first
    root.get_by_role("button", name="Play").click()
    expect(root).to_have_attribute("data-step", "200", timeout=SLOW)
    expect(root.get_by_role("button", name="Play")).to_be_visible()


def test_a_live_one_shows_its_last_state(alone: Alone, run: LiveTraining) -> None:
    run.reset()
    run.step(3)
    root = alone(run)
    expect(root).to_have_attribute("data-step", "3")
    expect(root).to_contain_text("There is no kernel here")
