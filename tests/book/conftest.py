"""Without node, KaTeX or mdBook the tests that need them are skipped and say so;
with ``VAELIB_REQUIRE_BOOK=1`` they fail instead."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from built import REQUIRED, built_site, missing, small_course

pytest.importorskip("jupyter_cache")


@pytest.fixture(scope="session")
def tools() -> None:
    """Everything a book is built with."""
    lacking = missing()
    if lacking:
        (pytest.fail if REQUIRED else pytest.skip)(lacking)


@pytest.fixture(scope="session")
def site(tools: None) -> Path:
    """The folder of the real book."""
    return built_site()


@pytest.fixture
def course(tmp_path: Path, tools: None) -> Callable[[dict[str, Sequence[str]]], Path]:
    """Makes a folder with a small course in it."""
    return lambda lessons: small_course(tmp_path, lessons)
