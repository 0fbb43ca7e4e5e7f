"""The built book in Chromium: every page from a server and straight from disk, and
every kind of widget dragged in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from built import REQUIRED, ROOT, built_site, missing
from ipywidgets import Widget
from labpage import frames, serving
from playwright.sync_api import Browser, Locator, Page, expect

import vaelib as vl
from vaelib.book.widgets import embed

AXE = ROOT / "node_modules/axe-core/axe.min.js"
SUMMARY = (ROOT / "notebooks/SUMMARY.md").read_text("utf-8")
PAGES = [
    f"{Path(name).stem}.html".replace("README.html", "index.html")
    for name in re.findall(r"\]\(([^)]*)\)", SUMMARY)
]
PRINT = "print.html"

# Where each kind of widget is dragged from and to, in fractions of the part: first
# away, then to where the picture must be the same every time. A part that is a
# handle is taken by its middle instead, and the places are of the pad around it.
RANGE = "input[type=range]"
PAD = ((0.5, 0.5), (0.8, 0.25), (0.3, 0.6))
SLIDER = ((0.5, 0.5), (0.9, 0.5), (0.25, 0.5))
DRAGS: dict[str, tuple[str, Any]] = {
    "beta-explorer": (".vl-sliders input", ((0.5, 0.5), (0.98, 0.5), (0.03, 0.5))),
    "component-sliders": (".vl-count input", SLIDER),
    "draw-and-encode": (".vl-canvas", ((0.3, 0.2), (0.7, 0.2), (0.4, 0.8))),
    "elbo-gap": (".vl-pad", PAD),
    "latent-arithmetic": ("[aria-label='Weight of a']", SLIDER),
    "latent-pad": (".vl-pad", PAD),
    "latent-sliders": (RANGE, SLIDER),
    "likelihood-pad": (".vl-pad", PAD),
    "mixture-fit": ("[aria-label='Number of components']", SLIDER),
    "pad-pair": (".vl-pad", PAD),
    "path-on-plane": ("[aria-label='Place on the path']", SLIDER),
    "recording": (RANGE, SLIDER),
    "receptive-field": (".vl-map:last-child .vl-pad", PAD),
    "reparameterise": (RANGE, SLIDER),
    "samples-wall": ("[aria-label='Temperature']", SLIDER),
    "traversals": ("[data-row] input", SLIDER),
    "two-gaussians": (".vl-handle", ((0.5, 0.5), (0.8, 0.6), (0.25, 0.3))),
}

# Everything that a widget shows: its pictures and drawings, and what it publishes.
# Numbers that only count (frames) or that mark the pointer are left out.
SHOWN = """root => {
    const { frame, ...data } = root.dataset;
    const canvases = [...root.querySelectorAll("canvas")].map((c) => c.toDataURL());
    const paths = [...root.querySelectorAll("svg path")];
    const lines = paths.map((path) => path.getAttribute("d"));
    return JSON.stringify([data, canvases, lines]);
}"""

# Whether something within reach of the focused element looks different from before.
FOCUS = """async () => {
    const looks = (element) => {
        const found = [];
        for (let e = element, i = 0; e && i < 3; e = e.parentElement, i++) {
            const s = getComputedStyle(e);
            found.push(s.outlineStyle === "none" ? "" : s.outlineWidth + s.outlineColor,
                s.boxShadow, s.borderColor, s.backgroundColor, s.textDecoration);
        }
        return found.join("|");
    };
    const able = "main a[href], main button:enabled, main input:enabled, main select,"
        + " main summary, main [tabindex='0']";
    const unseen = [];
    for (const element of document.querySelectorAll(able)) {
        if (!element.getClientRects().length) continue;
        document.activeElement?.blur();
        const before = looks(element);
        element.focus({ preventScroll: true, focusVisible: true });
        if (document.activeElement === element && looks(element) === before)
            unseen.push(element.outerHTML.slice(0, 120));
    }
    return unseen;
}"""


@pytest.fixture(scope="module")
def site() -> Path:
    """The folder of the built book."""
    lacking = missing()
    if lacking:
        (pytest.fail if REQUIRED else pytest.skip)(lacking)
    return built_site()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The book on a server."""
    with serving(site) as where:
        yield where


