"""An executed notebook as one chapter: Markdown that mdBook reads, and the files
its pictures and widgets lie in.

Prose stays as it is; a cell's code becomes a fenced block, its outputs HTML on one
line each, since a blank line would make Markdown of the rest.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbconvert.filters import ansi2html, markdown2html
from nbformat import NotebookNode

from vaelib.book.execute import Executed
from vaelib.book.maths import Formulas, outside_code
from vaelib.book.widgets import embed

ASSETS = "assets"  # beside the chapters
WIDGET = "application/vnd.jupyter.widget-view+json"
_STATE = "application/vnd.jupyter.widget-state+json"
_LINK = re.compile(r"(?<=\]\()(?!\w+:)([^()#\s]*)\.ipynb(#[^()\s]*)?(?=\))")
_ANCHOR = re.compile(r" \{#(?P<slug>[^}]*)\}$")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.*?) *$", re.MULTILINE)
_SOLUTION = "<summary>Solution</summary>"
_EMBEDDED = re.compile(r'src="data:image/(png|jpeg|gif);base64,([^"]*)"')
_TITLE = re.compile(r"^# .*$", re.MULTILINE)

Files = dict[str, bytes]


@dataclass
class Page:
    """A chapter.

    Attributes:
        text: Markdown.
        files: name in the assets' folder → content.
        widgets: HTML of the widgets in it, in order.
    """

    text: str = ""
    files: Files = field(default_factory=dict)
    widgets: list[str] = field(default_factory=list)


def page(name: str, executed: Executed, formulas: Formulas) -> Page:
    """The chapter made of an executed lesson.

    Args:
        name: of the lesson, ``"00-start-here"``.
        executed: the lesson with outputs.
        formulas: takes the formulas; the text has marks in their places.
    """
    made = Page()
    state = executed.notebook.metadata.get("widgets", {}).get(_STATE, {})
    writer = _Writer(made, state.get("state", {}))
    body = _Body()
    pieces = list(_pieces(executed.notebook))
    for at, piece in enumerate(pieces):
        if isinstance(piece, str):
            exercise = _is_exercise(pieces[at:])
            body.prose(piece, prose(piece, name, formulas), exercise)
        elif piece.source.strip():
            body.parts += [_code(piece), *writer.outputs(piece)]
    body.end(1)
    text = "\n\n".join(body.parts)
    made.text = _TITLE.sub(lambda m: f"{m[0]}\n\n{_how(name, executed)}", text, count=1)
    return made


def prose(text: str, name: str, formulas: Formulas) -> str:
    """A lesson's Markdown as mdBook should read it."""
    text = outside_code(text, lambda part: _LINK.sub(_to_page, part))
    return _HEADING.sub(_anchored, formulas.take(text, name))


def slug(heading: str) -> str:
    """The anchor that mdBook gives a heading, from its text or from JupyterLab's
    anchor, ``#By-hand``."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())


# ------------------------------------------------------------------------ pieces


def _pieces(notebook: NotebookNode) -> Iterator[str | NotebookNode]:
    """Code cells, and the text between them cut before each heading."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield cell
        elif cell.cell_type == "markdown":
            marked = outside_code(cell.source, lambda part: _HEAD.sub(_cut, part))
            yield from (piece for piece in marked.split(_CUT) if piece.strip())


def _is_exercise(pieces: list[str | NotebookNode]) -> bool:
    """Whether the first piece is a heading with a stub to fill in below it."""
    first, *rest = pieces
    if not (isinstance(first, str) and first.startswith("### ")):
        return False
    for piece in rest:
        if isinstance(piece, str) and _HEAD.match(piece):
            return False
        if not isinstance(piece, str) and "exercise" in piece.metadata.get("tags", ()):
            return True
    return False


