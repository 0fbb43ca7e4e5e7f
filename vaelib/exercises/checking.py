"""How an exercise is checked: by what the function does, never by its text.

An :class:`Exercise` draws random cases, *observes* the learner's function on
each (its value and its gradient, or whatever ``observe`` says), and observes an
independent oracle in the same way. Where they agree on every case, the exercise
is solved. Where they don't, each known mistake, itself a small wrong function,
is observed too: the one that gives the learner's own numbers names the mistake
and its hint. A new exercise is therefore only data: cases, an oracle, mistakes.
"""

from __future__ import annotations

import html
import linecache
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from vaelib.randomness import seeded

__all__ = [
    "Exercise",
    "Mistake",
    "Result",
    "Unusable",
    "as_tensor",
    "gradients",
    "value",
    "value_and_gradient",
]

Function = Callable[..., Any]
Case = tuple[Any, ...]
Observation = dict[str, Tensor]
Status = Literal["passed", "failed", "not started"]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that somebody will give, and what to say then.

    Attributes:
        name: an identifier, e.g. ``"sigma_for_variance"``.
        hint: shown to the learner; a question or a pointer, not the solution.
            Empty where ``as_given``: who has not begun needs none yet.
        wrong: a function that makes this mistake.
        as_given: the stub itself holds this mistake (a *find the bug*
            exercise), so whoever makes it has not started yet.
    """

    name: str
    hint: str
    wrong: Function
    as_given: bool = False


@dataclass(frozen=True)
class Result:
    """What a check found. The last line of a cell shows it.

    Attributes:
        exercise: its name.
        status: ``"passed"``, ``"failed"`` or ``"not started"``.
        message: what was verified, or what differs.
        hint: what to think about next; empty when passed.
        mistake: name of the recognised mistake; empty if none was.
    """

    exercise: str
    status: Status
    message: str
    hint: str = ""
    mistake: str = ""

    @property
    def ok(self) -> bool:
        return self.status == "passed"

    def __repr__(self) -> str:
        lines = [f"{_MARKS[self.status]} {self.exercise}: {self.message}"]
        return "\n".join(lines + ([f"  Hint: {self.hint}"] if self.hint else []))

    def _repr_html_(self) -> str:
        # Text in the page's own colour reads in a light and a dark theme; the
        # bar's colour only repeats what the mark already says.
        hint = f"<br><em>Hint:</em> {html.escape(self.hint)}" if self.hint else ""
        message = html.escape(self.message).replace("\n", "<br>")
        return (
            f'<div role="status" data-exercise="{self.exercise}" '
            f'data-status="{self.status}" style="border-left:4px solid '
            f'{_BARS[self.status]};padding:.4em .8em;color:inherit">'
            f"<strong>{_MARKS[self.status]} {html.escape(self.exercise)}</strong>: "
            f"{message}{hint}</div>"
        )


_MARKS = {"passed": "✓", "failed": "✗", "not started": "○"}
_BARS = {"passed": "#009E73", "failed": "#D55E00", "not started": "#888888"}


def value(function: Function, case: Case) -> Observation:
    """The simplest observation: the value alone, where no gradient is wanted."""
    return {"value": as_tensor(function(*map(_leaf, case))).detach()}


def value_and_gradient(function: Function, case: Case) -> Observation:
    """The default observation: the value, and the gradient of its sum with
    respect to each floating-point argument (zero where none arrives, so that a
    detached answer shows)."""
    args = [_leaf(a) for a in case]
    result = as_tensor(function(*args))
    seen = {"value": result.detach()}
    for i, grad in gradients(result.sum(), args).items():
        seen[f"gradient with respect to argument {i + 1}"] = grad
    return seen


def gradients(total: Tensor, args: Sequence[Any]) -> dict[int, Tensor]:
    """Gradients of ``total`` by position; zeros where it does not depend."""
    leaves = {i: a for i, a in enumerate(args) if _wants_grad(a)}
    if not leaves:
        return {}
    if not total.requires_grad:
        return {i: torch.zeros_like(a) for i, a in leaves.items()}
    found = torch.autograd.grad(
        total, list(leaves.values()), allow_unused=True, retain_graph=True
    )
    return {
        i: torch.zeros_like(a) if g is None else g
        for (i, a), g in zip(leaves.items(), found, strict=True)
    }


@dataclass(frozen=True)
class Exercise:
    """A task the machine can check: call it with the learner's function.

    Attributes:
        name: of the function the learner writes.
        verified: what a ✓ vouches for, e.g. "mean, spread and gradients".
        draw: generator → the arguments of one random case.
        oracle: the right answer by independent means (``torch.distributions``,
            a closed form), never the solution's own text.
        mistakes: what to recognise, in the order in which to try.
        observe: what is looked at, always under the same keys;
            :func:`value_and_gradient` by default.
        tolerance: largest allowed |difference| / (1 + |wanted|).
        loose: the same for what is random, by its key in the observation: six
            standard errors or so, so that no right answer is refused by chance.
        cases: random cases per check.

    Example:
        >>> def draw(g): return (torch.randn(3, generator=g),)
        >>> double = Exercise("double", "values", draw, lambda x: x + x, ())
        >>> double(lambda x: 2 * x)
        ✓ double: values agree on 5 random cases.
    """

    name: str
    verified: str
    draw: Callable[[torch.Generator], Case]
    oracle: Function
    mistakes: tuple[Mistake, ...]
    observe: Callable[[Function, Case], Observation] = value_and_gradient
    tolerance: float = 1e-4
    loose: Mapping[str, float] = field(default_factory=dict)
    cases: int = 5

    def __call__(self, function: Function, *, seed: int = 0) -> Result:
        """Check ``function`` on random cases drawn by ``seed``. A wrong answer,
        or an error inside it, is reported and never raised."""
        if not callable(function):
            return self._failed(
                f"got {type(function).__name__}, wanted a function.",
                f"Pass the function itself, without calling it: {self.name}.",
            )
        generator = torch.Generator().manual_seed(seed)
        cases = [self.draw(generator) for _ in range(self.cases)]
        try:
            given = [self._look(function, case, seed) for case in cases]
        except _NotStarted:
            return self._not_started()
        except Unusable as problem:
            return self._failed(str(problem), problem.hint)
        except Exception as error:
            if "ellipsis" in str(error).lower():  # the stub's ... met a number
                return self._not_started()
            return self._failed(*_explain(error, function))
        return self._judge(given, cases, seed)

    def _look(self, function: Function, case: Case, seed: int) -> Observation:
        with seeded(seed), torch.enable_grad():
            return self.observe(function, case)

    def _judge(self, given: list[Observation], cases: list[Case], seed: int) -> Result:
        wanted = [self._look(self.oracle, case, seed) for case in cases]
        if self._alike(given, wanted):
            message = f"{self.verified} agree on {len(cases)} random cases."
            return Result(self.name, "passed", message)
        message, hint = self._difference(given, wanted)
        for mistake in self.mistakes:
            if self._made(mistake, given, cases, seed):
                if mistake.as_given:
                    return self._not_started(mistake)
                return self._failed(message, mistake.hint, mistake.name)
        return self._failed(message, hint)

    def _made(
        self, mistake: Mistake, given: list[Observation], cases: list[Case], seed: int
    ) -> bool:
        """Does this mistake give the learner's own numbers?"""
        try:
            made = [self._look(mistake.wrong, case, seed) for case in cases]
        except Unusable:
            return False
        return self._alike(given, made)

    def _alike(self, a: list[Observation], b: list[Observation]) -> bool:
        return all(self._close(x, y) for x, y in zip(a, b, strict=True))

    def _close(self, a: Observation, b: Observation) -> bool:
        return a.keys() == b.keys() and not any(self._differ(a, b))

    def _differ(self, a: Observation, b: Observation) -> Iterator[str]:
        for key in b:
            allowed = self.loose.get(key, self.tolerance)
            if not _distance(a[key], b[key]) <= allowed:
                yield key

    def _difference(
        self, given: list[Observation], wanted: list[Observation]
    ) -> tuple[str, str]:
        """The first thing that differs, in words, and a hint for its kind."""
        a, b, key = next(
            (a, b, key)
            for a, b in zip(given, wanted, strict=True)
            for key in self._differ(a, b)
        )
        return _compare(key, a[key], b[key]), _general_hint(key, a[key], b[key])

    def _failed(self, message: str, hint: str, mistake: str = "") -> Result:
        return Result(self.name, "failed", message, hint, mistake)

    def _not_started(self, mistake: Mistake | None = None) -> Result:
        if mistake is None:
            message = "not started. Replace the ... and run both cells again."
            return Result(self.name, "not started", message)
        message = "not started: the bug is still in it."
        return Result(self.name, "not started", message, mistake=mistake.name)


