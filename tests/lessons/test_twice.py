"""Two runs of a lesson: what counts as a difference between them, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from tools.twice import WIDGET, differences

Cell = dict[str, Any]
PNG = "iVBORw0KGgo="


def cell(*outputs: NotebookNode) -> Cell:
    return {"source": "some(code)", "outputs": list(outputs)}


def said(text: str | list[str], name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


def shown(**data: Any) -> NotebookNode:
    kinds = {"png": "image/png", "html": "text/html", "plain": "text/plain"}
    data = {kinds.get(kind, WIDGET): value for kind, value in data.items()}
    return new_output("display_data", data=data)


BAR = shown(plain="0 %", widget={"model_id": "1"})
FIGURE = shown(png=PNG, plain="<Figure>")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (cell(said("1\n2\n")), cell(said(["1\n", "2\n"]))),
        (cell(said("1\n"), said("2\n")), cell(said("1\n2\n"))),
        (cell(said("a"), said("slow", "stderr")), cell(said("a"))),
        (cell(BAR, said("a")), cell(said("a"))),
        (cell(shown(png=PNG, plain="F", html="<img id=1>")),
         cell(shown(png=f"{PNG}\n", plain=["F"], html="<img id=2>"))),
        (cell(new_output("execute_result", data={"text/plain": "1"})),
         cell(new_output("execute_result", data={"text/plain": "1"}, execution_count=3,
                         metadata={"x": 1}))),
        (cell(), {"source": "a = 1"}),
    ],
)  # fmt: skip
def test_these_are_the_same(first: Cell, second: Cell) -> None:
    assert differences([first], [second]) == []
    assert differences([cell(), first], [cell(), second]) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (cell(said("1")), cell(said("2"))),
        (cell(said("1")), cell()),
        (cell(), cell(said("1"))),
        (cell(said("1"), FIGURE), cell(FIGURE, said("1"))),
        (cell(FIGURE), cell(shown(png=PNG.replace("w", "W"), plain="<Figure>"))),
        (cell(FIGURE), cell(FIGURE, FIGURE)),
        (cell(shown(html="<b>1</b>", plain="1")), cell(shown(html="<b>2</b>",
                                                             plain="1"))),
        (cell(shown(plain="1")), cell(shown(plain="2"))),
        (cell(), cell(new_output("error", ename="E", evalue="", traceback=[]))),
    ],
)  # fmt: skip
def test_these_are_not(first: Cell, second: Cell) -> None:
    (found,) = differences([cell(), first], [cell(), second])
    assert found.startswith("code cell 2:\nsome(code)\n")
    assert len(differences([first, first], [second, second])) == 2


def test_a_cell_more_is_a_difference() -> None:
    assert differences([cell()], [cell(), cell()]) != []
