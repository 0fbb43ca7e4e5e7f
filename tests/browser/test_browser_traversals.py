"""The traversals in a real JupyterLab, dragged and by keys; and without a kernel."""

from __future__ import annotations

import pytest
from alone import Alone
from labpage import NotebookPage, code, frames
from playwright.sync_api import Locator, expect

import vaelib as vl
from vaelib.widgets import Traversals

SETUP = """
import torch, vaelib as vl
from vaelib.widgets import Traversals

data = vl.load("sprites", n=400)
model = vl.conv_vae((1, 32, 32), 4, 16)
vl.fit(model, data, epochs=3, progress=False)
rows = Traversals(model, data)

def decoded(z):
    with torch.no_grad():
        return model.decode(torch.tensor([z]))[0].flatten().tolist()

def swept(widget, axis):
    with torch.no_grad():
        return model.decode(widget.sweep(axis)).flatten(1).tolist()
"""
EIGHT_BIT = 0.51 / 255 + 1e-3
COLUMNS = 7


IN_KERNEL = "in_kernel = Traversals(model, data, prefer='kernel')\nin_kernel"
CELLS = [SETUP, "rows", "rows", IN_KERNEL]


@pytest.fixture
def widget(page: NotebookPage) -> Locator:
    """At picture 1's own code."""
    root = page.widget("traversals")
    page.ask("[setattr(rows, 'base', 1), setattr(rows, 'base', 0)]")
    expect(root).to_have_attribute("data-base", "0")
    page.settled(root)
    return root


def axes(root: Locator) -> list[int]:
    rows = root.locator("[data-row]").all()
    return [int(row.get_attribute("data-row") or -1) for row in rows]


def row(axis: int) -> str:
    return f'[data-row="{axis}"]'


def slider(root: Locator, axis: int) -> Locator:
    return root.locator(f"{row(axis)} input")


def apart(a: list[float], b: list[float]) -> float:
    return max(abs(p - q) for p, q in zip(a, b, strict=True))


def assert_shows(page: NotebookPage, root: Locator, name: str = "rows") -> list[float]:
    """All pictures belong to their sliders, and Python knows where they stand."""
    z = page.settled(root)
    axis = int(root.get_attribute("data-axis") or -1)
    page.wait_idle()
    assert page.ask(f"{name}.z") == pytest.approx(z, abs=5.1e-4)
    assert page.ask(f"{name}.axis") == axis
    base = int(root.get_attribute("data-base") or -1)
    assert page.ask(f"{name}.base") == base
    own, at = page.ask(f"[{name}._codes[{base}].tolist(), {name}.at]")
    for i in axes(root):
        assert float(slider(root, i).input_value()) == pytest.approx(at[i], abs=1e-3)
        wanted = [at[k] if k == i else v for k, v in enumerate(own)]
        shown = page.pixels(root, on=f"{row(i)} .vl-decoded")
        assert apart(shown, page.ask(f"decoded({wanted})")) <= EIGHT_BIT
        values, width = page.pixels(root, on=f"{row(i)} .vl-sweep"), 33 * COLUMNS - 1
        for j, tile in enumerate(page.ask(f"swept({name}, {i})")):
            lines = [values[y * width + 33 * j :][:32] for y in range(32)]
            assert apart([v for line in lines for v in line], tile) <= EIGHT_BIT
    rebuilt = page.pixels(root, on=".vl-rebuilt")
    assert apart(rebuilt, page.ask(f"decoded({own})")) <= EIGHT_BIT
    given = page.ask(f"{name}.subject.x[{base}].flatten().tolist()")
    assert apart(page.pixels(root, on=".vl-given"), given) <= EIGHT_BIT
    assert z == pytest.approx(
        [at[k] if k == axis else v for k, v in enumerate(own)], abs=5.1e-4
    )
    return z


def test_as_it_opens(page: NotebookPage, widget: Locator) -> None:
    assert axes(widget) == page.ask("[axis.axis for axis in rows.axes]")
    assert_shows(page, widget)
    for axis, says in page.ask("[[a.axis, a.says()] for a in rows.axes]"):
        expect(widget.locator(row(axis))).to_contain_text(says)


