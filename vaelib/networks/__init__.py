"""Bodies: networks from tensor to tensor. What their output means is for a
head of :mod:`vaelib.distributions` to say."""

from vaelib.networks.attention import (
    Block,
    Positions,
    SelfAttention,
    TransformerDecoder,
    TransformerEncoder,
)
from vaelib.networks.beside import Beside
from vaelib.networks.body import Body, Shape, as_shape, device_of
from vaelib.networks.convolution import ConvDecoder, ConvEncoder
from vaelib.networks.masked import MaskedConv2d, PixelCNN
from vaelib.networks.mlp import MLP, Residual
from vaelib.networks.sequence import GRUDecoder, GRUEncoder, Recurrent

__all__ = [
    "MLP",
    "Beside",
    "Block",
    "Body",
    "ConvDecoder",
    "ConvEncoder",
    "GRUDecoder",
    "GRUEncoder",
    "MaskedConv2d",
    "PixelCNN",
    "Positions",
    "Recurrent",
    "Residual",
    "SelfAttention",
    "Shape",
    "TransformerDecoder",
    "TransformerEncoder",
    "as_shape",
    "device_of",
]
