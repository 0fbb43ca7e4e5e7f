"""An autoencoder's objective, in the same nats."""

from typing import Protocol

from torch import Tensor
from torch.distributions import Distribution

from vaelib.distributions.checks import check_data, checking


class Reconstructing(Protocol):
    """What :func:`reconstruction` needs: :class:`vaelib.Autoencoder` or ``VAE``."""

    def encode(self, x: Tensor, /) -> Tensor: ...

    def likelihood(self, z: Tensor, /) -> Distribution: ...


def reconstruction(model: Reconstructing, x: Tensor) -> Tensor:
    """log p(x | z = encode(x)) in nats, ``(B,)``: the objective of an autoencoder.

    With a decoder that gives bare numbers, p is a Gaussian with σ = 1, and this
    is −½ ‖x − x̂‖² minus a constant (d/2 · log 2π).
    """
    p = model.likelihood(model.encode(x))
    if checking():
        check_data(x, p)
    return p.log_prob(x)
