"""Bodies: networks from tensor to tensor. What their output means is for a
head of :mod:`vaelib.distributions` to say."""

from vaelib.networks.body import Body, Shape, as_shape, device_of
from vaelib.networks.convolution import ConvDecoder, ConvEncoder
from vaelib.networks.mlp import MLP, Residual

__all__ = [
    "MLP",
    "Body",
    "ConvDecoder",
    "ConvEncoder",
    "Residual",
    "Shape",
    "as_shape",
    "device_of",
]
