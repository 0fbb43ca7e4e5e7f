"""What a reader or the page may set: traits that say in words what does not fit."""

from collections.abc import Callable, Sequence
from functools import wraps
from math import isfinite
from typing import Any

import numpy as np
import traitlets
from torch import Tensor

Of = Callable[[Any], Any]  # a limit that the widget itself knows


class BadValue(traitlets.TraitError, ValueError):
    """A value that does not fit; traitlets undoes the assignment."""


def refuse_outside(name: str, value: float, low: float, high: float) -> None:
    """Raises BadValue unless ``low ≤ value ≤ high``."""
    if not low <= value <= high:
        raise BadValue(f"{name}: got {value:g}, wanted {low:g} … {high:g}")


class _Within(traitlets.TraitType[Any, Any]):
    """A number with limits, each a number or a function of the widget."""

    def __init__(self, default: float, low: float | Of, high: float | Of):
        super().__init__(default)
        self.low, self.high = low, high
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        value = super().validate(obj, value)  # type: ignore[misc]
        low, high = (v(obj) if callable(v) else v for v in (self.low, self.high))
        refuse_outside(self.name or "", value, low, high)
        return value


class Real(_Within, traitlets.Float):  # type: ignore[type-arg]
    """A float from low to high."""


class Whole(_Within, traitlets.Int):  # type: ignore[type-arg]
    """A whole number from low to high."""


class Choice(traitlets.Unicode):  # type: ignore[type-arg]
    """One of the names that a function of the widget gives."""

    def __init__(self, names: Of):
        super().__init__("")
        self.names = names
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        if value not in (names := list(self.names(obj))):
            raise BadValue(f"{self.name}: got {value!r}, wanted one of {names}")
        return value


class Numbers(traitlets.TraitType[list[float], Any]):
    """A list of finite floats; tensors and arrays are turned into one.

    Args:
        count: how many, as a function of the widget, or None for any number.
        each: what each of them is for.
    """

    info_text = "a list of numbers"

    def __init__(self, count: Of | None = None, each: str = ""):
        super().__init__([])
        self.count, self.each = count, each
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> list[float]:
        if isinstance(value, Tensor | np.ndarray):
            value = value.tolist()
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            self.error(obj, value)
        numbers = [_number(v) for v in value]
        found = [v for v in numbers if v is not None]
        if len(found) < len(numbers):
            self.error(obj, value)
        if self.count is not None and len(found) != (wanted := self.count(obj)):
            raise BadValue(
                f"{self.name}: got {len(found)} numbers, wanted a list of {wanted}, "
                f"one for each {self.each}"
            )
        if not all(map(isfinite, found)):
            raise BadValue(f"{self.name}: got {found}, wanted finite numbers")
        return found


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except OverflowError:  # 10**400
        return float("inf")
    except (TypeError, ValueError):
        return None


def following(*names: str) -> Callable[[Callable[[Any], None]], Any]:
    """A method that sets what follows from the traits ``names`` when they change.

    Not where the page changed them: it sends what follows with them, and what it
    sends is what it shows.
    """

    def heard(method: Callable[[Any], None]) -> Any:
        @traitlets.observe(*names)
        @wraps(method)
        def unless_from_page(self: Any, _: Any = None) -> None:
            if not self._from_page:
                method(self)

        return unless_from_page

    return heard
