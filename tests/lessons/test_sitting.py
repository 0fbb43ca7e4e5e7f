"""The estimate of a core path counts what stands open, and nothing else."""

from pathlib import Path

import pytest

from tools.notebooks import sources
from tools.sitting import Sitting, sitting

HEAD = """---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

"""
CLOSED = '+++ {"jp-MarkdownHeadingCollapsed": true}\n\n'


@pytest.fixture
def minutes(tmp_path: Path):  # type: ignore[no-untyped-def]
    def of(*cells: str) -> Sitting:
        path = tmp_path / "00-a.md"
        path.write_text(HEAD + "\n\n".join(cells), "utf-8")
        return sitting(path)

    return of


def code(text: str, options: str = "") -> str:
    return f"```{{code-cell}} ipython3\n{options}{text}\n```"


WORDS = "word " * 360  # 2 minutes
LINES = "\n".join(f"x = {i}" for i in range(20))  # 2 minutes


def test_words_lines_formulas_and_widgets_add_up(minutes) -> None:  # type: ignore[no-untyped-def]
    assert minutes(WORDS).reading == 2
    assert minutes(code(LINES)).reading == 2
    assert minutes(code(LINES.replace("\n", "\n\n"))).reading == 2
    assert minutes("\n\n".join(["$$a = b$$"] * 3)).reading == 2
    assert minutes(code("vl.widgets.LatentPad(m)\nvl.predict('q')\n" * 2)).reading == 6
    assert minutes(WORDS, code(LINES), WORDS).reading == 6


@pytest.mark.parametrize(
    "cells",
    [
        (f"<details>\n<summary>Hint</summary>\n\n{WORDS}\n\n</details>",),
        (code(LINES, ":tags: [exercise]\n\n"), code("check.f(f)")),
        (code(LINES, ":jupyter: {source_hidden: true}\n\n"),),
        (CLOSED + "## More · further", code(LINES), f"### In it\n\n{WORDS}"),
    ],
)  # fmt: skip
def test_what_is_folded_costs_nothing(minutes, cells: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    assert minutes(*cells).reading == 0
    assert minutes(*cells, "+++\n\n## Next\n\n" + WORDS).reading == 2


def test_a_comment_in_code_ends_no_section(minutes) -> None:  # type: ignore[no-untyped-def]
    fenced = f"```python\n# a comment\n```\n\n{WORDS}"
    assert minutes(CLOSED + "## More · further\n\nx", code("1"), fenced).reading == 0


def test_minutes_of_exercises_are_those_of_the_open_cards(minutes) -> None:  # type: ignore[no-untyped-def]
    card = "### Exercise {} · Do\n\n●●○ · {} minutes\n\nWrite."
    found = minutes(
        "## Exercises",
        "+++\n\n" + card.format(1, 10),
        code("x"),
        CLOSED + card.format(2, 20).replace("Do", "Do · further"),
        code("x"),
        "+++\n\n" + card.format(3, 15),
    )
    assert found.exercises == 25
    assert found.fits
    assert not Sitting(41, 0).fits
    assert not Sitting(0, 36).fits


def test_no_lesson_takes_nothing() -> None:
    for source in sources():
        assert sitting(source).reading > 10, source.name
