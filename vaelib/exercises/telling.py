"""What a check says to an answer that no known mistake explains.

Most wrong answers are a right one times a constant, plus a constant, transposed,
broadcast, or without a gradient: each of these can be seen in the numbers.
"""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vaelib.exercises.observing import (
    GRADIENT,
    Function,
    Observation,
    differing,
    distance,
)

__all__ = ["difference", "is_a_stub_s", "stopped"]

Change = Callable[[Tensor], Tensor]
Pairs = list[tuple[Tensor, Tensor]]  # what came and what was wanted, case by case


# ------------------------------------------------------------------- differences


def difference(
    given: Sequence[Observation],
    wanted: Sequence[Observation],
    allowed: dict[str, float],
    names: Sequence[str],
) -> tuple[str, str, str]:
    """What differs first: its key, the difference in words, and a hint for its kind.

    Args:
        given: what was observed of the learner's function, case by case.
        wanted: the same of the oracle; somewhere they differ.
        allowed: the tolerance of each key of an observation.
        names: of the arguments, by place.
    """
    both = list(zip(given, wanted, strict=True))
    wrong = [k for a, b in both for k in differing(a, b, allowed.__getitem__)]
    key = min(wrong, key=list(wanted[0]).index)
    pairs = [(a[key], b[key]) for a, b in both]
    got, right = next(p for p in pairs if not distance(*p) <= allowed[key])
    label = _in_words(key, names)
    hint = _hint(key, pairs, allowed[key])
    if key.startswith(GRADIENT) and "value" in wanted[0]:
        label = f"the value is right, the {label} is not"
    return key, f"{label}: {_numbers(got, right)}", hint


def _in_words(key: str, names: Sequence[str]) -> str:
    if not key.startswith(GRADIENT):
        return key
    return f"gradient of {names[int(key.removeprefix(GRADIENT))]}"


def _numbers(got: Tensor, wanted: Tensor) -> str:
    if got.shape != wanted.shape:
        return f"your shape is {tuple(got.shape)}, wanted {tuple(wanted.shape)}."
    gap = (got.double() - wanted.double()).abs() / (1 + wanted.double().abs())
    worst = int(gap.nan_to_num(torch.inf).argmax())
    a, b = got.flatten()[worst].item(), wanted.flatten()[worst].item()
    # As many digits as it takes to see that they differ.
    digits = next((d for d in range(4, 12) if f"{a:.{d}g}" != f"{b:.{d}g}"), 12)
    return f"yours is {a:.{digits}g} where {b:.{digits}g} was wanted."


def _hint(key: str, pairs: Pairs, tolerance: float) -> str:
    if any(got.shape != wanted.shape for got, wanted in pairs):
        return _about_shapes(pairs, tolerance)
    if not all(got.isfinite().all() for got, _ in pairs):
        return (
            "Not all of your numbers are finite. Which step takes the exp of "
            "something large, the log of 0, or divides by 0?"
        )
    if key.startswith("gradient") and not any(got.any() for got, _ in pairs):
        return (
            "No gradient arrives. Is there a .detach(), .item(), .tolist() or "
            "torch.tensor(...) on the way? Each of them cuts it."
        )
    if _transposed(pairs, tolerance):
        return _TRANSPOSED
    if tolerance < 0.01:  # a random number is no constant times another
        known = _factor(pairs, tolerance) or _offset(pairs, tolerance)
        if known:
            return known
    if key.startswith(GRADIENT):
        return (
            "Part of the gradient is missing or comes twice. Is something on the way "
            "detached, or made under torch.no_grad()?"
        )
    return "Choose the smallest case you can work out on paper, and compare."


_TRANSPOSED = "Your result is transposed: rows stand where columns should."


def _transposed(pairs: Pairs, tolerance: float) -> bool:
    return all(a.ndim > 1 and distance(a.mT, b) <= tolerance for a, b in pairs)


def _about_shapes(pairs: Pairs, tolerance: float) -> str:
    """What is known of a result of the wrong shape, from what stands in it."""

    def alike(of_got: Change, of_wanted: Change) -> bool:
        changed = [(of_got(a.double()), of_wanted(b.double())) for a, b in pairs]
        return all(distance(a, b) <= tolerance for a, b in changed)

    got, wanted = pairs[0]
    if _transposed(pairs, tolerance):
        return _TRANSPOSED
    if alike(Tensor.squeeze, Tensor.squeeze):
        return "The numbers are right. An axis of length 1 is there or missing."
    for name, of in (("mean", Tensor.mean), ("sum", Tensor.sum)):
        if got.numel() == 1 and alike(Tensor.squeeze, of):
            return f"That is the {name} of what was wanted. Which axis should stay?"
        if wanted.numel() == 1 and alike(of, Tensor.squeeze):
            return f"One number was wanted: the {name} of yours."
    if got.ndim > wanted.ndim > 0 and len(got) == got.shape[-1] == len(wanted):
        return (
            "Two tensors met by broadcasting and made a table: (B,) and (B, 1) give "
            "(B, B). Print the shape of each part."
        )
    return "Which axes does the task ask for, and over which did you sum?"


