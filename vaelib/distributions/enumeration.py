"""Distributions whose values can be listed, so that an expectation is a sum."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

# Every value is decoded for every example; beyond this it is no longer "exact
# and cheap" but only exact.
MOST_VALUES = 4096


def listable(distribution: Distribution) -> bool:
    """Whether its values can be listed, be they ever so many.

    ``torch.distributions`` says no to every ``Independent``; its values are the
    combinations of its parts' values.
    """
    while isinstance(distribution, Independent):
        distribution = distribution.base_dist
    return bool(distribution.has_enumerate_support)


def count_values(distribution: Distribution) -> int:
    """S, how many values a listable distribution has."""
    if not isinstance(distribution, Independent):
        return len(distribution.enumerate_support(expand=False))
    parts = distribution.base_dist.batch_shape
    own = parts[len(parts) - distribution.reinterpreted_batch_ndims :].numel()
    return int(count_values(distribution.base_dist) ** own)


def values_of(distribution: Distribution) -> Tensor:
    """All values of a listable distribution, ``(S, *batch, *event)``.

    Raises:
        ValueError: if there are more than ``MOST_VALUES``.
    """
    count = count_values(distribution)
    if count > MOST_VALUES:
        raise ValueError(
            f"posterior: its codes take {count:.4g} values, more than the "
            f"{MOST_VALUES:,} that are summed. Use fewer or smaller codes, or a "
            "posterior with rsample, e.g. OneHotCategoricalStraightThrough."
        )
    return _values(distribution)


def _values(distribution: Distribution) -> Tensor:
    if not isinstance(distribution, Independent):
        return distribution.enumerate_support(expand=True)
    base = distribution.base_dist
    each = _values(base)  # (K, *batch, *parts, *event of a part)
    first = 1 + len(distribution.batch_shape)
    parts = base.batch_shape[first - 1 :]
    if not parts:
        return each
    n = parts.numel()
    each = each.flatten(first, first + len(parts) - 1).movedim(first, 1)
    choices = torch.arange(len(each), device=each.device).expand(n, -1)
    combined = torch.cartesian_prod(*choices).view(-1, n)  # (Kⁿ, n)
    values = each[combined, torch.arange(n, device=each.device)]
    spread: Tensor = values.movedim(1, first).unflatten(first, parts)
    return spread
