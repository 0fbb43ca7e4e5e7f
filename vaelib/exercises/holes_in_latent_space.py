"""Checks for lesson 03, *Holes in latent space*."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from vaelib.exercises.cases import between, picture_shape
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import Function, Observation, of_shape, value

__all__ = ["draw_like", "largest_jump", "walk"]


# ----------------------------------------------------------------- largest_jump


def _path(g: torch.Generator) -> Case:
    n = between(6, 12, g)
    x = torch.rand(n, *picture_shape(g), generator=g)
    speed = 0.2 + torch.rand(n, generator=g) ** 2
    return ((speed.view(n, 1, 1, 1) * (x - 0.5)).cumsum(0),)


def _steps(x: Tensor) -> Tensor:
    return torch.stack([torch.dist(a, b) for a, b in pairwise(x)])


largest_jump = Exercise(
    "largest_jump",
    "Values",
    _path,
    lambda x: _steps(x).max() / _steps(x).mean(),
    (
        Mistake(
            "squared",
            "Your steps are squared lengths, so a large one weighs twice. Take the "
            "root of each.",
            lambda x: (_steps(x) ** 2).max() / (_steps(x) ** 2).mean(),
        ),
        Mistake(
            "upside_down",
            "Your number is below 1: you divide the mean by the largest.",
            lambda x: _steps(x).mean() / _steps(x).max(),
        ),
        Mistake(
            "from_the_start",
            "You measure how far each picture is from the first. A step goes from one "
            "picture to the next.",
            lambda x: (
                (x - x[:1]).flatten(1).norm(dim=1)[1:].max()
                / (x - x[:1]).flatten(1).norm(dim=1)[1:].mean()
            ),
        ),
        Mistake(
            "per_pixel",
            "That is the largest change of a single pixel over the mean change of a "
            "pixel. Add up over a picture first: the length of the whole step.",
            lambda x: (x[1:] - x[:-1]).abs().max() / (x[1:] - x[:-1]).abs().mean(),
        ),
        Mistake(
            "not_divided",
            "That is the largest step itself. It grows with the contrast of the "
            "pictures; divided by the mean step it does not.",
            lambda x: _steps(x).max(),
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