class _Body:
    """The page's parts, with what is open around them: closed sections, cards."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._open: list[tuple[int, str]] = []  # heading's level, closing tag

    def prose(self, source: str, text: str, exercise: bool) -> None:
        """Add ``text``, made of ``source``, which no heading stands within."""
        head = _HEAD.match(source)
        if head:
            self.end(len(head["marks"]))
        if head and head[0].endswith(FURTHER):
            heading, _, text = text.partition("\n")
            self._start(len(head["marks"]), "details", "further")
            self.parts[-1] += f"<summary>{_without_link(heading)}</summary>"
        if exercise:
            self._start(3, "div", "exercise")
        self.parts.append(text)
        if _SOLUTION in source and self._open and self._open[-1][1] == "</div>":
            self.parts.append(self._open.pop()[1])

    def end(self, level: int) -> None:
        """Close what a heading of this level ends."""
        while self._open and self._open[-1][0] >= level:
            self.parts.append(self._open.pop()[1])

    def _start(self, level: int, tag: str, kind: str) -> None:
        self.parts.append(f'<{tag} class="{kind}">')
        self._open.append((level, f"</{tag}>"))


_CUT = "\ue002"  # of the private use area, like a formula's place
_HEAD = re.compile(r"^(?P<marks>#{1,3}) .*?(?= *$)", re.MULTILINE)
FURTHER = "· further"  # how the heading of a section ends that is closed at first


def _cut(m: re.Match[str]) -> str:
    return _CUT + m[0]


# -------------------------------------------------------------------------- text


def _to_page(m: re.Match[str]) -> str:
    anchor = f"#{slug(m[2])}" if m[2] else ""
    return f"{m[1]}.html{anchor}"


def _anchored(m: re.Match[str]) -> str:
    # mdBook makes anchors of headings by itself; where a formula stands in one, all
    # of its markup would go in.
    if "\ue000" not in m["text"]:
        return m[0]
    plain = re.sub("\\s*\ue000\\d+\ue001", "", m["text"])
    return f"{m[0].rstrip()} {{#{slug(plain)}}}"


def _without_link(heading: str) -> str:
    """A heading as HTML, which mdBook gives no link of its own: a link in a summary
    is a control within a control, and no screen reader can offer both."""
    marks, _, text = _ANCHOR.sub("", heading).partition(" ")
    named = _ANCHOR.search(heading)
    anchor = named["slug"] if named else slug(text)
    inner = markdown2html(text).strip().removeprefix("<p>").removesuffix("</p>")
    return f'<h{len(marks)} id="{anchor}">{inner}</h{len(marks)}>'


def _how(name: str, executed: Executed) -> str:
    seconds = max(round(executed.seconds), 1)
    return (
        f'<div class="lesson-bar"><span>In JupyterLab: '
        f"<code>make lab LESSON={name}</code></span>"
        f'<a href="{name}.ipynb" download>download the notebook</a>'
        f"<span>ran in {seconds} s when this page was made</span></div>"
    )


def _code(cell: NotebookNode) -> str:
    ticks = max([2, *(len(run) for run in re.findall(r"`+", cell.source))]) + 1
    fence = "`" * max(ticks, 3)
    shown = f"{fence}python\n{cell.source.rstrip()}\n{fence}"
    if not cell.metadata.get("jupyter", {}).get("source_hidden"):
        return shown
    return f'<details class="code"><summary>code</summary>\n\n{shown}\n\n</details>'


# ----------------------------------------------------------------------- outputs


class _Writer:
    """Turns outputs into HTML, and collects the files they need."""

    def __init__(self, made: Page, state: Mapping[str, Any]):
        self._made, self._state = made, state

    def outputs(self, cell: NotebookNode) -> Iterator[str]:
        for output in _joined(cell.get("outputs", [])):
            written = self._one(output)
            if written:
                line = written.replace("\n", "&#10;")
                yield f'<div class="output">{line}</div>'

    def _one(self, output: NotebookNode) -> str:
        if output.output_type == "stream":
            return _terminal(_last_state(output.text), output.name)
        if output.output_type == "error":
            return _terminal("\n".join(output.traceback), "stderr")
        data, metadata = output.data, output.get("metadata", {})
        if WIDGET in data:
            return self._widget(data, metadata)
        if "image/png" in data:
            return self._picture(data, metadata)
        if "text/html" in data:
            return _EMBEDDED.sub(self._extract, data["text/html"])
        return _terminal(data.get("text/plain", ""), "result")

    def _widget(self, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
        still, words = None, ""
        if "image/png" in data:
            still = self._file(base64.b64decode(data["image/png"]), "png")
            words = metadata.get("image/png", {}).get("alt", "")
        made = embed(self._state, data[WIDGET]["model_id"], still, words)
        if made.html:
            self._made.files.update(made.files)
            self._made.widgets.append(made.html)
        return made.html

    def _picture(self, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
        content = base64.b64decode(data["image/png"])
        about = metadata.get("image/png", {})
        wide, high = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
        width = min(about.get("width", wide), wide)
        return (
            f'<img class="picture" src="{self._file(content, "png")}" '
            f'alt="{html.escape(about.get("alt", ""))}" width="{width}" '
            f'height="{round(high * width / wide)}" loading="lazy">'
        )

    def _file(self, content: bytes, kind: str) -> str:
        """Where a file of this content lies, as seen from the page."""
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
        self._made.files[name] = content
        return f"{ASSETS}/{name}"

    def _extract(self, m: re.Match[str]) -> str:
        return f'src="{self._file(base64.b64decode(m[2]), m[1])}" loading="lazy"'


def _joined(outputs: list[NotebookNode]) -> Iterator[NotebookNode]:
    """Outputs with the pieces of a stream, cut where the clock says, in one."""
    last: NotebookNode | None = None
    for output in outputs:
        same = (
            last is not None
            and output.output_type == last.output_type == "stream"
            and output.name == last.name
        )
        if last is not None and same:
            last = NotebookNode(last, text=last.text + output.text)
            continue
        if last is not None:
            yield last
        last = output
    if last is not None:
        yield last


def _last_state(text: str) -> str:
    """What a terminal shows in the end: a carriage return goes back in the line."""
    return re.sub(r"^.*\r(?=[^\n])", "", text.replace("\r\n", "\n"), flags=re.MULTILINE)


def _terminal(text: str, kind: str) -> str:
    if not text.strip():
        return ""
    # Scrollable, so that a wide table does not widen a narrow page; then it must be
    # reachable by keyboard.
    return f'<pre class="{kind}" tabindex="0">{ansi2html(text.rstrip())}</pre>'