def _factor(pairs: Pairs, tolerance: float) -> str:
    """Whether each case is the right one times a constant, and what that says."""
    found = []
    for got, wanted in pairs:
        a, b = got.double(), wanted.double()
        factor = (a * b).sum() / (b * b).sum().clamp(min=1e-300)
        if distance(a, factor * b) > tolerance or abs(factor) < 1e-9:
            return ""
        if abs(factor - 1) < 0.02:  # then a constant is the last thing it is
            return ""
        found.append(float(factor))
    if _one(found, 1e-3):
        if abs(found[0] + 1) < 1e-3:
            return "Every number is right but for its sign."
        return (
            f"Every number is {found[0]:.4g} times the right one. Which constant is "
            "there too often, or missing?"
        )
    if all(got.numel() > 1 for got, _ in pairs):
        return (
            "In each case your numbers are the right ones times a constant, which "
            f"changes with the case ({_listed(found)}). Is something averaged that "
            "should be added up, or the other way round?"
        )
    return ""


def _offset(pairs: Pairs, tolerance: float) -> str:
    """The same for a constant that is added."""
    found = []
    for got, wanted in pairs:
        gap = got.double() - wanted.double()
        if distance(wanted + gap.mean(), got.double()) > tolerance:
            return ""
        found.append(float(gap.mean()))
    if _one(found, 1e-3):
        return (
            f"Every number is off by the same {found[0]:+.4g}. Which constant is there "
            "too often, or missing?"
        )
    if all(got.numel() > 1 for got, _ in pairs):
        return (
            "In each case all of your numbers are off by one constant, which changes "
            f"with the case ({_listed(found)}). What does it grow with: the number of "
            "dimensions, of draws, of pictures?"
        )
    return ""


def _one(numbers: list[float], relative: float) -> bool:
    return max(numbers) - min(numbers) <= relative * abs(numbers[0])


def _listed(numbers: list[float]) -> str:
    return ", ".join(f"{n:.3g}" for n in numbers[:3]) + ", …"


# ------------------------------------------------------------------------ errors


def is_a_stub_s(error: Exception, function: Function) -> bool:
    """Whether the error is what becomes of a ``...`` that is still in the code."""
    code = getattr(function, "__code__", None)
    return (
        isinstance(error, TypeError | AttributeError | RuntimeError)
        and "ellipsis" in str(error).lower()
        and code is not None
        and Ellipsis in code.co_consts
    )


def stopped(error: Exception, function: Function) -> tuple[str, str]:
    """What to say about an error in the learner's code: its line, and a hint."""
    code = getattr(function, "__code__", None)
    file = code.co_filename if code else ""
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if f.filename == file
    ]
    what, hint = f"{type(error).__name__}: {error}", _mend(error)
    if not frames:
        return f"your function stopped with {what}", hint
    line = frames[-1].lineno or 0
    text = linecache.getline(file, line).strip() or (frames[-1].line or "")
    where = f"line {line}, `{text}`" if text else f"line {line}"
    return f"your function stopped at {where}: {what}", hint


def _mend(error: Exception) -> str:
    """By what the error says where it says it, else by its kind."""
    text = str(error).lower()
    if isinstance(error, RuntimeError):
        return next((h for words, h in _SAID if any(w in text for w in words)), _OTHER)
    return next((h for kind, h in _KINDS if isinstance(error, kind)), _OTHER)


_OTHER = "Call your function on one small example in a cell of its own."
_SAID: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("inplace", "in-place"),
        "A step such as += or .add_() overwrites what the gradient still needs: make a "
        "new tensor instead.",
    ),
    (
        ("requires grad", "require grad"),
        "A gradient is wanted here, and NumPy carries none: stay with torch's own "
        "operations.",
    ),
    (
        ("device",),
        "Make new tensors where the arguments are: device=x.device, or randn_like.",
    ),
    (
        ("dtype", "scalar type"),
        "Two kinds of numbers meet on this line. Print their dtypes.",
    ),
    (
        ("size", "shape", "dimension", "must match"),
        "Print the shapes on this line, and compare them axis by axis.",
    ),
)
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (NameError, "Is the name spelled as in the first line, and imported above?"),
    (TypeError, "Do the arguments match the first line of the stub? Is one still ...?"),
    (IndexError, "Print the shape of what you index, and count its axes."),
    (AttributeError, "Is it a tensor? A plain number has no tensor methods."),
)