# ----------------------------------------------------------------------- pieces


class _NotStarted(Exception):
    """The stub's ``...`` came back."""


class Unusable(Exception):
    """Something came back that can't be observed; the learner sees the message
    and the hint. For ``observe`` functions that need, say, a certain shape."""

    def __init__(self, message: str, hint: str):
        super().__init__(message)
        self.hint = hint


def as_tensor(value: Any) -> Tensor:
    """What the learner's function gave, as a tensor, or an exception that the
    check turns into words."""
    if value is ...:
        raise _NotStarted
    if value is None:
        raise Unusable(
            "your function gave None.", "Does it end with return, on every path?"
        )
    if isinstance(value, float | int):
        return torch.tensor(float(value))
    if not isinstance(value, Tensor):
        raise Unusable(
            f"your function gave {type(value).__name__}, wanted a tensor.",
            "Return the tensor itself; a distribution still has to be drawn from.",
        )
    return value


def _leaf(argument: Any) -> Any:
    """A fresh copy, so that no function can spoil the next one's input."""
    if not isinstance(argument, Tensor):
        return argument
    return argument.detach().clone().requires_grad_(argument.is_floating_point())


def _wants_grad(argument: Any) -> bool:
    return isinstance(argument, Tensor) and argument.requires_grad


def _distance(a: Tensor, b: Tensor) -> float:
    """Largest |a − b| / (1 + |b|); infinite for other shapes and for NaN."""
    if a.shape != b.shape:
        return float("inf")
    if a.numel() == 0:
        return 0.0
    gap = (a.double() - b.double()).abs() / (1 + b.double().abs())
    return gap.nan_to_num(nan=float("inf")).max().item()


