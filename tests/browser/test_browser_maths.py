"""The book's formulas weigh two thirds of KaTeX's own, and look the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from built import REQUIRED, ROOT, missing

from tools.notebooks import sources
from vaelib.book import maths

BOXES = """() => [...document.querySelectorAll(".katex-html, .katex-html *")].map(
    (part) => {
        const { x, y, width, height } = part.getBoundingClientRect();
        return [x, y, width, height].map((value) => Math.round(value * 100));
    },
)"""


def test_every_part_of_every_formula_stands_where_katex_put_it(
    browser: Any, tmp_path: Path
) -> None:
    if missing():
        (pytest.fail if REQUIRED else pytest.skip)(missing())
    formulas = [f for s in sources() for f in maths.find(s.read_text("utf-8"))]
    css, fonts = maths._katex_style(ROOT)
    plain = maths._katex(formulas, ROOT)
    lighter, rules = maths._lighter(plain, css)
    assert sum(map(len, lighter)) < 0.75 * sum(map(len, plain))
    (tmp_path / "fonts").mkdir()
    for name, content in fonts.items():
        (tmp_path / name).write_bytes(content)
    page, boxes = browser.new_page(), []
    for name, markup, style in (("a", plain, css), ("b", lighter, css + rules)):
        file = tmp_path / f"{name}.html"
        body = "".join(f"<p>{one}</p>" for one in markup)
        file.write_text(
            f'<!doctype html><meta charset="utf-8"><style>{style}</style>{body}',
            "utf-8",
        )
        page.goto(file.as_uri())
        page.evaluate("document.fonts.ready")
        boxes.append(page.evaluate(BOXES))
    page.close()
    assert len(boxes[0]) > 10 * len(formulas)
    assert boxes[0] == boxes[1]
