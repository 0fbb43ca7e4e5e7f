"""The formulas, set when the book is built: no script and no network in the page.

Formulas stand between dollars, ``$…$`` and ``$$…$$``, and a dollar itself is
``\\$``: the marks that JupyterLab and the book share (``tools/lint.py`` sees to
it). They are taken out of the text before Markdown can read them, set by KaTeX in
one call for the whole book, and put back in a form that Markdown leaves alone.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import string
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("maths.js")
_CODE = r"(?P<code>^(?P<fence>```+|~~~+).*?^(?P=fence)|(?P<tick>`+).+?(?P=tick))"
_DISPLAY = r"\$\$(?P<display>.+?)\$\$"
_INLINE = r"(?<!\\)\$(?P<inline>[^$\n]+?)(?<!\\)\$"
_TEXT = re.compile(
    rf"{_CODE}|(?P<dollar>\\\$)|{_DISPLAY}|{_INLINE}", re.DOTALL | re.MULTILINE
)
# Markdown may give a meaning to any of these, but to none of them as an entity.
_ENTITIES = str.maketrans({c: f"&#{ord(c)};" for c in string.punctuation + "\n"})
# Two letters of the private use area, which no text has, hold a formula's place.
_PLACE = re.compile("\ue000(\\d+)\ue001")


class BadFormula(Exception):
    """A formula that KaTeX cannot set, or no node to set it with."""


@dataclass(frozen=True)
class Formula:
    """A formula as it stands in the source.

    Attributes:
        tex: what stands between the dollars.
        display: on a line of its own, ``$$…$$``.
        lesson: where it stands.
    """

    tex: str
    display: bool
    lesson: str


def find(text: str, lesson: str = "") -> list[Formula]:
    """The formulas of a Markdown text in order, those in code left out."""
    return [_formula(m, lesson) for m in _TEXT.finditer(text) if _is_formula(m)]


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with ``change`` made to all of it but code and formulas."""
    parts, at = [], 0
    for m in _TEXT.finditer(text):
        parts += [change(text[at : m.start()]), m[0]]
        at = m.end()
    return "".join([*parts, change(text[at:])])


def blanked(text: str, *, formulas: bool) -> str:
    """The text with spaces where code stands, and formulas if asked for; its lines
    and columns are kept."""

    def spaces(m: re.Match[str]) -> str:
        wanted = formulas if _is_formula(m) else m["dollar"] is None
        return re.sub(r"[^\n]", " ", m[0]) if wanted else m[0]

    return _TEXT.sub(spaces, text)


class Formulas:
    """All formulas of a book: taken out page by page, set at once, put back."""

    def __init__(self) -> None:
        self._taken: list[Formula] = []

    def take(self, text: str, lesson: str) -> str:
        """The text with a mark in the place of each formula."""

        def mark(m: re.Match[str]) -> str:
            if not _is_formula(m):
                return m[0]
            self._taken.append(_formula(m, lesson))
            return f"\ue000{len(self._taken) - 1}\ue001"

        return _TEXT.sub(mark, text)

    def set(self, root: Path) -> Typeset:
        """Set them all.

        Args:
            root: the folder with ``node_modules/katex``.

        Raises:
            BadFormula: naming lesson and formula.
        """
        css, fonts = _katex_style(root)
        markup, rules = _lighter(_katex(self._taken, root), css)
        style = {"maths.css": (css + rules).encode(), **fonts}
        return Typeset([_untouchable(one) for one in markup], style)


@dataclass(frozen=True)
class Typeset:
    """A book's formulas, set.

    Attributes:
        markup: HTML of each.
        files: style sheet and fonts, by name, for a folder beside the pages.
    """

    markup: list[str]
    files: dict[str, bytes]

    def put_back(self, text: str) -> str:
        """The text with the formulas in place of their marks."""
        return _PLACE.sub(lambda m: self.markup[int(m[1])], text)


