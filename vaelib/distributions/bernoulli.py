"""Pixels that are on or off, or grey."""

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import constraints
from torch.nn.functional import softplus


class Bernoulli(TorchBernoulli):
    """Bernoulli by logits that also accepts grey values in [0, 1].

    A grey pixel x is read as "on with probability x"; ``log_prob`` is then the
    expected log-probability, the negative cross-entropy. It cannot rise above
    minus the entropy of the grey value, so −ELBO has a floor above zero.

    log p(x) = x·l − log(1 + eˡ): no probability is ever formed, so no logit is
    too large.
    """

    support = constraints.unit_interval  # type: ignore[assignment]

    def __init__(self, *, logits: Tensor):
        super().__init__(logits=logits, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        # softplus is exactly linear beyond its threshold: e⁻⁴⁰ is below float64.
        return value * self.logits - softplus(self.logits, threshold=40)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Bernoulli":
        return Bernoulli(logits=self.logits.expand(torch.Size(batch_shape)))
