"""What every lesson keeps to, as rules that a machine can check.

A rule is a function from a :class:`Lesson` to its faults; :data:`RULES` lists
them. What a rule asks for, its docstring says; the same sentence is the mend.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

import jupytext

from tools.sitting import is_further, sitting
from vaelib.book.maths import blanked

MAX_COLUMNS, MAX_LINES, MEDIAN_LINES = 79, 25, 8
RHYTHM = (
    "The question", "Predict", "By hand", "Check", "Touch", "Exercises",
    "What to take away", "Sources",
)  # fmt: skip
BANNED = ("simply", "clearly", "obviously", "powerful", "magic", "magical", "trivially")
DOWNLOADERS = {"urllib", "urllib3", "requests", "wget", "httpx", "aiohttp", "pooch"}
GLOBAL_SEEDS = {
    "torch.manual_seed", "torch.cuda.manual_seed_all", "np.random.seed",
    "numpy.random.seed", "random.seed", "vl.seed_everything",
}  # fmt: skip

Place = tuple[int, str]  # a line number, and what is wrong there


@dataclass(frozen=True)
class Fault:
    """One thing to mend, and where."""

    path: Path
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}: {self.message} [{self.rule}]"


@dataclass(frozen=True)
class Block:
    """A run of lines of one kind; ``line`` is where its text begins."""

    line: int
    text: str

    def places(self) -> Iterator[Place]:
        for i, text in enumerate(self.text.splitlines()):
            yield self.line + i, text


@dataclass(frozen=True)
class Lesson:
    """A lesson's source, taken apart."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def number(self) -> str:
        return self.path.stem[:2]

    @cached_property
    def code(self) -> list[Block]:
        """Code cells, without their options."""
        return [
            Block(line, text) for kind, line, text in self._cells() if kind == "code"
        ]

    @cached_property
    def markdown(self) -> list[Block]:
        """Markdown cells."""
        return [
            Block(line, text) for kind, line, text in self._cells() if kind != "code"
        ]

    @cached_property
    def python(self) -> list[Block]:
        """Code cells, and the Python blocks folded into the text."""
        folded = [
            Block(block.line + block.text[: m.start(1)].count("\n"), m[1])
            for block in self.markdown
            for m in re.finditer(r"^```python\n(.*?)^```", block.text, re.M | re.S)
        ]
        return self.code + folded

    @cached_property
    def prose(self) -> list[Block]:
        """Markdown with code and formulas blanked out, line numbers kept."""
        return [Block(b.line, blanked(b.text, formulas=True)) for b in self.markdown]

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """Second-level headings: line and text."""
        return [
            (line, text[3:].strip())
            for block in self.prose
            for line, text in block.places()
            if text.startswith("## ")
        ]

    def trees(self) -> Iterator[tuple[Block, ast.Module]]:
        """The code that parses; magics are another rule's business."""
        for block in self.python:
            try:
                yield block, ast.parse(block.text)
            except SyntaxError:
                continue

    def _cells(self) -> Iterator[tuple[str, int, str]]:
        seen = 0
        for cell in jupytext.reads(self.text, fmt="md:myst").cells:
            at = self.text.find(cell.source, seen)
            at = seen if at < 0 else at
            yield cell.cell_type, self.text.count("\n", 0, at) + 1, cell.source
            seen = at + len(cell.source)


# ------------------------------------------------------------------------ code


def short_code(lesson: Lesson) -> Iterator[Place]:
    """Code lines have at most 79 columns; code cells at most 25 lines, and half of
    them at most 8."""
    lengths = [len(block.text.splitlines()) for block in lesson.code]
    if lengths and median(lengths) > MEDIAN_LINES:
        yield 1, f"half the code cells have more than {MEDIAN_LINES} lines"
    for block, lines in zip(lesson.code, lengths, strict=True):
        if lines > MAX_LINES:
            yield block.line, f"a cell of {lines} lines; cut it into two ideas"
    for block in lesson.python:
        for line, text in block.places():
            if len(text) > MAX_COLUMNS:
                yield line, f"a line of {len(text)} columns; wrap it at {MAX_COLUMNS}"


def no_shell(lesson: Lesson) -> Iterator[Place]:
    """No magics and no shell: what a lesson needs is installed already."""
    for block in lesson.python:
        for line, text in block.places():
            if re.match(r"\s*(%|!)|.*=\s*!|.*\b(os\.system|subprocess)\b", text):
                yield line, f"`{text.strip()}`: name the package in pyproject.toml"


