"""A lesson runs on other data after one line is changed.

Like the lesson itself, it is not run again until something changes that it uses.
"""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tools.notebooks import ROOT, pair_of, sources
from tools.twice import first_run

LINE = 'vl.load("handwriting")'
SWITCHABLE = [s for s in sources() if f"data = {LINE}" in s.read_text("utf-8")]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("source", SWITCHABLE, ids=lambda s: s.stem)
@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_one_line_switches_the_data(
    source: Path, name: str, request: pytest.FixtureRequest
) -> None:
    if name == "digits" and "00-" not in source.name:
        pytest.skip("8×8 pixels are promised for lesson 00 only")
    first = first_run(pair_of(source), ROOT)
    done = first and first.stamp.with_name(f"{first.stamp.name}-{name}")
    if name == "mnist":
        request.getfixturevalue("real_mnist")
    if done and done.exists():
        return
    notebook = nbformat.read(pair_of(source), as_version=4)
    cell = next(c for c in notebook.cells if f"data = {LINE}" in c.source)
    cell.source = cell.source.replace(LINE, f'vl.load("{name}")')
    where = {"metadata": {"path": str(ROOT / "notebooks")}}
    NotebookClient(notebook, timeout=300, resources=where).execute()
    if done:
        done.parent.mkdir(exist_ok=True)
        done.touch()
