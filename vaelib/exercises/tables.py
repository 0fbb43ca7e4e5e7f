"""Runs that were done beforehand, as ``benchmarks/`` wrote them beside the checks."""

import csv
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

Row = dict[str, Any]  # words and numbers


def rows_of(table: str, words: Iterable[str]) -> list[Row]:
    """A recorded table, row by row.

    Args:
        table: its file, named after the lesson's module of checks.
        words: the columns that hold words; all others hold numbers.
    """
    text = files("vaelib.exercises").joinpath(table).read_text("utf-8")
    return [
        {name: value if name in words else float(value) for name, value in row.items()}
        for row in csv.DictReader(text.splitlines())
    ]
