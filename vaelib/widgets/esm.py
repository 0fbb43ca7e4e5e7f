"""One text per front end, put together from small ES modules without a build step.

Each ``.js`` file here is a plain ES module, readable on its own. A widget needs
one text, and a page opened from disk can import nothing: so the modules are
joined in the order of their imports, with only ``import`` and ``export`` removed.
Two rules follow for the files: names at top level are unique across all of them,
and a comment begins its own line.
"""

import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_LAYERS = _FOLDER.parent / "layers"
_IMPORT = re.compile(
    r'^(?:import|export \*)\s[^;]*?from "\./(\w+)\.js";\n', re.MULTILINE
)
_COMMENT = re.compile(r"^\s*(//.*|/\*(.|\n)*?\*/)\n", re.MULTILINE)
_DEFAULT = re.compile(r"^export default (.*);\n", re.MULTILINE)


@cache
def module(name: str) -> str:
    """The front end ``name`` (e.g. ``"latent_pad"``) as one ES module."""
    return "\n".join(_parts(_FOLDER / f"{name}.js", []))


@cache
def script(name: str) -> str:
    """The same as a classic script, for pages opened from ``file://``."""
    return classic(module(name), name)


@cache
def functions(names: tuple[str, ...]) -> str:
    """What a function must do to return these of ``vaelib/layers/*.js``, by name."""
    seen: list[Path] = []
    files = [_LAYERS / f"{name}.js" for name in names]
    parts = [part for f in files if f not in seen for part in _parts(f, seen)]
    text = "".join(['"use strict";\n', *parts, f"return {{ {', '.join(names)} }};\n"])
    return re.sub(r"^\s+", "", text, flags=re.MULTILINE)


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
    """The style sheet all widgets share, and those of these names that exist."""
    files = [_FOLDER / f"{name}.css" for name in ("style", *names)]
    sheets = [file.read_text(encoding="utf-8") for file in files if file.exists()]
    return _COMMENT.sub("", "".join(sheets))


def _parts(path: Path, seen: list[Path]) -> list[str]:
    """This module's text after the texts of all it imports, each once."""
    seen.append(path)
    text = path.read_text(encoding="utf-8")
    before = [
        part
        for needed in _IMPORT.findall(text)
        if (file := path.with_name(f"{needed}.js")) not in seen
        for part in _parts(file, seen)
    ]
    text = _COMMENT.sub("", _IMPORT.sub("", text))
    text = re.sub(r"^export (?!default)", "", text, flags=re.MULTILINE)
    return [*before, text.strip() + "\n"]
