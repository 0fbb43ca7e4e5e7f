"""One text per front end, put together from small ES modules without a build step.

Each ``.js`` file here is a plain ES module, readable on its own. A widget needs
one text, and a page opened from disk can import nothing: so the modules are
joined in the order of their imports, without ``import`` and ``export``, comments,
indentation, and those functions of other modules that nothing in the text names.
So the shared modules and the shared style sheet may grow without any page's paying
for what it does not use. Three rules follow for the files: names at top level are
unique across all of them, a comment begins its own line, and nothing within quotes
begins a line with blanks.
"""

import re
from collections import Counter
from functools import cache
from itertools import chain
from pathlib import Path

_FOLDER = Path(__file__).parent
_LAYERS = _FOLDER.parent / "layers"
_IMPORT = re.compile(r'^import\s[^;]*?from "\./(\w+)\.js";\n', re.MULTILINE)
_COMMENT = re.compile(r"^\s*(//.*|/\*(.|\n)*?\*/)\n", re.MULTILINE)
_DECLARED = re.compile(r"^(?=(?:export )?(?:function|const|let)\b)", re.MULTILINE)
# An export declares one name; others may be several, as in ``const A = 1, B = 2``.
_OFFERED = re.compile(r"(?:export (?:function|const)|function) (\w+)")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_CLASS = re.compile(r"\.vl(-[\w-]+)")
_BARE = re.compile(r"^(?:export (?!default)|\s+)", re.MULTILINE)
_DEFAULT = re.compile(r"^export default (.*);\n", re.MULTILINE)


@cache
def module(name: str) -> str:
    """The front end ``name`` (e.g. ``"latent_pad"``) as one ES module."""
    *needed, own = _texts(_FOLDER / f"{name}.js", [])
    text = "\n".join([*_named("\n".join(needed), own), own])
    return bare(text)


@cache
def script(name: str) -> str:
    """The same as a classic script, for pages opened from ``file://``."""
    return classic(module(name), name)


@cache
def functions(names: tuple[str, ...]) -> str:
    """What a function must do to return these of ``vaelib/layers/*.js``, by name."""
    seen: list[Path] = []
    files = [_LAYERS / f"{name}.js" for name in names]
    parts = [part for f in files if f not in seen for part in _texts(f, seen)]
    text = "".join(['"use strict";\n', *parts, f"return {{ {', '.join(names)} }};\n"])
    return bare(text)


def bare(text: str) -> str:
    """JavaScript without its comment lines and indentation."""
    return _BARE.sub("", _COMMENT.sub("", text))


def classic(text: str, name: str) -> str:
    """A module's text as a classic script.

    It leaves the front end, an object with ``render({model, el})``, in
    ``globalThis.vaelibWidgets[name]``.
    """
    place = f'(globalThis.vaelibWidgets ??= {{}})["{name}"] = '
    body, found = _DEFAULT.subn(lambda m: f"{place}{m[1]};\n", text)
    if found != 1:
        raise ValueError(f"{name}: wanted one line 'export default …;', got {found}")
    return f'(() => {{\n"use strict";\n{body}}})();\n'


@cache
def style(*names: str) -> str:
    """What a front end, the first of the names, needs of the style sheet all share,
    and of the sheets of these names that exist."""
    files = (_FOLDER / f"{name}.css" for name in ("style", *names))
    sheets = (file.read_text("utf-8") for file in files if file.exists())
    css = _COMMENT.sub("", "".join(sheets))
    if names:
        words = _words(module(names[0]))
        css = _RULE.sub(lambda rule: _met(rule, words), css)
    return re.sub(r"\s*([{};,])\s*", r"\1", css)


def _met(rule: re.Match[str], words: set[str]) -> str:
    """A rule for those of its selectors whose classes, without ``vl-``, are named."""
    kept = [
        selector
        for selector in rule[1].split(",")
        if words.issuperset(re.findall(r"\w+", " ".join(_CLASS.findall(selector))))
    ]
    return f"{','.join(kept)}{{{rule[2]}}}" if kept else ""


def _texts(path: Path, seen: list[Path]) -> list[str]:
    """The texts of all it imports, each once, and this module's own as the last."""
    seen.append(path)
    text = path.read_text(encoding="utf-8")
    before = [
        part
        for needed in _IMPORT.findall(text)
        if (file := path.with_name(f"{needed}.js")) not in seen
        for part in _texts(file, seen)
    ]
    text = _COMMENT.sub("", _IMPORT.sub("", text))
    return [*before, text.strip() + "\n"]


def _named(shared: str, own: str) -> list[str]:
    """The declarations of shared modules that something else in the text names."""
    parts = [(part, _words(part)) for part in _DECLARED.split(shared)]
    while True:
        named = Counter(chain(_words(own), *(words for _, words in parts)))
        kept = [
            (part, words)
            for part, words in parts
            if not (offered := _OFFERED.match(part)) or named[offered[1]] > 1
        ]
        if len(kept) == len(parts):
            return [part for part, _ in parts]
        parts = kept


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))
