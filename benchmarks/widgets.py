"""How fast a picture follows the mouse: the pad with its decoder in the page, the
same pad through the kernel, and ``interact`` with matplotlib, all on one decoder,
one after the other in one JupyterLab.

    python benchmarks/widgets.py [--seconds 3] [--repeats 3]

Mouse moves are sent at 60 Hz over the browser's debugging socket, without waiting
for the page, as a hand does not wait either. Latency runs from the browser's time
stamp of a mouse move to the frame that shows its picture; which move a picture
belongs to is read from the value it shows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import nbformat
from tornado.websocket import websocket_connect

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from labpage import NotebookPage, free_port, start_browser, start_lab
from playwright.sync_api import Locator, Page

HERTZ = 60
CELLS = [
    """
import matplotlib.pyplot as plt, torch, vaelib as vl
from ipywidgets import FloatSlider, interact
from vaelib.widgets import LatentPad
torch.set_num_threads(1)
model = vl.mlp_vae((1, 28, 28), 2, (256, 256))
""",
    "LatentPad(model)",
    "LatentPad(model, prefer='kernel')",
    """
def show(z1, z2):
    print(f"{z1:.2f}")
    with torch.no_grad():
        x = model.decode(torch.tensor([[z1, z2]]))
    plt.imshow(x[0, 0], cmap="gray")
    plt.show()
