"""Principal component analysis as an encoder/decoder pair."""

from math import prod
from typing import Any, Self

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
        data_shape: shape of one example.
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
    data_shape: Tensor

    def __init__(self, k: int):
        super().__init__()
        self.k = as_size("k", k)
        self.encoder: nn.Module | None = None
        self.decoder: nn.Module | None = None

    @torch.no_grad()
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
        forth, back = self._make_room(shape, x)
        for place, value in (
            (self.components, components),
            (self.mean, mean),
            (self.explained_variance, variances[: self.k]),
            (self.explained_variance_ratio, variances[: self.k] / variances.sum()),
            (forth.weight, components),
            (forth.bias, -(components @ mean)),
            (back.weight, components.T),
            (back.bias, mean),
        ):
            place.copy_(value)
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

    def _make_room(
        self, shape: tuple[int, ...], like: Tensor
    ) -> tuple[nn.Linear, nn.Linear]:
        """Empty buffers and maps for data of this shape; the two linear layers."""
        size = prod(shape)
        for name, sizes in (
            ("components", (self.k, size)),
            ("mean", (size,)),
            ("explained_variance", (self.k,)),
            ("explained_variance_ratio", (self.k,)),
        ):
            self.register_buffer(name, like.new_empty(sizes))
        self.register_buffer("data_shape", torch.tensor(shape, device=like.device))
        forth, back = _linear(size, self.k, like), _linear(self.k, size, like)
        self.encoder = Body(shape, self.k, nn.Flatten(), forth)
        self.decoder = Body(self.k, shape, back, nn.Unflatten(1, shape))
        return forth, back

    def _load_from_state_dict(
        self, state: dict[str, Tensor], prefix: str, *rest: Any
    ) -> None:
        """A fresh one takes the shape of the data from what is loaded into it."""
        shape, components = (
            state.get(prefix + name) for name in ("data_shape", "components")
        )
        if self.encoder is None and shape is not None and components is not None:
            self._make_room(tuple(shape.tolist()), components)
        super()._load_from_state_dict(state, prefix, *rest)

    def _apply_map(self, layers: nn.Module | None, value: Tensor) -> Tensor:
        if layers is None:
            raise RuntimeError("PCA: not fitted yet. Call .fit(x) first.")
        result: Tensor = layers(value)
        return result


def _signed(components: Tensor) -> Tensor:
    """Eigenvectors have no sign of their own; choose one for all machines."""
    largest = components.abs().argmax(1, keepdim=True)
    return components * components.gather(1, largest).sign()


def _linear(size_in: int, size_out: int, like: Tensor) -> nn.Linear:
    """Empty, so that nobody's random numbers are drawn for it."""
    sizes, where = (size_in, size_out), {"device": like.device, "dtype": like.dtype}
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, *sizes, **where)
    return layer.requires_grad_(False)
