"""When a run can only get worse: what happened, and what probably caused it."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from vaelib.training.history import History

# How many times worse than at the start, or than one nat for each of an example's
# values, an epoch's mean may be. A sharp likelihood can be off by hundreds of nats
# per value and recover; a thousand, over a whole epoch, was not seen to.
HOPELESS = 1000


class TrainingDiverged(ArithmeticError):
    """A term became NaN or infinite, or the objective fell without end. The model
    holds the last good weights.

    Attributes:
        history: the epochs completed before.
    """

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


def hopeless_below(first: float, x: Tensor) -> float:
    """The mean objective below which an epoch counts as diverged.

    Args:
        first: the mean objective of a batch before training, in nats.
        x: data, ``(N, *data_shape)``.
    """
    return -HOPELESS * (abs(first) + x[0].numel())


@torch.no_grad()
def likely_causes(
    model: nn.Module, data: Iterable[Tensor], lr: float, optimizer: str
) -> Iterator[str]:
    """What may have broken a run, the most likely first."""
    for tensor in data:
        yield from _strange(tensor)
    if lr > 0.01:
        yield f"lr={lr:g} is high for {optimizer}: try lr=0.004 or less"
    broken = [k for k, p in model.named_parameters() if not p.isfinite().all()]
    if broken:
        yield (
            f"the weights of {broken[0]!r} became infinite or NaN at the step before: "
            "its gradient overflowed; try a lower lr, or clip=1.0"
        )
    yield (
        "an exp, log or division in your own encoder, decoder or objective that "
        "overflows: bound log-variances (vaelib's heads do), take logits, not "
        "probabilities"
    )


def _strange(data: Tensor) -> Iterator[str]:
    """What is unusual about some data."""
    if not data.is_floating_point():
        return
    bad = (~data.isfinite()).flatten(1).any(1).nonzero()[:, 0].tolist()
    if bad:
        yield (
            f"the data hold NaN or infinite values in {len(bad)} of {len(data)} "
            f"examples (the first: {bad[0]}): drop or fill them, e.g. x.nan_to_num(0)"
        )
        return
    low, high = (v.item() for v in data.aminmax())
    if max(-low, high) > 10:
        yield (
            f"the data run from {low:.3g} to {high:.3g}: scale them to about 1 "
            "(grey values: divide by 255)"
        )
