"""A learner's first hour: ``vaelib lab`` in an empty folder, an exercise solved by
typing, saved, closed, opened again. What they wrote is theirs."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from labpage import Lab, NotebookPage, free_port
from playwright.sync_api import expect

from vaelib.course import Folder

ROOT = Path(__file__).parents[2]
VAELIB = Path(sys.executable).with_name("vaelib")
SOLUTION = (
    "def interpolate(a, b, n):\n"
    "return a + torch.linspace(0, 1, n)[:, None] * (b - a)"  # Lab indents
)
NEWS = "@jupyterlab/apputils-extension:notification"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The command, in a folder that does not exist yet."""
    private = tmp_path_factory.mktemp("private")
    settings = {"LabApp": {"expose_app_in_browser": True}}
    (private / "jupyter_lab_config.json").write_text(json.dumps(settings), "utf-8")
    folder, port, log = private / "mine", free_port(), private / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [str(VAELIB), "lab", str(folder), f"--port={port}", "--no-browser"],
            cwd=private,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ
            | {"JUPYTER_CONFIG_DIR": str(private), "JUPYTER_RUNTIME_DIR": str(private)},
        )
    try:
        deadline = time.monotonic() + 90
        while not (found := re.search(r"token=([0-9a-f]{20,})", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield Lab(f"http://127.0.0.1:{port}", found[1], folder)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def cell_with(page: NotebookPage, text: str) -> int:
    return next(i for i, cell in enumerate(page.cells()) if text in cell)


def run_cell(page: NotebookPage, number: int) -> None:
    page.page.evaluate(
        """async (number) => {
            jupyterapp.shell.currentWidget.content.activeCellIndex = number;
            await jupyterapp.commands.execute("notebook:run-cell");
        }""",
        number,
    )
    page.wait_idle()


def status() -> str:
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout


def test_an_exercise_is_solved_saved_and_still_there(browser: Any, own: Lab) -> None:
    before = status()
    page = NotebookPage.open(browser, own, "00-start-here.ipynb")
    run_cell(page, cell_with(page, "import vaelib as vl"))
    run_cell(page, cell_with(page, "vl.progress()"))
    expect(page.page.get_by_role("table").filter(has_text="1 / 4")).to_have_count(0)

    stub = cell_with(page, "def interpolate")
    page.page.evaluate(
        "(n) => { jupyterapp.shell.currentWidget.content.activeCellIndex = n; }", stub
    )
    editor = page.page.locator(".jp-mod-active .cm-content")
    editor.click()
    page.page.keyboard.press("Control+a")
    page.page.keyboard.type(SOLUTION)
    run_cell(page, stub)
    run_cell(page, cell_with(page, "check.interpolate("))
    expect(page.page.get_by_text("✓ interpolate").first).to_be_visible()
    run_cell(page, cell_with(page, "vl.progress()"))
    table = page.page.locator(".jp-OutputArea-output table").filter(has_text="1 / 4")
    expect(table.last).to_be_visible()
    written = page.cells()[stub]
    assert "torch.linspace" in written
    page.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    assert page.problems() == []
    page.close()

    assert Folder(own.folder).update() == []  # nothing is newer, nothing is touched
    again = NotebookPage.open(browser, own, "00-start-here.ipynb")
    assert again.cells()[stub] == written
    outputs = [json.dumps(cell.get("outputs")) for cell in again.contents()]
    assert any("1 / 4" in output for output in outputs)
    again.close()
    said = subprocess.run(
        [str(VAELIB), "progress", str(own.folder)], capture_output=True, text=True
    )
    assert "1 / 4" in said.stdout
    assert status() == before


def test_the_course_s_settings_reach_jupyterlab(own: Lab) -> None:
    with urlopen(f"{own.url}/lab/api/settings/{NEWS}?token={own.token}") as answer:
        wanted = json.load(answer)["schema"]["properties"]["fetchNews"]
    assert wanted["default"] == "false"
