"""Every example in vaelib's docstrings does what it says."""

import doctest
import importlib
import pkgutil

import pytest

import vaelib

MODULES = [
    module.name
    for module in pkgutil.walk_packages(vaelib.__path__, "vaelib.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    assert not doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed
