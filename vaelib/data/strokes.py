"""How digits are written: styles, as pen strokes through a few points.

Every style is a line of text in ``STYLES``. :func:`bank` turns all of them into
arrays of one size, so that a whole batch of different styles is written by one
matrix product: ``basis @ points`` is the pen's path.

The styles are drawn by hand. Looking at which MNIST *training* digits a reader
of ours got wrong suggested some of them; no image was traced or fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["STEPS", "Bank", "bank"]

STEPS = 64  # points along a pen's path

Array = NDArray[np.float64]

# One line per way of writing a digit: the digit, the style's share among that
# digit's writers, then the pen's control points "x,y" (y down, 100 high).
# "!" makes a corner, "|" lifts the pen. Points with equal coordinates are one
# point: they move together, so what should touch keeps touching.
STYLES = """
# 0: closed, overlapping, tail inside, leaning, round, open, wide
0 3  35,0 12,16 2,50 12,85 34,100 56,85 66,50 57,16 35,0
0 2  46,8 28,2 10,20 2,52 10,86 32,100 54,86 64,50 56,16 36,3 24,12
0 1  44,20 36,6 20,9 6,32 4,68 18,96 40,96 58,72 62,38 52,10 34,1
0 2  50,2 24,18 8,54 6,88 20,100 42,84 58,48 60,16 50,2
0 2  45,6 16,12 0,46 12,82 44,94 78,80 90,48 76,14 45,6
0 1  32,6 10,24 2,56 12,88 34,100 56,86 64,52 58,20 46,4
0 1  76,6 40,2 8,26 2,62 30,82 70,70 94,40 84,12 56,2 36,16
# 1: a bar, leaning, bent, with a flag, with a flag and a foot
1 4  0,0 0,50 0,100
1 4  30,0 15,50 0,100
1 2  6,0 2,34 0,70 4,100
1 1  6,16 20,0! 20,50 20,100
1 1  4,20 24,0! 24,50 24,100|0,100 24,100 50,100
# 2: straight foot, looped, like a Z, curled, wide loop, round, low, flat
2 3  4,24 14,6 36,0 56,12 56,36 36,64 6,96! 34,96 68,94
2 2  6,22 18,4 40,0 54,14 50,40 34,68 14,92 2,94 4,80 20,78 40,92 68,94
2 2  4,8 30,2 58,6! 32,50 2,96! 34,94 66,98
2 1  18,26 8,18 16,4 38,0 56,14 52,40 30,70 4,98! 24,90 44,96 68,90
2 2  14,16 30,2 52,6 58,26 46,54 24,82 8,86 2,74 16,68 36,82 52,98 74,90
2 2  0,30 8,8 30,0 50,10 52,32 40,58 4,100! 30,99 54,100
2 2  8,14 28,0 48,8 46,30 24,56 2,72! 26,66 52,68 84,66
2 2  10,16 30,0 54,6 56,30 40,58 18,80 2,80 4,64 22,62 46,72 86,74
# 3: two bows, flat top, small loop, short waist, long tail, wide
3 3  6,16 20,2 44,2 54,18 44,40 24,48! 50,52 62,72 50,94 24,100 2,88
3 1  4,6 30,3 58,3! 42,24 26,44! 52,50 60,72 46,94 22,100 0,88
3 2  6,14 22,1 46,6 50,24 36,42 20,48 18,42 32,44 54,56 58,78 42,98 18,98 2,84
3 2  6,10 32,0 52,12 48,32 26,46! 44,49 56,66 46,88 24,100 4,98
3 2  16,16 32,0 58,2 62,18 48,36 30,44! 50,50 54,70 38,90 16,100 -4,96
3 1  6,18 30,2 62,2 70,18 52,36 28,44! 58,46 76,62 64,84 30,94 0,86
# 4: open, closed, round, leaning, short stem, pointed, wide
4 3  12,0 8,24 4,50! 30,52 64,50|52,2 50,50 48,100
4 1  46,0 24,32 2,64! 34,64 66,64|46,0 46,50 46,100
4 2  8,4 2,30 10,48 32,48 54,34|56,0 52,50 46,100
4 3  26,0 14,28 2,54! 30,54 60,48|62,12 46,52 30,100
4 2  30,0 16,28 0,56! 32,54 68,52|46,26 42,60 38,100
4 1  52,2 24,26 0,58! 30,60 68,56|52,2 50,50 46,100
4 2  6,6 2,36 14,54 40,54 86,46|68,0 60,46 54,100
# 5: one stroke, separate hat, like an S, leaning, small belly, wide, curled
5 3  60,2 36,2 16,4! 12,24 8,44! 30,38 52,50 56,72 40,94 18,100 0,90
5 2  16,4 12,24 8,44! 30,36 54,48 58,72 42,94 18,100 0,88|16,4 38,2 62,0
5 2  58,4 36,2 16,12 12,32 28,46 46,58 50,78 36,96 14,100 0,90
5 2  70,0 46,4 30,6! 24,22 16,40! 36,42 50,56 46,78 28,94 0,98
5 1  20,6 14,46! 36,44 50,60 44,84 24,98 0,96|22,6 46,7 72,0
5 2  30,4 24,20 18,38! 38,36 54,48 52,68 30,82 0,82|30,4 60,2 90,0
5 1  52,0 30,1 10,2! 9,22 8,46! 26,40 46,46 54,68 44,92 20,100 2,90 8,76
# 6: curved, straight stem, large loop, hooked, open spiral, upright
6 3  50,0 28,16 8,46 2,74 14,96 36,100 54,86 54,66 38,54 18,60 4,78
6 2  34,0 18,28 6,58 2,82 16,99 38,96 50,78 44,60 26,56 8,70
6 2  42,0 18,16 3,46 4,80 22,100 48,94 60,72 50,50 30,44 12,54 4,70
6 1  46,8 30,0 12,16 3,50 8,86 26,100 44,90 46,70 32,60 14,68 8,84
6 2  62,0 36,18 12,48 0,78 10,98 32,96 50,80 52,64 36,62 20,76 16,90
6 2  16,0 6,30 2,66 14,94 42,98 66,84 64,64 44,58 24,70 16,90
# 7: plain, crossed, with a serif, curved, upright, round, hooked
7 3  0,4 30,3 60,0! 44,36 30,70 20,100
7 1  0,4 30,3 60,0! 44,36 30,70 20,100|16,52 36,50 56,48
7 2  2,20 4,4! 32,4 62,2! 46,36 32,70 24,100
7 2  0,14 16,3 40,6 58,3 56,18 40,46 30,74 26,100
7 2  0,6 26,4 50,4! 48,34 42,68 40,100
7 1  0,12 24,0 48,8 54,28 48,60 36,100
7 1  0,28 6,6! 30,10 58,6! 56,30 48,66 46,100
7 1  0,8 40,6 80,0! 58,34 38,64 22,92
# 8: from the top, from the waist, open, leaning, two rings, hooked, wide
8 3  50,12 30,0 10,12 12,32 32,48 52,66 52,88 30,100 8,88 8,68 28,48 48,30 50,12
8 1  30,46 12,34 10,14 30,0 50,12 48,34 30,46 10,60 4,82 28,100 54,84 50,60 30,46
8 2  58,4 34,2 14,14 18,34 36,50 46,70 38,94 18,100 6,84 18,62 40,40 58,16
8 2  60,10 46,0 24,8 22,30 34,48 40,70 28,94 10,100 0,84 12,64 34,48 54,28 60,10
8 1  30,0 12,10 12,34 30,44 48,34 48,10 30,0|30,44 8,58 6,86 30,100 54,86 52,58 30,44
8 2  64,18 50,2 24,2 12,22 30,44 46,66 40,92 18,100 4,84 18,62 44,40 72,14
8 2  74,10 50,0 24,6 24,26 46,42 60,60 46,82 16,86 0,70 20,50 50,36 74,10
# 9: straight stem, hooked tail, leaning, rolled, open, curled, long neck
9 3  50,14 32,0 10,8 2,28 12,48 34,46 48,28 50,14! 48,56 44,100
9 1  52,14 32,0 10,8 2,28 12,48 34,46 48,28 52,14! 56,50 50,84 30,100 8,94
9 3  56,8 38,0 16,14 10,36 22,46 42,30 56,8! 42,54 24,100
9 2  46,34 22,46 6,32 12,10 34,0 52,10 54,36 48,70 40,100
9 1  46,3 24,2 5,18 6,40 24,49 44,40 54,12! 50,50 44,100
9 1  50,12 30,0 8,10 4,32 20,46 42,38 50,12! 52,46 46,78 30,98 10,96 6,82
9 1  60,20 50,2 26,2 4,22 6,42 28,46 52,32 60,20! 46,58 26,100
"""


@dataclass(frozen=True)
class Bank:
    """All S styles as arrays of one size; P is the most control points.

    Attributes:
        digit: which digit a style writes, ``(S,)`` int64.
        share: how the writers of each digit divide over the styles,
            ``(10, S)``, not normalised.
        points: control points, ``(S, P, 2)``, the longer side in [-1, 1].
        freedom: how far each point strays from hand to hand, ``(S, P, 1)``.
        basis: control points → path, ``(S, STEPS, P)``.
        pen: 1 where the pen draws on its way to this step, ``(S, STEPS)``.
    """

    digit: Tensor
    share: Tensor
    points: Tensor
    freedom: Tensor
    basis: Tensor
    pen: Tensor


@cache
def bank() -> Bank:
    """The styles, read once."""
    table = _table()
    styles = [_style(strokes) for _, _, strokes in table]
    most = max(len(points) for points, *_ in styles)
    digit = torch.tensor([digit for digit, _, _ in table])
    weight = torch.tensor([share for _, share, _ in table])
    return Bank(
        digit=digit,
        share=(digit == torch.arange(10)[:, None]) * weight,
        points=_stack([_pad(points, 0, most) for points, _, _, _ in styles]),
        freedom=_stack([_pad(freedom, 0, most) for _, freedom, _, _ in styles]),
        basis=_stack([_pad(basis, 1, most) for _, _, basis, _ in styles]),
        pen=_stack([pen for _, _, _, pen in styles]),
    )


def _table() -> list[tuple[int, float, str]]:
    """The lines of ``STYLES`` as (digit, share, strokes)."""
    lines = [line for line in STYLES.strip().splitlines() if line[0] != "#"]
    cells = [line.split(maxsplit=2) for line in lines]
    return [(int(digit), float(share), text) for digit, share, text in cells]


def _pad(array: Array, axis: int, length: int) -> Array:
    width = [(0, 0), (0, 0)]
    width[axis] = (0, length - array.shape[axis])
    return np.pad(array, width)


def _stack(arrays: list[Array]) -> Tensor:
    return torch.tensor(np.stack(arrays), dtype=torch.float32)


def _style(text: str) -> tuple[Array, Array, Array, Array]:
    """A style's strokes → its points, their freedom, its basis, its pen."""
    strokes = [stroke.split() for stroke in text.split("|")]
    marks = [mark.rstrip("!") for stroke in strokes for mark in stroke]
    names = list(dict.fromkeys(marks))
    points = np.array([[float(v) for v in name.split(",")] for name in names])
    curves = [_curve(stroke, names) for stroke in strokes]
    counts = _divide(STEPS, [_length(curve @ points)[-1] for curve in curves])
    pieces = [
        _resample(curve, points, count)
        for curve, count in zip(curves, counts, strict=True)
    ]
    pen = np.ones(STEPS)
    pen[np.cumsum([0, *counts[:-1]])] = 0.0
    return _centred(points), _freedom(strokes, names), np.concatenate(pieces), pen


