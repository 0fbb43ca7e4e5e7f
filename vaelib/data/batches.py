"""What a model is trained on: the tensors behind the forms data come in."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vaelib.data.dataset import Dataset

Data = Dataset | Tensor | Sequence[Tensor]


def as_tensors(data: Data) -> tuple[Tensor, ...]:
    """The tensors of which batches are cut, x first, each with N rows.

    Args:
        data: a tensor gives ``(x,)``; several tensors of equal length give
            themselves; a :class:`Dataset` gives x, then its context and its
            lengths, where it has them.

    Raises:
        TypeError: for anything else.
        ValueError: for x without a batch dimension, empty data, or tensors of
            different lengths.
    """
    tensors = _found(data)
    if not tensors or tensors[0].dim() < 2 or len(tensors[0]) == 0:
        got = tuple(tensors[0].shape) if tensors else ()
        raise ValueError(f"data: got shape {got}, wanted (N, *data_shape) with N ≥ 1")
    lengths = [len(t) if t.dim() else 0 for t in tensors]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"data: got tensors of {', '.join(map(str, lengths))} rows, wanted one row "
            "of each for every example. Index them alike."
        )
    return tensors


def as_tensor(data: Data) -> Tensor:
    """The x of :func:`as_tensors` alone, ``(N, *data_shape)``.

    Raises:
        TypeError, ValueError: as :func:`as_tensors`.
    """
    return as_tensors(data)[0]


def _found(data: Data) -> tuple[Tensor, ...]:
    if isinstance(data, Dataset):
        parts = (data.x, data.context, data.lengths)
        return tuple(part for part in parts if part is not None)
    tensors = tuple(data) if isinstance(data, tuple | list) else (data,)
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"data: got {type(tensor).__name__}, wanted a Dataset, a tensor, or "
                "several tensors (x, …). Convert an array with "
                "torch.as_tensor(array, dtype=torch.float32)."
            )
    return tensors
