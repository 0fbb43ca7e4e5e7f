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
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch

from vaelib.course.ledger import remember
from vaelib.exercises.observing import (
    Case,
    Function,
    NotStarted,
    Observation,
    Unusable,
    differing,
    value_and_gradient,
)
from vaelib.exercises.telling import difference, is_a_stub_s, stopped
from vaelib.randomness import seeded

__all__ = ["Case", "Exercise", "Mistake", "Result"]

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
        wrt: names of the oracle's arguments whose gradients the default compares:
            those that a training run would ask for. None: all of them. Where no
            gradient is asked for, ``observe=value``.
        tolerance: largest allowed |difference| / (1 + |wanted|).
        loose: the same for what is random, by its key in the observation: six
            standard errors or so, so that no right answer is refused by chance.
        advice: what to say of a difference that no mistake explains, by its key.
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
    observe: Callable[..., Observation] = value_and_gradient
    wrt: tuple[str, ...] | None = None
    tolerance: float = 1e-4
    loose: Mapping[str, float] = field(default_factory=dict)
    advice: Mapping[str, str] = field(default_factory=dict)
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
        wanted = self._seen(self.oracle, cases, seed)
        # What is strange in a result may show only when it is compared.
        try:
            given = self._seen(function, cases, seed)
            result = self._judge(given, wanted, cases, seed)
            if result.ok:
                remember(self.name)
            return result
        except NotStarted:
            return self._not_started()
        except Unusable as problem:
            return self._failed(str(problem), problem.hint)
        except Exception as error:
            if is_a_stub_s(error, function):
                return self._not_started()
            return self._failed(*stopped(error, function))

    def _seen(
        self, function: Function, cases: list[Case], seed: int
    ) -> list[Observation]:
        return [self._look(function, case, seed) for case in cases]

    def _look(self, function: Function, case: Case, seed: int) -> Observation:
        with seeded(seed), torch.enable_grad():
            if self.wrt is None:
                return self.observe(function, case)
            return self.observe(function, case, [*map(self._names.index, self.wrt)])

    @property
    def _names(self) -> list[str]:
        """Of the arguments."""
        return list(inspect.signature(self.oracle).parameters)

    def _judge(
        self,
        given: list[Observation],
        wanted: list[Observation],
        cases: list[Case],
        seed: int,
    ) -> Result:
        if all(map(self._same, given, wanted)):
            message = f"{self.verified} agree on {len(cases)} random cases."
            return Result(self.name, "passed", message)
        allowed = {key: self._allowed(key) for key in wanted[0]}
        key, message, hint = difference(given, wanted, allowed, self._names)
        hint = self.advice.get(key, hint)
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
            return all(
                self._same(seen, self._look(mistake.wrong, case, seed))
                for seen, case in zip(given, cases, strict=True)
            )
        except Exception:  # on a case that only it stumbles over
            return False

    def _same(self, a: Observation, b: Observation) -> bool:
        return a.keys() == b.keys() and not any(differing(a, b, self._allowed))

    def _allowed(self, key: str) -> float:
        return self.loose.get(key, self.tolerance)

    def _failed(self, message: str, hint: str, mistake: str = "") -> Result:
        return Result(self.name, "failed", message, hint, mistake)

    def _not_started(self, mistake: Mistake | None = None) -> Result:
        if mistake is None:
            message = "not started. Replace the ... and run both cells again."
            return Result(self.name, "not started", message)
        message = "not started: the bug is still in it."
        return Result(self.name, "not started", message, mistake=mistake.name)