def test_a_slider_is_dragged(page: NotebookPage, widget: Locator) -> None:
    first, second = axes(widget)[:2]
    seen = frames(widget)
    before = page.pixels(widget, on=f"{row(second)} .vl-sweep")
    page.drag(widget, [(0.5, 0.5), (0.2, 0.5), (0.999, 0.5)], on=f"{row(second)} input")
    assert_shows(page, widget)
    assert widget.get_attribute("data-axis") == str(second)
    assert frames(widget) >= seen + 2
    high = float(slider(widget, second).get_attribute("max") or "nan")
    assert code(widget)[second] == pytest.approx(high, rel=0.02)
    # Only this row's picture moved.
    assert page.pixels(widget, on=f"{row(second)} .vl-sweep") == before
    page.drag(widget, [(0.5, 0.5), (0.001, 0.5)], on=f"{row(first)} input")
    z = assert_shows(page, widget)
    assert widget.get_attribute("data-axis") == str(first)
    own = page.ask("rows._codes[0].tolist()")
    assert z[second] == pytest.approx(own[second], abs=5.1e-4)


def test_the_row_itself_is_dragged(page: NotebookPage, widget: Locator) -> None:
    axis = axes(widget)[2]
    low, high = (
        float(slider(widget, axis).get_attribute(k) or "nan") for k in ("min", "max")
    )
    middle = 2.5 / COLUMNS  # of the third picture
    page.drag(widget, [(0.9, 0.5), (middle, 0.5)], on=f"{row(axis)} .vl-sweep")
    assert_shows(page, widget)
    third = low + (high - low) * 2 / (COLUMNS - 1)
    tolerance = (high - low) / 200
    assert code(widget)[axis] == pytest.approx(third, abs=tolerance)
    # The knob stands under the line.
    expect(slider(widget, axis)).to_be_focused()
    # A click is enough, and beyond the ends are the ends.
    page.drag(widget, [(0.999, 0.5)], on=f"{row(axis)} .vl-sweep")
    assert_shows(page, widget)
    assert code(widget)[axis] == pytest.approx(high, abs=1e-3)


def test_the_keyboard(page: NotebookPage, widget: Locator) -> None:
    axis = axes(widget)[0]
    before = page.cells()
    own = page.ask(f"rows._codes[0][{axis}].item()")
    step = page.ask("rows._parts['rows'][0]['step']")
    slider(widget, axis).focus()
    place = own
    for key, by in [
        ("ArrowRight", 1), ("ArrowUp", 1), ("ArrowLeft", -1), ("ArrowDown", -1),
        ("Shift+ArrowRight", 10), ("ArrowLeft", -1), ("Shift+ArrowLeft", -10),
    ]:  # fmt: skip
        page.page.keyboard.press(key)
        place += by * step
        assert page.settled(widget)[axis] == pytest.approx(place, abs=5e-3)
    page.page.keyboard.press("Home")
    assert page.settled(widget)[axis] == pytest.approx(own, abs=1e-3)
    assert_shows(page, widget)
    page.page.keyboard.press("d")  # a notebook command elsewhere
    page.page.keyboard.press("d")
    assert page.cells() == before


def test_another_base_picture(page: NotebookPage, widget: Locator) -> None:
    axis = axes(widget)[1]
    page.drag(widget, [(0.5, 0.5), (0.9, 0.5)], on=f"{row(axis)} input")
    base = widget.get_by_role("slider", name="Base picture")
    base.focus()
    page.page.keyboard.press("End")
    expect(widget).to_have_attribute("data-base", "9")
    z = assert_shows(page, widget)
    assert z == pytest.approx(page.ask("rows._codes[9].tolist()"), abs=5.1e-4)
    widget.get_by_role("button", name="Next").click()
    expect(widget).to_have_attribute("data-base", "0")
    widget.get_by_role("button", name="Previous").click()
    expect(widget).to_have_attribute("data-base", "9")
    expect(base).to_have_attribute("aria-valuetext", "picture 10 of 10")
    page.drag(widget, [(0.5, 0.5), (0.1, 0.5)], on=f"{row(axis)} input")
    assert code(widget) != z
    widget.get_by_role("button", name="Its own code").click()
    assert assert_shows(page, widget) == pytest.approx(z, abs=1e-3)


