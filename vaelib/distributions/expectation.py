"""Means where there are some, and what stands in where there are none."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent

from vaelib.randomness import seeded

# Numbers drawn at once: a few hundred for each of a few thousand codes would
# not fit into a laptop's memory.
AT_ONCE = 1_000_000


def mean_of(distribution: Distribution, *, seed: int = 0, samples: int = 100) -> Tensor:
    """The mean, ``(*batch, *event)``, of any distribution that can be sampled.

    A flow has a mean, but no formula for it: the mean of seeded samples stands
    in. Indices have none (the average of the classes 2 and 7 is not a class):
    the most probable one stands in.

    Args:
        distribution: over codes or over data.
        seed: of the samples; the caller's random state is left alone.
        samples: how many, where they are needed. Their mean's standard error is
            σ/√samples.
    """
    if isinstance(_innermost(distribution), Categorical):
        return distribution.mode
    try:
        return distribution.mean
    except NotImplementedError:
        pass
    with seeded(seed):
        return torch.stack(list(_sums(distribution, samples))).sum(0) / samples


def _sums(distribution: Distribution, samples: int) -> Iterator[Tensor]:
    # With a gradient where there is one: a flow may be an autoencoder's encoder.
    draw = distribution.rsample if distribution.has_rsample else distribution.sample
    size = distribution.batch_shape.numel() * distribution.event_shape.numel()
    most = max(1, AT_ONCE // max(size, 1))
    for start in range(0, samples, most):
        yield draw(torch.Size([min(most, samples - start)])).sum(0)


def _innermost(distribution: Distribution) -> Distribution:
    while isinstance(distribution, Independent):
        distribution = distribution.base_dist
    return distribution
