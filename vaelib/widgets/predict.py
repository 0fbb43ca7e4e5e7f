"""A question whose answer is guessed before it is computed."""

from collections.abc import Sequence
from math import isfinite
from textwrap import fill
from typing import Any

import traitlets
from IPython.display import display

from vaelib.widgets.base import Pictured
from vaelib.widgets.scene import nice, ticks
from vaelib.widgets.still import Still, figure
from vaelib.widgets.traits import BadValue, refuse_outside

#: All that a reader is told; a translation puts others in their place.
WORDS = {
    "commit": "This is my guess",
    "guess": "Your guess: {value}.",
    "none": "You made no guess.",
    "answer": "The answer: {value}.",
    "right": "✓ Right.",
    "wrong": "✗ Not this time.",
    "apart": "{value} apart.",
    "waits": "The answer waits for your guess.",
    "show": "Show the answer",
}


class Prediction(Pictured, front="predict"):
    """A question, or in another instance its answer; see :func:`predict`.

    Traits:
        guess: what the reader committed to, the index of a choice or a number;
            None before that.
    """

    guess = traitlets.Float(None, allow_none=True).tag(sync=True)
    _asked = traitlets.Dict().tag(sync=True)

    def reveal(self, truth: Any) -> None:
        """Show the answer beside the guess, which may still be made later.

        Args:
            truth: as the lesson computed it: a choice or its index; a number.

        Raises:
            ValueError: if it is none of the choices, or no finite number.
        """
        value, asked = self._as_number(truth), self._asked
        # An answer that nobody could have guessed still has to be on the line.
        low, high = min(asked["low"], value), max(asked["high"], value)
        marks = ticks(low, high) if low < high else []
        more = {"truth": value, "low": low, "high": high, "ticks": marks}
        answer = Prediction(_asked={**asked, **more})
        traitlets.dlink((self, "guess"), (answer, "guess"))
        display(answer)  # type: ignore[no-untyped-call]

    def _as_number(self, truth: Any) -> float:
        choices = self._asked["choices"]
        if isinstance(truth, str) and truth in choices:
            return float(choices.index(truth))
        try:
            value = float("nan" if isinstance(truth, str | bool) else truth)
        except (TypeError, ValueError):
            value = float("nan")
        if not choices and isfinite(value):
            return value
        if value not in range(len(choices)):
            wanted = f"one of {choices} or its index" if choices else "a finite number"
            raise ValueError(f"truth: got {truth!r}, wanted {wanted}")
        return value

    @traitlets.validate("guess")
    def _check_guess(self, proposal: Any) -> float | None:
        value: float | None = proposal["value"]
        asked = self._asked
        if value is not None:
            refuse_outside("guess", value, asked["low"], asked["high"])
            if asked["choices"] and value % 1:
                raise BadValue(f"guess: got {value:g}, wanted a choice's whole number")
        return value

    def _says(self, value: float) -> str:
        choices, unit = self._asked["choices"], self._asked["unit"]
        words = choices[int(value)] if choices else f"{value:.4g}{unit}"
        return str(words).replace("-", "−")

    def __repr__(self) -> str:
        """In words, which are the same in every run."""
        asked, truth = self._asked, self._asked["truth"]
        if truth is None:
            between = " … ".join(self._says(asked[end]) for end in ("low", "high"))
            return f"{asked['question']} {' / '.join(asked['choices']) or between}"
        guessed = WORDS["none" if self.guess is None else "guess"]
        told = guessed.format(value=self._says(self.guess or 0))
        answer = WORDS["answer"].format(value=self._says(truth))
        return f"{asked['question']} {told} {answer}"

    def _still(self) -> Still:
        fig, (ax,) = figure(1)
        fig.set_size_inches(7, 0.8)
        ax.axis("off")
        ax.text(0, 0.5, fill(repr(self), 80), va="center", fontsize=11)
        return fig, repr(self)


def predict(
    question: str,
    *,
    choices: Sequence[str] = (),
    between: tuple[float, float] | None = None,
    unit: str = "",
) -> Prediction:
    """Ask the reader, and show the question at once.

    The reader commits with a button; ``reveal(truth)`` of what is returned, further
    down, shows the answer beside the guess. In the book, without a kernel, it waits
    there until the guess is made.

    Args:
        question: a line of text, no two in one lesson the same.
        choices: two answers or more, of which one is right; or
        between: the ends of a number line.
        unit: of the numbers, e.g. ``"nats"``.

    Raises:
        ValueError: for anything but two different choices or more, or two ends.

    Example:
        >>> guess = predict("How many nats is a bit?", between=(0, 2))
        How many nats is a bit? 0 … 2
        >>> guess.reveal(0.6931)
        How many nats is a bit? You made no guess. The answer: 0.6931.
    """
    names = [str(choice) for choice in choices]
    low, high = between or (0, len(names) - 1)
    if bool(names) == bool(between) or not low < high or len({*names}) < len(names):
        raise ValueError(
            f"choices, between: got {choices!r} and {between!r}, wanted two different "
            "choices or more, or two ends, the lower first"
        )
    asked = {
        "question": question,
        "choices": names,
        "low": low,
        "high": high,
        "step": nice((high - low) / 100),
        "unit": unit and f" {unit}",
        "truth": None,
        "words": WORDS,
    }
    shown = Prediction(_asked=asked)
    display(shown)  # type: ignore[no-untyped-call]
    return shown
