"""The machinery of the checks: what it says, and that nothing falls out of it."""

import inspect

import pytest
import torch
from torch import Tensor

from vaelib.exercises import start_here
from vaelib.exercises.checking import Exercise, Mistake, Result
from vaelib.exercises.observing import Function, value


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
    assert "gradient of x" in result.message
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
        (lambda x: x.add_(1), "yours is"),
        (lambda x: x.numpy() ** 2, "RuntimeError"),
        (lambda x: x * 1j, "complex"),
        (lambda x: complex(2), "complex"),
        (lambda x: x.to("meta") ** 2, "meta"),
        (lambda x: (3 * x).to_sparse(), "yours is"),
        (lambda x: x > 0, "yours is"),
    ],
)
def test_nothing_is_raised_into_the_learners_face(answer: object, words: str) -> None:
    result = square(answer)  # type: ignore[arg-type]
    assert result.status == "failed"
    assert words in result.message
    assert result.hint


@pytest.mark.parametrize(
    "right",
    [
        lambda x: (x**2).to_sparse(),
        lambda x: x.double() ** 2,
        lambda x: x.pow_(2),
    ],
    ids=["sparse", "double", "in place"],
)
def test_what_holds_the_right_numbers_is_right(right: Function) -> None:
    assert square(right).ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: 3 * x**2, "3 times the right one"),
        (lambda x: -(x**2), "but for its sign"),
        (lambda x: x**2 / x.detach().sum().abs(), "changes with the case"),
        (lambda x: x**2 + 0.25, "off by the same +0.25"),
        (lambda x: x**2 + x.detach().sum(), "off by one constant, which changes"),
        (lambda x: (x**2)[:, None], "axis of length 1"),
        (lambda x: x[:, None] * x, "broadcasting and made a table"),
        (lambda x: (x**2).sum(), "That is the sum of what was wanted"),
        (lambda x: (x**2).mean(0, keepdim=True), "That is the mean of what was"),
        (lambda x: x**2 / 0, "Not all of your numbers are finite"),
        (lambda x: x * x.detach(), "0.5 times the right one"),
        (lambda x: x.detach() ** 2, "cuts it"),
        (lambda x: x**2 + (x - x.detach()), "off by the same +1"),
        (lambda x: x**2 + (x - x.detach()) * x**2, "detached"),
        (lambda x: torch.tensor(x.numpy() ** 2), "NumPy carries none"),
        (lambda x: torch.ones(2) @ x, "compare them axis by axis"),
        (lambda x: x.exp_() * x.pow_(2), "overwrites what the gradient still needs"),
        (lambda x: x[:, None] @ torch.ones(1, 3, dtype=torch.float64), "dtypes"),
        (lambda x: _raise(RuntimeError("out of luck")), "in a cell of its own"),
    ],
)
def test_what_the_numbers_tell_is_said(answer: Function, words: str) -> None:
    assert words in square(answer).hint


def test_a_transposed_result_is_named() -> None:
    for shape in ((3, 3), (2, 4)):
        table = Exercise("t", "v", lambda g, s=shape: (torch.randn(s, generator=g),),
                         lambda x: 2 * x, ())  # fmt: skip
        assert "transposed" in table(lambda x: 2 * x.T).hint


def test_one_number_was_wanted() -> None:
    total = Exercise("t", "v", draw, lambda x: x.sum(), ())
    assert total(lambda x: x).hint == "One number was wanted: the sum of yours."


def test_a_gradient_is_told_by_the_argument_s_name() -> None:
    message = square(lambda x: x * x.detach()).message
    assert message.startswith("the value is right, the gradient of x is not: yours")


def test_numbers_that_differ_look_different() -> None:
    message = square(lambda x: x**2 * 1.0005).message
    a, b = message.removesuffix(" was wanted.").split("yours is ")[1].split(" where ")
    assert a != b


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: x[..., ...],
        lambda x: _raise(ValueError("no ellipsis here")),
    ],
)
def test_an_error_that_mentions_an_ellipsis_is_an_error(answer: Function) -> None:
    assert square(answer).status == "failed"


def test_a_mistake_s_own_error_is_not_the_learner_s() -> None:
    fragile = Mistake("fragile", "…", lambda x: _raise(ZeroDivisionError()))
    known = Mistake("known", "Twice x.", lambda x: 2 * x)
    check = Exercise("f", "v", draw, lambda x: x * x, (fragile, known))
    assert check(lambda x: 2 * x).mistake == "known"


def test_gradients_that_nobody_asked_for_are_not_compared() -> None:
    def draw_two(g: torch.Generator) -> tuple[Tensor, Tensor]:
        return torch.randn(3, generator=g), torch.rand(3, generator=g) + 1

    check = Exercise("f", "v", draw_two, lambda a, b: a * b, (), wrt=("a",))
    assert check(lambda a, b: a * torch.as_tensor(b.numpy())).ok
    assert "gradient of a" in check(lambda a, b: a.detach() * b).message


def test_where_values_are_all_arguments_are_plain_data() -> None:
    check = Exercise("f", "v", draw, lambda x: x - x.mean(), (), observe=value)
    assert check(lambda x: torch.as_tensor(x.numpy() - x.numpy().mean())).ok
    assert check(lambda x: x.sub_(x.mean())).ok


def _raise(error: Exception) -> Tensor:
    raise error


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