def _curve(stroke: list[str], names: list[str], fine: int = 32) -> Array:
    """Catmull–Rom spline (1974) through a stroke's points, as rows of weights.

    A corner is a doubled point, where the spline's tangents vanish.
    """
    order: list[int] = []
    for mark in stroke:
        order += [names.index(mark.rstrip("!"))] * (1 + mark.endswith("!"))
    knots = np.eye(len(names))[[order[0], *order, order[-1]]]
    before, here, there, after = (knots[i : len(knots) - 3 + i, None] for i in range(4))
    u = np.linspace(0, 1, fine, endpoint=False)[:, None]
    linear = there - before
    square = 2 * before - 5 * here + 4 * there - after
    cube = 3 * here - before - 3 * there + after
    spline = here + (linear * u + square * u**2 + cube * u**3) / 2
    return np.concatenate([spline.reshape(-1, len(names)), knots[-1:]])


def _length(path: Array) -> Array:
    """Length of the path up to each of its points."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _resample(curve: Array, points: Array, count: int) -> Array:
    """``count`` rows of the curve, at equal distances along it."""
    length = _length(curve @ points)
    wanted = np.linspace(0, length[-1], count)
    columns = [np.interp(wanted, length, column) for column in curve.T]
    return np.stack(columns, axis=1)


def _divide(total: int, lengths: list[float]) -> list[int]:
    """Share ``total`` steps among strokes by their length, 6 at least."""
    counts = [max(6, round(total * length / sum(lengths))) for length in lengths]
    counts[counts.index(max(counts))] += total - sum(counts)
    return counts


def _centred(points: Array) -> Array:
    middle = (points.max(0) + points.min(0)) / 2
    half = np.ptp(points, axis=0).max() / 2
    return np.asarray((points - middle) / half)


def _freedom(strokes: list[list[str]], names: list[str]) -> Array:
    """Hands agree least on where a stroke begins and ends."""
    freedom = np.full((len(names), 1), 0.065)
    for stroke in strokes:
        for mark in (stroke[0], stroke[-1]):
            freedom[names.index(mark.rstrip("!"))] = 0.10
    return freedom
