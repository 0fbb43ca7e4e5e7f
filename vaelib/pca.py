"""Principal component analysis as an encoder/decoder pair."""

from math import prod
from typing import Self

import torch
from torch import Tensor, nn

from vaelib.data import Dataset, as_tensor
from vaelib.networks.body import Body, as_size


class PCA(nn.Module):
    """The linear encoder and decoder of least squared error (Pearson 1901;
    Hotelling 1933).

    Args:
        k: number of components, the code's size.

    Attributes:
        components: orthonormal rows, ``(k, D)`` with D = number of pixels, by
            falling variance; each row's largest entry is positive.
        explained_variance: variance along each, ``(k,)``, with N − 1 below the
            line, as scikit-learn has it.
        explained_variance_ratio: the same as shares of the total variance.
        mean: ``(D,)``.
        encoder, decoder: the two maps as modules, made by :meth:`fit`.

    Example:
        >>> pca = PCA(2).fit(torch.randn(100, 1, 8, 8))
        >>> pca.decode(pca.encode(torch.zeros(5, 1, 8, 8))).shape
        torch.Size([5, 1, 8, 8])
    """

    components: Tensor
    explained_variance: Tensor
    explained_variance_ratio: Tensor
    mean: Tensor

    def __init__(self, k: int):
        super().__init__()
        self.k = as_size("k", k)
        self.encoder: nn.Module | None = None
        self.decoder: nn.Module | None = None

    def fit(self, data: Dataset | Tensor) -> Self:
        """Find the components of data ``(N, *data_shape)``; returns itself.

        Raises:
            ValueError: if there are fewer than k examples or dimensions, or
                values that are not finite.
        """
        x = as_tensor(data)
        x = x if x.is_floating_point() else x.float()
        shape, n, size = tuple(x.shape[1:]), len(x), prod(x.shape[1:])
        if self.k > min(n, size):
            raise ValueError(
                f"k: got {self.k} for {n} examples of {size} dimensions, wanted at "
                f"most {min(n, size)}"
            )
        if not x.isfinite().all():
            raise ValueError(
                "x: holds NaN or infinite values. Drop or fill them first."
            )
        # Double precision: squaring the data into a covariance halves the digits.
        # Apple's GPUs have none, so theirs is computed on the CPU.
        where = "cpu" if x.device.type == "mps" else x.device
        flat = x.detach().flatten(1).to(where).double()
        mean = flat.mean(0)
        centred = flat - mean
        variances, vectors = torch.linalg.eigh(centred.T @ centred / max(n - 1, 1))
        variances = variances.clamp(min=0).flip(0)
        components = _signed(vectors.flip(1)[:, : self.k].T)
        for name, value in {
            "components": components,
            "mean": mean,
            "explained_variance": variances[: self.k],
            "explained_variance_ratio": variances[: self.k] / variances.sum(),
        }.items():
            self.register_buffer(name, value.to(x))
        inwards = _linear(components, -(components @ mean), x)
        outwards = _linear(components.T, mean, x)
        self.encoder = Body(shape, self.k, nn.Flatten(), inwards)
        self.decoder = Body(self.k, shape, outwards, nn.Unflatten(1, shape))
        return self

    def encode(self, x: Tensor) -> Tensor:
        """Codes ``(B, k)`` of data ``(B, *data_shape)``: z = V (x − mean)."""
        return self._apply_map(self.encoder, x)

    def decode(self, z: Tensor) -> Tensor:
        """Data ``(B, *data_shape)`` from codes ``(B, k)``: x̂ = Vᵀ z + mean."""
        return self._apply_map(self.decoder, z)

    def reconstruct(self, x: Tensor) -> Tensor:
        """``decode(encode(x))``: the projection on the principal subspace."""
        return self.decode(self.encode(x))

    def _apply_map(self, layers: nn.Module | None, value: Tensor) -> Tensor:
        if layers is None:
            raise RuntimeError("PCA: not fitted yet. Call .fit(x) first.")
        result: Tensor = layers(value)
        return result


def _signed(components: Tensor) -> Tensor:
    """Eigenvectors have no sign of their own; choose one for all machines."""
    largest = components.abs().argmax(1, keepdim=True)
    return components * components.gather(1, largest).sign()


def _linear(weight: Tensor, bias: Tensor, like: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer = layer.to(device=like.device, dtype=like.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer.requires_grad_(False)
