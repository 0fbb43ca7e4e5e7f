"""Pixels of a few grey values, each with a probability of its own."""

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, constraints


class GreyLevels(Distribution):
    """A categorical distribution over evenly spaced grey values in [0, 1].

    Args:
        logits: ``(..., K)``, one logit per level 0, 1/(K−1), …, 1.

    Shapes:
        batch ``(...)``, event ``()``. A value between two levels counts as the
        nearest.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 - as torch's
    support = constraints.unit_interval

    def __init__(self, logits: Tensor):
        self.categorical = Categorical(logits=logits, validate_args=False)
        super().__init__(self.categorical.batch_shape, validate_args=False)

    @property
    def levels(self) -> Tensor:
        """The grey values, ``(K,)``."""
        logits = self.categorical.logits
        return torch.linspace(
            0, 1, logits.shape[-1], device=logits.device, dtype=logits.dtype
        )

    @property
    def mean(self) -> Tensor:
        return self.categorical.probs @ self.levels

    @property
    def variance(self) -> Tensor:
        return self.categorical.probs @ self.levels**2 - self.mean**2

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.levels[self.categorical.sample(torch.Size(sample_shape))]

    def log_prob(self, value: Tensor) -> Tensor:
        index = (value * (self.categorical.logits.shape[-1] - 1)).round().long()
        log_prob: Tensor = self.categorical.log_prob(index)
        return log_prob

    def expand(self, batch_shape: Any, _instance: Any = None) -> "GreyLevels":
        logits = self.categorical.logits
        return GreyLevels(logits.expand(*torch.Size(batch_shape), logits.shape[-1]))