def no_network(lesson: Lesson) -> Iterator[Place]:
    """Code asks nothing of the network: data come by vl.load."""
    for block in lesson.python:
        for line, text in block.places():
            if re.search(r"(https?|ftp)://", text):
                yield line, "an address in code; put it among the sources"
    for block, tree in lesson.trees():
        for node, module in _imports(tree):
            if module.split(".")[0] in DOWNLOADERS or module == "http.client":
                yield block.line + node.lineno - 1, f"imports {module}; use vl.load"


def no_global_seed(lesson: Lesson) -> Iterator[Place]:
    """Randomness is an explicit seed= or a Generator, never a global seed."""
    for block, tree in lesson.trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in GLOBAL_SEEDS:
                name = ast.unparse(node.func)
                yield block.line + node.lineno - 1, f"{name}: use vl.seeded(seed)"


def _imports(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node, node.module or ""


# --------------------------------------------------------------------- pictures


def shown_with_text(lesson: Lesson) -> Iterator[Place]:
    """Figures come from vl.plots and go through vl.show, with alternative text."""
    for block, tree in lesson.trees():
        for node, module in _imports(tree):
            if module.startswith("matplotlib.pyplot") or module == "pylab":
                yield block.line + node.lineno - 1, "pyplot; use vl.plots.figure()"
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "plt.show":
                yield block.line + node.lineno - 1, "plt.show; use vl.show"
    yield from _unshown(lesson)


def _unshown(lesson: Lesson) -> Iterator[Place]:
    blocks = [(b, t) for b, t in lesson.trees() if b in lesson.code]
    shows = [(b, c) for b, t in blocks for c in _calls(t) if _name(c) == "vl.show"]
    passed = {ast.unparse(c.args[0]) for _, c in shows if c.args}
    inside = {id(c.args[0]) for _, c in shows if c.args}
    for block, call in shows:
        first = call.args[0] if call.args else None
        own = isinstance(first, ast.Call) and _has_text(first)
        if not own and not any(k.arg == "alt" for k in call.keywords):
            yield block.line + call.lineno - 1, "vl.show without alt= text"
    for block, tree in blocks:
        names = _assigned(tree)
        for call in _calls(tree):
            shown = id(call) in inside or names.get(id(call), "") in passed
            if _draws(call) and not shown:
                place = block.line + call.lineno - 1
                yield place, f"{_name(call)}(…) is never given to vl.show"


def _calls(tree: ast.Module) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func)


def _draws(call: ast.Call) -> bool:
    name = _name(call)
    drawn = name.startswith("vl.plots.") and name not in _NO_PICTURE
    return drawn or name in {"history.plot", "Figure", "plt.subplots", "plt.figure"}


_NO_PICTURE = {"vl.plots.style", "vl.plots.show"}


def _has_text(call: ast.Call) -> bool:
    """A picture of the library has a text of its own; a bare figure has not."""
    return _draws(call) and _name(call) not in {"vl.plots.figure", "Figure"}


def _assigned(tree: ast.Module) -> dict[int, str]:
    """id of a call → the name its (first) value is given to."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            target = node.targets[0]
            if isinstance(target, ast.Tuple):
                target = target.elts[0]
            found[id(node.value)] = ast.unparse(target)
    return found


def worth_showing(lesson: Lesson) -> Iterator[Place]:
    """A cell ends in something worth showing, or in a semicolon: what a picture's
    methods give back, ``[Text(0.5, 0, 'z')]``, is not."""
    trees = [(b, t) for b, t in lesson.trees() if b in lesson.code]
    drawn_on = {
        name.id
        for _, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _makes_axes(node.value)
        for name in ast.walk(node.targets[0])
        if isinstance(name, ast.Name)
    }
    for block, tree in trees:
        last = tree.body[-1] if tree.body else ast.Pass()
        if not isinstance(last, ast.Expr) or block.text.rstrip().endswith(";"):
            continue
        if isinstance(last.value, ast.Call) and _root(last.value) in drawn_on:
            place = block.line + last.lineno - 1
            yield place, f"{_name(last.value)}(…) shows its repr; end it in a semicolon"


def _makes_axes(value: ast.expr) -> bool:
    made = ("vl.plots.figure", ".subplots", ".add_subplot", ".twinx", ".twiny")
    return isinstance(value, ast.Call) and _name(value).endswith(made)


def _root(node: ast.expr) -> str:
    """The name that a chain of calls, attributes and indices begins with."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def known_widgets(lesson: Lesson) -> Iterator[Place]:
    """Every widget is one of vl.widgets, and has a picture for where none runs."""
    for block, tree in lesson.trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            if ast.unparse(node.value) == "vl.widgets" and not _falls_back(node.attr):
                place = block.line + node.lineno - 1
                yield place, f"vl.widgets.{node.attr} has no image/png to fall back on"


