"""The KL's two parts: what the codes tell, and where they lie."""

from math import log
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaelib.data import Dataset, as_tensor
from vaelib.models.conditional import in_parts
from vaelib.objectives.kl import closed_kl
from vaelib.objectives.latent import (
    LatentModel,
    check_count,
    check_sizes,
    codes_of,
)
from vaelib.randomness import seeded

ROWS = 1024  # examples encoded at once


class MutualInformation(NamedTuple):
    """The two parts of the mean KL(q(z|x)‖p(z)), which is their sum, in nats.

    Attributes:
        information: I(x; z), what the code tells about which example it is of.
        aggregate_kl: KL(q(z)‖p(z)), how far all codes together are from the prior.
    """

    information: float
    aggregate_kl: float


@torch.no_grad()
def mutual_information(
    model: LatentModel,
    data: Dataset | Tensor,
    *,
    samples: int = 1,
    seed: int = 0,
    at_once: int = 10_000_000,
) -> MutualInformation:
    """I(x; z) under q, and KL(q(z)‖p(z)) (Hoffman & Johnson 2016, eq. 6–7).

    q(z) is the mean of q(z|x) over all the data given, evaluated as it stands, so
    the information is that about *these* N examples, log N at most: N² densities
    for each sample. The expectations are means over draws, or sums where the
    codes can be listed; the mean KL is exact where it has a closed form.

    Args:
        model: gives ``posterior(x)`` and ``prior``; the prior is one for all x.
        data: ``(N, *data_shape)``.
        samples: draws per example.
        seed: of the draws.
        at_once: numbers held at once while densities are compared.

    Raises:
        ValueError: for a prior that depends on a condition.
    """
    check_count("samples", samples)
    check_count("at_once", at_once)
    x = as_tensor(data)
    with seeded(seed):
        points = [_points(*part, samples=samples) for part in in_parts(model, ROWS, x)]
    z, weights, own, kl = (torch.cat(column) for column in zip(*points, strict=True))
    everywhere = torch.full_like(own, -torch.inf)
    for part, some in in_parts(model, ROWS, x):
        q = part.posterior(some)
        everywhere = everywhere.logaddexp(_density(q, z, at_once))
    ratio = torch.where(weights > 0, own - everywhere + log(len(x)), 0)
    information = (weights * ratio).sum().item() / len(x)
    return MutualInformation(information, kl.mean().item() - information)


def _points(
    model: LatentModel, x: Tensor, *, samples: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Codes ``(L·B, *event)``, their weights, log q(z|x) of each; KL ``(B,)``."""
    q, prior = model.posterior(x), model.prior
    check_sizes(q, prior)
    if prior.batch_shape:
        raise ValueError(
            "model: its prior depends on the condition, so q(z) has no one prior to "
            "be compared with. Give one condition for all: model.given(c[:1])."
        )
    codes = codes_of(q, samples, gradient=False)
    own = q.log_prob(codes.z)
    weights = codes.weights
    if weights is None:
        weights = torch.full_like(own, 1 / samples)
    closed = closed_kl(q, prior)
    kl = codes.average(own - prior.log_prob(codes.z)) if closed is None else closed[0]
    return codes.z.flatten(0, 1), weights.flatten(), own.flatten(), kl


def _density(q: Distribution, z: Tensor, at_once: int) -> Tensor:
    """log Σ_n q(z|x_n) over q's batch, for each of the codes z ``(P, *event)``."""
    each = q.batch_shape.numel() * max(1, q.event_shape.numel())
    sums = [
        q.log_prob(some[:, None]).logsumexp(1)
        for some in z.split(max(1, at_once // each))
    ]
    return torch.cat(sums)
