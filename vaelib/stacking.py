"""Several equal models as one: their weights side by side, one product for all."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaelib.distributions import DiagonalGaussian, StandardNormal
from vaelib.models import VAE
from vaelib.networks.mlp import Residual

# Layers without weights that treat each number alone.
_POINTWISE = (nn.GELU, nn.ReLU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ELU)


class CannotStack(ValueError):
    """These models differ in shape, or hold a layer that is not stackable."""


class StackedLinear(nn.Module):
    """K linear layers: ``(B, in)`` for all, or ``(K, B, in)`` → ``(K, B, out)``."""

    def __init__(self, layers: Sequence[nn.Linear]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([m.weight.detach() for m in layers]))
        biases = [m.bias.detach() for m in layers]
        self.bias = nn.Parameter(torch.stack(biases)[:, None])

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:  # one input for all: a single wide product
            wide = F.linear(x, self.weight.flatten(0, 1))
            return wide.view(len(x), len(self.weight), -1).transpose(0, 1) + self.bias
        product: Tensor = torch.baddbmm(self.bias, x, self.weight.transpose(1, 2))
        return product

    def unstack(self, layers: Sequence[nn.Linear]) -> None:
        """Copy the weights back into K layers."""
        with torch.no_grad():
            for layer, weight, bias in zip(layers, self.weight, self.bias, strict=True):
                layer.weight.copy_(weight)
                layer.bias.copy_(bias[0])


class StackedVAE(nn.Module):
    """K VAEs of equal shape that see the same pictures and the same noise.

    ``elbo(stack, x.repeat(K, …))`` is what the K models' ``elbo(model, x)`` are,
    one after the other along the batch.

    Args:
        models: multilayer perceptrons with a diagonal Gaussian posterior, the
            default prior and a head without weights.

    Raises:
        CannotStack: for others.
    """

    def __init__(self, models: Sequence[VAE]):
        super().__init__()
        first = models[0]
        if any(m._prior is not None for m in models):
            raise CannotStack("models: a prior of one's own cannot be stacked")
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
        features = self.encoder(x[: len(x) // k].flatten(1)).flatten(0, 1)
        q = self.code(features)
        return SharedNoise(q.mu, q.log_var, k)

    def likelihood(self, z: Tensor) -> Any:
        """p(x|z) for ``(K·B, Z)``, the first B codes for the first model."""
        features = self.decoder(z.unflatten(0, (len(self.models), -1)))
        return self.pixels(features.flatten(0, 1).unflatten(1, self.pixels.in_shape))

    def unstack(self) -> None:
        """Copy the trained weights back into the models."""
        for stacked, part in ((self.encoder, "encoder"), (self.decoder, "decoder")):
            bodies = [getattr(m, part) for m in self.models]
            _unstack(stacked, [_body(b)[0] for b in bodies])

    @staticmethod
    def _halves(halves: Sequence[nn.Module]) -> tuple[nn.Module, nn.Module]:
        _, head = _body(halves[0])
        if list(head.parameters()):
            raise CannotStack(f"models: {type(head).__name__} has weights of its own")
        return _stack([_body(h)[0] for h in halves]), head


class SharedNoise(DiagonalGaussian):
    """K blocks of B codes, drawn with one and the same noise for every block."""

    def __init__(self, mu: Tensor, log_var: Tensor, k: int):
        super().__init__(mu, log_var)
        self._k = k

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = torch.Size(sample_shape)
        rows, size = self.mu.shape
        noise = torch.normal(
            torch.zeros(*shape, rows // self._k, size, device=self.mu.device),
            torch.ones(*shape, rows // self._k, size, device=self.mu.device),
        )
        sigma = (0.5 * self.log_var).exp()
        return self.mu + sigma * noise.repeat(*[1] * len(shape), self._k, 1)


def _body(half: nn.Module) -> tuple[nn.Sequential, nn.Module]:
    if not (isinstance(half, nn.Sequential) and len(half) == 2):
        raise CannotStack("models: wanted nn.Sequential(body, head) for both halves")
    body, head = half
    if not isinstance(body, nn.Sequential):
        raise CannotStack(f"models: {type(body).__name__} is not a sequence of layers")
    return body, head


def _stack(layers: Sequence[nn.Module]) -> nn.Module:
    first = layers[0]
    if any(str(layer) != str(first) for layer in layers):
        raise CannotStack("models: they differ in shape")
    if isinstance(first, nn.Linear) and first.bias is not None:
        return StackedLinear(cast(Sequence[nn.Linear], layers))
    if isinstance(first, Residual):
        return Residual(_stack([cast(Residual, r).body for r in layers]))
    if isinstance(first, nn.Sequential):
        columns = zip(*cast(Sequence[nn.Sequential], layers), strict=True)
        return nn.Sequential(*[_stack(column) for column in columns])
    if isinstance(first, nn.Flatten | nn.Unflatten):  # done around the stack
        return nn.Identity()
    if type(first) in _POINTWISE:
        return first
    raise CannotStack(f"models: {type(first).__name__} cannot be stacked")


def _unstack(stacked: nn.Module, layers: Sequence[nn.Module]) -> None:
    if isinstance(stacked, StackedLinear):
        stacked.unstack(cast(Sequence[nn.Linear], layers))
    elif isinstance(stacked, Residual):
        _unstack(stacked.body[0], [cast(Residual, r).body for r in layers])
    elif isinstance(stacked, nn.Sequential):
        columns = zip(*cast(Sequence[nn.Sequential], layers), strict=True)
        for inner, column in zip(stacked, columns, strict=True):
            _unstack(inner, column)
