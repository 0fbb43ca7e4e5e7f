"""Both sides of every exercise: the solution in the page is accepted, each named
mistake is refused with its own hint, the stub says that it is not started.

A lesson adds only data: its page, its module of checks, and its table
``mistakes/NN-name.py`` with a class per exercise and a function per mistake (and,
named ``right…`` or ``also_wrong…``, per other way of being right, or of being wrong
without a hint of its own).
"""

import importlib
import inspect
import runpy
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch

from tools.notebooks import sources
from tools.tasks import Task, tasks
from vaelib.exercises.checking import Case, Exercise
from vaelib.exercises.observing import Function, Observation

SEEDS = range(20)
LESSONS = sources()
TASKS = [(s, task) for s in LESSONS for task in tasks(s)]
task_of_lesson = pytest.mark.parametrize(
    ("source", "task"), TASKS, ids=[f"{s.stem[:2]}-{t.name}" for s, t in TASKS]
)


def module_of(source: Path) -> Any:
    name = source.stem[3:].replace("-", "_")
    return importlib.import_module(f"vaelib.exercises.{name}")


class Remembering(Exercise):
    """The same check. It is asked about dozens of answers with the same seeds, and
    what the oracle and the known mistakes give does not depend on the answer: each is
    looked at once per case."""

    def _look(self, function: Function, case: Case, seed: int) -> Observation:
        own = (self.oracle, *(mistake.wrong for mistake in self.mistakes))
        if all(function is not one for one in own):
            return super()._look(function, case, seed)
        seen: dict[Any, Observation] = self.__dict__.setdefault("_seen_once", {})
        key = id(function), seed, *map(_as_key, case)
        if key not in seen:
            seen[key] = super()._look(function, case, seed)
        return seen[key]


def _as_key(argument: Any) -> Any:
    """What tells the cases of a seed apart: their numbers."""
    if isinstance(argument, torch.Tensor):
        return argument.shape, argument.detach().numpy().tobytes()
    if isinstance(argument, torch.nn.Module):
        return argument.training, *map(_as_key, argument.state_dict().values())
    if isinstance(argument, tuple | list):
        return tuple(map(_as_key, argument))
    return argument if isinstance(argument, int | float | str) else None


def exercise_of(source: Path, task: Task) -> Exercise:
    found = getattr(module_of(source), task.name)
    assert isinstance(found, Exercise)
    assert found.name == task.name
    return Remembering(**{f.name: getattr(found, f.name) for f in fields(found)})


def answers_of(source: Path, task: Task) -> dict[str, Callable[..., Any]]:
    table = runpy.run_path(
        str(Path(__file__).parent / "mistakes" / f"{source.stem}.py")
    )
    assert task.name in table, f"mistakes/{source.stem}.py has no class {task.name}"
    return {k: f for k, f in vars(table[task.name]).items() if not k.startswith("_")}


def mistakes_of(source: Path, task: Task) -> dict[str, Callable[..., Any]]:
    answers = answers_of(source, task).items()
    return {k: f for k, f in answers if not k.startswith(("right", "also_wrong"))}


@task_of_lesson
def test_the_solution_in_the_page_is_accepted(source: Path, task: Task) -> None:
    check, solution = exercise_of(source, task), task.function(task.solution)
    for seed in SEEDS:
        result = check(solution, seed=seed)
        assert result.ok, f"seed {seed}: {result}"


@task_of_lesson
def test_other_right_answers_are_accepted(source: Path, task: Task) -> None:
    check = exercise_of(source, task)
    for name, function in answers_of(source, task).items():
        if name.startswith("right"):
            for seed in SEEDS:
                result = check(function, seed=seed)
                assert result.ok, f"{name}, seed {seed}: {result}"


@task_of_lesson
def test_other_wrong_answers_are_refused(source: Path, task: Task) -> None:
    check = exercise_of(source, task)
    for name, function in answers_of(source, task).items():
        if name.startswith("also_wrong"):
            for seed in SEEDS:
                result = check(function, seed=seed)
                assert result.status == "failed", f"{name}, seed {seed}: {result}"
                assert result.hint


@task_of_lesson
def test_the_arguments_have_the_page_s_names(source: Path, task: Task) -> None:
    """They stand in what a check says of a gradient."""
    check = exercise_of(source, task)
    stub = inspect.signature(task.function(task.stub)).parameters
    assert list(inspect.signature(check.oracle).parameters) == list(stub)


@task_of_lesson
def test_the_stub_runs_and_says_it_is_not_started(source: Path, task: Task) -> None:
    check, stub = exercise_of(source, task), task.function(task.stub)
    for seed in SEEDS:
        assert check(stub, seed=seed).status == "not started"


@task_of_lesson
def test_each_mistake_is_refused_with_its_own_hint(source: Path, task: Task) -> None:
    check, wrong = exercise_of(source, task), mistakes_of(source, task)
    assert len(wrong) >= 3, "wanted three named wrong answers at least"
    for name, function in wrong.items():
        for seed in SEEDS:
            result = check(function, seed=seed)
            assert result.status == "failed", f"{name}, seed {seed}: {result}"
            assert result.mistake == name, f"seed {seed}: taken for {result.mistake!r}"
            assert result.hint == hints(check)[name]


@task_of_lesson
def test_every_mistake_is_tried_and_has_its_own_hint(source: Path, task: Task) -> None:
    check = exercise_of(source, task)
    known = {m.name for m in check.mistakes if not m.as_given}
    assert set(mistakes_of(source, task)) == known
    assert len(set(hints(check).values())) == len(check.mistakes)


@task_of_lesson
def test_there_are_folded_hints(source: Path, task: Task) -> None:
    assert task.hints >= 1


@pytest.mark.parametrize("source", LESSONS, ids=lambda s: s.stem)
def test_a_lesson_has_three_exercises_and_a_bug_to_find(source: Path) -> None:
    page = tasks(source)
    assert len(page) >= 3
    assert [t.name for t in page] == [
        name
        for name, value in vars(module_of(source)).items()
        if isinstance(value, Exercise)
    ], "the module's exercises and the page's differ, or their order does"
    as_given = [
        t.name for t in page for m in exercise_of(source, t).mistakes if m.as_given
    ]
    assert as_given, "no exercise is a bug to find (a Mistake with as_given=True)"


def hints(check: Exercise) -> dict[str, str]:
    return {mistake.name: mistake.hint for mistake in check.mistakes}
