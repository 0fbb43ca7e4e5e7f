"""A variational autoencoder as three distributions."""

from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelib.distributions.expectation import mean_of
from vaelib.distributions.fixed import Fixed
from vaelib.models.parts import as_module, refuse_batch
from vaelib.models.prior import StandardPrior, as_prior
from vaelib.networks.body import as_size, refuse_no_tensor
from vaelib.randomness import seeded


class Latent(nn.Module):
    """An encoder, a decoder and a prior, and the shape of the codes between them."""

    recipe: dict[str, Any] | None = None  # how a ready-made one was built

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        prior: Distribution | nn.Module | None = None,
    ):
        super().__init__()
        self.encoder = as_module("encoder", encoder)
        self.decoder = as_module("decoder", decoder)
        self._prior = as_prior(prior)
        self._standard = StandardPrior(encoder)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """The shape of one code, ``(Z,)`` as a rule.

        Raises:
            RuntimeError: as long as it is not known.
        """
        if self._standard.shape is not None:
            return self._standard.shape
        if isinstance(self._prior, Fixed):
            return tuple(self._prior().event_shape)
        raise RuntimeError(
            "latent_dim: not known yet, since this encoder does not say the size "
            "of its codes. Call model.posterior(x) once, or pass prior=."
        )

    @property
    def latent_dim(self) -> int:
        """Z, the number of latent dimensions."""
        return prod(self.latent_shape)


class VAE(Latent):
    """A variational autoencoder (Kingma & Welling 2014): three distributions.

    Args:
        encoder: any module x ``(B, *data_shape)`` → ``Distribution`` over z with
            batch ``(B,)`` and event ``(Z,)``, or any other event.
        decoder: any module z ``(B, Z)`` → ``Distribution`` over x with event
            ``data_shape``.
        prior: a ``Distribution`` over z with event ``(Z,)``, moved with the
            model; or a module that gives one when called with nothing (its
            parameters are then trained). Default: N(0, I) of the encoder's
            event shape.

    Example:
        >>> from vaelib import mlp_vae
        >>> model = mlp_vae((1, 28, 28), latent_dim=2)
        >>> q = model.posterior(torch.zeros(5, 1, 28, 28))
        >>> q.batch_shape, q.event_shape
        (torch.Size([5]), torch.Size([2]))
    """

    def posterior(self, x: Tensor) -> Distribution:
        """q(z|x): batch ``(B,)``, event ``(Z,)``.

        Raises:
            TypeError: if the encoder gives anything but a distribution.
            ValueError: if it does not give one for each example.
        """
        refuse_no_tensor("x", x)
        q = self.encoder(x)
        if not isinstance(q, Distribution):
            raise TypeError(
                f"encoder: gave a {type(q).__name__}, wanted a Distribution over z. "
                "End it with a head, e.g. nn.Sequential(body, DiagonalGaussianHead(2))."
            )
        if q.batch_shape != x.shape[:1]:
            refuse_batch("encoder", q, x.shape[:1], "x")
        self._standard.learn(q)
        return q

    @property
    def prior(self) -> Distribution:
        """p(z): batch ``()``, event ``(Z,)``, on the model's device."""
        if self._prior is not None:
            made: Distribution = self._prior()
            return made
        return self._standard.at(self.latent_shape, next(self.parameters(), None))

    def likelihood(self, z: Tensor) -> Distribution:
        """p(x|z) for codes ``(B, Z)``: batch ``(B,)``, event ``data_shape``.

        Raises:
            TypeError: if the decoder gives anything but a distribution.
            ValueError: if the codes are not of the prior's size, or the decoder
                does not give one distribution for each.
        """
        refuse_no_tensor("z", z)
        shape = self._standard.shape
        batch = z.dim() - len(shape or ())
        if shape is not None and z.shape[max(batch, 0) :] != shape:
            wanted = ", ".join(map(str, ("B", *shape)))
            raise ValueError(
                f"z: got codes of shape {tuple(z.shape)}, this model's latent_dim is "
                f"{self.latent_dim}. Use codes of shape ({wanted})."
            )
        p = self.decoder(z)
        if not isinstance(p, Distribution):
            raise TypeError(
                f"decoder: gave a {type(p).__name__}, wanted a Distribution over x. "
                "End it with a head, e.g. nn.Sequential(body, BernoulliHead(shape))."
            )
        if shape is not None and p.batch_shape != z.shape[:batch]:
            refuse_batch("decoder", p, z.shape[:batch], "codes")
        return p

    def encode(self, x: Tensor) -> Tensor:
        """The posterior's mean, ``(B, Z)``: where x lies on the latent plane."""
        return mean_of(self.posterior(x))

    def decode(self, z: Tensor) -> Tensor:
        """The likelihood's mean, ``(B, *data_shape)``."""
        return mean_of(self.likelihood(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """``decode(encode(x))``, ``(B, *data_shape)``; no sampling."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def sample(self, n: int, *, seed: int | None = None) -> Tensor:
        """``n`` new examples ``(n, *data_shape)``: z from the prior, then the
        likelihood's mean (its sample would add pixel noise on top)."""
        n = as_size("n", n, least=0)
        with seeded(seed):
            return self.decode(self.prior.sample((n,)))
