"""Several equal models as one: their weights side by side, one product for all."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from vaelib.distributions import DiagonalGaussian, StandardNormal
from vaelib.layers import TABLE
from vaelib.layers.entry import CannotStack, Stacked, alteration, name
from vaelib.models import VAE

__all__ = ["CannotStack", "SharedNoise", "StackedVAE"]


class StackedVAE(nn.Module):
    """K VAEs of equal shape that see the same pictures and the same noise.

    ``elbo(stack, x.repeat(K, …))`` is what the K models' ``elbo(model, x)`` are,
    one after the other along the batch.

    Args:
        models: multilayer perceptrons with a diagonal Gaussian posterior, the
            default prior, a head without weights, and all weights free.

    Raises:
        CannotStack: for others.
    """

    def __init__(self, models: Sequence[VAE]):
        super().__init__()
        first = models[0]
        if type(first) is not VAE:  # its methods may be its own
            raise CannotStack(f"models: {type(first).__name__} is not a plain VAE")
        if any(m._prior is not None for m in models):
            raise CannotStack("models: a prior of one's own cannot be stacked")
        _check_free(first)
        self.models = list(models)  # not registered: their weights stand still
        self.encoder, self.code = self._halves([m.encoder for m in models])
        self.decoder, self.pixels = self._halves([m.decoder for m in models])
        self.latent_dim = first.latent_dim
        self.train(first.training)

    @property
    def prior(self) -> StandardNormal:
        """N(0, I), as each model's."""
        like = next(self.parameters())
        return StandardNormal(self.latent_dim, device=like.device, dtype=like.dtype)

    def posterior(self, x: Tensor) -> DiagonalGaussian:
        """q(z|x) of all models for ``x`` ``(K·B, …)``, K times the same B."""
        k = len(self.models)
        q = self.code(self.encoder(x[None, : len(x) // k]).flatten(0, 1))
        return SharedNoise(q.mu, q.log_var, k)

    def likelihood(self, z: Tensor) -> Any:
        """p(x|z) for ``(K·B, Z)``, the first B codes for the first model."""
        features = self.decoder(z.unflatten(0, (len(self.models), -1)))
        return self.pixels(features.flatten(0, 1))

    def unstack(self) -> None:
        """Copy the trained weights back into the models, and move these to where
        they were trained."""
        for model in self.models:
            model.to(next(self.parameters()).device)
        for part in self.modules():
            if isinstance(part, Stacked):
                part.unstack()

    @staticmethod
    def _halves(halves: Sequence[nn.Module]) -> tuple[nn.Module, nn.Module]:
        bodies, (head, *others) = zip(*map(_body, halves), strict=True)
        if list(head.parameters()):
            raise CannotStack(f"models: {name(head)} has weights of its own")
        if not all(_alike(head, other) for other in others):
            raise CannotStack("models: they differ in their heads")
        # A copy: where the stack goes, no model's own head goes with it.
        return _stack(bodies), deepcopy(head)


class SharedNoise(DiagonalGaussian):
    """K blocks of B codes, drawn with one and the same noise for every block."""

    def __init__(self, mu: Tensor, log_var: Tensor, k: int):
        super().__init__(mu, log_var)
        self._k = k

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = torch.Size(sample_shape)
        rows, size = self.mu.shape
        noise = torch.normal(
            self.mu.new_zeros(*shape, rows // self._k, size),
            self.mu.new_ones(*shape, rows // self._k, size),
        )
        sigma = (0.5 * self.log_var).exp()
        return self.mu + sigma * noise.repeat(*[1] * len(shape), self._k, 1)


def _check_free(model: VAE) -> None:
    """Side by side, each weight is trained, and alone."""
    weights = [p for _, p in model.named_parameters(remove_duplicate=False)]
    if not all(p.requires_grad for p in weights):
        raise CannotStack("models: weights held fixed cannot be stacked")
    if len(set(map(id, weights))) < len(weights):
        raise CannotStack("models: weights that two layers share cannot be stacked")


def _body(half: nn.Module) -> tuple[nn.Sequential, nn.Module]:
    if not (isinstance(half, nn.Sequential) and len(half) == 2):
        raise CannotStack("models: wanted nn.Sequential(body, head) for both halves")
    body, head = half
    if not isinstance(body, nn.Sequential):
        raise CannotStack(f"models: {type(body).__name__} is not a sequence of layers")
    return body, head


def _alike(head: nn.Module, other: nn.Module) -> bool:
    ours, theirs = head.state_dict(), other.state_dict()
    return (
        type(head) is type(other)
        and ours.keys() == theirs.keys()
        and all(torch.equal(ours[key], theirs[key]) for key in ours)
    )


def _stack(layers: Sequence[nn.Module]) -> nn.Module:
    first = layers[0]
    if any(str(layer) != str(first) for layer in layers):
        raise CannotStack("models: they differ in shape")
    if altered := next(filter(None, map(alteration, layers)), ""):
        raise CannotStack(f"models: {name(first)} {altered}")
    rule = TABLE[type(first)].stack if type(first) in TABLE else "is a layer of its own"
    if isinstance(rule, str):
        raise CannotStack(f"models: {name(first)} {rule}")
    return rule(layers, _stack)
