"""What every data set is: examples, and what is known about each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from vaelib.data.card import card, range_of, shape_of
from vaelib.devices import resolve_device

__all__ = ["Dataset"]

_BESIDE_X = ("labels", "factors", "trajectories", "context", "lengths")

Index = int | slice | Tensor | list[int] | list[bool]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples with what is known about them, all on one device.

    Attributes:
        name: what :func:`vaelib.load` was asked for.
        split: ``"train"`` or ``"test"``.
        x: examples, ``(N, *shape)``: pictures ``(N, C, H, W)`` float32 in [0, 1],
            sequences ``(N, T, …)``, vectors ``(N, D)``.
        labels: class of each example, ``(N,)`` int64, or None.
        factors: what produced each example, ``(N, F)`` float32, or None.
        factor_names: a name for each of the F columns.
        trajectories: the pen's path, ``(N, T, 3)`` float32: x and y in pixels
            and 1 where the pen drew on its way to this point, 0 where it was
            lifted; or None.
        context: what a model is told beside x (:class:`vaelib.ConditionalVAE`),
            ``(N, …)``, or None.
        lengths: how many of its T steps each sequence has, ``(N,)`` int64 from 1
            to T; the rest of its row in ``x`` is padding. Or None.

    ``len(data)`` is N. ``data[index]`` takes a slice, a tensor or list of
    indices, or a boolean mask, and gives a smaller ``Dataset``.

    Raises:
        ValueError: a field has another length than ``x``, the number of names
            is not that of factors, or a sequence is longer than its row.
    """

    name: str
    split: str
    x: Tensor
    labels: Tensor | None = None
    factors: Tensor | None = None
    factor_names: tuple[str, ...] = ()
    trajectories: Tensor | None = None
    context: Tensor | None = None
    lengths: Tensor | None = None

    def __post_init__(self) -> None:
        if self.x.ndim < 2:
            raise ValueError(
                f"x has shape {tuple(self.x.shape)}, wanted (N, *shape); "
                "add the missing axis, e.g. x[:, None] for single numbers."
            )
        for name in _BESIDE_X:
            tensor = getattr(self, name)
            rows = tensor.shape[:1] if isinstance(tensor, Tensor) else ()
            if tensor is not None and rows != self.x.shape[:1]:
                raise ValueError(
                    f"{name} has {rows[0] if rows else 'no'} rows but x has "
                    f"{len(self.x)}; index both alike."
                )
        columns = 0 if self.factors is None else self.factors.shape[1]
        if columns != len(self.factor_names):
            raise ValueError(
                f"factor_names has {len(self.factor_names)} names for "
                f"{columns} columns of factors; give one name per column."
            )
        if self.lengths is not None:
            _check_lengths(self.lengths, self.x.shape[1])

    @property
    def kind(self) -> str:
        """What its examples are, in a word."""
        if self.lengths is not None:
            return "sequences"
        return "pictures" if self.x.ndim == 4 else "examples"

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Index) -> Dataset:
        rows = _as_rows(index, len(self), self.kind)
        return self._map(lambda tensor: tensor[rows])

    def sample(self, n: int | None, seed: int = 0) -> Dataset:
        """``n`` examples drawn without replacement; None means all, in order.

        The same seed draws the same examples, and a larger ``n`` begins with
        those of a smaller one.

        Raises:
            ValueError: ``n`` is negative or more than there are.
        """
        if n is None:
            return self
        if not 0 <= n <= len(self):
            raise ValueError(
                f"n={n:,} but {self.name!r} has {len(self):,} {self.kind} in its "
                f"{self.split!r} split; ask for 0 … {len(self):,}, or n=None for all."
            )
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        return self[order[:n].to(self.x.device)]

    def to(self, device: str | torch.device) -> Dataset:
        """The same data on ``device`` (as :func:`vaelib.resolve_device`)."""
        there = resolve_device(device)
        return self._map(lambda tensor: tensor.to(there))

    def _map(self, change: Callable[[Tensor], Tensor]) -> Dataset:
        found = {name: getattr(self, name) for name in ("x", *_BESIDE_X)}
        changed: dict[str, Any] = {
            name: change(part) for name, part in found.items() if part is not None
        }
        return replace(self, **changed)

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {self.split!r}: {', '.join(self._facts())})"

    def _facts(self) -> list[str]:
        facts = [f"x {shape_of(self.x)} {range_of(self.x)}"]
        if self.labels is not None:
            facts.append(f"labels {shape_of(self.labels)} {range_of(self.labels)}")
        if self.factors is not None:
            names = " ".join(self.factor_names)
            facts.append(f"factors {shape_of(self.factors)}: {names}")
        if self.trajectories is not None:
            facts.append(f"trajectories {shape_of(self.trajectories)}")
        if self.context is not None:
            facts.append(f"context {shape_of(self.context)} {range_of(self.context)}")
        if self.lengths is not None:
            facts.append(f"lengths {shape_of(self.lengths)} {range_of(self.lengths)}")
        return [*facts, f"on {self.x.device}"]

    def _repr_html_(self) -> str:
        return card(self, self._facts())


def _check_lengths(lengths: Tensor, steps: int) -> None:
    if lengths.ndim != 1 or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise ValueError(
            f"lengths is {shape_of(lengths)}, wanted one whole number per example, (N,)"
        )
    if len(lengths) and not (lengths.min() >= 1 and lengths.max() <= steps):
        raise ValueError(
            f"lengths are {range_of(lengths)}, wanted 1 … {steps}, the steps of x"
        )


def _as_rows(index: Index, length: int, kind: str) -> slice | Tensor:
    if isinstance(index, slice):
        return index
    if isinstance(index, int):
        # One example stays a data set, so x keeps its first axis.
        if not -length <= index < length:
            raise IndexError(
                f"index {index} is outside this data set of {length} {kind}; "
                f"use {-length} … {length - 1}."
            )
        return torch.tensor([index])
    rows = torch.as_tensor(index)
    if rows.numel() == 0 and rows.dtype != torch.bool:
        rows = rows.long()
    if rows.is_floating_point() or rows.is_complex() or rows.ndim != 1:
        raise TypeError(
            f"index is a {rows.dtype} tensor of shape {tuple(rows.shape)}; "
            "wanted one row of whole numbers, one of booleans, or a slice."
        )
    if rows.dtype == torch.bool and len(rows) != length:
        raise IndexError(
            f"index is a mask of {len(rows)} booleans for {length} {kind}; "
            "make it from this data set, e.g. data[data.labels == 3]."
        )
    # torch reads a uint8 tensor as a mask: whole numbers must mean indices.
    return rows if rows.dtype == torch.bool else rows.long()
