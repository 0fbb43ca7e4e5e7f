"""Models: an encoder and a decoder put together. No loss, no loop."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelib.distributions import (
    BernoulliHead,
    CategoricalHead,
    DiagonalGaussianHead,
    Gaussian,
    GaussianHead,
    StandardNormal,
)
from vaelib.networks.body import Shape, as_shape
from vaelib.networks.convolution import ConvDecoder, ConvEncoder
from vaelib.networks.mlp import MLP
from vaelib.randomness import seeded


class Autoencoder(nn.Module):
    """x → one code z → x̂: no randomness, no prior.

    Args:
        encoder: module from x ``(B, *data_shape)`` to z ``(B, Z)``; if it gives a
            distribution, its mean is the code.
        decoder: module from z to x̂ ``(B, *data_shape)`` or to a distribution
            over x.

    Example:
        >>> model = Autoencoder(MLP(64, (32,), 2), MLP(2, (32,), 64))
        >>> model.decode(model.encode(torch.zeros(5, 64))).shape
        torch.Size([5, 64])
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder = _module("encoder", encoder)
        self.decoder = _module("decoder", decoder)

    def encode(self, x: Tensor) -> Tensor:
        """Codes ``(B, Z)`` of data ``(B, *data_shape)``."""
        return _mean(self.encoder(x))

    def decode(self, z: Tensor) -> Tensor:
        """Data ``(B, *data_shape)`` from codes ``(B, Z)``: the likelihood's mean."""
        return _mean(self.decoder(z))

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
        gaussian = Gaussian(out, out.new_zeros(()))
        return torch.distributions.Independent(
            gaussian, out.dim() - 1, validate_args=False
        )


class VAE(nn.Module):
    """A variational autoencoder (Kingma & Welling 2014): three distributions.

    Args:
        encoder: any module x ``(B, *data_shape)`` → ``Distribution`` over z with
            batch ``(B,)`` and event ``(Z,)``.
        decoder: any module z ``(B, Z)`` → ``Distribution`` over x with event
            ``data_shape``.
        prior: a ``Distribution`` over z with event ``(Z,)``, or a module that
            gives one when called with nothing (its parameters are then trained
            and moved with the model). Default: N(0, I) of the encoder's event
            size.

    Example:
        >>> model = mlp_vae((1, 28, 28), latent_dim=2)
        >>> q = model.posterior(torch.zeros(5, 1, 28, 28))
        >>> q.batch_shape, q.event_shape
        (torch.Size([5]), torch.Size([2]))
    """

    recipe: dict[str, Any] | None = None  # how a ready-made one was built

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        prior: Distribution | nn.Module | None = None,
    ):
        super().__init__()
        self.encoder = _module("encoder", encoder)
        self.decoder = _module("decoder", decoder)
        if not (prior is None or isinstance(prior, Distribution | nn.Module)):
            raise TypeError(
                f"prior: got {type(prior).__name__}, wanted a torch Distribution over "
                "z, a module that returns one, or None for N(0, I)"
            )
        self._prior = prior
        self._latent_dim = _event_size(encoder)
        self._standard: StandardNormal | None = None

    @property
    def latent_dim(self) -> int:
        """Z, the number of latent dimensions."""
        if self._latent_dim is None and isinstance(self._prior, Distribution):
            return int(self._prior.event_shape[0])
        if self._latent_dim is None:
            raise RuntimeError(
                "latent_dim: not known yet, since this encoder does not say the size "
                "of its codes. Call model.posterior(x) once, or pass prior=."
            )
        return self._latent_dim

    def posterior(self, x: Tensor) -> Distribution:
        """q(z|x): batch ``(B,)``, event ``(Z,)``.

        Raises:
            TypeError: if the encoder gives anything but a distribution.
        """
        q = self.encoder(x)
        if not isinstance(q, Distribution):
            raise TypeError(
                f"encoder: gave a {type(q).__name__}, wanted a Distribution over z. "
                "End it with a head, e.g. nn.Sequential(body, DiagonalGaussianHead(2))."
            )
        if len(q.event_shape) != 1:
            raise ValueError(
                f"encoder: its distribution has event shape {tuple(q.event_shape)}, "
                "wanted (Z,). Wrap it: torch.distributions.Independent(q, 1)."
            )
        self._latent_dim = int(q.event_shape[0])
        return q

    @property
    def prior(self) -> Distribution:
        """p(z): batch ``()``, event ``(Z,)``, on the model's device."""
        if isinstance(self._prior, nn.Module):
            made: Distribution = self._prior()
            return made
        if self._prior is not None:
            return self._prior
        return self._standard_normal()

    def _standard_normal(self) -> StandardNormal:
        """N(0, I) where the model is now; made once, since every step asks for it."""
        like, kept = next(self.parameters(), torch.zeros(())), self._standard
        if (
            kept is None
            or kept.event_shape != (self.latent_dim,)
            or (kept.mu.device, kept.mu.dtype) != (like.device, like.dtype)
        ):
            with torch.inference_mode(False):  # it outlives the mode it is made in
                kept = StandardNormal(
                    self.latent_dim, device=like.device, dtype=like.dtype
                )
            self._standard = kept
        return kept

    def likelihood(self, z: Tensor) -> Distribution:
        """p(x|z) for codes ``(B, Z)``: batch ``(B,)``, event ``data_shape``.

        Raises:
            TypeError: if the decoder gives anything but a distribution.
            ValueError: if the codes are not of the prior's size.
        """
        if self._latent_dim is not None and z.shape[-1] != self._latent_dim:
            raise ValueError(
                f"z: got codes of size {z.shape[-1]}, this model's latent_dim is "
                f"{self._latent_dim}. Use codes of shape (B, {self._latent_dim})."
            )
        p = self.decoder(z)
        if not isinstance(p, Distribution):
            raise TypeError(
                f"decoder: gave a {type(p).__name__}, wanted a Distribution over x. "
                "End it with a head, e.g. nn.Sequential(body, BernoulliHead(shape))."
            )
        return p

    def encode(self, x: Tensor) -> Tensor:
        """The posterior's mean, ``(B, Z)``: where x lies on the latent plane."""
        return self.posterior(x).mean

    def decode(self, z: Tensor) -> Tensor:
        """The likelihood's mean, ``(B, *data_shape)``."""
        return self.likelihood(z).mean

    def reconstruct(self, x: Tensor) -> Tensor:
        """``decode(encode(x))``, ``(B, *data_shape)``; no sampling."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def sample(self, n: int, *, seed: int | None = None) -> Tensor:
        """``n`` new examples ``(n, *data_shape)``: z from the prior, then the
        likelihood's mean (its sample would add pixel noise on top)."""
        with seeded(seed):
            return self.decode(self.prior.sample((n,)))


