"""The β explorer in a real JupyterLab, dragged and by keys; and without a kernel."""

from __future__ import annotations

import pytest
from alone import Alone
from labpage import NotebookPage, code, frames
from playwright.sync_api import Locator, expect

import vaelib as vl
from vaelib.widgets import BetaExplorer

BETAS = [0.3, 1.0, 20.0]
SETUP = f"""
import torch, vaelib as vl
from vaelib.widgets import BetaExplorer

data = vl.load("handwriting", n=600)
swept = vl.sweep(
    lambda seed: vl.mlp_vae((1, 28, 28), 2, (64,), seed=seed), data,
    betas={BETAS}, epochs=8, lr=3e-3, progress=False)
explorer = BetaExplorer(swept, data)

def decoded(sheet, beta):
    # What torch makes of the codes on sheet 0 (examples), 1 (draws) or 2 (atlas).
    z = explorer._codes[explorer.betas.index(beta)][sheet]
    with torch.no_grad():
        return swept.models[beta, 0].decode(z).flatten(1).tolist()

def rebuilt(beta):
    model, x = swept.models[beta, 0], explorer._originals()
    with torch.no_grad():
        return model.decode(model.encode(x)).flatten(1).tolist()
"""
EIGHT_BIT = 0.51 / 255 + 1e-3
# Sheets by name: number, pictures, columns.
SHEETS = {"decoded": (0, 8, 8), "samples": (1, 25, 5), "manifold": (2, 81, 9)}


CELLS = [SETUP, "explorer", "explorer"]


@pytest.fixture
def widget(page: NotebookPage) -> Locator:
    """At β = 1."""
    root = page.widget("beta-explorer")
    page.ask("setattr(explorer, 'beta', 1)")
    expect(root).to_have_attribute("data-z", "1.000")
    return root


def slider(root: Locator) -> Locator:
    return root.get_by_role("slider", name="β")


