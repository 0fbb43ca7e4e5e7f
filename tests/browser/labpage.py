"""JupyterLab in Chromium, for tests and for anything else that needs to see a
lesson as its reader does.

    with start_lab(folder) as lab, start_browser() as browser:
        page = NotebookPage.open(browser, lab, "lesson.ipynb")
        page.run_all()
        pad = page.widget("latent-pad")
        page.drag(pad, [(0.5, 0.5), (0.8, 0.2)])
        assert page.problems() == []
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import nbformat
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    sync_playwright,
)

QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
Point = tuple[float, float]


class NoBrowser(Exception):
    """There is no Chromium on this machine."""


# --------------------------------------------------------------------- browser


@contextmanager
def start_browser(*arguments: str) -> Iterator[Browser]:
    """A headless Chromium: the system's, else the one Playwright installed.

    Args:
        arguments: further ones for its command line.

    Raises:
        NoBrowser: with what to install.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=found, args=[*QUIET, *arguments]
            )
        except Error as error:
            raise NoBrowser(
                "no Chromium found: install the package chromium, or run "
                f"'python -m playwright install chromium' ({error})"
            ) from error
        try:
            yield browser
        finally:
            browser.close()


# ---------------------------------------------------------------------- server


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes:
        url: its address, without a slash at the end.
        token: what opens it.
        folder: where its notebooks are.
    """

    url: str
    token: str
    folder: Path


@contextmanager
def start_lab(folder: Path, *, timeout: float = 60) -> Iterator[Lab]:
    """JupyterLab over ``folder``, with settings of its own in a folder that
    vanishes afterwards."""
    with tempfile.TemporaryDirectory(prefix="vaelib-lab-") as private:
        lab = Lab(f"http://127.0.0.1:{free_port()}", secrets.token_hex(16), folder)
        log = Path(private, "log.txt")
        with log.open("w") as output:
            process = subprocess.Popen(
                _command(lab),
                env=_environment(Path(private)),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_for(lab, process, log, timeout)
            yield lab
        finally:
            process.terminate()
            process.wait(20)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The folder's files on a free port of 127.0.0.1; gives their address, which
    ends in a slash."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _command(lab: Lab) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        "--expose-app-in-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={urlsplit(lab.url).port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={lab.folder}",
        f"--IdentityProvider.token={lab.token}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def _environment(private: Path) -> dict[str, str]:
    settings = private / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    # Otherwise a question about news covers a corner of the page.
    notification = settings / "notification.jupyterlab-settings"
    notification.write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    return {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(private / "config"),
        "JUPYTER_DATA_DIR": str(private / "data"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
        "IPYTHONDIR": str(private / "ipython"),
        # A browser competes for the same cores: one thread is faster than two.
        "OMP_NUM_THREADS": "1",
    }


def _wait_for(lab: Lab, process: Any, log: Path, timeout: float) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end and process.poll() is None:
        try:
            urlopen(f"{lab.url}/api?token={lab.token}", timeout=2).close()
            return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-4000:]}")


# ------------------------------------------------------------------------ page

_KERNEL = "globalThis.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"

_LISTEN = f"""() => {{
    globalThis.kernelErrors = [];
    {_KERNEL}.iopubMessage.connect((_, message) => {{
        if (message.header.msg_type === "error")
            kernelErrors.push(message.content.ename + ": " + message.content.evalue);
    }});
}}"""

_OUTPUTS = """() => {
    const model = jupyterapp.shell.currentWidget.content.model;
    const found = [];
    for (const cell of model.toJSON().cells)
        for (const output of cell.outputs ?? [])
            if (output.output_type === "error" || output.name === "stderr")
                found.push(output.ename
                    ? output.ename + ": " + output.evalue
                    : "stderr: " + [output.text].flat().join(""));
    for (const node of document.querySelectorAll(
            '[data-mime-type="application/vnd.jupyter.stderr"]'))
        found.push("stderr: " + node.textContent);
    return found;
}"""

_ASK = f"""async (code) => {{
    const future = {_KERNEL}.requestExecute({{
        code: "import json", silent: true, store_history: false,
        user_expressions: {{ answer: `json.dumps(${{code}})` }},
    }});
    const reply = await future.done;
    return reply.content.user_expressions.answer;
}}"""


class NotebookPage:
    """A notebook open in JupyterLab, and everything that went wrong in it."""

    def __init__(self, page: Page, lab: Lab):
        self.page, self.lab = page, lab
        self._heard: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._heard.append(f"page error: {error}"))
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failed)

    @classmethod
    def open(
        cls,
        browser: Browser | BrowserContext,
        lab: Lab,
        name: str,
        *,
        timeout: float = 60,
        **context: Any,
    ) -> NotebookPage:
        """Open ``name`` (relative to the lab's folder) and wait for its kernel.

        Args:
            context: options of Playwright's ``new_context``, e.g. ``viewport``,
                ``has_touch``, ``color_scheme``.
        """
        if isinstance(browser, Browser):
            browser = browser.new_context(**{"viewport": _WIDE, **context})
        self = cls(browser.new_page(), lab)
        self.page.set_default_timeout(timeout * 1000)
        address = f"{lab.url}/doc/tree/{name}?token={lab.token}&reset"
        self.page.goto(address)
        self.page.wait_for_function(f"() => {_KERNEL}?.status === 'idle'")
        self.page.evaluate(_LISTEN)
        return self

    def close(self) -> None:
        """Close it, shutting its kernel down first."""
        self.page.evaluate(
            "() => jupyterapp.shell.currentWidget?.sessionContext?.shutdown()"
        )
        self.page.context.close()

    # -- what the reader does

    def run_all(self, *, timeout: float = 120) -> None:
        """Run every cell, and wait until the last has ended."""
        self.page.evaluate(
            "() => jupyterapp.commands.execute('notebook:run-all-cells')",
        )
        self.wait_idle(timeout=timeout)

    def wait_idle(self, *, timeout: float = 120) -> None:
        """Wait until the kernel has nothing left to do."""
        self.page.wait_for_function(
            f"() => {_KERNEL}?.status === 'idle'", timeout=timeout * 1000
        )

    def ask(self, expression: str) -> Any:
        """The value of a Python expression in the notebook's kernel, through JSON.

        Raises:
            RuntimeError: if it raised there.
        """
        answer = self.page.evaluate(_ASK, expression)
        if answer["status"] != "ok":
            raise RuntimeError(f"{answer['ename']}: {answer['evalue']}")
        return json.loads(eval(answer["data"]["text/plain"]))

    def widget(self, kind: str, nth: int = 0) -> Locator:
        """The widget's root, once it has painted, scrolled into view."""
        root = self.page.locator(f'[data-vl="{kind}"]').nth(nth)
        root.scroll_into_view_if_needed()
        self.page.wait_for_function(
            "root => Number(root.dataset.frame) > 0", arg=root.element_handle()
        )
        return root

    def guess(self, question: str, choice: str) -> str:
        """Commit to a choice in a prediction; what its answer, further down, says."""
        parts = self.page.locator('[data-vl="predict"]').filter(has_text=question)
        parts.first.get_by_role("radio", name=choice, exact=True).check()
        parts.first.get_by_role("button").click()
        told = parts.last.get_by_role("status")
        told.get_by_text("Your guess").wait_for()
        return str(told.text_content())

    def drag(
        self, widget: Locator, path: Sequence[Point], *, on: str = ".vl-pad"
    ) -> None:
        """Drag the mouse over a part of a widget and let go.

        Args:
            path: places as fractions of the part's width and height from its
                top left corner; straight lines between them.
            on: CSS selector of the part.
        """
        places = _places(widget.locator(on).first, path)
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for x, y in places[1:] or places:
            self.page.mouse.move(x, y, steps=8)
        self.page.mouse.up()

    def touch(
        self, widget: Locator, path: Sequence[Point], *, on: str = ".vl-pad"
    ) -> None:
        """The same with a finger (the context needs ``has_touch=True``)."""
        session = self.page.context.new_cdp_session(self.page)
        places = _places(widget.locator(on).first, path)
        for i, (x, y) in enumerate(places):
            session.send(
                "Input.dispatchTouchEvent",
                {
                    "type": "touchMove" if i else "touchStart",
                    "touchPoints": [{"x": x, "y": y}],
                },
            )
        session.send(
            "Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []}
        )
        session.detach()

    def theme(self, name: str) -> None:
        """``"JupyterLab Light"`` or ``"JupyterLab Dark"``."""
        before = len(self._heard)
        self.page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})",
            name,
        )
        light = str("Dark" not in name).lower()
        self.page.locator(f'body[data-jp-theme-light="{light}"]').wait_for(
            state="attached"
        )
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")
        # JupyterLab itself removes its curtain twice, and complains of that.
        self._heard[before:] = [
            h for h in self._heard[before:] if "removeChild" not in h
        ]

    # -- what the reader sees

    def settled(self, widget: Locator, *, quiet: float = 0.4) -> list[float]:
        """The code of the picture on the screen, once it no longer changes."""
        end = time.monotonic() + 30
        frame, since = None, time.monotonic()
        while time.monotonic() < end:
            now = widget.get_attribute("data-frame")
            if now != frame:
                frame, since = now, time.monotonic()
            elif time.monotonic() - since > quiet:
                return code(widget)
            self.page.wait_for_timeout(50)
        raise AssertionError("the widget never came to rest")

    def pixels(self, widget: Locator, *, on: str = ".vl-decoded") -> list[float]:
        """Red values of the picture on the screen, in [0, 1], row by row."""
        found: list[float] = widget.locator(on).first.evaluate(
            """canvas => {
                const { width, height } = canvas;
                const context = canvas.getContext("2d");
                const { data } = context.getImageData(0, 0, width, height);
                const reds = { length: width * height };
                return Array.from(reds, (_, p) => data[4 * p] / 255);
            }"""
        )
        return found

    def contents(self) -> list[dict[str, Any]]:
        """All cells with their outputs, as JupyterLab would save them."""
        cells: list[dict[str, Any]] = self.page.evaluate(
            "() => jupyterapp.shell.currentWidget.content.model.toJSON().cells"
        )
        return cells

    def cells(self) -> list[str]:
        """The sources of all cells, to see that nothing was typed into them."""
        return [f"{c['cell_type']}: {''.join(c['source'])}" for c in self.contents()]

    def problems(self) -> list[str]:
        """All that went wrong: in cells, in the kernel, in the page, and every
        request that failed or left this machine."""
        inside: list[str] = self.page.evaluate(_OUTPUTS)
        kernel: list[str] = self.page.evaluate("() => globalThis.kernelErrors ?? []")
        shown = self.page.locator('.vl-note[role="alert"]').all_inner_texts()
        return [*self._heard, *inside, *kernel, *shown]

    # -- what is heard meanwhile

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self._heard.append(f"console: {message.text} {where}")

    def _on_request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        local = parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"
        if not local:
            self._heard.append(f"request to another host: {request.url}")

    def _on_failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":
            self._heard.append(f"request failed: {request.url} {request.failure}")


_WIDE = {"width": 1280, "height": 1000}


def code(widget: Locator) -> list[float]:
    """The code of the picture now on the screen."""
    return [float(v) for v in (widget.get_attribute("data-z") or "").split(",")]


def frames(widget: Locator) -> int:
    """How often the widget has painted."""
    return int(widget.get_attribute("data-frame") or 0)


def _places(part: Locator, path: Sequence[Point]) -> list[Point]:
    part.scroll_into_view_if_needed()
    box = _at_rest(part)
    return [
        (box["x"] + fx * box["width"], box["y"] + fy * box["height"]) for fx, fy in path
    ]


def _at_rest(part: Locator, *, quiet: float = 0.3, timeout: float = 10) -> Any:
    """Where the part is, once outputs that are still being drawn above it no longer
    push it away."""
    end, before = time.monotonic() + timeout, None
    while True:
        box = part.bounding_box()
        assert box is not None, "this part of the widget is not visible"
        if box == before or time.monotonic() > end:
            return box
        before = box
        time.sleep(quiet)
        part.scroll_into_view_if_needed()


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook of code cells for the Python of this environment."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, path)