Likelihood = Literal["bernoulli", "gaussian", "categorical"]


def mlp_vae(
    data_shape: Shape,
    latent_dim: int,
    hidden: Sequence[int] = (256, 256, 256),
    likelihood: Likelihood = "bernoulli",
    *,
    scale: float | Literal["learned", "per-dimension"] = 1.0,
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
        likelihood: ``"bernoulli"``, ``"gaussian"`` or ``"categorical"``.
        scale: σ of the Gaussian, as in :class:`~vaelib.GaussianHead`.
        levels: grey levels of the categorical.
        activation: name of a class in ``torch.nn``.
        seed: of the initial weights.
    """
    shape = as_shape("data_shape", data_shape)
    hidden = tuple(hidden)
    act = _activation(activation)
    with seeded(seed):
        code, pixels = (
            DiagonalGaussianHead(latent_dim),
            _head(likelihood, shape, scale, levels),
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
            "scale": scale,
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
    levels: int = 256,
    seed: int = 0,
) -> VAE:
    """A VAE of two convolutional bodies, the decoder mirroring the encoder.

    Args:
        data_shape: ``(C, H, W)``, H and W divisible by ``patch``.
        latent_dim: Z.
        channels, depth, patch: as in :class:`~vaelib.ConvEncoder`.
        likelihood, scale, levels, seed: as in :func:`mlp_vae`.
    """
    shape = as_shape("data_shape", data_shape)
    body: dict[str, Any] = {"channels": channels, "depth": depth, "patch": patch}
    with seeded(seed):
        code, pixels = (
            DiagonalGaussianHead(latent_dim),
            _head(likelihood, shape, scale, levels),
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
            "scale": scale,
            "levels": levels,
            **body,
        },
    }
    return model


Head = BernoulliHead | GaussianHead | CategoricalHead


def _head(
    likelihood: Likelihood,
    shape: tuple[int, ...],
    scale: float | Literal["learned", "per-dimension"],
    levels: int,
) -> Head:
    match likelihood:
        case "bernoulli":
            return BernoulliHead(shape)
        case "gaussian":
            return GaussianHead(shape, scale)
        case "categorical":
            return CategoricalHead(shape, levels)
        case _:
            raise ValueError(
                f"likelihood: got {likelihood!r}, wanted 'bernoulli', 'gaussian' or "
                "'categorical'; for any other, build VAE(encoder, decoder) yourself"
            )


def _activation(name: str) -> type[nn.Module]:
    found = getattr(nn, name, None) if isinstance(name, str) else None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ValueError(
            f"activation: got {name!r}, wanted the name of a class in torch.nn, "
            "e.g. 'GELU', 'ReLU' or 'Tanh'"
        )
    return found


def _module(name: str, value: object) -> nn.Module:
    if not isinstance(value, nn.Module):
        raise TypeError(
            f"{name}: got {type(value).__name__}, wanted a torch.nn.Module, "
            "e.g. vl.MLP(784, (256,), 4)"
        )
    return value


def _mean(out: Tensor | Distribution) -> Tensor:
    return out.mean if isinstance(out, Distribution) else out


def _event_size(encoder: nn.Module) -> int | None:
    """The code's size, where the encoder's last head tells it."""
    for module in reversed(list(encoder.modules())):
        event = getattr(module, "event_shape", None)
        if isinstance(event, tuple) and len(event) == 1:
            return int(event[0])
    return None
