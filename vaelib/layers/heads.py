"""Heads: in the page a likelihood is its mean, a posterior both its moments."""

from math import prod
from typing import Any

from torch import nn

from vaelib.distributions import (
    BernoulliHead,
    CategoricalHead,
    ContinuousBernoulliHead,
    DiagonalGaussianHead,
    GaussianHead,
)
from vaelib.layers.entry import Entry, Op, Shape, Writer
from vaelib.layers.pointwise import elementwise

_ENDS = "gives a distribution, and is no part of a body"


def _bernoulli(m: BernoulliHead, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [elementwise("sigmoid", prod(outof))]


def _continuous(
    m: ContinuousBernoulliHead, into: Shape, outof: Shape, w: Writer
) -> list[Op]:
    return [elementwise("exponential_mean", prod(outof))]


def _gaussian(m: GaussianHead, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    # Means come first where the features hold log-variances too.
    return [{"op": "part", "from": 0, "size": prod(outof)}]


def _categorical(m: CategoricalHead, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [{"op": "grey", "size": prod(outof), "levels": m.levels}]


def _posterior(
    m: DiagonalGaussianHead, into: Shape, outof: Shape, w: Writer
) -> list[Op]:
    return [{"op": "bound", "size": prod(outof), "skip": m.latent_dim}]


LAYERS: dict[type[nn.Module], Entry[Any]] = {
    BernoulliHead: Entry(_bernoulli, _ENDS),
    ContinuousBernoulliHead: Entry(_continuous, _ENDS),
    GaussianHead: Entry(_gaussian, _ENDS),
    CategoricalHead: Entry(_categorical, _ENDS),
    DiagonalGaussianHead: Entry(_posterior, _ENDS),
}
