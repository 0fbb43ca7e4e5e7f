"""The front ends as texts, and the parts of them that node can run."""

from __future__ import annotations

import gzip
import math
import re
from pathlib import Path
from typing import Any

import pytest

from vaelib import widgets
from vaelib.widgets import esm
from vaelib.widgets.base import Pictured
from vaelib.widgets.elbo_gap import ElboGap
from vaelib.widgets.latent_pad import LatentPad
from vaelib.widgets.mixture_fit import MixtureFit

FRONT_ENDS = {
    made.kind.replace("-", "_"): made
    for made in (getattr(widgets, name) for name in widgets.__all__)
    if issubclass(made, Pictured)
}
KB = 1024


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_front_end_is_at_most_10_kb_gzipped(name: str) -> None:
    for text in (esm.module(name), esm.script(name)):
        both = (text + str(FRONT_ENDS[name]._css)).encode()
        assert len(gzip.compress(both, 9)) <= 10 * KB


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_front_end_asks_for_nothing_from_outside(name: str) -> None:
    text = esm.module(name) + str(FRONT_ENDS[name]._css)
    addresses = set(re.findall(r"\w+://[^\"'`\s]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    # url(#…) is a part of the same picture.
    asks = r"\b(import|fetch|XMLHttpRequest|@import|url)\b\s*[({\"](?!#)"
    assert not re.search(asks, text)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_the_widget_carries_its_front_end(name: str) -> None:
    assert FRONT_ENDS[name]._esm == esm.module(name)
    assert esm.module(name).count("export default { render };") == 1
    assert "//" not in re.sub(r"\w+://", "", esm.module(name))


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_both_forms_of_a_front_end_run(
    name: str, run_script: Any, tmp_path: Path
) -> None:
    # Names that clash between modules would be a syntax error here.
    module, classic = tmp_path / "module.mjs", tmp_path / "classic.cjs"
    module.write_text(
        esm.module(name).replace("export default", "const front =")
        + "if (typeof front.render !== 'function') throw new Error('no render');"
    )
    run_script(module)
    # A classic script that brings the same names twice must not clash either.
    classic.write_text(
        "const vm = require('node:vm');"
        f"for (const i of [1, 2]) vm.runInThisContext({esm.script(name)!r});"
        f"if (typeof vaelibWidgets['{name}'].render !== 'function')"
        "  throw new Error('no render');"
    )
    run_script(classic)


HERE = Path(esm.__file__).parent
DECLARED = re.compile(r"^export (?:function|const) (\w+)", re.MULTILINE)
CLASS = re.compile(r"\.vl-[\w-]+")


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_front_end_carries_what_it_names_and_nothing_else(name: str) -> None:
    text, own = esm.module(name), (HERE / f"{name}.js").read_text("utf-8")
    declared = re.findall(r"^(?:function|const) (\w+)", text, re.MULTILINE)
    for names in re.findall(r"^import \{([^}]*)\}", own, re.MULTILINE):
        assert set(re.findall(r"\w+", names)) <= set(declared)
    shared = set(declared) - set(re.findall(r"^.*(?:function|const) (\w+)", own, re.M))
    for offered in shared:
        assert len(re.findall(rf"\b{offered}\b", text)) > 1, offered


def test_a_page_pays_only_for_its_own_styles() -> None:
    assert ".vl-table" in ElboGap._css
    assert ".vl-table" not in LatentPad._css
    assert ".vl-plane" in LatentPad._css
    assert ".vl-plane" not in MixtureFit._css
    # Whatever names no class of ours is for all.
    assert all(".vl *,.vl *::before{" in made._css for made in FRONT_ENDS.values())


def test_no_style_and_no_shared_piece_is_left_over() -> None:
    sheets = "".join(file.read_text("utf-8") for file in HERE.glob("*.css"))
    used = "".join(made._css for made in FRONT_ENDS.values())
    assert set(CLASS.findall(sheets)) == set(CLASS.findall(used))
    texts = "".join(map(esm.module, FRONT_ENDS))
    offered = "".join(file.read_text("utf-8") for file in HERE.glob("*.js"))
    for name in DECLARED.findall(offered):
        assert re.search(rf"^(function|const) {name}\b", texts, re.M), name


def test_the_conversation_with_the_kernel(run_script: Any, tmp_path: Path) -> None:
    parts = "{ evaluator, teller, round, say, sayCode, nameOf }"
    text = esm.module("latent_pad").replace("export default", "globalThis.front =")
    bundle = tmp_path / "bundle.mjs"
    bundle.write_text(f"{text}\nglobalThis.parts = {parts};\n")
    check = Path(__file__).with_name("evaluator_check.mjs")
    assert run_script(check, str(bundle)) == "ok\n"


def test_the_pieces_of_the_kit(run_script: Any, tmp_path: Path) -> None:
    # One front end in which all of them are.
    parts = (
        "{ bind, chartOf, draggable, floats, hear, perFrame, playerOf, sliderOf, "
        "gridOf, logNormal, logSumExp, clamp }"
    )
    bundle = tmp_path / "bundle.mjs"
    front = esm.module("elbo_gap").replace("export default", "globalThis.front =")
    bundle.write_text(f"{front}\nglobalThis.parts = {parts};\n")
    check = Path(__file__).with_name("kit_check.mjs")
    assert run_script(check, str(bundle)) == "ok\n"


# ------------------------------------------------------------------------- ink

MNIST = {"pen": 2.4, "box": 20}


def ink(node: Any, strokes: Any, style: Any = MNIST, size: int = 28) -> list[float]:
    out: list[float] = node.ask(
        "ink", strokes=strokes, width=size, height=size, style=style
    )
    assert len(out) == size * size
    assert all(0 <= v <= 1 for v in out)
    return out


def middle(x: list[float], size: int = 28) -> tuple[float, float]:
    total = sum(x)
    across = sum(v * (p % size + 0.5) for p, v in enumerate(x)) / total
    down = sum(v * (p // size + 0.5) for p, v in enumerate(x)) / total
    return across, down


def extent(x: list[float], size: int = 28) -> tuple[int, int]:
    inked = [p for p, v in enumerate(x) if v > 0.25]
    columns, rows = [p % size for p in inked], [p // size for p in inked]
    return max(columns) - min(columns) + 1, max(rows) - min(rows) + 1


SEVEN = [[[0.1, 0.1], [0.3, 0.1], [0.2, 0.5]]]


def test_a_drawing_is_prepared_as_mnist_was(node: Any) -> None:
    x = ink(node, SEVEN)
    across, down = middle(x)
    assert math.isclose(across, 14, abs_tol=0.15)
    assert math.isclose(down, 14, abs_tol=0.15)
    assert abs(max(extent(x)) - 20) <= 1
    assert max(x) == 1


def test_where_and_how_large_it_was_drawn_does_not_matter(node: Any) -> None:
    larger = [[[0.1 + 2 * a, 0.05 + 2 * b] for a, b in stroke] for stroke in SEVEN]
    difference = [
        abs(a - b) for a, b in zip(ink(node, SEVEN), ink(node, larger), strict=True)
    ]
    assert max(difference) < 0.02


def test_without_a_box_the_drawing_stays_where_it_is(node: Any) -> None:
    x = ink(node, [[[0.5, 0.25], [0.5, 0.75]]], {"pen": 2, "box": None})
    assert middle(x) == pytest.approx((14, 14), abs=0.01)
    assert extent(x)[0] == 2
    corner = ink(node, [[[0.1, 0.1]]], {"pen": 2, "box": None})
    assert middle(corner) == pytest.approx((2.8, 2.8), abs=0.1)


def test_an_empty_drawing_is_black_and_a_dot_is_a_dot(node: Any) -> None:
    assert sum(ink(node, [])) == 0
    dot = ink(node, [[[0.9, 0.2]]])
    assert middle(dot) == pytest.approx((14, 14), abs=0.1)
    assert max(extent(dot)) <= 4
