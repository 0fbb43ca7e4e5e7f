"""Two levels of codes as one distribution."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints


class Chain(Distribution):
    """p(z₁) p(z₂|z₁) over z = (z₁, z₂), one after the other in one vector.

    Args:
        first: p(z₁), event ``(Z₁,)``.
        then: from z₁ ``(..., Z₁)`` to p(z₂|z₁), event ``(Z₂,)``: a module, say.
        size: Z₂.

    Shapes:
        batch that of ``first``, event ``(Z₁ + Z₂,)``.

    Example:
        >>> from vaelib import DiagonalGaussian, StandardNormal
        >>> prior = Chain(StandardNormal(2), lambda z1: DiagonalGaussian(z1, 0 * z1), 2)
        >>> prior.sample((5,)).shape
        torch.Size([5, 4])
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 - as torch's

    def __init__(
        self, first: Distribution, then: Callable[[Tensor], Distribution], size: int
    ):
        self.first, self.then, self.size = first, then, size
        event = torch.Size([first.event_shape[0] + size])
        super().__init__(first.batch_shape, event, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.first.has_rsample

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        z1 = self.first.rsample(torch.Size(sample_shape))
        return torch.cat([z1, self.then(z1).rsample()], -1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            z1 = self.first.sample(torch.Size(sample_shape))
            return torch.cat([z1, self.then(z1).sample()], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        z1, z2 = self.split(value)
        return self.first.log_prob(z1) + self.then(z1).log_prob(z2)

    def split(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """z₁ and z₂ of z ``(..., Z₁ + Z₂)``."""
        z1, z2 = value.split([self.event_shape[0] - self.size, self.size], -1)
        return z1, z2

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Chain":
        return Chain(self.first.expand(torch.Size(batch_shape)), self.then, self.size)