class Tab:
    """One tab through which all pages go, and all that went wrong in it."""

    def __init__(self, browser: Browser, **options: Any):
        context = browser.new_context(**options)
        # On a phone it is hidden; here it would stay when the window shrinks.
        context.add_init_script("localStorage.setItem('mdbook-sidebar', 'hidden')")
        self.page: Page = context.new_page()
        self.heard: list[str] = []
        self.page.set_default_timeout(20_000)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda e: self.heard.append(f"page error: {e}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)
        self.page.on(
            "requestfailed",
            lambda r: self._failed(r.url, r.failure),
        )

    def open(self, url: str) -> None:
        self.page.goto(url)

    def enliven(self) -> list[Locator]:
        """All widgets of the page, each brought near the window and painted."""
        places = self.page.locator("[data-vl-state]")
        roots = []
        for i in range(places.count()):
            folded = places.nth(i).locator("xpath=ancestor::details[not(@open)]")
            for closed in folded.all():
                closed.evaluate("details => { details.open = true; }")
            places.nth(i).scroll_into_view_if_needed()
            root = places.nth(i).locator("[data-vl]")
            expect(root).to_have_attribute("data-frame", re.compile("[1-9]"))
            roots.append(root)
        return roots

    def close(self) -> list[str]:
        self.page.context.close()
        return self.heard

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.heard.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not re.match(r"file:|data:|blob:|http://127\.0\.0\.1:", request.url):
            self.heard.append(f"request to another host: {request.url}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.heard.append(f"{response.status}: {response.url}")

    def _failed(self, url: str, why: str | None) -> None:
        if why != "net::ERR_ABORTED":
            self.heard.append(f"{why}: {url}")


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Tab]:
    made = Tab(browser, viewport={"width": 1100, "height": 900})
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_goes_wrong(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "tab" in request.fixturenames:
        heard = request.getfixturevalue("tab").heard
        found, heard[:] = list(heard), []
        assert found == []


def themed(tab: Tab, theme: str) -> None:
    """By mdBook's own switch, as a reader would."""
    tab.page.evaluate(f"document.getElementById('mdbook-theme-{theme}').click()")
    expect(tab.page.locator("html")).to_have_class(re.compile(rf"\b{theme}\b"))


def serious(tab: Tab, *rules: str) -> list[str]:
    """What axe finds in the page's own part, with the place of each finding."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = tab.page.evaluate("options => axe.run('main', options)", options)
    return [
        f"{v['id']}: {node['target']} {node['failureSummary']}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


# ------------------------------------------------------------------- every page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_from_a_server(tab: Tab, address: str, name: str) -> None:
    """Loads without a fault; is accessible, light and dark; fits a phone; prints
    what is folded."""
    tab.page.set_viewport_size({"width": 1100, "height": 900})
    tab.open(address + name)
    themed(tab, "light")
    tab.enliven()
    without = tab.page.locator("img:not([alt]), img[alt='']").count()
    assert without == 0, "pictures without words"
    tab.page.add_script_tag(path=AXE)
    assert serious(tab) == []
    themed(tab, "navy")
    assert serious(tab, "color-contrast") == []
    themed(tab, "light")
    tab.page.keyboard.press("Tab")  # from now on focus is the keyboard's
    assert tab.page.evaluate(FOCUS) == []
    tab.page.set_viewport_size({"width": 360, "height": 740})
    scrolled = tab.page.evaluate(
        """() => ["html", "#mdbook-content", "main"].filter((name) => {
            const part = document.querySelector(name);
            return part.scrollWidth > part.clientWidth || part.scrollWidth > 360;
        })"""
    )
    assert scrolled == [], "one would have to scroll sideways"
    tab.page.emulate_media(media="print")
    tab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    hidden = tab.page.evaluate(
        """() => [...document.querySelectorAll("main details")].flatMap((details) =>
            [...details.children].filter((e) => !e.checkVisibility()
                || !e.getClientRects().length).map((e) => e.outerHTML.slice(0, 80)))"""
    )
    tab.page.emulate_media(media="screen")
    assert hidden == [], "folded parts that would not be printed"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_from_the_disk(tab: Tab, site: Path, name: str) -> None:
    tab.page.set_viewport_size({"width": 1100, "height": 900})
    tab.open((site / name).as_uri())
    tab.enliven()
    # Formulas are set, and their style and fonts have come.
    styled = tab.page.evaluate(
        """async () => {
            await document.fonts.ready;
            const one = document.querySelector("main .katex-html");
            return !one || getComputedStyle(one.parentElement)
                .fontFamily.includes("KaTeX");
        }"""
    )
    assert styled


def test_the_whole_book_for_print(tab: Tab, address: str, site: Path) -> None:
    """It keeps the still pictures, and neither waits nor asks for anything."""
    tab.page.add_init_script("globalThis.print = () => {}")
    for where in (address + PRINT, (site / PRINT).as_uri()):
        tab.open(where)
        tab.page.wait_for_load_state()
        places = tab.page.locator("[data-vl-state]")
        assert places.count() > 10
        assert places.locator("img").count() == places.count()
        assert tab.page.locator("[data-vl]").count() == 0


@pytest.mark.parametrize("from_disk", [False, True], ids=["server", "disk"])
def test_search_finds_a_word(
    tab: Tab, address: str, site: Path, from_disk: bool
) -> None:
    tab.page.set_viewport_size({"width": 1100, "height": 900})
    tab.open((site / "index.html").as_uri() if from_disk else address + "index.html")
    tab.page.keyboard.press("s")
    # Slowly, since the index comes with the first letters.
    box = tab.page.get_by_role("searchbox")
    box.press_sequentially("reparameterisation", delay=80)
    found = tab.page.locator("#mdbook-searchresults a[href*='07-reparam']").first
    found.click()
    expect(tab.page).to_have_url(re.compile("07-reparameterization"))
    expect(tab.page.locator("main mark").first).to_be_visible()


# ----------------------------------------------------------------------- widgets


def kinds_in(site: Path) -> dict[str, tuple[str, int]]:
    """Each kind of widget in the book, with a page and its number there."""
    found: dict[str, tuple[str, int]] = {}
    for name in PAGES:
        text = (site / name).read_text("utf-8")
        for i, kind in enumerate(re.findall(r'data-vl-kind="(\w+)"', text)):
            found.setdefault(kind.replace("_", "-"), (name, i))
    return found


def places(root: Locator, part: str, path: Any) -> list[tuple[float, float]]:
    """The path in the window, from where it has to begin."""
    taken = root.locator(part).first
    within = root.locator(".vl-pad").first if part == ".vl-handle" else taken
    taken.scroll_into_view_if_needed()
    box, start = within.bounding_box(), taken.bounding_box()
    assert box is not None
    assert start is not None
    there = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in path
    ]
    if part == ".vl-handle":
        middle = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
        there[0] = middle
    return there


def drag(page: Page, root: Locator, part: str, path: Any, steps: int) -> None:
    start, *rest = places(root, part, path)
    page.mouse.move(*start)
    page.mouse.down()
    for place in rest:
        page.mouse.move(*place, steps=steps)
    page.mouse.up()
    page.mouse.move(2, 2)


def at_rest(page: Page, root: Locator) -> str:
    """What the widget shows once it no longer changes."""
    last, same = None, 0
    for _ in range(200):
        now = (root.get_attribute("data-frame"), root.evaluate(SHOWN))
        same = same + 1 if now == last else 0
        if same == 4:
            return now[1]
        last = now
        page.wait_for_timeout(60)
    raise AssertionError("the widget never came to rest")


def test_every_kind_is_in_the_table(site: Path) -> None:
    # A prediction is committed to, not dragged: test_browser_predict.py.
    unknown = set(kinds_in(site)) - set(DRAGS) - {"predict"}
    assert not unknown, "say in DRAGS where they are dragged"
    assert len(kinds_in(site)) > 8


@pytest.mark.parametrize("kind", DRAGS)
def test_a_widget_is_dragged(tab: Tab, site: Path, kind: str) -> None:
    """The picture follows, and the last one belongs to the last place: by another
    way to the same place comes the same picture. Keys stay within the widget."""
    where = kinds_in(site)
    if kind not in where:
        pytest.skip(f"no lesson shows {kind}")
    name, nth = where[kind]
    part, (start, away, there) = DRAGS[kind]
    tab.page.set_viewport_size({"width": 1100, "height": 900})
    tab.open((site / name).as_uri())
    root = tab.enliven()[nth]
    first = at_rest(tab.page, root)
    painted = frames(root)
    drag(tab.page, root, part, (start, away, there), 6)
    slowly = at_rest(tab.page, root)
    assert slowly != first
    # A recording's or a count's slider has few stops; others paint on the way, too.
    assert frames(root) > painted + 1
    if kind == "draw-and-encode":  # a drawing is its whole way: the same again
        root.get_by_role("button", name="Clear").click()
        drag(tab.page, root, part, (start, away, there), 6)
    else:
        drag(tab.page, root, part, (start, away), 3)
        assert at_rest(tab.page, root) != slowly
        drag(tab.page, root, part, (start, there), 1)
    again = at_rest(tab.page, root)
    assert json.loads(again) == json.loads(slowly)
    # mdBook turns the page with arrows, and searches with s.
    for handle in ("button:enabled", f"{RANGE}, select"):
        for one in root.locator(handle).all()[:1]:
            one.focus()
            for key in ("ArrowLeft", "ArrowRight", "s"):
                tab.page.keyboard.press(key)
    assert tab.page.url.endswith(name)
    expect(tab.page.get_by_role("searchbox")).to_be_hidden()


def test_a_wide_network_paints_what_python_paints(tab: Tab, tmp_path: Path) -> None:
    """Its weights travel as blocks; the host makes numbers of them again."""
    torch.manual_seed(0)
    model = vl.mlp_vae((1, 28, 28), 2, (128, 128))
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(2)
    pad = vl.widgets.LatentPad(model, z=[0.7, -1.2])
    assert pad._decoder["wide"]
    state = Widget.get_manager_state(widgets=[pad])["state"]
    made = embed(state, pad.model_id, None, "")
    (tmp_path / "assets").mkdir()
    for name, content in made.files.items():
        (tmp_path / "assets" / name).write_bytes(content)
    page = f"<!doctype html><meta charset=utf-8><main>{made.html}</main>"
    (tmp_path / "index.html").write_text(page, "utf-8")
    tab.open((tmp_path / "index.html").as_uri())
    (root,) = tab.enliven()
    shown = root.locator(".vl-decoded").evaluate(
        """canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
            return Array.from({ length: 784 }, (_, p) => data[4 * p] / 255);
        }"""
    )
    wanted = model.decode(torch.tensor([[0.7, -1.2]])).flatten().tolist()
    assert shown == pytest.approx(wanted, abs=0.51 / 255 + 1e-3)


def test_a_widget_comes_only_when_it_is_near(tab: Tab, address: str) -> None:
    tab.page.set_viewport_size({"width": 1100, "height": 900})
    tab.open(address + "09-vae.html")
    assert tab.page.locator("[data-vl-state]").count() > 3
    assert tab.page.locator("script[src*='bytes-']").count() == 0
    # Tab.enliven has each come, and what two of them share comes once.
    tab.enliven()
    sources = tab.page.locator("script[src*='bytes-']").evaluate_all(
        "all => all.map((script) => script.src)"
    )
    assert sources
    assert len(set(sources)) == len(sources)


def test_the_landing_page_is_alive_above_the_fold(tab: Tab, address: str) -> None:
    tab.page.set_viewport_size({"width": 1100, "height": 900})
    tab.open(address)
    root = tab.page.locator('[data-vl="latent-pad"]')
    expect(root).to_have_attribute("data-frame", re.compile("[1-9]"))
    box = root.locator(".vl-decoded").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 900


def test_the_theme_is_followed_at_once(tab: Tab, address: str) -> None:
    tab.open(address)
    root = tab.enliven()[0]

    def light() -> tuple[float, float]:
        """Of ground and text."""
        found = root.evaluate(
            """root => [
                getComputedStyle(root.querySelector(".vl-plane")).backgroundColor,
                getComputedStyle(root).color,
            ].map((colour) => colour.match(/[\\d.]+/g).slice(0, 3))
            .map(([red, green, blue]) => +red + +green + +blue)"""
        )
        return float(found[0]), float(found[1])

    for theme, dark in (("light", False), ("navy", True), ("rust", False)):
        themed(tab, theme)
        ground, text = light()
        assert (ground < text) == dark
        assert abs(ground - text) > 250
    themed(tab, "light")


def test_a_finger_drags_the_point_and_not_the_side_bar(
    browser: Browser, address: str
) -> None:
    """A quick stroke to the right from the left edge opens mdBook's side bar."""
    tab = Tab(browser, viewport={"width": 360, "height": 740}, has_touch=True)
    tab.open(address)
    root = tab.enliven()[0]
    box = root.locator(".vl-pad").bounding_box()
    assert box is not None
    session = tab.page.context.new_cdp_session(tab.page)
    middle = box["y"] + box["height"] / 2
    for i, part in enumerate((0.1, 0.5, 0.9)):
        kind = "touchMove" if i else "touchStart"
        point = {"x": box["x"] + part * box["width"], "y": middle}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(root).to_have_attribute("data-frame", re.compile("[2-9]"))
    expect(tab.page.locator("html")).not_to_have_class(re.compile("sidebar-visible"))
    assert float((root.get_attribute("data-z") or "nan").split(",")[0]) > 1.5
    assert tab.close() == []


def test_without_scripts_there_is_a_picture(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    place = page.locator(".vl-place").first
    expect(place.locator("img")).to_be_visible()
    assert "needs JavaScript" in place.inner_html()
    context.close()
