"""One widget in a page opened from disk: no kernel, no server, nothing but its front
end and what its state holds."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page

from vaelib.widgets import esm

_HOST = """<!doctype html><meta charset="utf-8"><title>static</title>
<style>%(style)s</style><div id="here"></div>
<script>%(script)s</script>
<script>
const bytes = (text) => new DataView(
  Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const state = JSON.parse(%(state)s, (key, value) => value?.bytes !== undefined
  ? bytes(value.bytes) : value);
const listeners = [];
globalThis.model = {
  get: (name) => state[name],
  set(name, value) {
    state[name] = value;
    for (const [event, f] of listeners) if (event === "change:" + name) f();
  },
  save_changes() {},
  on: (event, f) => listeners.push([event, f]),
  off() {},
  send() { throw new Error("there is no kernel here"); },
};
vaelibWidgets.alone.render({ model, el: document.getElementById("here") });
</script>"""


class Alone:
    """Opens widgets alone; ``alone(widget)`` gives the root once it has painted.

    Attributes:
        heard: everything that a page said, and each request that was not to disk.
    """

    def __init__(self, browser: Browser, folder: Path):
        self._browser, self._folder = browser, folder
        self._pages: list[Page] = []
        self.heard: list[str] = []

    def __call__(self, widget: Any, **context: Any) -> Locator:
        """The widget's root; ``context`` are options of Playwright's
        ``new_context``, e.g. ``viewport``, ``has_touch``, ``color_scheme``."""
        page = self._browser.new_context(**context).new_page()
        self._pages.append(page)
        page.on("console", lambda message: self.heard.append(message.text))
        page.on("pageerror", lambda error: self.heard.append(str(error)))
        page.on("request", self._on_request)
        file = self._folder / f"{len(self._pages)}.html"
        file.write_text(_page(widget), encoding="utf-8")
        page.goto(file.as_uri())
        page.wait_for_function(
            "() => Number(document.querySelector('[data-vl]')?.dataset.frame) > 0"
        )
        return page.locator("[data-vl]")

    def close(self) -> None:
        for page in self._pages:
            page.context.close()

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith("file:"):
            self.heard.append(request.url)


def _page(widget: Any) -> str:
    """A whole page; binary state in base64."""

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return {"bytes": base64.b64encode(value).decode()}
        raise TypeError(type(value).__name__)

    state = widget.get_state()
    module, sheet = state.pop("_esm"), state.pop("_css")
    state.pop("layout")
    return _HOST % {
        "style": sheet,
        "script": esm.classic(module, "alone"),
        "state": json.dumps(json.dumps(state, default=plain)),
    }