interact(show, z1=FloatSlider(min=-3, max=3, step=0.01), z2=FloatSlider(min=-3, max=3));
""",
]

# Noted are [time in ms, value] of moves and of pictures. The pads paint within a
# frame, which then shows the picture; an image that arrives between two frames is
# shown by the next.
LISTEN = """([root, kind]) => {
    const log = globalThis.log = { moves: [], frames: [], released: Infinity };
    const number = (text) => Number(text.replace("\\u2212", "-"));
    const pad = kind === "pad";
    const slider = root.querySelector(pad ? "input" : ".widget-readout");
    const value = () => pad ? Number(slider.value) : number(slider.textContent);
    const shown = (at, v) => log.frames.push([at, v]);
    // On the window, so after the widget itself has moved.
    globalThis.unlisten?.();
    const moved = (event) => {
        if (event.buttons) log.moves.push([event.timeStamp, value()]);
    };
    const kindOfMove = pad ? "pointermove" : "mousemove";
    globalThis.addEventListener(kindOfMove, moved);
    globalThis.unlisten = () => globalThis.removeEventListener(kindOfMove, moved);
    const released = (event) => { log.released = event.timeStamp; };
    globalThis.addEventListener("pointerup", released, { once: true, capture: true });
    globalThis.watcher?.disconnect();
    globalThis.watcher = new MutationObserver((changes) => {
        if (pad) return shown(performance.now(), number(root.dataset.z.split(",")[0]));
        for (const change of changes) for (const node of change.addedNodes) {
            const image = node.querySelector?.("img");
            if (!image) continue;
            const text = root.querySelector(".jp-OutputArea pre")?.textContent ?? "";
            const next = () => requestAnimationFrame((now) => shown(now, number(text)));
            image.decode().then(next, () => {});
        }
    });
    watcher.observe(root, pad ? { attributeFilter: ["data-frame"] }
        : { childList: true, subtree: true });
}"""


@dataclass(frozen=True)
class Run:
    """One drag: frames per second, latencies in ms, frames after the release."""

    fps: float
    latencies: Sequence[float]
    late: int


def drag(port: int, url: str, path: Sequence[tuple[float, float]]) -> None:
    """Press, move along the path at 60 Hz, release, in the tab that shows ``url``;
    answers are not awaited."""

    async def send() -> None:
        with urlopen(f"http://127.0.0.1:{port}/json") as answer:
            tabs = json.load(answer)
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["url"] == url)
        socket = await websocket_connect(address, max_message_size=2**26)
        start = time.perf_counter()
        kinds = ["mousePressed", *["mouseMoved"] * len(path), "mouseReleased"]
        for i, kind in enumerate(kinds):
            x, y = path[min(max(i - 1, 0), len(path) - 1)]
            event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            event["buttons"] = int(kind != "mouseReleased")
            message = {"id": i + 1, "method": "Input.dispatchMouseEvent"}
            socket.write_message(json.dumps({**message, "params": event}))
            wait = start + (i + 1) / HERTZ - time.perf_counter()
            await asyncio.sleep(max(0, wait))
        await asyncio.sleep(1)
        socket.close()

    thread = threading.Thread(target=asyncio.run, args=(send(),))
    thread.start()
    thread.join()


def measure(page: NotebookPage, port: int, arm: str, seconds: float) -> Run:
    """Drag one of the three for some seconds."""
    if arm == "interact":
        root = page.page.locator(".widget-interact")
        return measured(page.page, port, root, ".noUi-base", "interact", seconds)
    root = page.widget("latent-pad", int(arm == "kernel"))
    return measured(page.page, port, root, ".vl-pad", "pad", seconds)


def measured(
    tab: Page, port: int, root: Locator, part: str, kind: str, seconds: float
) -> Run:
    """Drag a part of ``root`` across and back, and see what the page shows."""
    root.scroll_into_view_if_needed()
    box = root.locator(part).first.bounding_box()
    assert box is not None
    tab.evaluate(LISTEN, [root.element_handle(), kind])
    middle = box["y"] + box["height"] / 2
    steps = round(HERTZ * seconds)
    path = []
    for i in range(steps):
        turn = abs((i / HERTZ + 0.5) % 2 - 1)  # across and back in two seconds
        path.append((box["x"] + box["width"] * (0.05 + 0.9 * turn), middle))
    drag(port, tab.url, path)
    tab.wait_for_timeout(5000)
    log: Any = tab.evaluate("() => log")
    return evaluate(log)


def evaluate(log: Any) -> Run:
    """Match each frame to the newest earlier move with its value."""
    latencies, late = [], 0
    for at, value in log["frames"]:
        same = [t for t, v in log["moves"] if t <= at and abs(v - value) < 6e-3]
        if same:
            latencies.append(at - same[-1])
        late += at > log["released"]
    during = len(log["frames"]) - late
    seconds = (log["released"] - log["moves"][0][0]) / 1000
    return Run(during / seconds, latencies, late)


NAMES = {
    "page": "`LatentPad`, decoder in the page",
    "kernel": "`LatentPad`, decoder in the kernel",
    "interact": "`interact` + matplotlib",
}


def report(runs: dict[str, list[Run]], names: dict[str, str], base: str) -> str:
    """A Markdown table; medians over the repeats, ratios to the arm ``base``."""

    def middle(arm: str, what: Any) -> float:
        return statistics.median(what(run) for run in runs[arm])

    def percentile(q: int) -> Any:
        return lambda run: statistics.quantiles(run.latencies, n=100)[q - 1]

    lines = [
        "| technique | frames/s | p50 ms | p95 ms | frames × | p50 × "
        "| frames after release |",
        "|---|---|---|---|---|---|---|",
    ]
    fps_there, p50_there = middle(base, lambda r: r.fps), middle(base, percentile(50))
    for arm in runs:
        fps = middle(arm, lambda r: r.fps)
        p50, p95 = middle(arm, percentile(50)), middle(arm, percentile(95))
        late = max(run.late for run in runs[arm])
        lines.append(
            f"| {names[arm]} | {fps:.1f} | {p50:.0f} | {p95:.0f} "
            f"| {fps / fps_there:.2f} | {p50 / p50_there:.2f} | {late} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    port = free_port()
    runs: dict[str, list[Run]] = {"page": [], "kernel": [], "interact": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        start_lab(Path(folder)) as lab,
        start_browser(f"--remote-debugging-port={port}") as browser,
    ):
        cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(notebook, Path(folder, "drag.ipynb"))
        tall = {"width": 1200, "height": 1800}
        page = NotebookPage.open(browser, lab, "drag.ipynb", viewport=tall)
        page.run_all()
        for _ in range(options.repeats):
            for arm, found in runs.items():
                found.append(measure(page, port, arm, options.seconds))
        problems = page.problems()
        page.close()
    print(report(runs, NAMES, "interact"))
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
