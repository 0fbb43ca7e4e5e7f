"""Checks for lesson 03, *Holes in latent space*."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from vaelib.exercises.cases import between, picture_shape
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import Function, Observation, of_shape, value

__all__ = ["draw_like", "hole_share", "walk"]


# ------------------------------------------------------------------- hole_share

_NEAR = 0.01  # no code is asked about that rounding could put on either side


def _clumps(g: torch.Generator) -> Case:
    """Codes in two clumps with a gap between them, away from the origin; fewer or
    more held-out ones, 100 and one or a multiple, so that 99 % of them end at one
    of them; and codes to ask about in the clumps, in the gap and outside."""
    k, n = between(2, 4, g), between(60, 150, g)
    many = 100 * between(1, 3, g) + 1
    sides = 5 * torch.eye(k)[0]
    widths = 0.5 + torch.rand(k, generator=g)
    middle = torch.randn(k, generator=g)

    def drawn(count: int, wide: float) -> Tensor:
        side = torch.randint(0, 2, (count, 1), generator=g) - 0.5
        return (
            middle + side * sides + wide * widths * torch.randn(count, k, generator=g)
        )

    codes, held_out = drawn(n, 1.0), drawn(many, 1.0)
    asked = torch.cat([drawn(150, 1.0), drawn(350, 2.0)])
    asked = torch.cat([asked, middle + widths * torch.randn(100, k, generator=g)])
    found = _nearest(held_out, codes)
    away = _nearest(asked, codes)
    marks = torch.stack([_usual(found), found.max(), _usual(found, 0.01), 0 * found[0]])
    clear = ((away[:, None] - marks).abs() > _NEAR).all(1)
    return codes, held_out, asked[clear]


def _nearest(z: Tensor, codes: Tensor) -> Tensor:
    return torch.cdist(z, codes).amin(1)


def _usual(away: Tensor, share: float = 0.99) -> Tensor:
    return away.quantile(share)


def _beyond(away: Tensor, limit: Tensor) -> Tensor:
    return (away > limit).float().mean()


def _by_numpy(codes: Tensor, held_out: Tensor, asked: Tensor) -> Tensor:
    c, h, a = (t.double().numpy() for t in (codes, held_out, asked))
    usual, away = (np.linalg.norm(z[:, None] - c, axis=2).min(1) for z in (h, a))
    return torch.tensor(float((away > np.percentile(usual, 99)).mean()))


hole_share = Exercise(
    "hole_share",
    "The shares",
    _clumps,
    _by_numpy,
    (
        Mistake(
            "share_inside",
            "That is the share of codes that have a neighbour. A hole is where there "
            "is none within the limit.",
            lambda codes, held_out, asked: (
                1 - _beyond(_nearest(asked, codes), _usual(_nearest(held_out, codes)))
            ),
        ),
        Mistake(
            "counted",
            "That is how many lie in a hole. The task asks for their share.",
            lambda codes, held_out, asked: (
                _beyond(_nearest(asked, codes), _usual(_nearest(held_out, codes)))
                * len(asked)
            ),
        ),
        Mistake(
            "largest",
            "Your limit is the largest distance of all, so a single odd picture "
            "decides. Take the one that 99 % stay below.",
            lambda codes, held_out, asked: _beyond(
                _nearest(asked, codes), _nearest(held_out, codes).max()
            ),
        ),
        Mistake(
            "one_percent",
            "Your limit is the distance that 1 % of held_out stay below. Which end "
            "of the distances is unusual?",
            lambda codes, held_out, asked: _beyond(
                _nearest(asked, codes), _usual(_nearest(held_out, codes), 0.01)
            ),
        ),
        Mistake(
            "yardstick_of_the_codes",
            "Your limit comes from the distances of the codes to themselves, and "
            "each is its own nearest, 0 away. What is held_out for?",
            lambda codes, held_out, asked: _beyond(
                _nearest(asked, codes), _usual(_nearest(codes, codes)).clamp(max=0.0)
            ),
        ),
        Mistake(
            "yardstick_of_the_asked",
            "Your limit comes from asked itself: then one in a hundred always lies "
            "in a hole. What is usual is measured on held_out.",
            lambda codes, held_out, asked: _beyond(
                _nearest(asked, codes), _usual(_nearest(asked, codes))
            ),
        ),
        Mistake(
            "mean_distance",
            "You use the mean distance to all codes. In the gap between two clumps "
            "it is small: take the distance to the nearest.",
            lambda codes, held_out, asked: _beyond(
                torch.cdist(asked, codes).mean(1),
                _usual(torch.cdist(held_out, codes).mean(1)),
            ),
        ),
        Mistake(
            "from_the_middle",
            "You measure how far a code is from the middle of all codes. That finds "
            "what lies outside, and not what lies in a gap.",
            lambda codes, held_out, asked: _beyond(
                (asked - codes.mean(0)).norm(dim=1),
                _usual((held_out - codes.mean(0)).norm(dim=1)),
            ),
        ),
        Mistake(
            "wrong_axis",
            "For each code you look for the nearest of asked. It is the other way "
            "round: cdist(asked, codes) has one row for each of asked.",
            lambda codes, held_out, asked: _beyond(
                _nearest(codes, asked), _usual(_nearest(codes, held_out))
            ),
        ),
        Mistake(
            "yes_or_no",
            "That is one yes or no for each of asked, and right. The task asks for "
            "their share.",
            lambda codes, held_out, asked: (
                _nearest(asked, codes) > _usual(_nearest(held_out, codes))
            ).float(),
        ),
    ),
    observe=value,
)

# -------------------------------------------------------------------- draw_like

_DRAWS = 4000
_MEAN, _COVARIANCE = "mean, in widths of the codes", "covariance, over the codes'"


def _codes_and_noise(g: torch.Generator) -> Case:
    """Codes far from the origin, with widths far from one, and correlated."""
    k = between(2, 4, g)
    widths = 2.0 + 2.0 * torch.rand(k, generator=g)
    mix = torch.eye(k) + torch.full((k, k), 0.7).tril(-1)
    z = torch.randn(300, k, generator=g) @ (widths[:, None] * mix).T
    shift = 3 + 2 * torch.rand(k, generator=g)
    return z + widths * shift, torch.randn(_DRAWS, k, generator=g)


def _statistics(function: Function, case: Case) -> Observation:
    """Mean and covariance of what was drawn, in the codes' own measure: any
    square root of the covariance will do."""
    z, eps = case
    drawn = of_shape(
        function(z.clone(), eps.clone()),
        tuple(eps.shape),
        "codes are",
        "One row for each row of eps. The mean has shape (k,) and broadcasts: which "
        "axis did you average over?",
    )
    # Symmetric root, so that no triangle is preferred.
    values, axes = torch.linalg.eigh(z.T.cov().double())
    white = (drawn.detach().double() - z.mean(0)) @ (axes / values.sqrt())
    return {_MEAN: white.mean(0), _COVARIANCE: white.T.cov()}


def _root(z: Tensor) -> Tensor:
    root: Tensor = torch.linalg.cholesky(z.T.cov())
    return root


draw_like = Exercise(
    "draw_like",
    "Mean and covariance",
    _codes_and_noise,
    lambda z, eps: torch.distributions.MultivariateNormal(z.mean(0), z.T.cov()).sample(
        (len(eps),)
    ),
    (
        Mistake(
            "standard_normal",
            "You return eps as it is: N(0, I). These codes are elsewhere, and wider.",
            lambda z, eps: eps,
        ),
        Mistake(
            "mean_forgotten",
            "The widths are right, and the cloud lies round the origin. Where is the "
            "middle of the codes?",
            lambda z, eps: eps @ _root(z).T,
        ),
        Mistake(
            "correlation_forgotten",
            "Each dimension has the right width, but your dimensions are drawn "
            "apart, and the codes' hang together. Use the whole covariance.",
            lambda z, eps: z.mean(0) + z.std(0) * eps,
        ),
        Mistake(
            "covariance_for_root",
            "You multiplied by the covariance itself: that is σ² where σ belongs. A "
            "matrix has a square root, too.",
            lambda z, eps: z.mean(0) + eps @ z.T.cov(),
        ),
        Mistake(
            "variance_for_sigma",
            "Your widths are variances, σ² in place of σ, and the dimensions are "
            "drawn apart.",
            lambda z, eps: z.mean(0) + z.var(0) * eps,
        ),
        Mistake(
            "root_transposed",
            "Nearly: for a column ε the draw is R ε. Your ε are rows, so R has to be "
            "transposed.",
            lambda z, eps: z.mean(0) + eps @ _root(z),
        ),
    ),
    observe=_statistics,
    # Six standard errors of a variance from 4,000 draws: 6 √(2/4000) = 0.13, over
    # 1 + 1 where it is compared; the oracle is a draw, too.
    loose={_MEAN: 0.13, _COVARIANCE: 0.14},
)

# ------------------------------------------------------------------------- walk


def _two_pictures(g: torch.Generator) -> Case:
    shape, k = picture_shape(g), between(2, 3, g)
    pixels = math.prod(shape)
    into = torch.randn(pixels, k, generator=g) / pixels**0.5
    out = torch.randn(k, pixels, generator=g)
    a, b = torch.rand(2, 1, *shape, generator=g)

    def encode(x: Tensor) -> Tensor:
        _only(x, shape, "encode", "(n, C, H, W)")
        return torch.sinh(2 * (x.flatten(1) @ into))

    def decode(z: Tensor) -> Tensor:
        _only(z, (k,), "decode", "(n, k)")
        return torch.sigmoid(z @ out).reshape(-1, *shape)

    return encode, decode, a, b, between(3, 8, g)


def _only(x: Tensor, shape: tuple[int, ...], name: str, wanted: str) -> None:
    """As strict as a convolution and a linear layer that know their sizes."""
    if x.shape[1:] != shape:
        raise RuntimeError(f"{name} got the shape {tuple(x.shape)}, wanted {wanted}")


Map = Callable[[Tensor], Tensor]


def _by_lerp(encode: Map, decode: Map, a: Tensor, b: Tensor, n: int) -> Tensor:
    start, end = encode(a)[0], encode(b)[0]
    z = [torch.lerp(start, end, i / (n - 1)) for i in range(n)]
    return decode(torch.stack(z))


def _mixed(encode: Map, decode: Map, a: Tensor, b: Tensor, n: int) -> Tensor:
    t = torch.linspace(0, 1, n).view(n, 1, 1, 1)
    return (1 - t) * a + t * b


walk = Exercise(
    "walk",
    "All pictures on the way",
    _two_pictures,
    _by_lerp,
    (
        Mistake(
            "pixels_encoded",
            "",
            lambda encode, decode, *rest: decode(encode(_mixed(encode, decode, *rest))),
            as_given=True,
        ),
        Mistake(
            "pixels_only",
            "Now there is no code in it at all: you mix pixels, and half way stands a "
            "double exposure.",
            _mixed,
        ),
        Mistake(
            "paintings_mixed",
            "You decode both ends and mix the paintings. Mix the codes, and decode "
            "each mixture.",
            lambda encode, decode, a, b, n: _mixed(
                encode, decode, decode(encode(a)), decode(encode(b)), n
            ),
        ),
        Mistake(
            "backwards",
            "Your walk starts at b. What should t be at the first picture?",
            lambda encode, decode, a, b, n: _by_lerp(encode, decode, b, a, n),
        ),
        Mistake(
            "end_left_out",
            "Your walk stops one step short of b. With n pictures there are n − 1 "
            "steps between them.",
            lambda encode, decode, a, b, n: _by_lerp(encode, decode, a, b, n + 1)[:n],
        ),
        Mistake(
            "codes_only",
            "These are the codes of the walk, and right. They still have to be "
            "decoded.",
            lambda encode, decode, a, b, n: _by_lerp(encode, lambda z: z, a, b, n),
        ),
    ),
    observe=value,
)
