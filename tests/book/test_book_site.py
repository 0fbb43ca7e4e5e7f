"""The whole book as a reader gets it, without a browser: formulas, links, sizes."""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from built import ROOT, build

from tools.notebooks import read, sources
from vaelib.book.maths import find

SUMMARY = (ROOT / "notebooks/SUMMARY.md").read_text("utf-8")
# A lesson missing there is one failure, not twenty.
LESSONS = [s.stem for s in sources() if s.stem in SUMMARY]
KB, MB = 1000, 1000_000


@cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def pages(site: Path) -> list[Path]:
    return sorted(site.glob("*.html"))


def test_the_book_lists_every_lesson_by_its_title() -> None:
    for source in sources():
        title = re.search(r"^# (.*)$", source.read_text("utf-8"), re.M)[1]
        assert f"[{title}]({source.stem}.ipynb)" in SUMMARY, "add it to SUMMARY.md"


def test_the_parts_are_the_map_s() -> None:
    parts = re.findall(r"^# ([IV]+\. .*)$", SUMMARY, re.M)
    table = sources()[0].read_text("utf-8").partition("## The map")[2]
    wanted = re.findall(r"\*\*([IV]+\. [^*]*)\*\*", table)
    assert parts
    assert parts == wanted[: len(parts)]


@pytest.mark.parametrize("name", LESSONS)
def test_every_formula_says_what_its_source_says(site: Path, name: str) -> None:
    page = soup(site / f"{name}.html").main
    shown = [a.get_text() for a in page.find_all("annotation")]
    cells = read(ROOT / f"notebooks/src/{name}.md").cells
    text = [c.source for c in cells if c.cell_type == "markdown"]
    wanted = [formula.tex for one in text for formula in find(one)]
    assert wanted
    assert shown == wanted


@pytest.mark.parametrize("name", ["index", "print", *LESSONS])
def test_no_raw_formula_is_left(site: Path, name: str) -> None:
    page = BeautifulSoup((site / f"{name}.html").read_text("utf-8"), "html.parser").main
    for apart in page.find_all(["pre", "code", "annotation", "script"]):
        apart.decompose()
    left = re.findall(r"\$[^$\n]*\$|\ue000|\ue001", page.get_text())
    assert left == []


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_s_page_has_all_of_it(site: Path, name: str) -> None:
    page = soup(site / f"{name}.html").main
    cells = read(ROOT / f"notebooks/src/{name}.md").cells
    code = [c.source.strip() for c in cells if c.cell_type == "code"]
    blocks = [b.get_text().strip() for b in page.select("code.language-python")]
    assert [b for b in blocks if b in code] == [c for c in code if c]
    text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    assert len(page.select("details:not([class])")) == text.count("<details>")
    exercises = sum("exercise" in c.metadata.get("tags", ()) for c in cells)
    assert len(page.select(".exercise [data-exercise]")) == exercises > 0
    assert len(page.select(".alert")) == text.count('<div class="alert')
    assert page.select(".output .vl-place")
    bar = page.select_one(".lesson-bar").get_text()
    assert f"make lab LESSON={name}" in bar
    assert re.search(r"ran in \d+ s", bar)


def test_links_anchors_and_files_are_there(site: Path) -> None:
    for path in pages(site):
        for element in soup(path).find_all(["a", "img", "link", "script", "iframe"]):
            target = element.get("href") or element.get("src")
            if not target or urlsplit(target).scheme in ("http", "https"):
                # Only a reader's click leaves the book.
                assert not target or element.name == "a", f"{path.name}: {target}"
                continue
            place, _, anchor = target.partition("#")
            file = site / unquote(place) if place else path
            assert file.is_file(), f"{path.name} → {target}"
            if anchor and file.suffix == ".html":
                found = soup(file).find(id=unquote(anchor))
                assert found is not None, f"{path.name} → {target}"


def test_every_style_sheet_is_at_home(site: Path) -> None:
    for sheet in site.rglob("*.css"):
        for target in re.findall(r"url\(['\"]?([^)'\"]+)", sheet.read_text("utf-8")):
            if not target.startswith("data:"):
                file = sheet.parent / target.partition("#")[0].partition("?")[0]
                assert file.is_file(), f"{sheet.name} → {target}"


def test_every_picture_has_words(site: Path) -> None:
    seen = 0
    for path in pages(site):
        for image in soup(path).main.find_all("img") if soup(path).main else ():
            assert len(image.get("alt", "")) >= 20, f"{path.name}: {image}"
            seen += 1
    assert seen > 3 * len(LESSONS)


def test_pages_and_book_are_small(site: Path) -> None:
    # As they travel: most of a page is the markup of formulas, which packs to an
    # eighth.
    weights = {
        p.name: len(gzip.compress(p.read_bytes()))
        for p in pages(site)
        if p.name != "print.html"
    }
    assert {name: w for name, w in weights.items() if w > 50 * KB} == {}
    whole = sum(p.stat().st_size for p in site.rglob("*") if p.is_file())
    assert whole <= 2.5 * MB * len(LESSONS)


def test_the_index_knows_a_word_of_every_lesson(site: Path) -> None:
    (index,) = site.glob("searchindex*.js")
    text = index.read_text("utf-8")
    for name in LESSONS:
        assert f"{name}.html#" in text
    assert "reparameter" in text


def test_the_print_page_holds_every_lesson(site: Path) -> None:
    page = soup(site / "print.html").main
    titles = [h.get_text() for h in page.find_all("h1")]
    listed = re.findall(r"^(?:- )?\[([^\]]*)\]\(\d\d-.*\.ipynb\)$", SUMMARY, re.M)
    assert len(listed) == len(LESSONS)
    assert set(listed) <= set(titles)
    assert page.select("details:not([class])")


def test_building_again_gives_the_same_bytes(site: Path, tmp_path: Path) -> None:
    answer = build(ROOT, "--dest-dir", str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    assert "executing" not in answer.stderr
    files = {p.relative_to(site) for p in site.rglob("*") if p.is_file()}
    assert {f for f in files if not (tmp_path / f).is_file()} == set()
    differing = {
        f for f in files if (tmp_path / f).read_bytes() != (site / f).read_bytes()
    }
    assert differing == set()
