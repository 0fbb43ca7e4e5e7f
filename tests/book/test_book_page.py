"""An executed lesson as a chapter: what becomes of each kind of cell and output."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from vaelib.book.execute import Executed
from vaelib.book.maths import Formulas
from vaelib.book.page import Page, page, prose, slug


def png(wide: int = 6, high: int = 4) -> str:
    buffer = io.BytesIO()
    Image.new("L", (wide, high), 128).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def code(text: str, *outputs: NotebookNode) -> NotebookNode:
    return new_code_cell(text, outputs=list(outputs))


def display(**kinds: str) -> NotebookNode:
    data = {kind.replace("_", "/"): value for kind, value in kinds.items()}
    return new_output("display_data", data=data)


def made(*cells: str | NotebookNode, seconds: float = 3.4) -> Page:
    notebook = new_notebook(
        cells=[new_markdown_cell(c) if isinstance(c, str) else c for c in cells]
    )
    return page("07-kl", Executed(notebook, seconds), Formulas())


def test_the_title_is_followed_by_how_to_open_it_and_how_long_it_ran() -> None:
    text = made("# 07 · KL\n\nWords.", "# in code only").text
    start = text.index('<div class="lesson-bar">')
    assert text.index("# 07 · KL") < start < text.index("Words.")
    assert "<code>make lab LESSON=07-kl</code>" in text
    assert '<a href="07-kl.ipynb" download>' in text
    assert "ran in 3 s" in text
    assert text.count("lesson-bar") == 1


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("[next](08-vae.ipynb)", "[next](08-vae.html)"),
        ("[next](08-vae.ipynb#By-hand)", "[next](08-vae.html#by-hand)"),
        ("[x](https://a.org/b.ipynb)", "[x](https://a.org/b.ipynb)"),
        ("`[x](08-vae.ipynb)`", "`[x](08-vae.ipynb)`"),
        ("[a](01-a.ipynb) [b](02-b.ipynb)", "[a](01-a.html) [b](02-b.html)"),
    ],
)
def test_links_between_lessons_lead_to_pages(source: str, wanted: str) -> None:
    assert prose(source, "00", Formulas()) == wanted


def test_a_heading_with_a_formula_has_an_anchor_of_words() -> None:
    text = prose("## The bound $L$, tighter\n\ntext", "00", Formulas())
    assert text.startswith("## The bound \ue0000\ue001, tighter {#the-bound-tighter}\n")
    assert prose("## Plain", "00", Formulas()) == "## Plain"
    assert slug("By hand · one pixel") == "by-hand--one-pixel"  # as mdBook has it
    assert slug("By-hand-·-one-pixel") == "by-hand--one-pixel"


def test_code_is_fenced_so_that_nothing_in_it_closes_the_fence() -> None:
    text = made(code("a = '''\n```\n'''"), code(""), code("b")).text
    assert "````python\na = '''\n```\n'''\n````" in text
    assert text.count("python\n") == 2


def test_pictures_become_files_with_their_words_and_their_size() -> None:
    shown = new_output(
        "display_data",
        data={"image/png": png(), "text/html": "<img>", "text/plain": "p"},
        metadata={"image/png": {"alt": 'a "grey" box', "width": 3}},
    )
    one = made(code("show", shown), code("again", shown))
    (name,) = one.files
    assert one.files[name] == base64.b64decode(png())
    wanted = (
        f'<img class="picture" src="assets/{name}" alt="a &quot;grey&quot; box" '
        'width="3" height="2" loading="lazy">'
    )
    assert one.text.count(wanted) == 2


def test_pictures_within_html_become_files_too() -> None:
    html = f'<b>A set</b><img alt="digits" src="data:image/png;base64,{png()}">'
    one = made(code("data", display(text_html=html, text_plain="A set")))
    (name,) = one.files
    assert f'<img alt="digits" src="assets/{name}" loading="lazy">' in one.text
    assert "base64" not in one.text


def lines(one: Page) -> Sequence[str]:
    return [x for x in one.text.splitlines() if x.startswith('<div class="output">')]


def test_text_is_one_line_of_html_with_colours_and_without_markup() -> None:
    stream = new_output("stream", name="stdout", text="<b> *x*\n\n\x1b[32mgreen\x1b[0m")
    (line,) = lines(made(code("print()", stream)))
    assert "&lt;b&gt; *x*&#10;&#10;" in line
    assert '<span class="ansi-green-fg">green</span>' in line
    assert 'tabindex="0"' in line


def test_a_stream_s_pieces_are_one_and_progress_ends_at_its_end() -> None:
    pieces = [
        new_output("stream", name="stdout", text=text)
        for text in ("step 1\rstep", " 2\rstep 3\nnext", "\r\nlast\n")
    ]
    (line,) = lines(made(code("run", *pieces)))
    assert ">step 3&#10;next&#10;last</pre>" in line


def test_warnings_are_told_apart_and_silence_is_no_box() -> None:
    warning = new_output("stream", name="stderr", text="mind this")
    nothing = new_output("stream", name="stdout", text="\n")
    (line,) = lines(made(code("run", warning, nothing)))
    assert '<pre class="stderr"' in line


def test_a_progress_bar_leaves_nothing() -> None:
    view = "application/vnd.jupyter.widget-view+json"
    notebook = new_notebook(
        cells=[
            code(
                "fit",
                new_output(
                    "display_data",
                    data={view: {"model_id": "1"}, "text/plain": "0%"},
                ),
            )
        ]
    )
    bar = {"state": {"_model_name": "HBoxModel"}}
    notebook.metadata.widgets = {
        "application/vnd.jupyter.widget-state+json": {"state": {"1": bar}}
    }
    assert lines(page("00", Executed(notebook, 1), Formulas())) == []


SOLUTION = "<details>\n<summary>Solution</summary>\n\nDo it.\n\n</details>"
HINT = "<details>\n<summary>Hint 1</summary>\n\nThink.\n\n</details>"


def stub() -> NotebookNode:
    return new_code_cell("stub", metadata={"tags": ["exercise"]})


def test_an_exercise_s_card_ends_with_its_solution() -> None:
    cells = [
        "## Exercises\n\nFill in.\n\n### Exercise 1 · Walk", stub(), code("check"),
        f"{HINT}\n\n{SOLUTION}", "Words in between.",
        "### Experiment · Run", stub(), SOLUTION, "## What to take away",
    ]  # fmt: skip
    before, first, second = made(*cells).text.split('<div class="exercise">')
    assert before.rstrip().endswith("Fill in.")
    assert first.startswith("\n\n### Exercise 1")
    assert first.index("Solution") < first.index("</div>") < first.index("between")
    assert second.startswith("\n\n### Experiment")
    assert second.index("Solution") < second.index("</div>") < second.index("take away")
    assert HINT in first


def test_a_card_without_a_solution_ends_before_the_next_heading() -> None:
    text = made("### One", stub(), "words\n\n## Next", "### Two", stub()).text
    assert text.index("</div>") < text.index("## Next")
    assert text.count('<div class="exercise">') == text.count("</div>") == 2


def test_a_heading_without_a_stub_is_no_exercise() -> None:
    text = made("### A section", code("plain"), "### Exercise 1", stub()).text
    assert text.index("A section") < text.index('<div class="exercise">')
    assert "exercise" not in made("```python\n### Exercise 1\n```", stub()).text


def test_a_further_section_is_closed_until_the_next_heading_of_its_level() -> None:
    cells = [
        "## Core\n\nfirst", "## A *short* proof · further\n\nlong", "### Step\n\none",
        "### Exercise 4 · Hard", stub(), SOLUTION, "## Next\n\nlast",
    ]  # fmt: skip
    text = made(*cells).text
    # As HTML, since mdBook makes a link of a heading, and no link may lie in a summary.
    heading = '<h2 id="a-short-proof--further">A <em>short</em> proof · further</h2>'
    assert f'<details class="further"><summary>{heading}</summary>' in text
    core, _, rest = text.partition('<details class="further">')
    closed, _, after = rest.rpartition("</details>")
    assert "first" in core
    assert "long" in closed
    assert "### Step" in closed
    assert closed.count('<div class="exercise">') == closed.count("</div>") == 1
    assert after.strip().startswith("## Next")
    assert "last" in after


def test_the_heading_of_a_further_section_keeps_its_formula_and_its_anchor() -> None:
    text = made("## How $\\beta$ costs · further\n\nlong").text
    start, end = text.index("<summary>"), text.index("</summary>")
    assert '<h2 id="how-costs--further">How \ue000' in text[start:end]
    assert "long" not in text[start:end]


def test_a_further_exercise_is_closed_as_a_whole() -> None:
    text = made("### Exercise 4 · Hard · further", stub(), SOLUTION, "### Five").text
    start = text.index('<details class="further">')
    card, end = text.index('<div class="exercise">'), text.index("### Five")
    assert start < text.index("Hard") < card < text.index("stub") < end
    assert text.count("<details") == text.count("</details>") == 2
    assert text[:end].rstrip().endswith("</div>\n\n</details>")


def test_the_code_of_a_folded_cell_is_folded_and_its_output_is_not() -> None:
    hidden = code("draw()", new_output("stream", name="stdout", text="seen"))
    hidden.metadata["jupyter"] = {"source_hidden": True}
    text = made(hidden).text
    assert text.index("<details") < text.index("draw()") < text.index("</details>")
    assert text.index("</details>") < text.index("seen")
