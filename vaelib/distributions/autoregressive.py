"""Pictures drawn pixel by pixel, each pixel knowing those before it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from vaelib.distributions.bernoulli import Bernoulli
from vaelib.networks.masked import PixelCNN


class Autoregressive(Distribution):
    """Binary pictures, p(x|z) = Π p(xᵢ | x₁ … xᵢ₋₁, z), in reading order (van den
    Oord et al. 2016, eq. 1).

    ``log_prob`` is one call of the network, since all pixels are known; ``sample``
    takes H·W calls, one after the other. There is no formula for the mean.

    Args:
        network: ``(B, C, H, W)`` and codes ``(B, Z)`` → logits ``(B, C, H, W)``, each
            depending on earlier pixels only.
        z: the codes, ``(B, Z)``.
        event_shape: ``(C, H, W)``.

    Shapes:
        batch ``(B,)``, event ``(C, H, W)``, of zeros and ones.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 - as torch's

    def __init__(
        self,
        network: Callable[[Tensor, Tensor], Tensor],
        z: Tensor,
        event_shape: tuple[int, ...],
    ):
        self.network, self.z = network, z
        super().__init__(z.shape[:-1], torch.Size(event_shape), validate_args=False)

    @property
    def support(self) -> Any:
        return constraints.independent(constraints.boolean, len(self.event_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        value, z = self._with_codes(value)
        pixels = Bernoulli(logits=self.network(value.flatten(0, -4), z))
        each = pixels.log_prob(value.flatten(0, -4)).flatten(1).sum(1)
        return each.view(value.shape[:-3])

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.complete(self.z.new_zeros(self._extended_shape(sample_shape)), 0)

    @torch.no_grad()
    def complete(self, x: Tensor, known: int) -> Tensor:
        """Pictures of which the first ``known`` pixels are kept and the others
        drawn.

        Args:
            x: ``(…, *batch, C, H, W)``.
            known: how many pixels, in reading order.
        """
        x, z = self._with_codes(x)
        flat = x.flatten(0, -4).clone()
        columns = flat.shape[-1]
        for i in range(known, flat.shape[-2] * columns):
            pixel = (..., i // columns, i % columns)
            flat[pixel] = self.network(flat, z)[pixel].sigmoid().bernoulli()
        return flat.view(x.shape)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Autoregressive":
        z = self.z.expand(*torch.Size(batch_shape), self.z.shape[-1])
        return Autoregressive(self.network, z, tuple(self.event_shape))

    def _with_codes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures ``(…, *batch, C, H, W)``, and a code for each, ``(N, Z)``."""
        batch = torch.broadcast_shapes(x.shape[:-3], self.batch_shape)
        z = self.z.expand(*batch, self.z.shape[-1])
        return x.expand(*batch, *x.shape[-3:]), z.reshape(-1, z.shape[-1])


class AutoregressiveHead(nn.Module):
    """Codes ``(B, Z)`` → :class:`Autoregressive` pictures: a whole decoder.

    Args:
        network: e.g. a :class:`~vaelib.networks.PixelCNN`; it says its
            ``event_shape``.

    Example:
        >>> from vaelib.networks import PixelCNN
        >>> decoder = AutoregressiveHead(PixelCNN((1, 6, 6), latent_dim=2))
        >>> decoder(torch.zeros(5, 2)).sample().shape
        torch.Size([5, 1, 6, 6])
    """

    def __init__(self, network: PixelCNN):
        super().__init__()
        self.network = network
        self.event_shape = network.event_shape

    def forward(self, z: Tensor) -> Autoregressive:
        return Autoregressive(self.network, z, self.event_shape)
