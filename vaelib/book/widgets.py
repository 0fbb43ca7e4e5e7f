"""Widgets that stay alive in a page without a kernel.

An executed notebook keeps what each widget's Python side told its front end. That,
the front end itself as a classic script, and a small host (``host.js``) are all a
page needs, from a server as well as straight from disk, where neither ``fetch`` nor
modules work. Files are named after what they hold: two widgets with one network, or
two lessons with one kind of widget, share them.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from vaelib.widgets import esm
from vaelib.widgets.travel import code_of

OURS = "vaelib.widgets."
INLINE = 4096  # shorter base64 stands within the widget's own file
BLOCK = 64  # weights that share a scale; host.js knows it, too
# Of Jupyter rather than of the front end.
_NOT_TOLD = {"_esm", "_css", "layout", "tabbable", "tooltip"}
_NOT_TOLD_PREFIXES = ("_model_", "_view_", "_dom_", "_anywidget_")


@dataclass(frozen=True)
class Embedded:
    """A widget's place in a page, and the files it needs.

    Attributes:
        html: one line, to stand in a paragraph of its own; empty where nothing can
            be shown.
        files: contents by name, for the folder ``assets`` beside the page.
    """

    html: str
    files: dict[str, bytes] = field(default_factory=dict)


def embed(
    state: Mapping[str, Any], model_id: str, still: str | None, words: str
) -> Embedded:
    """A widget's place in a page: a still picture that the page's own script
    exchanges for the living widget.

    What needs a kernel stays a picture, and says where it moves. What is no widget
    of this course (a progress bar) is a picture if there is one, else nothing.

    Args:
        state: of all widgets, from the executed notebook:
            ``metadata["widgets"]["application/vnd.jupyter.widget-state+json"]
            ["state"]``.
        model_id: of the one to show.
        still: where its picture lies, as seen from the page, or None.
        words: what the picture shows, for those who do not see it.

    Raises:
        ValueError: if ``state`` does not know ``model_id``, or holds numbers that
            no page can read.
    """
    if model_id not in state:
        raise ValueError(
            f"model_id: got {model_id!r}, wanted one of the {len(state)} widgets in "
            "state. Execute the notebook with nbclient and store_widget_state=True."
        )
    told = state[model_id]["state"]
    picture = _picture(still, words)
    name = str(told.get("_anywidget_id", ""))
    if not name.startswith(OURS):
        return Embedded(picture)
    traits = _traits(state[model_id])
    reason = _why_not(traits)
    if reason:
        return Embedded(
            f'<figure class="vl-still">{picture}<figcaption>{reason}</figcaption>'
            "</figure>"
        )
    # Its front end as it is now: the notebook holds that of the day it was executed,
    # and no edit of a script or style sheet executes a lesson.
    module, _, class_name = name.rpartition(".")
    widget = getattr(import_module(module), class_name)
    kind = module.rpartition(".")[2]
    front = _front_end(kind, str(widget._esm), str(getattr(widget, "_css", "")))
    return _alive(kind, front, traits, picture)


def _alive(kind: str, front: bytes, traits: dict[str, Any], picture: str) -> Embedded:
    """The place with all its files."""
    files: dict[str, bytes] = {}

    def put(stem: str, content: bytes) -> str:
        name = f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.js"
        files[name] = content
        return name

    def keep(stem: str, value: str) -> str:
        # A file cannot hold the hash of itself: it is known by its value's.
        name = f"{stem}-{hashlib.sha256(value.encode()).hexdigest()[:12]}.js"
        files[name] = f'(globalThis.vaelibBook??={{}})["{name}"]={value};\n'.encode()
        return name

    def written(value: Any) -> dict[str, str]:
        if not isinstance(value, bytes):
            raise TypeError(f"{kind}: {type(value).__name__} cannot travel to a page")
        text = base64.b64encode(value).decode()
        place = text if len(text) <= INLINE else keep("bytes", f'"{text}"')
        return {"$blocks" if isinstance(value, _Blocks) else "$bytes": place}

    front_end = put(kind, front)
    try:
        # Sorted as in a saved notebook, so that a fresh run gives the same bytes.
        told = json.dumps(
            traits,
            default=written,
            sort_keys=True,
            allow_nan=False,
            separators=(",", ":"),
        )
    except ValueError as error:
        raise ValueError(
            f"{kind}: its traits hold NaN or infinity, which a page cannot read; "
            "keep them finite"
        ) from error
    parts = " ".join([front_end, *sorted(files.keys() - {front_end})])
    state, host = keep(f"{kind}-state", told), put("host", _host())
    html = (
        f'<div class="vl-place" data-vl-kind="{kind}" data-vl-state="{state}" '
        f'data-vl-parts="{parts}">{picture}<noscript>A still picture: '
        "the widget that moves needs JavaScript.</noscript></div>"
        f'<script src="assets/{host}" defer></script>'
    )
    return Embedded(html, files)


@cache
def _front_end(kind: str, module: str, css: str) -> bytes:
    """The module JupyterLab runs, as a classic script, with its style sheet."""
    style = json.dumps(css, ensure_ascii=False)
    return (
        f'{esm.classic(module, kind)}vaelibWidgets["{kind}"].style={style};\n'.encode()
    )


@cache
def _host() -> bytes:
    text = Path(__file__).with_name("host.js").read_text(encoding="utf-8")
    return esm.bare(text).encode()


def _picture(still: str | None, words: str) -> str:
    """The still picture, or what it would show in words."""
    words = escape(" ".join(words.split()))
    if still is not None:
        return f'<img src="{escape(still)}" alt="{words}" loading="lazy">'
    return f"<p>{words}</p>" if words else ""


def _traits(saved: Mapping[str, Any]) -> dict[str, Any]:
    """What the front end is told, with bytes where they were."""
    # A copy, since bytes are put into it.
    traits: dict[str, Any] = json.loads(json.dumps(saved["state"]))
    for buffer in saved.get("buffers", ()):
        *way, last = buffer["path"]
        inner: Any = traits
        try:
            for step in way:
                inner = inner[step]
            inner[last] = base64.b64decode(buffer["data"])
        except (KeyError, IndexError, TypeError):
            continue  # nbclient keeps the bytes of values long replaced
    return {
        name: _shortened(value)
        for name, value in traits.items()
        if name not in _NOT_TOLD and not name.startswith(_NOT_TOLD_PREFIXES)
    }


class _Blocks(bytes):
    """float32 numbers in half the room: a scale for each block, then 16-bit parts
    of it."""


def _shortened(value: Any) -> Any:
    """The value with its networks' code of today, and wide weights as blocks.

    float32 is asked for where float16 moves a picture by more than 0.0005. Whole
    numbers of 16 bits move it six times less than float16, in the same room.
    """
    if isinstance(value, list):
        return [_shortened(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "code" in value and "layers" in value:  # as the front end: as it is now
        value = {**value, "code": code_of(value["layers"])}
    if value.get("wide") and isinstance(value.get("weights"), bytes):
        return {**value, "weights": _blocks(value["weights"])}
    return {k: _shortened(v) for k, v in value.items()}


def _blocks(weights: bytes) -> _Blocks:
    numbers = np.frombuffer(weights, "<f4")
    blocks = np.pad(numbers, (0, -len(numbers) % BLOCK)).reshape(-1, BLOCK)
    scales = (np.abs(blocks).max(1, keepdims=True) / 32767).astype("<f4")
    parts = np.rint(blocks / np.where(scales > 0, scales, 1)).astype("<i2")
    return _Blocks(scales.tobytes() + parts.tobytes())


def _why_not(traits: dict[str, Any]) -> str:
    """Why a widget cannot move without a kernel; empty if it can."""
    if traits.get("_live"):
        return "Training needs Python: this widget moves in JupyterLab."
    if _stays(traits):
        return "This model needs Python: the widget moves in JupyterLab."
    return ""


def _stays(value: Any) -> bool:
    """Whether a network somewhere in it did not travel (see ``Explorer``)."""
    if isinstance(value, dict):
        return "why" in value or any(map(_stays, value.values()))
    return isinstance(value, list) and any(map(_stays, value))
