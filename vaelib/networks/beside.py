"""Several networks on one input."""

import torch
from torch import Tensor, nn


class Beside(nn.ModuleList):
    """Networks that are given the same input, their outputs one after the other.

    Args:
        networks: modules ``(B, *in_shape)`` → ``(B, …)``.

    Shapes:
        ``(B, *in_shape)`` → ``(B, N)``, N numbers from all of them together.

    Example:
        >>> import torch
        >>> Beside(nn.Linear(2, 3), nn.Linear(2, 4))(torch.zeros(5, 2)).shape
        torch.Size([5, 7])
    """

    def __init__(self, *networks: nn.Module):
        super().__init__(networks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([network(x).flatten(1) for network in self], 1)
