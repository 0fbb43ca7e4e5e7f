"""Ready-made models: two bodies, two heads, and a note of how they were built."""

from collections.abc import Sequence
from typing import Any, Literal
from warnings import catch_warnings

import torch
from torch import nn

from vaelib.distributions.heads import (
    BernoulliHead,
    CategoricalHead,
    ContinuousBernoulliHead,
    DiagonalGaussianHead,
    GaussianHead,
)
from vaelib.models.vae import VAE
from vaelib.networks.body import Shape, as_shape, as_size
from vaelib.networks.convolution import ConvDecoder, ConvEncoder, image_shape
from vaelib.networks.mlp import MLP, as_widths
from vaelib.randomness import seeded

Likelihood = Literal["bernoulli", "continuous-bernoulli", "gaussian", "categorical"]


def mlp_vae(
    data_shape: Shape,
    latent_dim: int,
    hidden: Shape = (256, 256, 256),
    likelihood: Likelihood = "bernoulli",
    *,
    scale: float | Literal["learned", "per-dimension"] = 1.0,
    floor: float = 0.0,
    levels: int = 256,
    activation: str = "GELU",
    seed: int = 0,
) -> VAE:
    """A VAE of two multilayer perceptrons, the decoder mirroring the encoder.

    Args:
        data_shape: shape of one example, e.g. ``(1, 28, 28)``.
        latent_dim: Z.
        hidden: the encoder's widths; a repeated width is a residual layer.
            ``(400,)`` with ``(1, 28, 28)`` and 20 is the classic 784-400-20.
        likelihood: ``"bernoulli"``, ``"continuous-bernoulli"``, ``"gaussian"`` or
            ``"categorical"``.
        scale, floor: σ of the Gaussian, as in :class:`~vaelib.GaussianHead`.
        levels: grey levels of the categorical.
        activation: name of a class in ``torch.nn``.
        seed: of the initial weights.
    """
    shape, hidden = as_shape("data_shape", data_shape), as_widths(hidden)
    latent_dim = as_size("latent_dim", latent_dim)
    levels = as_size("levels", levels, least=2)
    act = _activation(activation)
    with seeded(seed):
        code, pixels = (
            DiagonalGaussianHead(latent_dim),
            _head(likelihood, shape, scale, floor, levels),
        )
        encoder = MLP(shape, hidden, code.in_shape, activation=act)
        decoder = MLP(latent_dim, hidden[::-1], pixels.in_shape, activation=act)
    model = VAE(nn.Sequential(encoder, code), nn.Sequential(decoder, pixels))
    model.recipe = {
        "builder": "mlp_vae",
        "arguments": {
            "data_shape": shape,
            "latent_dim": latent_dim,
            "hidden": hidden,
            "likelihood": likelihood,
            "scale": getattr(pixels, "scale", 1.0),
            "floor": getattr(pixels, "floor", 0.0),
            "levels": levels,
            "activation": activation,
        },
    }
    return model


def conv_vae(
    data_shape: Sequence[int],
    latent_dim: int,
    channels: int = 64,
    likelihood: Likelihood = "bernoulli",
    *,
    depth: int = 1,
    patch: int = 4,
    scale: float | Literal["learned", "per-dimension"] = 1.0,
    floor: float = 0.0,
    levels: int = 256,
    seed: int = 0,
) -> VAE:
    """A VAE of two convolutional bodies, the decoder mirroring the encoder.

    Args:
        data_shape: ``(C, H, W)``, H and W divisible by ``patch``.
        latent_dim: Z.
        channels, depth, patch: as in :class:`~vaelib.ConvEncoder`.
        likelihood, scale, floor, levels, seed: as in :func:`mlp_vae`.
    """
    shape = image_shape("data_shape", data_shape, patch)
    latent_dim = as_size("latent_dim", latent_dim)
    levels = as_size("levels", levels, least=2)
    body: dict[str, Any] = {
        "channels": as_size("channels", channels),
        "depth": as_size("depth", depth, least=0),
        "patch": int(patch),
    }
    with seeded(seed):
        code, pixels = (
            DiagonalGaussianHead(latent_dim),
            _head(likelihood, shape, scale, floor, levels),
        )
        encoder = ConvEncoder(shape, code.in_shape, **body)
        decoder = ConvDecoder(latent_dim, pixels.in_shape, **body)
    model = VAE(nn.Sequential(encoder, code), nn.Sequential(decoder, pixels))
    model.recipe = {
        "builder": "conv_vae",
        "arguments": {
            "data_shape": shape,
            "latent_dim": latent_dim,
            "likelihood": likelihood,
            "scale": getattr(pixels, "scale", 1.0),
            "floor": getattr(pixels, "floor", 0.0),
            "levels": levels,
            **body,
        },
    }
    return model


Head = BernoulliHead | ContinuousBernoulliHead | GaussianHead | CategoricalHead


def _head(
    likelihood: Likelihood,
    shape: tuple[int, ...],
    scale: float | Literal["learned", "per-dimension"],
    floor: float,
    levels: int,
) -> Head:
    match likelihood:
        case "bernoulli":
            return BernoulliHead(shape)
        case "continuous-bernoulli":
            return ContinuousBernoulliHead(shape)
        case "gaussian":
            return GaussianHead(shape, scale, floor)
        case "categorical":
            return CategoricalHead(shape, levels)
        case _:
            raise ValueError(
                f"likelihood: got {likelihood!r}, wanted 'bernoulli', "
                "'continuous-bernoulli', 'gaussian' or 'categorical'; for any other, "
                "build VAE(encoder, decoder) yourself"
            )


def _activation(name: str) -> type[nn.Module]:
    found = getattr(nn, name, None) if isinstance(name, str) else None
    if not (
        isinstance(found, type) and issubclass(found, nn.Module) and _is_one(found)
    ):
        raise ValueError(
            f"activation: got {name!r}, wanted the name of a class in torch.nn that "
            "acts on each number by itself, e.g. 'GELU', 'ReLU' or 'Tanh'"
        )
    return found


def _is_one(kind: type[nn.Module]) -> bool:
    """Whether it is made without arguments, and treats each number alike and by
    itself: a Softmax, a GLU or a Linear does not."""
    try:
        # On the CPU even while a model is being built without numbers.
        with torch.device("cpu"), catch_warnings(action="ignore"):
            act, x = kind().eval(), torch.linspace(-2.0, 2.0, 6).view(2, 3)
            y, across = act(x), act(x.T.contiguous())
    except Exception:  # whatever a module of another kind may say
        return False
    return y.shape == x.shape and torch.allclose(y, across.T)
