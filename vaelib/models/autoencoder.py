"""An encoder and a decoder without probabilities."""

from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from vaelib.distributions.gaussian import Gaussian
from vaelib.models.parts import as_module, mean


class Autoencoder(nn.Module):
    """x → one code z → x̂: no randomness, no prior.

    Args:
        encoder: module from x ``(B, *data_shape)`` to z ``(B, Z)``; if it gives a
            distribution, its mean is the code.
        decoder: module from z to x̂ ``(B, *data_shape)`` or to a distribution
            over x.

    Example:
        >>> import torch
        >>> from vaelib import MLP
        >>> model = Autoencoder(MLP(64, (32,), 2), MLP(2, (32,), 64))
        >>> model.decode(model.encode(torch.zeros(5, 64))).shape
        torch.Size([5, 64])
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder = as_module("encoder", encoder)
        self.decoder = as_module("decoder", decoder)

    def encode(self, x: Tensor) -> Tensor:
        """Codes ``(B, Z)`` of data ``(B, *data_shape)``."""
        return mean("encoder", self.encoder(x), len(x))

    def decode(self, z: Tensor) -> Tensor:
        """Data ``(B, *data_shape)`` from codes ``(B, Z)``: the likelihood's mean."""
        return mean("decoder", self.decoder(z), len(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """``decode(encode(x))``, ``(B, *data_shape)``."""
        return self.decode(self.encode(x))

    def likelihood(self, z: Tensor) -> Distribution:
        """p(x|z). A decoder that gives bare numbers is read as the mean of a
        Gaussian with σ = 1, whose log-probability is −½ squared error + constant.
        """
        out = self.decoder(z)
        if isinstance(out, Distribution):
            return out
        x = mean("decoder", out, len(z))
        gaussian = Gaussian(x, x.new_zeros(()))
        return Independent(gaussian, x.dim() - 1, validate_args=False)