def _falls_back(name: str) -> bool:
    """Does the widget bring its own mimebundle (with a PNG, as the widgets'
    tests require of each), and not anywidget's without one?"""
    from vaelib import widgets

    if not name[0].isupper():
        return True
    bundle = getattr(getattr(widgets, name, None), "_repr_mimebundle_", None)
    return getattr(bundle, "__module__", "").startswith("vaelib.")


# ------------------------------------------------------------------------ text


def rendered_formulas(lesson: Lesson) -> Iterator[Place]:
    """Formulas stand in $…$ or $$…$$: the only marks that Lab and book share."""
    for block in lesson.markdown:
        text = blanked(block.text, formulas=False)
        for m in re.finditer(r"\\[\[\](](?!\\)|\\begin\{(equation|align)", text):
            if "$$" not in text[max(0, m.start() - 400) : m.start()]:
                yield _line(block, text, m.start()), f"`{m[0]}`: use $…$ or $$…$$"
        rest = blanked(block.text, formulas=True)
        for m in re.finditer(r"(?<!\\)\$", rest):
            yield (
                _line(block, rest, m.start()),
                "a $ without its partner; \\$ is a dollar",
            )
        for m in re.finditer(r"\{math\}|^```\{math\}", block.text, re.M):
            yield _line(block, block.text, m.start()), "{math} does not render in Lab"


def plain_markdown(lesson: Lesson) -> Iterator[Place]:
    """Only Markdown that JupyterLab shows: no directives, no > [!NOTE]."""
    for block in lesson.markdown:
        for line, text in block.places():
            if re.match(r"\s*(```|:::+)\{", text):
                yield line, f"`{text.strip()}`: use a <div class='alert alert-info'>"
            if re.match(r"\s*>\s*\[!", text):
                yield line, "> [!…] shows raw; use a <div class='alert alert-info'>"


def folded_details(lesson: Lesson) -> Iterator[Place]:
    """<details> open and close in the same cell, with a summary, and a blank line
    after it so that the Markdown inside is read as Markdown."""
    for block in lesson.markdown:
        text = blanked(block.text, formulas=False)
        opened, closed = text.count("<details"), text.count("</details>")
        if opened != closed:
            yield block.line, f"{opened} <details> and {closed} </details> in a cell"
        for m in re.finditer(r"<details[^>]*>", text):
            head = re.match(r"\s*<summary>[^<\n]+</summary>\n\n", text[m.end() :])
            if not head:
                yield (
                    _line(block, text, m.start()),
                    ("wanted <details><summary>…</summary> and a blank line"),
                )


def plain_words(lesson: Lesson) -> Iterator[Place]:
    """The voice: no exclamation marks, no emoji, none of the banned words."""
    for block in lesson.prose:
        for line, text in block.places():
            yield from ((line, what) for what in _unwanted(text))
    for block in lesson.python:
        for line, text in block.places():
            comment = re.search(r"(?:^|\s)# (.*)", text)
            if comment:
                yield from ((line, what) for what in _unwanted(comment[1]))


def _unwanted(text: str) -> Iterator[str]:
    words = re.findall(r"[a-z]+", text.lower())
    yield from (f"the word {w!r}; say what it is" for w in BANNED if w in words)
    if re.search(r"!(?![\[=-])", text):
        yield "an exclamation mark; a full stop will do"
    if any(_is_emoji(c) for c in text):
        yield "an emoji; use a word"


def _is_emoji(character: str) -> bool:
    marks = "✓✗○●◐·"
    return unicodedata.category(character) == "So" and character not in marks


def described_images(lesson: Lesson) -> Iterator[Place]:
    """An image in the text has alternative text, too."""
    for block in lesson.markdown:
        for m in re.finditer(r"!\[\s*\]\(|<img(?![^>]*\balt=)", block.text):
            yield _line(block, block.text, m.start()), "an image without a text"


def _line(block: Block, text: str, at: int) -> int:
    return block.line + text.count("\n", 0, at)


# ---------------------------------------------------------------------- rhythm


def rhythm(lesson: Lesson) -> Iterator[Place]:
    """The headings of the rhythm, in order; others may stand between them."""
    texts = [text for _, text in lesson.headings]
    at = 0
    for wanted in RHYTHM:
        later = [i for i, t in enumerate(texts) if i >= at and t.startswith(wanted)]
        if not later:
            after = texts[at - 1] if at else "the title"
            yield 1, f"no heading '## {wanted}' after '{after}'"
            return
        at = later[0] + 1


