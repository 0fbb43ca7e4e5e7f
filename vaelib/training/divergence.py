"""When a term is NaN or infinite: what happened, and what probably caused it."""

from collections.abc import Iterator

from vaelib.training.history import History


class TrainingDiverged(ArithmeticError):
    """A term became NaN or infinite. The model holds the last good weights.

    Attributes:
        history: the epochs completed before.
    """

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


def likely_causes(
    lr: float, low: float, high: float, broken: list[str]
) -> Iterator[str]:
    """What may have broken a run, the most likely first."""
    if max(-low, high) > 10:
        yield (
            f"the data run from {low:.3g} to {high:.3g}: scale them to about 1 "
            "(grey values: divide by 255)"
        )
    if lr > 0.01:
        yield f"lr={lr:g} is high for Adam: try lr=0.004 or less"
    if broken:
        yield (
            f"the weights of {broken[0]!r} became infinite or NaN at the step before: "
            "its gradient overflowed; try a lower lr"
        )
    yield (
        "an exp, log or division in your own encoder, decoder or objective that "
        "overflows: bound log-variances (vaelib's heads do), take logits, not "
        "probabilities"
    )