def _is_formula(m: re.Match[str]) -> bool:
    return m["display"] is not None or m["inline"] is not None


def _formula(m: re.Match[str], lesson: str) -> Formula:
    display = m["display"] is not None
    return Formula(m["display"] if display else m["inline"], display, lesson)


def _katex(formulas: list[Formula], root: Path) -> list[str]:
    if not formulas:
        return []
    node = shutil.which("node")
    if node is None or not (root / "node_modules/katex").is_dir():
        raise BadFormula(
            "setting the book's formulas needs node and KaTeX: install node (18 or "
            "newer), then run `make book`, or `npm ci` in the course's folder"
        )
    asked = [{"tex": f.tex, "display": f.display} for f in formulas]
    answer = subprocess.run(
        [node, str(_SCRIPT)],
        cwd=root,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if answer.returncode:
        raise BadFormula(f"node stopped: {answer.stderr.strip()}")
    found = json.loads(answer.stdout)
    bad = [
        f"{formula.lesson}: {formula.tex.strip()}\n    {one['error']}"
        for formula, one in zip(formulas, found, strict=True)
        if "error" in one
    ]
    if bad:
        raise BadFormula("\n".join(bad))
    return [one["html"] for one in found]


def _katex_style(root: Path) -> tuple[str, dict[str, bytes]]:
    """KaTeX's style sheet, and the fonts it names."""
    folder = root / "node_modules/katex/dist"
    if not folder.is_dir():
        return "", {}
    css = (folder / "katex.min.css").read_text("utf-8")
    # Every browser that runs the widgets reads woff2; the rest need not travel.
    css = re.sub(r',url\([^)]*\.(woff|ttf)\) format\("\w+"\)', "", css)
    fonts = sorted(set(re.findall(r"url\((fonts/[^)]+)\)", css)))
    return css, {name: (folder / name).read_bytes() for name in fonts}


def _lighter(markup: list[str], css: str) -> tuple[list[str], str]:
    """The same formulas in two thirds of the bytes, and the rules they then need.

    A lesson's two hundred formulas weigh more than all the rest of its page: as KaTeX
    gives them, the page of *The ELBO* has 369 KB in place of 282, and the limit is 300
    (*Latent variable models*: 338 in place of 265). Out go
    classes that no rule of ``css`` names, and what only matters where MathML is
    seen (here it is read aloud); each inline style becomes a class of its own.
    """
    named = set(re.findall(r"\.([A-Za-z][\w-]*)", css))
    styles = sorted({s for one in markup for s in _STYLE.findall(one)})
    short = {style: f"k{number}" for number, style in enumerate(styles)}

    def attributes(m: re.Match[str]) -> str:
        classes = [c for c in (m["classes"] or "").split() if c in named]
        if m["style"] is not None:
            classes.append(short[m["style"]])
        return f'<{m["tag"]} class="{" ".join(classes)}"' if classes else f"<{m['tag']}"

    lighter = [_ATTRIBUTES.sub(attributes, _UNSEEN.sub("", one)) for one in markup]
    # As strong as the inline style was.
    rules = [
        f".katex .{short[style]}{{{style.rstrip(';').replace(';', '!important;')}"
        "!important}"
        for style in styles
    ]
    return lighter, "\n".join(rules)


_STYLE = re.compile(r' style="([^"]*)"')
_ATTRIBUTES = re.compile(
    r'<(?P<tag>span|svg)(?: class="(?P<classes>[^"]*)")?(?: style="(?P<style>[^"]*)")?'
)
_UNSEEN = re.compile(r' (?:xmlns="[^"]*MathML"|stretchy="false"|separator="true")')


def _untouchable(markup: str) -> str:
    """The same HTML on one line, without a character that Markdown would read."""
    parts = re.split(r"(<[^>]*>)", markup)
    parts[::2] = [html.unescape(text).translate(_ENTITIES) for text in parts[::2]]
    return "".join(parts)
