"""Which latents are in use."""

from typing import Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaelib.data import Dataset, as_tensor
from vaelib.distributions.expectation import mean_of
from vaelib.models.conditional import in_parts


class HasPosterior(Protocol):
    """A model with q(z|x), e.g. :class:`vaelib.VAE`."""

    def posterior(self, x: Tensor, /) -> Distribution: ...


@torch.no_grad()
def active_units(
    model: HasPosterior, data: Dataset | Tensor, *, threshold: float = 0.01
) -> int:
    """Latent dimensions that carry anything about x (Burda et al. 2015, §5.2).

    A unit is active if the variance over the data of its posterior mean,
    Var_x(E_q[z|x]), is above ``threshold``. The threshold is low: a unit worth
    0.02 nats already passes, so report the KL beside the count. Where a
    posterior has no formula for its mean, 1,000 seeded samples stand in, which
    add a thousandth of its variance.

    Args:
        model: gives ``posterior(x)`` with event ``(Z,)``.
        data: at least two examples, ``(N, *data_shape)``.
        threshold: variance, in squared units of z.

    Returns:
        A number from 0 to Z.
    """
    x = as_tensor(data)
    if len(x) < 2:
        raise ValueError(f"data: got {len(x)} examples, a variance wants two or more")
    means = [
        mean_of(part.posterior(some), samples=1000)
        for part, some in in_parts(model, 4096, x)
    ]
    return int((torch.cat(means).var(0) > threshold).sum())
