"""The machinery of the checks: what it says, and that nothing falls out of it."""

import inspect

import pytest
import torch
from torch import Tensor

from vaelib.exercises import start_here
from vaelib.exercises.checking import Exercise, Mistake, Result


def draw(g: torch.Generator) -> tuple[Tensor]:
    return (torch.randn(3, generator=g),)


square = Exercise(
    "square",
    "Value and gradient",
    draw,
    lambda x: x * x,
    (
        Mistake("doubled", "That is twice x.", lambda x: 2 * x),
        Mistake("as_given", "Still cubed.", lambda x: x**3, as_given=True),
    ),
)


def test_right_answers_pass_however_they_are_written() -> None:
    for right in (lambda x: x**2, lambda x: x.abs().pow(2), torch.square):
        assert square(right).ok


def test_a_detached_answer_is_wrong_though_its_value_is_right() -> None:
    result = square(lambda x: x.detach() ** 2)
    assert not result.ok
    assert "gradient" in result.message
    assert "cuts it" in result.hint


def test_a_known_mistake_gets_its_hint() -> None:
    result = square(lambda x: x + x)
    assert (result.mistake, result.hint) == ("doubled", "That is twice x.")


def test_an_unknown_mistake_gets_numbers() -> None:
    result = square(lambda x: x**2 + 1)
    assert result.status == "failed"
    assert result.mistake == ""
    assert "yours is" in result.message


@pytest.mark.parametrize(
    "stub",
    [lambda x: ..., lambda x: x + ..., lambda x: x**3],
    ids=["returned", "used", "bug as given"],
)
def test_a_stub_is_not_started(stub: object) -> None:
    assert square(stub).status == "not started"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: None, "None"),
        (lambda x: "x²", "str"),
        (lambda x: x[:2] ** 2, "shape"),
        (lambda x: x**2 * float("nan"), "nan"),
        (lambda x: (x**2).mean(), "shape"),
        (5, "wanted a function"),
        (lambda: 1, "TypeError"),
        (lambda x: x.squared(), "AttributeError"),
        (lambda x: x @ torch.ones(4), "RuntimeError"),
        (lambda x: x.add_(1), "RuntimeError"),
    ],
)
def test_nothing_is_raised_into_the_learners_face(answer: object, words: str) -> None:
    result = square(answer)  # type: ignore[arg-type]
    assert result.status == "failed"
    assert words in result.message
    assert result.hint


def broken(x: Tensor) -> Tensor:
    y = x + 1
    return y.nowhere  # type: ignore[attr-defined,no-any-return]


def test_nearly_right_is_not_right() -> None:
    def draw_codes(mu: Tensor, log_var: Tensor, n: int) -> Tensor:
        return mu + (0.52 * log_var).exp() * torch.randn(n, *mu.shape)

    assert "log_var" in start_here.sample_codes(draw_codes).message


def test_an_error_is_shown_with_its_line() -> None:
    line = inspect.getsourcelines(broken)[1] + 2
    message = square(broken).message
    assert f"line {line}, `return y.nowhere" in message


def test_the_readers_random_numbers_are_left_alone() -> None:
    before = torch.get_rng_state()
    square(lambda x: x**2 + torch.randn(3))
    assert torch.equal(before, torch.get_rng_state())


def test_a_check_says_the_same_twice_and_works_without_gradients() -> None:
    with torch.no_grad():
        assert square(lambda x: x * 3) == square(lambda x: x * 3)
        assert square(lambda x: x * x).ok


def test_results_show_as_text_and_as_html() -> None:
    result = Result("f", "failed", "1 < 2", "look <here>", "m")
    assert repr(result) == "✗ f: 1 < 2\n  Hint: look <here>"
    page = result._repr_html_()
    assert "1 &lt; 2" in page
    assert "look &lt;here&gt;" in page
    assert 'data-status="failed"' in page
