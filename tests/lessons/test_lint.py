"""Every lesson passes the lint, and every rule of the lint can go red."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.lint import RULES, lint
from tools.notebooks import sources

GOOD = """---
jupytext:
  formats: ipynb,src//md:myst
  notebook_metadata_filter: -jupytext.text_representation.jupytext_version
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# 03 · Holes

## The question

What is between two codes?

**One sitting.** 2 minutes of reading, 0 of exercises. **Run time.** 4 s on two cores.

```{code-cell} ipython3
import torch
import vaelib as vl
```

## Predict

A guess about $x_1$ and \\$5.

## By hand

$$
a = b \\\\[2pt] c
$$

```{code-cell} ipython3
picture, ax = vl.plots.figure(title="a line")
ax.plot([0, 1])
vl.show(picture, alt="A line that rises from 0 to 1.")
vl.show(vl.plots.images(torch.zeros(4, 1, 8, 8)))
assert 1 != 2  # "a != b" holds
```

## Check

## Touch

## Exercises

<details>
<summary>Solution</summary>

```python
x = 1
```

</details>

## What to take away

## Sources

- A. Author (2014)
"""


@pytest.mark.parametrize("source", sources(), ids=lambda s: s.stem)
def test_the_lesson_passes_the_lint(source: Path) -> None:
    assert "\n".join(map(str, lint(source))) == ""


@pytest.fixture
def faults(tmp_path: Path) -> Callable[..., set[str]]:
    def of(text: str, *others: str) -> set[str]:
        for name in others:
            (tmp_path / name).write_text("", "utf-8")
        path = tmp_path / "03-holes.md"
        path.write_text(text, "utf-8")
        return {fault.rule for fault in lint(path)}

    return of


def test_a_good_lesson_has_no_faults(faults: Callable[..., set[str]]) -> None:
    assert faults(GOOD) == set()


def in_code(line: str) -> str:
    return GOOD.replace("import torch\n", f"import torch\n{line}\n", 1)


def ending_in(lines: str) -> str:
    cell = f"```{{code-cell}} ipython3\n{lines}\n```\n\n"
    return GOOD.replace("## Check", f"{cell}## Check", 1)


def in_text(line: str) -> str:
    return GOOD.replace("A guess about", f"{line}\n\nA guess about", 1)


RED = {
    "short_code": [
        in_code("x = '" + "a" * 80 + "'"),
        in_code("\n".join(f"x{i} = 1" for i in range(25))),
        in_code("\n".join(f"x{i} = 1" for i in range(14))),
        GOOD.replace("x = 1\n", "x = '" + "a" * 80 + "'\n"),
    ],
    "one_sitting": [
        GOOD.replace("2 minutes", "9 minutes"),
        in_text("word " * 180 * 45),
        in_text("●●○ · 36 minutes"),
    ],
    "further_is_closed": [
        in_text("## More · further"),
        in_text('+++ {"jp-MarkdownHeadingCollapsed": true}\n\n## More'),
    ],
    "no_shell": [in_code("%pip install x"), in_code("!ls"), in_code("a = !ls")],
    "no_network": [
        in_code("import urllib.request"),
        in_code("from requests import get"),
        in_code("where = 'https://example.org'"),
    ],
    "no_global_seed": [
        in_code("torch.manual_seed(0)"),
        in_code("np.random.seed(0)"),
        in_code("import random; random.seed(0)"),
    ],
    "shown_with_text": [
        in_code("import matplotlib.pyplot as plt"),
        in_code("plt.show()"),
        in_code("vl.plots.images(x)"),
        in_code("fig = vl.plots.images(x)"),
        in_code("history.plot()"),
        in_code("vl.show(fig)"),
        GOOD.replace(', alt="A line that rises from 0 to 1."', ""),
    ],
    "worth_showing": [
        ending_in("ax.set(xlabel='z')"),
        ending_in("b = ax.twinx()\nb.plot([0, 1])"),
        ending_in("_, axes = vl.plots.figure(1, 2)\naxes[0].set_title('a')"),
    ],
    "known_widgets": [in_code("vl.widgets.NoSuchWidget(model)")],
    "rendered_formulas": [
        in_text(r"\(x\)"),
        in_text(r"\begin{equation}x\end{equation}"),
        in_text("a lone $ sign"),
        in_text("{math}`x`"),
    ],
    "plain_markdown": [in_text("```{note}\nx\n```"), in_text("> [!NOTE]\n> x")],
    "folded_details": [
        GOOD.replace("</details>", ""),
        GOOD.replace("<summary>Solution</summary>\n\n", "<summary>S</summary>\n"),
        GOOD.replace("<summary>Solution</summary>", ""),
    ],
    "plain_words": [
        in_text("Clearly, it works."),
        in_text("It is simply so."),
        in_text("It works!"),
        in_text("It works \N{ROCKET}"),
        in_code("x = 1  # obviously"),
    ],
    "described_images": [in_text("![](a.png)"), in_text('<img src="a.png">')],
    "rhythm": [
        GOOD.replace("## Predict\n", ""),
        GOOD.replace("## Check", "## X").replace("## Touch", "## Check\n\n## Touch", 0),
        GOOD.replace("## Check", "## A").replace("## Touch", "## Check")
        .replace("## A", "## Touch"),
    ],
    "numbered_title": [
        GOOD.replace("# 03 · Holes", "# 04 · Holes"),
        GOOD.replace("# 03 · Holes", "# 03 · Holes\n\n# Another"),
    ],
    "run_time_told": [GOOD.replace("4 s on two cores", "a while")],
    "sources_cited": [GOOD.replace("- A. Author (2014)", "")],
    "links_lead_somewhere": [in_text("[next](04-next.ipynb)"), in_text("[a](02-a.md)")],
    "paired_header": [
        GOOD.replace("ipynb,src//md:myst", "ipynb"),
        GOOD.replace(" (ipykernel)", ""),
        GOOD.replace("filter: -jupytext", "filter: jupytext"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "text"),
    [(rule, text) for rule, texts in RED.items() for text in texts],
)
def test_a_rule_goes_red(rule: str, text: str, faults: Callable[..., set[str]]) -> None:
    assert text != GOOD
    assert rule in faults(text)


def test_every_rule_is_shown_to_go_red() -> None:
    assert {rule.__name__ for rule in RULES} == set(RED)


@pytest.mark.parametrize(
    "last", ["ax.set(xlabel='z');", "x = ax.get_xlim()", "z.mean()", "ax", "z.shape"]
)
def test_what_is_worth_showing_is_shown(
    last: str, faults: Callable[..., set[str]]
) -> None:
    assert "worth_showing" not in faults(ending_in(last))


def test_the_next_lesson_must_be_linked(faults: Callable[..., set[str]]) -> None:
    assert faults(GOOD, "04-next.md") == {"links_lead_somewhere"}
    linked = GOOD.replace("## Sources", "On to [four](04-next.ipynb).\n\n## Sources")
    assert faults(linked, "04-next.md") == set()


def test_a_fault_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "03-holes.md"
    path.write_text(in_text("It works!"), "utf-8")
    (fault,) = lint(path)
    assert path.read_text().splitlines()[fault.line - 1] == "It works!"
    assert str(fault).startswith(f"03-holes.md:{fault.line}: ")
