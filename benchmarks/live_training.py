"""How many pictures a second a model in training shows, how fast it trains
meanwhile, and how long another cell waits for its turn.

    python benchmarks/live_training.py [--seconds 6] [--repeats 3]

``LiveTraining`` runs in a JupyterLab in a headless Chromium on the same cores. The
pictures counted are those painted. For comparison: how often matplotlib could draw
the same picture if nothing were trained, and how fast ``fit`` is alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from labpage import NotebookPage, start_browser, start_lab

CELLS = [
    """
import time
import vaelib as vl
from vaelib.widgets import LiveTraining, still
data = vl.load("handwriting")

def build(seed):
    return vl.mlp_vae((1, 28, 28), 2)

def matplotlib_seconds():
    begin = time.perf_counter()
    still.png(live._still()[0])
    return time.perf_counter() - begin

def fit_steps_per_second():
    part = vl.load("handwriting", n=6400)
    begin = time.perf_counter()
    history = vl.fit(build(0), part, epochs=1, progress=False)
    return history.steps / (time.perf_counter() - begin)

live = LiveTraining(build, data)
live
"""
]
Row = dict[str, float]


def measure(page: NotebookPage, seconds: float) -> Row:
    """Train for some seconds, asking the kernel something else now and then."""
    root = page.widget("live-training")
    alone = [waited(page) for _ in range(10)]
    root.get_by_role("button", name="Start").click()
    page.page.wait_for_function("() => document.querySelector('[data-vl]').dataset.kl")
    begin, frame, step = time.monotonic(), shown(root, "frame"), shown(root, "step")
    meanwhile = []
    while time.monotonic() - begin < seconds:
        meanwhile.append(waited(page))
        page.page.wait_for_timeout(250)
    took = time.monotonic() - begin
    frames, steps = shown(root, "frame") - frame, shown(root, "step") - step
    root.get_by_role("button", name="Pause").click()
    page.page.wait_for_function(
        "() => document.querySelector('[data-vl]').dataset.running === 'false'"
    )
    drawing = [page.ask("matplotlib_seconds()") for _ in range(3)]
    return {
        "pictures/s": frames / took,
        "steps/s": steps / took,
        "steps/s of fit alone": page.ask("fit_steps_per_second()"),
        "pictures/s matplotlib could draw": 1 / statistics.median(drawing),
        "another cell, idle (ms)": 1000 * statistics.median(alone),
        "another cell, training (ms)": 1000 * statistics.median(meanwhile),
        "… at worst (ms)": 1000 * max(meanwhile),
    }


def waited(page: NotebookPage) -> float:
    begin = time.perf_counter()
    page.ask("6 * 7")
    return time.perf_counter() - begin


def shown(root: Any, name: str) -> float:
    return float(root.get_attribute(f"data-{name}"))


def report(rows: list[Row]) -> str:
    """A Markdown table: medians over the repeats, with the range."""
    lines = ["| what | median | least | most |", "|---|---|---|---|"]
    for name in rows[0]:
        values = [row[name] for row in rows]
        numbers = (statistics.median(values), min(values), max(values))
        lines.append(f"| {name} | " + " | ".join(f"{v:.1f}" for v in numbers) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        start_lab(Path(folder)) as lab,
        start_browser() as browser,
    ):
        cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(notebook, Path(folder, "live.ipynb"))
        page = NotebookPage.open(browser, lab, "live.ipynb")
        page.run_all()
        rows = [measure(page, options.seconds) for _ in range(options.repeats)]
        problems = page.problems()
        page.close()
    print(report(rows))
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
