"""The examples that a widget shows: taken from whatever data it was given, with all
questions about bad input asked in one place."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelib.data import Dataset

MANY = 3000  # points on a plane; more only hide each other


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Some of the data, drawn at random.

    Attributes:
        x: ``(N, *data_shape)``, float32 on the CPU; empty without data.
        rows: which of the data's examples these are, ``(N,)``.
        labels: as given, ``(N,)``, or None; where they are words, their classes.
        classes: a number from 0 for each, in the order of the labels, ``(N,)``.
        class_names: what the classes are called; ``()`` without labels.
    """

    x: Tensor
    rows: Tensor
    labels: Tensor | None
    classes: Tensor
    class_names: tuple[str, ...]

    def of_each(self, count: int) -> list[int]:
        """Numbers of at most ``count`` examples: the first of each class, then the
        second of each, and so on."""
        met: Counter[int] = Counter()
        order = []
        for i, c in enumerate(self.classes.tolist()):
            met[c] += 1
            order.append((met[c], c, i))
        return [i for _, _, i in sorted(order)[:count]]

    def name(self, i: int) -> str:
        """``"picture 3, a 7"``; without labels ``"picture 3"``."""
        kind = f", a {self.class_names[self.classes[i]]}" if self.class_names else ""
        return f"picture {i}{kind}"


def examples_of(data: Any, seed: int) -> Examples:
    """At most 3,000 examples of a ``Dataset``, a tensor or array ``(N, *data_shape)``,
    or a pair ``(x, labels)``; none of None.

    Raises:
        TypeError: data of another kind.
        ValueError: data that is empty or holds NaN, and labels of another shape.
    """
    if data is None:
        x, given = torch.zeros(0), None
    else:
        x, given = _taken_apart(data)
        _refuse_bad(x)
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(x), generator=generator)[:MANY]
    if given is None:
        classes = torch.zeros(len(rows), dtype=torch.long)
        return Examples(
            x=x[rows], rows=rows, labels=None, classes=classes, class_names=()
        )
    labels, classes, names = _classes(_as_labels(given, len(x))[rows.numpy()])
    return Examples(
        x=x[rows], rows=rows, labels=labels, classes=classes, class_names=names
    )


def _taken_apart(data: Any) -> tuple[Tensor, Any]:
    labels = None
    if isinstance(data, Dataset):
        x, labels = data.x, data.labels
    elif isinstance(data, tuple | list) and len(data) == 2:
        x, labels = data
    else:
        x = data
    if not isinstance(x, Tensor | np.ndarray):
        raise TypeError(
            f"data: got {type(data).__name__}, wanted a Dataset, a tensor "
            "(N, *data_shape), or a pair (x, labels)"
        )
    return torch.as_tensor(x).detach().float().cpu(), labels


def _refuse_bad(x: Tensor) -> None:
    if len(x) == 0:
        raise ValueError("data: it is empty; give at least one example")
    if x.isnan().any():
        raise ValueError("data: it holds NaN; fill it first: x.nan_to_num(0)")


def _as_labels(given: Any, count: int) -> np.ndarray[Any, Any]:
    labels = np.asarray(given.cpu() if isinstance(given, Tensor) else given)
    if labels.shape != (count,):
        raise ValueError(
            f"data: {count} examples, but labels of shape {labels.shape}; give one "
            "whole number or name per example"
        )
    return labels


def _classes(labels: np.ndarray[Any, Any]) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Labels as numbers, the classes they stand for, and these classes' names."""
    try:
        names, index = np.unique(labels, return_inverse=True)
    except TypeError as error:  # they cannot be sorted
        raise TypeError("labels: wanted whole numbers or names, got a mix") from error
    classes = torch.from_numpy(index).long()
    numbers = labels.dtype.kind in "biuf"
    given = torch.as_tensor(labels) if numbers else classes
    return given, classes, tuple(map(str, names.tolist()))