def numbered_title(lesson: Lesson) -> Iterator[Place]:
    """The title is '# NN · Name', with the number of the file, and there is one."""
    titles = [
        (line, text)
        for block in lesson.prose
        for line, text in block.places()
        if text.startswith("# ")
    ]
    if len(titles) != 1:
        yield 1, f"{len(titles)} titles; wanted one, '# {lesson.number} · …'"
    elif not titles[0][1].startswith(f"# {lesson.number} · "):
        yield titles[0][0], f"the title should begin with '# {lesson.number} · '"


def run_time_told(lesson: Lesson) -> Iterator[Place]:
    """A line '**Run time.** N s on two cores', as measured."""
    if not re.search(r"\*\*Run time\.\*\* (about )?\d+ s on two cores", lesson.text):
        yield 1, "no '**Run time.** N s on two cores'; measure it with `time`"


def one_sitting(lesson: Lesson) -> Iterator[Place]:
    """The core fits one sitting, and the head says how long it takes."""
    found = sitting(lesson.path)
    if not found.fits:
        yield 1, f"the core takes {found.reading} + {found.exercises} minutes"
    elif str(found) not in lesson.text:
        yield 1, "the head does not say how long it takes; run `sitting`"


def further_is_closed(lesson: Lesson) -> Iterator[Place]:
    """A heading that ends in '· further' begins its cell, which is closed by
    `+++ {"jp-MarkdownHeadingCollapsed": true}`; no other is."""
    marked = [
        cell
        for cell in jupytext.reads(lesson.text, fmt="md:myst").cells
        if cell.metadata.get("jp-MarkdownHeadingCollapsed")
    ]
    closed = {cell.source.partition("\n")[0] for cell in marked if is_further(cell)}
    if len(closed) < len(marked):
        yield 1, "a closed section whose heading does not end in '· further'"
    for block in lesson.prose:
        for line, text in block.places():
            further = re.match(r"#{1,6} .*· further\s*$", text)
            if further and text not in closed:
                yield line, f"`{text}` is not closed"


def sources_cited(lesson: Lesson) -> Iterator[Place]:
    """The section 'Sources' holds a list."""
    section = lesson.text.partition("\n## Sources\n")[2]
    if not re.search(r"^- \S", section, re.M):
        yield 1, "no list under '## Sources'; name who had the ideas"


def links_lead_somewhere(lesson: Lesson) -> Iterator[Place]:
    """Links to lessons lead to files, and the next lesson, if written, is one."""
    folder = lesson.path.parent
    written = {p.stem for p in folder.glob("[0-9][0-9]-*.md")}
    linked = set()
    for block in lesson.markdown:
        for m in re.finditer(
            r"\]\(([^)#\s]+)[^)]*\)", blanked(block.text, formulas=False)
        ):
            target = m[1]
            linked.add(target.removesuffix(".ipynb"))
            if target.endswith(".md") and re.match(r"(src/)?\d\d-", target):
                yield _line(block, block.text, m.start()), f"{target}: link the .ipynb"
            elif target.endswith(".ipynb") and target[:-6] not in written:
                yield _line(block, block.text, m.start()), f"{target} does not exist"
    for name in sorted(written - linked):
        if int(name[:2]) == int(lesson.number) + 1:
            yield 1, f"no link to the next lesson, {name}.ipynb"
        elif lesson.number == "00" and name != lesson.path.stem:
            yield 1, f"the map does not link {name}.ipynb"


def paired_header(lesson: Lesson) -> Iterator[Place]:
    """The header names the pair, so that JupyterLab writes both files."""
    head = lesson.text.partition("\n---\n")[0]
    for wanted in _HEADER:
        if wanted not in head:
            yield 1, f"the header lacks '{wanted}'; see tools/lesson/lesson.md"


# The second keeps jupytext's own version out of every diff; the third is the name
# that JupyterLab writes when it saves.
_HEADER = (
    "formats: ipynb,src//md:myst",
    "notebook_metadata_filter: -jupytext.text_representation.jupytext_version",
    "display_name: Python 3 (ipykernel)",
)


RULES: tuple[Callable[[Lesson], Iterator[Place]], ...] = (
    short_code, no_shell, no_network, no_global_seed, shown_with_text, worth_showing,
    known_widgets,
    rendered_formulas, plain_markdown, folded_details, plain_words, described_images,
    rhythm, numbered_title, run_time_told, one_sitting, further_is_closed,
    sources_cited, links_lead_somewhere, paired_header,
)  # fmt: skip


def lint(path: Path) -> list[Fault]:
    """All faults of a lesson's source, in the order of its lines."""
    lesson = Lesson(path)
    faults = [
        Fault(path, line, rule.__name__, message)
        for rule in RULES
        for line, message in rule(lesson)
    ]
    return sorted(faults, key=lambda fault: fault.line)