def tiles(page: NotebookPage, root: Locator, name: str) -> list[list[float]]:
    """The pictures on a sheet, without the gaps between them."""
    _, count, columns = SHEETS[name]
    values, width = page.pixels(root, on=f".vl-{name}"), 29 * columns - 1
    found = []
    for i in range(count):
        left, top = 29 * (i % columns), 29 * (i // columns)
        rows = [values[(top + y) * width + left :][:28] for y in range(28)]
        found.append([v for row in rows for v in row])
    return found


def furthest(a: list[list[float]], b: list[list[float]]) -> float:
    pairs = [zip(p, q, strict=True) for p, q in zip(a, b, strict=True)]
    return max(abs(p - q) for pair in pairs for p, q in pair)


def assert_shows(page: NotebookPage, root: Locator, beta: float) -> None:
    """All that is on the screen belongs to this β, and Python knows it."""
    assert page.settled(root) == [beta]
    assert page.ask("explorer.beta") == beta
    for name, (sheet, *_) in SHEETS.items():
        wanted = page.ask(f"decoded({sheet}, {beta})")
        assert furthest(tiles(page, root, name), wanted) <= EIGHT_BIT
    shown = tiles(page, root, "decoded")
    assert furthest(shown, page.ask(f"rebuilt({beta})")) <= EIGHT_BIT
    i = BETAS.index(beta)
    row = page.ask(f"swept.table[{i}]")
    rate, distortion = row["kl"], -row["reconstruction"]
    text = f"β = {beta:g}, rate {rate:.3g} nats, distortion {distortion:.3g} nats"
    expect(slider(root)).to_have_attribute("aria-valuetext", text)
    expect(root.locator(".vl-says")).to_have_text(text)
    expect(root.locator(".vl-chart")).to_have_accessible_name(
        f"Rate–distortion curve of 3 models; marked: {text}"
    )
    marked, stop = (
        [float(part.get_attribute(k) or "nan") for k in ("cx", "cy")]
        for part in (
            root.locator(".vl-chart .vl-dot"),
            root.locator(".vl-stop").nth(i),
        )
    )
    assert marked == stop


def cloud(root: Locator) -> str:
    found: str = root.locator(".vl-plane canvas").evaluate("c => c.toDataURL()")
    return found


def test_everything_follows_the_mouse(page: NotebookPage, widget: Locator) -> None:
    before, seen = cloud(widget), frames(widget)
    first = tiles(page, widget, "samples")
    page.drag(widget, [(0.5, 0.5), (0.2, 0.5), (0.98, 0.5)], on=".vl-sliders input")
    assert_shows(page, widget, 20.0)
    assert cloud(widget) != before
    assert frames(widget) >= seen + 2
    assert furthest(tiles(page, widget, "samples"), first) > 0.1


def test_the_keyboard(page: NotebookPage, widget: Locator) -> None:
    slider(widget).focus()
    keys = page.page.keyboard
    before = page.cells()
    for key, beta in [
        ("Home", 0.3), ("ArrowRight", 1.0), ("ArrowUp", 20.0), ("ArrowRight", 20.0),
        ("ArrowLeft", 1.0), ("End", 20.0), ("ArrowDown", 1.0), ("Home", 0.3),
    ]:  # fmt: skip
        keys.press(key)
        expect(widget).to_have_attribute("data-z", f"{beta:.3f}")
    assert_shows(page, widget, 0.3)
    assert page.cells() == before


def test_the_last_picture_belongs_to_the_last_position(
    page: NotebookPage, widget: Locator
) -> None:
    slider(widget).focus()
    for _ in range(12):
        for key in ("Home", "End", "ArrowLeft", "ArrowRight", "Home", "ArrowRight"):
            page.page.keyboard.press(key, delay=0)
    assert_shows(page, widget, 1.0)
    before = frames(widget)
    way = [(0.1, 0.5), (0.9, 0.5)] * 4 + [(0.02, 0.5)]
    page.drag(widget, way, on=".vl-sliders input")
    assert_shows(page, widget, 0.3)
    # At rest it paints nothing.
    assert frames(widget) > before
    rested = frames(widget)
    page.page.wait_for_timeout(500)
    assert frames(widget) == rested


def test_each_frame_shows_the_newest(page: NotebookPage, widget: Locator) -> None:
    """However fast the slider moves, each frame shows the newest β."""
    painted, shown = widget.evaluate(
        """async (root) => {
            const slider = root.querySelector("input"), first = +root.dataset.frame;
            const turn = () => new Promise(requestAnimationFrame);
            const shown = [], start = performance.now();
            for (let n = 0; n < 30; n++) {
                for (const i of [(n + 1) % 3, n % 3]) {
                    slider.value = i;
                    slider.dispatchEvent(new Event("input"));
                }
                await turn();
                shown.push(root.dataset.z);
            }
            const rate = 30000 / (performance.now() - start);
            console.log(`${rate.toFixed()} changes a second`);
            return [root.dataset.frame - first, shown];
        }"""
    )
    assert painted == 30
    assert shown == [f"{beta:.3f}" for beta in BETAS] * 10
    slider(widget).dispatch_event("change")
    assert_shows(page, widget, 20.0)


def test_python_and_a_second_view(page: NotebookPage, widget: Locator) -> None:
    again = page.widget("beta-explorer", 1)
    page.ask("setattr(explorer, 'beta', 20)")
    for view in (widget, again):
        assert_shows(page, view, 20.0)
        assert slider(view).input_value() == "2"
    slider(again).focus()
    page.page.keyboard.press("Home")
    expect(widget).to_have_attribute("data-z", "0.300")
    assert_shows(page, again, 0.3)


def test_names_for_those_who_listen(page: NotebookPage, widget: Locator) -> None:
    expect(widget).to_have_role("group")
    expect(widget).to_have_accessible_name("β explorer")
    names = [
        *("Examples", "Their reconstructions", "Decoded draws from the prior"),
        *("The latent plane, decoded", "The data's codes on the latent plane"),
    ]
    for name in names:
        expect(widget.get_by_role("img", name=name, exact=True)).to_have_count(1)


def test_it_fits_a_narrow_page(page: NotebookPage, widget: Locator) -> None:
    wide = page.page.viewport_size
    page.page.set_viewport_size({"width": 360, "height": 800})
    try:
        over = "root => root.scrollWidth - root.clientWidth"
        page.page.wait_for_timeout(300)
        assert widget.evaluate(over) <= 1
    finally:
        page.page.set_viewport_size(wide)


def test_without_a_kernel(alone: Alone) -> None:
    data = vl.load("handwriting", n=60)
    models = {b: vl.mlp_vae((1, 28, 28), 3, (8,), seed=int(b)) for b in (1, 2, 4)}
    root = alone(BetaExplorer(models, data))
    expect(root).to_have_attribute("data-z", "1.000")
    slider(root).press("End")
    expect(root).to_have_attribute("data-z", "4.000")
    assert root.locator(".vl-manifold").count() == 0
    assert code(root) == [4]
