"""How fast the book's pad follows the mouse, beside the same pad in JupyterLab.

    make book
    python benchmarks/book.py [--seconds 3] [--repeats 3]

The decoder is the one of lesson 00; mouse and clock are those of
``benchmarks/widgets.py``. Lesson 00 is dragged as it comes from a server and as it
lies on the disk.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import Page

# Finds labpage, too.
from widgets import (  # isort: skip
    NotebookPage,
    Run,
    free_port,
    measured,
    report,
    start_browser,
    start_lab,
)
from labpage import serving  # isort: skip

SITE = Path(__file__).parents[1] / "site"
LESSON = "00-start-here.html"
CELLS = [
    """
import vaelib as vl
data = vl.load("handwriting")
model = vl.mlp_vae(data.x.shape[1:], latent_dim=2)
""",
    "vl.widgets.LatentPad(model, data)",
]
NAMES = {
    "lab": "`LatentPad` in JupyterLab",
    "http": "the same in the book, `http://`",
    "file": "the same in the book, `file://`",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if not (SITE / LESSON).exists():
        sys.exit(f"no {LESSON} in {SITE.name}/: build the book first with 'make book'")
    port = free_port()
    runs: dict[str, list[Run]] = {arm: [] for arm in NAMES}
    with (
        tempfile.TemporaryDirectory() as folder,
        start_lab(Path(folder)) as lab,
        serving(SITE) as address,
        start_browser(f"--remote-debugging-port={port}") as browser,
    ):
        cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(notebook, Path(folder, "drag.ipynb"))
        opened = NotebookPage.open(browser, lab, "drag.ipynb")
        opened.run_all()
        tabs: dict[str, Page] = {"lab": opened.page}
        for arm, where in ("http", address), ("file", f"{SITE.as_uri()}/"):
            tabs[arm] = browser.new_page(viewport={"width": 1280, "height": 1000})
            tabs[arm].goto(where + LESSON)
        for _ in range(options.repeats):
            for arm, tab in tabs.items():
                tab.bring_to_front()
                place = tab.locator("[data-vl-kind=latent_pad]").first
                if arm != "lab":
                    place.scroll_into_view_if_needed()
                root = tab.locator('[data-vl="latent-pad"]').first
                root.wait_for()
                run = measured(tab, port, root, ".vl-pad", "pad", options.seconds)
                runs[arm].append(run)
        problems = opened.problems()
        opened.close()
    print(report(runs, NAMES, "lab"))
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
