"""What a model is put together from, and what it may expect of each part."""

from typing import Any, NoReturn

from torch import Tensor, nn
from torch.distributions import Distribution

from vaelib.distributions.expectation import mean_of


def as_module(name: str, value: object) -> nn.Module:
    """``value``, if it is a module.

    Raises:
        TypeError: if not.
    """
    if not isinstance(value, nn.Module):
        raise TypeError(
            f"{name}: got {type(value).__name__}, wanted a torch.nn.Module, "
            "e.g. vl.MLP(784, (256,), 4)"
        )
    return value


def refuse_batch(name: str, p: Distribution, rows: Any, of: str) -> NoReturn:
    """Say that a distribution ``p`` is not one for each of a batch's rows.

    Raises:
        ValueError: always.
    """
    given, wanted = tuple(p.batch_shape), tuple(rows)
    extra = len(given) - len(wanted)
    if extra > 0 and given[: len(wanted)] == wanted:
        mend = f"Wrap it: torch.distributions.Independent(p, {extra})."
    else:
        mend = "Keep the batch as the first axis, from input to output."
    raise ValueError(
        f"{name}: gave distributions of batch shape {given} and event shape "
        f"{tuple(p.event_shape)} for {of} of batch shape {wanted}, wanted one "
        f"distribution for each. {mend}"
    )


def mean(name: str, out: object, rows: int) -> Tensor:
    """The numbers a part stands for: its own, or its distribution's mean.

    Raises:
        TypeError: if it gave neither.
        ValueError: if they are not one row for each of a batch's.
    """
    numbers = mean_of(out) if isinstance(out, Distribution) else out
    if not isinstance(numbers, Tensor):
        raise TypeError(
            f"{name}: gave a {type(numbers).__name__}, wanted a tensor or a "
            "distribution. Leave NumPy out of it: no gradient passes through."
        )
    if numbers.dim() == 0 or len(numbers) != rows:
        raise ValueError(
            f"{name}: gave shape {tuple(numbers.shape)} for a batch of {rows}, wanted "
            "a row for each. Keep the batch as the first axis, from input to output."
        )
    return numbers