def _compare(key: str, got: Tensor, wanted: Tensor) -> str:
    if got.shape != wanted.shape:
        return f"{key}: your shape is {tuple(got.shape)}, wanted {tuple(wanted.shape)}."
    worst = int((got.double() - wanted.double()).abs().nan_to_num(torch.inf).argmax())
    a, b = got.flatten()[worst].item(), wanted.flatten()[worst].item()
    return f"{key}: yours is {a:.4g} where {b:.4g} was wanted."


def _general_hint(key: str, got: Tensor, wanted: Tensor) -> str:
    """What helps with a difference that no known mistake explains."""
    if got.shape != wanted.shape:
        return "Which axes does the task ask for, and over which did you sum?"
    if key.startswith("gradient") and not got.any():
        return (
            "No gradient arrives. Is there a .detach(), .item(), .tolist() or "
            "torch.tensor(...) on the way? Each of them cuts it."
        )
    return "Choose the smallest case you can work out on paper, and compare."


def _explain(error: Exception, function: Function) -> tuple[str, str]:
    """What to say about an error in the learner's code: its line, and a hint."""
    code = getattr(function, "__code__", None)
    file = code.co_filename if code else ""
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if f.filename == file
    ]
    what = f"{type(error).__name__}: {error}"
    hint = next((h for kind, h in _ERRORS if isinstance(error, kind)), _OTHER_ERROR)
    if not frames:
        return f"your function stopped with {what}", hint
    line = frames[-1].lineno or 0
    text = linecache.getline(file, line).strip() or (frames[-1].line or "")
    where = f"line {line}, `{text}`" if text else f"line {line}"
    return f"your function stopped at {where}: {what}", hint


_OTHER_ERROR = "Call your function on one small example in a cell of its own."
_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (NameError, "Is the name spelled as in the first line, and imported above?"),
    (TypeError, "Do the arguments match the first line of the stub? Is one still ...?"),
    (IndexError, "Print the shape of what you index, and count its axes."),
    (AttributeError, "Is it a tensor? A plain number has no tensor methods."),
    (RuntimeError, "Print the shapes on this line, and compare them axis by axis."),
)
