"""What ``import vaelib`` brings with it: torch, and nothing as heavy beside it."""

import subprocess
import sys

import pytest

import vaelib

# Each costs a tenth of a second to more than one, and serves a call that not every
# reader makes: pictures, widgets, the digits, two metrics, a download.
HEAVY = ("anywidget", "IPython", "matplotlib", "PIL", "requests", "scipy", "sklearn")

LOADED = """
import sys, torch
before = set(sys.modules)
import vaelib
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def asked(code: str) -> list[str]:
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return answer.stdout.split()


def test_a_plain_import_brings_nothing_heavy() -> None:
    loaded = asked(LOADED)
    assert "vaelib" in loaded
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("name", ["plots.images", "show", "widgets.LatentPad"])
def test_what_comes_later_comes_when_asked_for(name: str) -> None:
    code = f"import vaelib as vl; print(vl.{name}.__module__, 'plots' in dir(vl))"
    module, listed = asked(code)
    assert module.startswith("vaelib.")
    assert listed == "True"


def test_a_star_import_brings_every_public_name() -> None:
    names = asked("from vaelib import *; print(*dir())")
    assert set(vaelib.__all__) <= set(names)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="'vaelib' has no attribute 'elbows'"):
        vaelib.elbows  # noqa: B018
