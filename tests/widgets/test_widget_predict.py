"""A prediction: what can be guessed, what may be revealed, and what is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import vaelib as vl
from vaelib.widgets import Prediction
from vaelib.widgets import predict as module

Shown = list[Prediction]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What is displayed."""
    found: Shown = []
    monkeypatch.setattr(module, "display", found.append)
    return found


@pytest.fixture
def choice(shown: Shown) -> Prediction:
    return vl.predict("Which?", choices=["the 9", "the 0"])


@pytest.fixture
def number(shown: Shown) -> Prediction:
    return vl.predict("How many?", between=(-1, 4), unit="nats")


def test_the_question_is_shown_at_once(choice: Prediction, shown: Shown) -> None:
    assert shown == [choice]
    assert choice.guess is None
    assert repr(choice) == "Which? the 9 / the 0"


@pytest.mark.parametrize("truth", ["the 0", 1, np.int64(1), torch.tensor(1)])
def test_a_truth_is_a_choice_or_its_index(
    choice: Prediction, shown: Shown, truth: Any
) -> None:
    choice.reveal(truth)
    assert shown[-1]._asked["truth"] == 1
    assert repr(shown[-1]) == "Which? You made no guess. The answer: the 0."


@pytest.mark.parametrize(
    "truth", ["0", "The 0", 2, -1, 0.5, True, None, float("nan"), ["the 0"]]
)
def test_a_truth_that_is_no_choice(choice: Prediction, truth: Any) -> None:
    with pytest.raises(ValueError, match=r"truth: got .*one of \['the 9', 'the 0'\]"):
        choice.reveal(truth)


@pytest.mark.parametrize("truth", [1.8083, np.float32(1.8083), torch.tensor(1.8083)])
def test_a_number_is_revealed(number: Prediction, shown: Shown, truth: Any) -> None:
    number.guess = 2.5
    number.reveal(truth)
    assert repr(shown[-1]) == "How many? Your guess: 2.5 nats. The answer: 1.808 nats."
    assert (shown[-1]._asked["low"], shown[-1]._asked["high"]) == (-1, 4)


def test_an_answer_beyond_the_line_is_on_it(number: Prediction, shown: Shown) -> None:
    number.reveal(-7.5)
    assert shown[-1]._asked["low"] == -7.5
    assert shown[-1]._asked["high"] == 4
    assert repr(shown[-1]).endswith("The answer: −7.5 nats.")
    assert number._asked["low"] == -1


@pytest.mark.parametrize("truth", ["2", float("inf"), float("nan"), None, True])
def test_a_truth_that_is_no_number(number: Prediction, truth: Any) -> None:
    with pytest.raises(ValueError, match=r"truth: got .* wanted a finite number"):
        number.reveal(truth)


def test_a_guess_may_come_late_and_does_not_go_back(
    choice: Prediction, shown: Shown
) -> None:
    choice.reveal("the 9")
    answer = shown[-1]
    assert answer.guess is None
    choice.set_state({"guess": 1})
    assert answer.guess == 1
    assert repr(answer) == "Which? Your guess: the 0. The answer: the 9."
    answer.guess = 0
    assert choice.guess == 1


@pytest.mark.parametrize("bad", [2, -1, 0.5, float("nan")])
def test_a_guess_that_is_no_choice(choice: Prediction, bad: float) -> None:
    with pytest.raises(ValueError, match="guess: got"):
        choice.guess = bad
    assert choice.guess is None


def test_a_guess_lies_on_the_line(number: Prediction) -> None:
    with pytest.raises(ValueError, match=r"guess: got 4\.5, wanted -1 … 4"):
        number.guess = 4.5
    number.guess = 4


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"choices": ["one"]},
        {"choices": ["a", "a"]},
        {"choices": ["a", "b"], "between": (0, 1)},
        {"between": (1, 1)},
        {"between": (2, 1)},
        {"between": (0, float("nan"))},
    ],
)
def test_what_cannot_be_asked(given: Any, shown: Shown) -> None:
    with pytest.raises(ValueError, match="choices, between: got"):
        vl.predict("?", **given)
    assert shown == []


def test_its_words_are_the_same_in_every_run(choice: Prediction, shown: Shown) -> None:
    choice.reveal(0)
    for widget in shown:
        data, metadata = widget._repr_mimebundle_()
        assert data["text/plain"] == repr(widget)
        assert " at 0x" not in data["text/plain"]
        assert metadata["image/png"]["alt"] == repr(widget)
        assert data["image/png"]


def test_all_words_can_be_replaced(
    monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    other = {name: f"«{text}»" for name, text in module.WORDS.items()}
    monkeypatch.setattr(module, "WORDS", other)
    guess = vl.predict("?", choices=["a", "b"])
    assert guess._asked["words"] == other
    guess.reveal("a")
    assert repr(shown[-1]) == "? «You made no guess.» «The answer: a.»"