@pytest.mark.parametrize("name", ["rows", "in_kernel"])
def test_the_last_picture_belongs_to_the_last_position(
    page: NotebookPage, widget: Locator, name: str
) -> None:
    """Rows moved by turns, faster than frames or the kernel follow."""
    root = widget if name == "rows" else page.widget("traversals", 2)
    first, second = axes(root)[:2]
    root.evaluate(
        """async (root, [first, second]) => {
            const input = (i) => root.querySelector(`[data-row="${i}"] input`);
            for (let n = 0; n < 40; n++) {
                for (const i of [first, second]) {
                    const slider = input(i), { min, max } = slider;
                    slider.value = +min + (max - min) * ((n * 7) % 11) / 11;
                    slider.dispatchEvent(new Event("input"));
                }
                if (n === 20) [...root.querySelectorAll("button")][1].click();
                if (n % 3 === 0) await new Promise(requestAnimationFrame);
            }
            input(second).dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        [first, second],
    )
    page.page.wait_for_timeout(1000)
    assert_shows(page, root, name)
    rested = frames(root)
    page.page.wait_for_timeout(500)
    assert frames(root) == rested


def test_python_and_a_second_view(page: NotebookPage, widget: Locator) -> None:
    again = page.widget("traversals", 1)
    axis = axes(widget)[1]
    page.ask(f"[setattr(rows, 'axis', {axis}), setattr(rows, 'at', [0.5] * 4)]")
    for view in (widget, again):
        expect(view).to_have_attribute("data-axis", str(axis))
        assert_shows(page, view)
        assert code(view)[axis] == 0.5
    slider(again, axis).focus()
    page.page.keyboard.press("Shift+ArrowRight")
    page.settled(again)
    assert assert_shows(page, widget) == assert_shows(page, again)


def test_names_for_those_who_listen(page: NotebookPage, widget: Locator) -> None:
    expect(widget).to_have_role("group")
    expect(widget).to_have_accessible_name("Traversals of the latent axes")
    for i, axis in enumerate(axes(widget)):
        input = slider(widget, axis)
        says = page.ask(f"rows.axes[{i}].says()")
        name = page.ask(f"rows.axes[{i}].name")
        expect(input).to_have_accessible_name(f"{name} {says}")
        assert input.get_attribute("aria-valuetext")
        for image in (f"Decodings along {name} from", f"The decoding at {name}"):
            expect(widget.get_by_role("img", name=image)).to_have_count(1)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_fits_a_narrow_page(page: NotebookPage, widget: Locator, theme: str) -> None:
    wide = page.page.viewport_size
    page.theme(theme)
    page.page.set_viewport_size({"width": 360, "height": 800})
    try:
        page.page.wait_for_timeout(300)
        assert widget.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
    finally:
        page.page.set_viewport_size(wide)
        page.theme("JupyterLab Light")


def test_without_a_kernel(alone: Alone) -> None:
    data = vl.load("sprites", n=60)
    widget = Traversals(vl.conv_vae((1, 32, 32), 3, 8), data)
    root = alone(widget, has_touch=True)
    expect(root).to_have_attribute("data-base", "0")
    axis = axes(root)[2]
    before = code(root)
    root.locator(f"{row(axis)} .vl-sweep").tap(position={"x": 1, "y": 5})
    expect(root).to_have_attribute("data-axis", str(axis))
    assert code(root)[axis] == pytest.approx(
        widget.sweep(axis)[0, axis].item(), abs=1e-3
    )
    root.get_by_role("button", name="Next").click()
    expect(root).to_have_attribute("data-base", "1")
    assert code(root) != before
