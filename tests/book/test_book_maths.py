"""Formulas: found where they are, set strictly, and untouched by Markdown."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from built import ROOT

from vaelib.book import maths
from vaelib.book.maths import BadFormula, Formulas, find, outside_code


def found(text: str) -> list[tuple[str, bool]]:
    return [(f.tex, f.display) for f in find(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a $x$ and $y_1$", [("x", False), ("y_1", False)]),
        ("$$\na\n\\\\ b\n$$", [("\na\n\\\\ b\n", True)]),
        ("it costs \\$5, or \\$6", []),
        ("`$x$` and ``$y` $z$``", []),
        ("```python\nprint('$x$')\n```\n\n$z$", [("z", False)]),
        ("$a$ is $5\\$", [("a", False)]),
        ("one $ alone\nand $ another", []),
        ("## The bound $L$", [("L", False)]),
    ],
)
def test_formulas_are_found(text: str, wanted: list[tuple[str, bool]]) -> None:
    assert found(text) == wanted


def test_code_and_formulas_are_left_alone() -> None:
    text = "aa `aa` $aa$\n```\naa\n```\naa"
    wanted = "bb `aa` $aa$\n```\naa\n```\nbb"
    assert outside_code(text, lambda part: part.replace("a", "b")) == wanted


class Annotations(HTMLParser):
    """The TeX that a page says its formulas are."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "annotation":
            self._inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "annotation"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data


def test_what_is_set_is_one_line_that_markdown_leaves_alone(tools: None) -> None:
    formulas, text = (
        Formulas(),
        "$$\na_1 *b* \\\\\n[c](d) < `e`\n$$ and $\\mu_1 * x_2 *$",
    )
    marked = formulas.take(text, "00")
    assert "$" not in marked
    back = formulas.set(ROOT).put_back(marked)
    assert "\n" not in back
    assert Annotations(back).found == [f.tex for f in find(text)]


def test_a_bad_formula_is_named_with_its_lesson(tools: None) -> None:
    formulas = Formulas()
    formulas.take("$x$ and $\\frac{1}$", "03-good-and-bad")
    formulas.take("$é$", "04-strict")  # else KaTeX would only warn
    with pytest.raises(BadFormula) as failure:
        formulas.set(ROOT)
    said = str(failure.value)
    assert "03-good-and-bad: \\frac{1}\n" in said
    assert "04-strict: é\n" in said
    assert "x" not in [line.split(": ")[-1] for line in said.splitlines()]


def test_without_katex_the_message_says_what_to_do(tmp_path: Path) -> None:
    formulas = Formulas()
    formulas.take("$x$", "00")
    with pytest.raises(BadFormula, match="make book"):
        formulas.set(tmp_path)


def test_styles_keep_their_strength_and_only_idle_classes_go() -> None:
    markup = [
        '<span class="mord used" style="top:-3em;left:1em;"><svg style="width:1em">'
        '</svg><span class="mord">x</span><mo stretchy="false">(</mo></span>'
    ]
    lighter, rules = maths._lighter(markup, ".katex .used{color:red}")
    assert lighter == [
        '<span class="used k0"><svg class="k1"></svg><span>x</span><mo>(</mo></span>'
    ]
    assert rules == (
        ".katex .k0{top:-3em!important;left:1em!important}\n"
        ".katex .k1{width:1em!important}"
    )
