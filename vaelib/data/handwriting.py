"""``handwriting``: 28×28 digits written by a simulated pen, every factor known.

A digit is a *style* (one way of writing it: a few control points per pen
stroke) that a random hand bends, slants, squeezes, turns and inks. The picture
comes from that pen's path, so the data set also knows the path itself. The
framing is MNIST's (LeCun et al. 1998): the writing fills a 20×20 box and is
centred by its centre of mass in 28×28.

The styles and the ranges are designed by hand. Only MNIST's published framing
is imitated, no image of it was used to fit anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from vaelib.data.dataset import Dataset

__all__ = ["FACTOR_NAMES", "ink", "load", "style_digits", "write"]

SIZE = 28
BOX = 20.0
STEPS = 64
# Pictures are drawn this many at a time: the (chunk, STEPS, 28) work space
# then fits in a core's own cache, which is what makes the drawing fast.
CHUNK = 256
DEFAULT_N = {"train": 20_000, "test": 5_000}

FACTOR_NAMES = (
    "style",
    "slant",
    "aspect",
    "rotation",
    "thickness",
    "scale",
    "x",
    "y",
    "wobble",
    "looseness",
    "pressure",
    "softness",
)

# One line per way of writing a digit: its share among that digit's writers,
# then the pen's control points "x,y" (y down, about 6 wide and 10 high).
# "!" makes a corner, "|" lifts the pen. Points with equal coordinates are one
# point: they move together, so what should touch keeps touching.
STYLES: tuple[tuple[int, float, str], ...] = (
    # 0: closed, overlapping, with a tail inside, leaning, round, open
    (0, 3, "3.5,0 1.2,1.6 .2,5 1.2,8.5 3.4,10 5.6,8.5 6.6,5 5.7,1.6 3.5,0"),
    (
        0,
        2,
        "4.6,.8 2.8,.2 1,2 .2,5.2 1,8.6 3.2,10 5.4,8.6 6.4,5 5.6,1.6 3.6,.3 2.4,1.2",
    ),
    (
        0,
        1,
        "4.4,2 3.6,.6 2,.9 .6,3.2 .4,6.8 1.8,9.6 4,9.6 5.8,7.2 6.2,3.8 5.2,1 3.4,.1",
    ),
    (0, 2, "5,.2 2.4,1.8 .8,5.4 .6,8.8 2,10 4.2,8.4 5.8,4.8 6,1.6 5,.2"),
    (0, 2, "4.5,.6 1.6,1.2 0,4.6 1.2,8.2 4.4,9.4 7.8,8 9,4.8 7.6,1.4 4.5,.6"),
    (0, 1, "3.2,.6 1,2.4 .2,5.6 1.2,8.8 3.4,10 5.6,8.6 6.4,5.2 5.8,2 4.6,.4"),
    # 1: a bar, a leaning bar, bent, with a flag, with a flag and a foot
    (1, 4, "0,0 0,5 0,10"),
    (1, 4, "3,0 1.5,5 0,10"),
    (1, 2, ".6,0 .2,3.4 0,7 .4,10"),
    (1, 1, "0,2.2 2,0! 2,5 2,10"),
    (1, 1, ".4,2 2.4,0! 2.4,5 2.4,10|0,10 2.4,10 5,10"),
    # 2: straight foot, looped, like a Z, curled start, wide loop, round
    (2, 3, ".4,2.4 1.4,.6 3.6,0 5.6,1.2 5.6,3.6 3.6,6.4 .6,9.6! 3.4,9.6 6.8,9.4"),
    (
        2,
        2,
        ".6,2.2 1.8,.4 4,0 5.4,1.4 5,4 3.4,6.8 1.4,9.2 .2,9.4 .4,8 2,7.8 4,9.2 6.8,9.4",
    ),
    (2, 2, ".4,.8 3,.2 5.8,.6! 3.2,5 .2,9.6! 3.4,9.4 6.6,9.8"),
    (2, 1, "1.8,2.6 .8,1.8 1.6,.4 3.8,0 5.6,1.4 5.2,4 3,7 .4,9.8! 2.4,9 4.4,9.6 6.8,9"),
    (
        2,
        2,
        "1.4,1.6 3,.2 5.2,.6 5.8,2.6 4.6,5.4 2.4,8.2 .8,8.6 .2,7.4 1.6,6.8 3.6,8.2 5.2,9.8 7.4,9",
    ),
    (2, 2, "0,3 .8,.8 3,0 5,1 5.2,3.2 4,5.8 .4,10! 3,9.9 5.4,10"),
    # 3: two bows, flat top, small loop, short waist, long tail
    (
        3,
        3,
        ".6,1.6 2,.2 4.4,.2 5.4,1.8 4.4,4 2.4,4.8! 5,5.2 6.2,7.2 5,9.4 2.4,10 .2,8.8",
    ),
    (3, 1, ".4,.6 3,.3 5.8,.3! 4.2,2.4 2.6,4.4! 5.2,5 6,7.2 4.6,9.4 2.2,10 0,8.8"),
    (
        3,
        2,
        ".6,1.4 2.2,.1 4.6,.6 5,2.4 3.6,4.2 2,4.8 1.8,4.2 3.2,4.4 5.4,5.6 5.8,7.8 4.2,9.8 1.8,9.8 .2,8.4",
    ),
    (3, 2, ".6,1 3.2,0 5.2,1.2 4.8,3.2 2.6,4.6! 4.4,4.9 5.6,6.6 4.6,8.8 2.4,10 .4,9.8"),
    (
        3,
        2,
        "1.6,1.6 3.2,0 5.8,.2 6.2,1.8 4.8,3.6 3,4.4! 5,5 5.4,7 3.8,9 1.6,10 -.4,9.6",
    ),
    # 4: open, closed, round, leaning, short stem, pointed
    (4, 3, "1.2,0 .8,2.4 .4,5! 3,5.2 6.4,5|5.2,.2 5,5 4.8,10"),
    (4, 1, "4.6,0 2.4,3.2 .2,6.4! 3.4,6.4 6.6,6.4|4.6,0 4.6,5 4.6,10"),
    (4, 2, ".8,.4 .2,3 1,4.8 3.2,4.8 5.4,3.4|5.6,0 5.2,5 4.6,10"),
    (4, 3, "2.6,0 1.4,2.8 .2,5.4! 3,5.4 6,4.8|6.2,1.2 4.6,5.2 3,10"),
    (4, 2, "3,0 1.6,2.8 0,5.6! 3.2,5.4 6.4,5.2|4.6,2.6 4.2,6 3.8,10"),
    (4, 1, "5.2,.4 2.4,2.6 .2,5.6! 3,5.8 5,5.4|5.2,.4 5,5 4.6,10"),
    # 5: one stroke, separate hat, like an S, leaning, small belly
    (5, 3, "6,.2 3.6,.2 1.6,.4! 1.2,2.4 .8,4.4! 3,3.8 5.2,5 5.6,7.2 4,9.4 1.8,10 0,9"),
    (
        5,
        2,
        "1.6,.4 1.2,2.4 .8,4.4! 3,3.6 5.4,4.8 5.8,7.2 4.2,9.4 1.8,10 0,8.8|1.6,.4 3.8,.2 6.2,0",
    ),
    (5, 2, "5.8,.4 3.6,.2 1.6,1.2 1.2,3.2 2.8,4.6 4.6,5.8 5,7.8 3.6,9.6 1.4,10 0,9"),
    (5, 2, "7,0 4.6,.4 3,.6! 2.4,2.2 1.6,4! 3.6,4.2 5,5.6 4.6,7.8 2.8,9.4 0,9.8"),
    (5, 1, "2,.6 1.4,4.6! 3.6,4.4 5,6 4.4,8.4 2.4,9.8 0,9.6|2.2,.6 4.6,.7 7.2,0"),
    # 6: curved, straight stem, large loop, hooked top, open spiral
    (
        6,
        3,
        "5,0 2.8,1.6 .8,4.6 .2,7.4 1.4,9.6 3.6,10 5.4,8.6 5.4,6.6 3.8,5.4 1.8,6 .4,7.8",
    ),
    (6, 2, "3.4,0 1.8,2.8 .6,5.8 .2,8.2 1.6,9.9 3.8,9.6 5,7.8 4.4,6 2.6,5.6 .8,7"),
    (6, 2, "4.2,0 1.8,1.6 .3,4.6 .4,8 2.2,10 4.8,9.4 6,7.2 5,5 3,4.4 1.2,5.4 .4,7"),
    (6, 1, "4.6,.8 3,0 1.2,1.6 .3,5 .8,8.6 2.6,10 4.4,9 4.6,7 3.2,6 1.4,6.8 .8,8.4"),
    (6, 2, "6.2,0 3.6,1.8 1.2,4.8 0,7.8 1,9.8 3.2,9.6 5,8 5.2,6.4 3.6,6.2 2,7.6 1.6,9"),
    # 7: plain, crossed, with a serif, curved, upright, round
    (7, 3, "0,.4 3,.3 6,0! 4.4,3.6 3,7 2,10"),
    (7, 1, "0,.4 3,.3 6,0! 4.4,3.6 3,7 2,10|1.6,5.2 3.6,5 5.6,4.8"),
    (7, 1, ".2,2 .4,.4! 3.2,.4 6.2,.2! 4.6,3.6 3.2,7 2.4,10"),
    (7, 2, "0,1.4 1.6,.3 4,.6 5.8,.3 5.6,1.8 4,4.6 3,7.4 2.6,10"),
    (7, 2, "0,.6 2.6,.4 5,.4! 4.8,3.4 4.2,6.8 4,10"),
    (7, 1, "0,1.2 2.4,0 4.8,.8 5.4,2.8 4.8,6 3.6,10"),
    # 8: from the top, from the waist, open, leaning, two rings
    (
        8,
        3,
        "5,1.2 3,0 1,1.2 1.2,3.2 3.2,4.8 5.2,6.6 5.2,8.8 3,10 .8,8.8 .8,6.8 2.8,4.8 4.8,3 5,1.2",
    ),
    (
        8,
        1,
        "3,4.6 1.2,3.4 1,1.4 3,0 5,1.2 4.8,3.4 3,4.6 1,6 .4,8.2 2.8,10 5.4,8.4 5,6 3,4.6",
    ),
    (
        8,
        2,
        "5.8,.4 3.4,.2 1.4,1.4 1.8,3.4 3.6,5 4.6,7 3.8,9.4 1.8,10 .6,8.4 1.8,6.2 4,4 5.8,1.6",
    ),
    (
        8,
        2,
        "5.6,1 4.4,0 2.6,1 2.4,3 3.2,4.8 3.6,7 2.6,9.4 1,10 .2,8.6 1.2,6.6 3.2,4.8 5,2.8 5.6,1",
    ),
    (
        8,
        1,
        "3,0 1.2,1 1.2,3.4 3,4.4 4.8,3.4 4.8,1 3,0|3,4.4 .8,5.8 .6,8.6 3,10 5.4,8.6 5.2,5.8 3,4.4",
    ),
    # 9: straight stem, hooked tail, leaning, rolled, open
    (9, 3, "5,1.4 3.2,0 1,.8 .2,2.8 1.2,4.8 3.4,4.6 4.8,2.8 5,1.4! 4.8,5.6 4.4,10"),
    (
        9,
        1,
        "5.2,1.4 3.2,0 1,.8 .2,2.8 1.2,4.8 3.4,4.6 4.8,2.8 5.2,1.4! 5.6,5 5,8.4 3,10 .8,9.4",
    ),
    (9, 3, "5.6,.8 3.8,0 1.6,1.4 1,3.6 2.2,4.6 4.2,3 5.6,.8! 4.2,5.4 2.4,10"),
    (9, 2, "4.6,3.4 2.2,4.6 .6,3.2 1.2,1 3.4,0 5.2,1 5.4,3.6 4.8,7 4,10"),
    (9, 1, "2.4,.2 .6,1.8 .6,4 2.4,4.9 4.4,4 5.4,1.2! 5,5 4.4,10"),
)


def load(split: str, n: int | None, seed: int) -> Dataset:
    """Write ``n`` digits (20,000 for train, 5,000 for test if None).

    Picture ``i`` depends on ``seed``, ``split`` and ``i`` alone: asking for
    more pictures leaves the first ones as they were, and the two splits are
    independent draws.
    """
    count = DEFAULT_N[split] if n is None else n
    chunks = [_chunk(split, seed, i) for i in range(-(-count // CHUNK))]
    factors, paths, x = (torch.cat(parts)[:count] for parts in zip(*chunks))
    labels = style_digits()[factors[:, 0].long()]
    return Dataset("handwriting", split, x, labels, factors, FACTOR_NAMES, paths)


def _chunk(split: str, seed: int, index: int) -> tuple[Tensor, Tensor, Tensor]:
    hand = _generator(seed, split, index)
    factors = _sample_factors(CHUNK, hand)
    paths = write(factors, hand)
    _, _, _, _, thickness, _, _, _, _, _, pressure, softness = factors.unbind(1)
    return factors, paths, ink(paths, thickness, softness, pressure)


def _generator(seed: int, split: str, index: int) -> torch.Generator:
    # SeedSequence scatters neighbouring numbers over the whole seed space, so
    # chunk 1 of seed 0 and chunk 0 of seed 1 share nothing.
    words = np.random.SeedSequence([seed, split == "test", index])
    state = int(words.generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state & (2**63 - 1))


def _sample_factors(count: int, hand: torch.Generator) -> Tensor:
    """Draw ``(count, F)`` factors, one column per name in ``FACTOR_NAMES``."""
    digit = torch.randint(10, (count,), generator=hand)
    shares = _bank().share[digit]
    style = torch.multinomial(shares, 1, generator=hand)[:, 0]
    z = torch.randn(count, len(FACTOR_NAMES), generator=hand).clamp(-2.5, 2.5)
    u = torch.rand(count, len(FACTOR_NAMES), generator=hand)
    return torch.stack(
        [
            style.float(),
            0.12 + 0.22 * z[:, 1],
            torch.exp(0.16 * z[:, 2]),
            0.10 * z[:, 3],
            2.5 * torch.exp(0.28 * z[:, 4]),
            1.0 + 0.04 * z[:, 5],
            0.5 * z[:, 6],
            0.5 * z[:, 7],
            0.15 + 0.35 * u[:, 8],
            0.15 + 0.85 * u[:, 9],
            0.5 * z[:, 10],
            0.8 + 0.6 * u[:, 11],
        ],
        dim=1,
    )


def write(factors: Tensor, generator: torch.Generator) -> Tensor:
    """Move the pen: known factors and a random hand → its path.

    Args:
        factors: ``(N, F)``, columns as ``FACTOR_NAMES``: style (index), slant
            (Δx per Δy, positive leans right), aspect (width multiplier),
            rotation (radians), thickness (pixels), scale (1 fills the 20×20
            box), x and y (pixels off the centre), wobble (pixels), looseness
            (control points' deviation, 1 = free hand), pressure and softness
            (see :func:`ink`).
        generator: the source of what the factors leave open.

    Returns:
        ``(N, 64, 3)``: x, y in pixels (the centre of the top left pixel is
        0, 0) and 1 where the pen drew on its way to this point, else 0.
    """
    bank = _bank()
    style = factors[:, 0].long()
    _, slant, aspect, turn, thickness, scale, x, y, wobble, loose, _, _ = (
        factors.unbind(1)
    )
    free = loose[:, None, None] * bank.freedom[style]
    noise = torch.randn(len(factors), *bank.points.shape[1:], generator=generator)
    path = bank.basis[style] @ (bank.points[style] + free * noise)
    path = _bend(path, loose, generator)
    path = path @ _hand(slant, aspect, turn)
    path = _fit(path, bank.pen[style], scale * (BOX - thickness))
    path = path + wobble[:, None, None] * _tremor(len(factors), generator)
    path = path + (SIZE / 2 + torch.stack([x, y], dim=1))[:, None]
    return torch.cat([path, bank.pen[style][..., None]], dim=2)


def _bend(path: Tensor, loose: Tensor, generator: torch.Generator) -> Tensor:
    """Warp the sheet: a random quadratic map of the plane."""
    x, y = path[..., :1], path[..., 1:]
    terms = torch.cat([x * x, x * y, y * y], dim=2)
    amount = 0.12 * torch.randn(len(path), 3, 2, generator=generator)
    return path + terms @ (amount * loose[:, None, None])


def _hand(slant: Tensor, aspect: Tensor, turn: Tensor) -> Tensor:
    """Aspect, then slant, then rotation, as ``(N, 2, 2)`` for row vectors."""
    zero, one = torch.zeros_like(slant), torch.ones_like(slant)
    squeeze = torch.stack([aspect, zero, zero, one], dim=1)
    shear = torch.stack([one, zero, -slant, one], dim=1)
    cos, sin = turn.cos(), turn.sin()
    rotate = torch.stack([cos, sin, -sin, cos], dim=1)
    first, second, third = (m.reshape(-1, 2, 2) for m in (squeeze, shear, rotate))
    return first @ second @ third


def _fit(path: Tensor, pen: Tensor, extent: Tensor) -> Tensor:
    """MNIST's framing: the longer side to ``extent``, the centre of mass to 0."""
    spread = path.amax(1) - path.amin(1)
    path = path * (extent / spread.amax(1))[:, None, None]
    mass = _ink_per_point(path, pen)[..., None]
    return path - (path * mass).sum(1, keepdim=True) / mass.sum(1, keepdim=True)


def _tremor(count: int, generator: torch.Generator) -> Tensor:
    """``(count, STEPS, 2)`` of smooth unsteadiness, about 1 in size."""
    waves = torch.arange(2, 7) * math.pi
    angle = torch.linspace(0, 1, STEPS)[:, None] * waves
    basis = torch.cat([angle.sin(), angle.cos()], dim=1) / math.sqrt(len(waves))
    return basis @ torch.randn(count, basis.shape[1], 2, generator=generator)


def ink(
    trajectories: Tensor,
    thickness: float | Tensor = 2.5,
    softness: float | Tensor = 1.0,
    pressure: float | Tensor = 0.0,
) -> Tensor:
    """Draw pen paths.

    The ink on a pixel is the line integral of a Gaussian along the path; its
    logarithm is, on a straight stroke, the distance to the pen, which gives
    an edge of chosen softness. Where strokes meet, ink runs together.

    Args:
        trajectories: ``(N, T, 3)``, as :func:`write` returns them.
        thickness: width of the stroke in pixels, one or ``(N,)``.
        softness: width of the edge's grey ramp in pixels, one or ``(N,)``.
        pressure: log-ratio of the ink at the start to that at the end, one or
            ``(N,)``; 0 is even.

    Returns:
        ``(N, 1, 28, 28)`` float32 in [0, 1].
    """
    width, edge, press = (
        torch.as_tensor(v, dtype=torch.float32).reshape(-1, 1, 1)
        for v in (thickness, softness, pressure)
    )
    parts = [
        _ink_chunk(
            path, *(v[i : i + CHUNK] if len(v) > 1 else v for v in (width, edge, press))
        )
        for i, path in zip(
            range(0, len(trajectories), CHUNK), trajectories.split(CHUNK)
        )
    ]
    return torch.cat(parts)[:, None]


def _ink_chunk(path: Tensor, width: Tensor, edge: Tensor, pressure: Tensor) -> Tensor:
    spread = 0.28 * width + 0.25
    pixels = torch.arange(SIZE, dtype=torch.float32)
    across = torch.exp(-0.5 * ((path[..., :1] - pixels) / spread) ** 2)
    down = torch.exp(-0.5 * ((path[..., 1:2] - pixels) / spread) ** 2)
    time = torch.linspace(0.5, -0.5, path.shape[1])[:, None]
    mass = _ink_per_point(path[..., :2], path[..., 2])[..., None]
    mass = mass * torch.exp(pressure * time) / (math.sqrt(2 * math.pi) * spread)
    wet = down.mT @ (across * mass)
    distance = spread * torch.sqrt(-2 * torch.log(wet.clamp(1e-30, 1.0)))
    return ((width / 2 - distance) / edge + 0.5).clamp(0, 1)


def _ink_per_point(path: Tensor, pen: Tensor) -> Tensor:
    """Length of path that each point stands for, ``(N, T)``: half of what the
    pen drew to get there and half of what it drew next."""
    drawn = (path[:, 1:] - path[:, :-1]).norm(dim=2) * pen[:, 1:]
    nothing = torch.zeros(len(path), 1)
    return (torch.cat([nothing, drawn], 1) + torch.cat([drawn, nothing], 1)) / 2


def style_digits() -> Tensor:
    """Which digit each style writes, ``(S,)`` int64."""
    return _bank().digit


@dataclass(frozen=True)
class _Bank:
    """All S styles as arrays of one size; P control points at most."""

    digit: Tensor  # (S,)
    share: Tensor  # (10, S), how digit d's writers divide over the styles
    points: Tensor  # (S, P, 2), within [-1, 1]
    freedom: Tensor  # (S, P, 1), how far each point strays
    basis: Tensor  # (S, STEPS, P), control points → path
    pen: Tensor  # (S, STEPS)


@cache
def _bank() -> _Bank:
    drawn = [_style(text) for _, _, text in STYLES]
    most = max(len(points) for points, *_ in drawn)
    digit = torch.tensor([d for d, _, _ in STYLES])
    weight = torch.tensor([w for _, w, _ in STYLES], dtype=torch.float32)

    def stack(column: int, axis: int) -> Tensor:
        arrays = [np.asarray(style[column]) for style in drawn]
        padded = []
        for array in arrays:
            pad = [(0, 0)] * array.ndim
            pad[axis] = (0, most - array.shape[axis])
            padded.append(np.pad(array, pad))
        return torch.tensor(np.stack(padded), dtype=torch.float32)

    pen = torch.tensor(np.stack([style[3] for style in drawn]), dtype=torch.float32)
    share = (digit == torch.arange(10)[:, None]) * weight
    return _Bank(digit, share, stack(0, 0), stack(1, 0), stack(2, 1), pen)


Array = np.ndarray


def _style(text: str) -> tuple[Array, Array, Array, Array]:
    """A line of ``STYLES`` → its points, their freedom, its basis, its pen."""
    strokes = [stroke.split() for stroke in text.split("|")]
    marks = [mark.rstrip("!") for stroke in strokes for mark in stroke]
    names = list(dict.fromkeys(marks))
    points = np.array([[float(v) for v in name.split(",")] for name in names])
    curves = [_curve(stroke, names) for stroke in strokes]
    lengths = [_length(curve @ points)[-1] for curve in curves]
    counts = _divide(STEPS, lengths)
    basis = np.concatenate([_resample(c, points, k) for c, k in zip(curves, counts)])
    pen = np.ones(STEPS)
    pen[np.cumsum([0, *counts[:-1]])] = 0.0
    return _centred(points), _freedom(strokes, names), basis, pen


def _curve(stroke: list[str], names: list[str], fine: int = 32) -> Array:
    """Catmull–Rom spline through the stroke's points, as rows of weights.

    A doubled point (a corner) makes the tangents vanish there.
    """
    order: list[int] = []
    for mark in stroke:
        order += [names.index(mark.rstrip("!"))] * (1 + mark.endswith("!"))
    knots = np.eye(len(names))[[order[0], *order, order[-1]]]
    u = np.linspace(0, 1, fine, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:]):
        bent = (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3
        pieces.append(b + ((c - a) * u + bent) / 2)
    return np.concatenate([*pieces, knots[-1:]])


def _length(curve: Array) -> Array:
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _resample(curve: Array, points: Array, count: int) -> Array:
    """``count`` rows of the curve at equal distances along it."""
    length = _length(curve @ points)
    wanted = np.linspace(0, length[-1], count)
    columns = [np.interp(wanted, length, column) for column in curve.T]
    return np.stack(columns, axis=1)


def _divide(total: int, lengths: list[float]) -> list[int]:
    """Share ``total`` steps among strokes by length, 6 at least."""
    share = [max(6, round(total * v / sum(lengths))) for v in lengths]
    share[int(np.argmax(share))] += total - sum(share)
    return share


def _centred(points: Array) -> Array:
    middle = (points.max(0) + points.min(0)) / 2
    return np.asarray((points - middle) / (np.ptp(points, axis=0).max() / 2))


def _freedom(strokes: list[list[str]], names: list[str]) -> Array:
    """Hands agree least on where a stroke begins and ends."""
    free = np.full((len(names), 1), 0.055)
    for stroke in strokes:
        for mark in (stroke[0], stroke[-1]):
            free[names.index(mark.rstrip("!"))] = 0.09
    return free
