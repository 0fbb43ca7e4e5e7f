"""Small books through mdBook: what an author meets who builds one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from built import build, write_lesson

from vaelib.book.__main__ import BadIndex, main
from vaelib.book.__main__ import build as preprocess
from vaelib.book.maths import BadFormula

Maker = Callable[[dict[str, Sequence[str]]], Path]
PAD = (
    ">>> import vaelib as vl\n"
    "vl.widgets.LatentPad(vl.mlp_vae((1, 4, 4), 2, (8,), seed=0))"
)
GUESS = ">>> import vaelib as vl\nvl.predict('Which?', choices=['one', 'two'])"
FOLDED = "<details>\n<summary>Hint 1</summary>\n\nSet $a_1$ *first*.\n\n</details>"
ALERT = '<div class="alert alert-info">\n\n**Mind** the $b_2$.\n\n</div>'
FIRST = ["# 00 · First", "Text: $x_1 + y_1$, \\$5.", ">>> print('said $a$')", FOLDED]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_two_builds_give_the_same_bytes_and_run_a_lesson_once(course: Maker) -> None:
    runs = ">>> with open('runs', 'a') as file: file.write('x')"
    folder = course({"00-a": [*FIRST, ALERT, PAD], "01-b": ["# 01 · B", runs]})
    assert build(folder).returncode == 0
    first = contents(folder / "site")
    stamps = {p: p.stat().st_mtime_ns for p in (folder / "notebooks/assets").iterdir()}
    assert build(folder).returncode == 0
    assert contents(folder / "site") == first
    assert (folder / "notebooks/runs").read_text() == "x"
    # An asset written anew would wake `mdbook serve`, for ever.
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}

    # A kernel numbers its widgets anew each time; the pages do not show it.
    shutil.rmtree(folder / ".jupyter_cache")
    assert build(folder).returncode == 0
    again = contents(folder / "site")
    assert {n for n in again if "assets/" in n} == {n for n in first if "assets/" in n}

    page = first["00-a.html"].decode()
    assert "<strong>Mind</strong>" in page
    assert "<em>first</em>" in page
    assert "$5." in page
    assert 'data-vl-kind="latent_pad"' in page


def test_a_failing_lesson_stops_the_build_with_its_cell(course: Maker) -> None:
    folder = course({"00-a": FIRST, "01-b": ["# 01 · B", ">>> 1 / 0  # here"]})
    answer = build(folder)
    assert answer.returncode != 0
    assert "01-b, code cell 1:\n    1 / 0  # here\nZeroDivisionError" in answer.stderr
    assert not (folder / "site/00-a.html").exists()


def preprocessed(folder: Path, *pages: str) -> list[str]:
    """The chapters as they go back to mdBook, without starting it."""
    items: list[Any] = [{"PartTitle": "A part"}]
    for path in pages:
        text = (folder / "notebooks" / path).read_text("utf-8")
        chapter = {"name": path[:4], "path": path, "content": text, "sub_items": []}
        items.append({"Chapter": chapter})
    context = {"root": str(folder), "config": {"book": {"src": "notebooks"}}}
    made = preprocess(context, {"items": items})["items"]
    return [one["Chapter"]["content"] for one in made[1:]]


def test_an_asset_nobody_needs_any_more_goes(course: Maker) -> None:
    folder = course({"00-a": ["# 00 · A", PAD]})
    preprocessed(folder, "00-a.ipynb")
    assets = folder / "notebooks/assets"
    assert any(p.name.startswith("latent_pad") for p in assets.iterdir())
    write_lesson(folder / "notebooks/00-a.ipynb", ["# 00 · A", "$x$"])
    preprocessed(folder, "00-a.ipynb")
    assert not any(p.name.startswith("latent_pad") for p in assets.iterdir())
    assert (assets / "maths.css").exists()
    assert any((assets / "fonts").iterdir())


def test_a_bad_formula_stops_the_build_with_its_lesson(
    course: Maker,
) -> None:
    folder = course({"00-a": FIRST, "01-b": ["# 01 · B", "So $\\frac{1}$."]})
    with pytest.raises(BadFormula, match=r"01-b: \\frac\{1\}\n"):
        preprocessed(folder, "00-a.ipynb", "01-b.ipynb")


def test_the_landing_page_shows_what_stands_elsewhere(course: Maker) -> None:
    folder = course({"00-a": ["# 00 · A", GUESS, PAD], "01-b": FIRST})
    index = folder / "notebooks/index.md"
    marks = ["<!-- widget: latent-pad of 00-a -->", "<!-- README, first paragraph -->"]
    index.write_text("\n\n".join([*marks, "<!-- contents -->", "$z$"]), "utf-8")
    page = preprocessed(folder, "index.md", "00-a.ipynb", "01-b.ipynb")[0]
    assert 'data-vl-kind="latent_pad"' in page
    assert 'data-vl-kind="predict"' not in page
    assert "\n\nThe README says this.\n\n" in page
    assert "**A part**\n\n- [00-a](00-a.html)\n- [01-b](01-b.html)" in page
    assert '<annotation encoding="application/x-tex">z</annotation>' in page

    for which in ("latent-pad of 01-b", "sums of 00-a"):
        mark = f"<!-- widget: {which} -->"
        index.write_text(mark, "utf-8")
        with pytest.raises(BadIndex, match=f"{mark}: wanted a lesson"):
            preprocessed(folder, "index.md", "00-a.ipynb", "01-b.ipynb")


@pytest.mark.parametrize(("renderer", "code"), [("html", 0), ("markdown", 1)])
def test_it_says_which_renderer_it_serves(renderer: str, code: int) -> None:
    assert main(["supports", renderer]) == code
