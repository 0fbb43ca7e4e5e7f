"""A lesson run twice, in two kernels, prints and draws the same."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tools.notebooks import ROOT, pair_of, sources


def results(source: Path) -> list[tuple[int, str]]:
    """What each cell printed, gave or drew, without progress bars and widgets
    (their ids are new each time)."""
    notebook = nbformat.read(pair_of(source), as_version=4)
    where = {"metadata": {"path": str(ROOT / "notebooks")}}
    NotebookClient(notebook, timeout=300, resources=where).execute()
    found = []
    for i, cell in enumerate(notebook.cells):
        outputs = cell.get("outputs", [])
        # A slow cell's text comes in pieces, cut where the clock says.
        text = "".join(o.text for o in outputs if o.get("name") == "stdout")
        found += [(i, text)] if text else []
        for output in outputs:
            data = output.get("data", {})
            if "application/vnd.jupyter.widget-view+json" not in data:
                found += [
                    (i, data[kind])
                    for kind in ("text/plain", "image/png")
                    if kind in data
                ]
    return found


@pytest.mark.parametrize("source", sources(), ids=lambda s: s.stem)
def test_same_result_twice(source: Path) -> None:
    first = results(source)
    assert len(first) > 5
    assert results(source) == first
