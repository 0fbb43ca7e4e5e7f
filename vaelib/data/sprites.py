"""``sprites``: one white shape on black, made from five known factors.

In the manner of dSprites (Matthey, Higgins, Hassabis & Lerchner 2017): the same
factors and the same number of values of each, drawn anew by signed distance
functions, so edges are antialiased and any pose can be drawn, on the grid or
between its points.

Differences: our 40 orientations leave out 2π, which would repeat 0. As in
dSprites, a square looks alike every 90° and an ellipse every 180°, so for those
shapes the orientation factor is not recoverable from the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vaelib.data.dataset import Dataset

__all__ = [
    "FACTOR_NAMES",
    "GRID",
    "factors_from_index",
    "index_from_factors",
    "load",
    "render",
]

FACTOR_NAMES = ("shape", "scale", "orientation", "x", "y")
SHAPES = ("square", "ellipse", "heart")

# The values of each factor, slowest-changing first as in dSprites.
GRID: tuple[Tensor, ...] = (
    torch.arange(3.0),
    torch.linspace(0.5, 1.0, 6),
    torch.arange(40.0) * (2 * math.pi / 40),
    torch.linspace(0.0, 1.0, 32),
    torch.linspace(0.0, 1.0, 32),
)
SIZES = tuple(len(values) for values in GRID)
COUNT = math.prod(SIZES)
TEST_PART = 0.1
CHUNK = 256
DEFAULT_N = {"train": 20_000, "test": 5_000}


def load(split: str, n: int | None, seed: int, *, size: int) -> Dataset:
    """Draw ``n`` points of the grid (20,000 for train, 5,000 for test if None).

    The grid has 737,280 points. A tenth of them, the same whatever the seed,
    is the test split; ``seed`` chooses which points of the split are drawn.
    ``labels`` is the shape.

    Raises:
        ValueError: ``n`` is more than the split has.
    """
    pool = _pool(split)
    count = DEFAULT_N[split] if n is None else n
    if count > len(pool):
        raise ValueError(
            f"n={count:,} but the {split!r} split of 'sprites' has "
            f"{len(pool):,} pictures; ask for fewer."
        )
    chosen = pool[torch.randperm(len(pool), generator=_generator(seed))[:count]]
    factors = factors_from_index(chosen)
    name = "sprites" if size == 32 else f"sprites-{size}"
    x, labels = render(factors, size), factors[:, 0].long()
    return Dataset(name, split, x, labels, factors, FACTOR_NAMES)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _pool(split: str) -> Tensor:
    """The split's indices into the grid."""
    order = torch.randperm(COUNT, generator=_generator(2017))
    cut = round(TEST_PART * COUNT)
    return order[:cut] if split == "test" else order[cut:]


def factors_from_index(index: Tensor) -> Tensor:
    """Grid index → factors, without drawing anything.

    Args:
        index: ``(N,)`` whole numbers in 0 … 737,279.

    Returns:
        ``(N, 5)`` float32: shape (0 square, 1 ellipse, 2 heart), scale in
        [0.5, 1], orientation in [0, 2π) radians, x and y in [0, 1].

    Raises:
        ValueError: an index is outside the grid.
    """
    index = torch.as_tensor(index).long().reshape(-1)
    if ((index < 0) | (index >= COUNT)).any():
        raise ValueError(
            f"index runs from {index.min().item():,} to {index.max().item():,}, "
            f"wanted 0 … {COUNT - 1:,}; the grid has {COUNT:,} points."
        )
    columns = []
    for values in reversed(GRID):
        columns.append(values.to(index.device)[index % len(values)])
        index = index // len(values)
    return torch.stack(columns[::-1], dim=1)


def index_from_factors(factors: Tensor) -> Tensor:
    """Factors → the index of the nearest grid point (orientation wraps at 2π).

    Args:
        factors: ``(N, 5)``, columns as :func:`factors_from_index`.

    Returns:
        ``(N,)`` int64.

    Raises:
        ValueError: not five columns, or a value that is not finite.
    """
    factors = _checked(factors)
    index = torch.zeros(len(factors), dtype=torch.int64, device=factors.device)
    for name, column, values in zip(FACTOR_NAMES, factors.unbind(1), GRID, strict=True):
        step = (values[-1] - values[0]) / (len(values) - 1)
        place = ((column - values[0]) / step).round().long()
        if name == "orientation":
            place = place % len(values)
        index = index * len(values) + place.clamp(0, len(values) - 1)
    return index


def render(factors: Tensor, size: int = 32) -> Tensor:
    """Draw sprites at any factors, on the grid or off it.

    Args:
        factors: ``(N, 5)``: shape (0, 1 or 2), scale (1 is the largest on the
            grid, where a shape spans about two fifths of the picture), orientation
            in radians, x and y (0 … 1 keeps the whole shape in the picture up
            to scale 1; y points down).
        size: height and width in pixels.

    Returns:
        ``(N, 1, size, size)`` float32 in [0, 1]: the part of each pixel that
        the shape covers, to first order.

    Raises:
        ValueError: not five columns, a value that is not finite, or a shape
            other than 0, 1, 2.
    """
    factors = _checked(factors)
    shapes = factors[:, 0]
    if not torch.isin(shapes, GRID[0].to(shapes)).all():
        raise ValueError(
            f"factors[:, 0] (shape) holds {shapes.unique().tolist()}, wanted "
            "only 0 (square), 1 (ellipse), 2 (heart)."
        )
    pictures = torch.empty(len(factors), size, size, device=factors.device)
    for shape, distance in enumerate((_square, _ellipse, _heart)):
        # Small chunks stay in the core's cache: several times faster.
        for rows in (shapes == shape).nonzero()[:, 0].split(CHUNK):
            pictures[rows] = _draw(distance, factors[rows], size)
    return pictures[:, None]


def _checked(factors: Tensor) -> Tensor:
    factors = torch.as_tensor(factors, dtype=torch.float32)
    if factors.ndim != 2 or factors.shape[1] != len(FACTOR_NAMES):
        raise ValueError(
            f"factors has shape {tuple(factors.shape)}, wanted (N, 5) with "
            f"columns {', '.join(FACTOR_NAMES)}."
        )
    if not factors.isfinite().all():
        raise ValueError("factors holds NaN or infinity; wanted finite numbers.")
    return factors


# The picture is the square [-1, 1]²; a shape at scale 1 has radius RADIUS, and
# positions 0 … 1 keep its centre that far (and a margin) from the edge.
RADIUS = 0.42
REACH = 1.0 - RADIUS - 0.02

Distance = Callable[[Tensor, Tensor], Tensor]


def _draw(distance: Distance, factors: Tensor, size: int) -> Tensor:
    _, scale, turn, x, y = factors[:, :, None, None].unbind(1)
    pixel = 2.0 / size
    axis = (torch.arange(size, device=factors.device) + 0.5) * pixel - 1
    right, down = axis - REACH * (2 * x - 1), axis[:, None] - REACH * (2 * y - 1)
    # Turning the pixels back is cheaper than turning the shape.
    grow = 1.0 / (RADIUS * scale)
    cos, sin = turn.cos() * grow, turn.sin() * grow
    u, v = cos * right + sin * down, cos * down - sin * right
    # Distances come in units of the shape; the edge is one pixel wide.
    return (0.5 - distance(u, v) / (grow * pixel)).clamp(0, 1)


def _square(u: Tensor, v: Tensor, half: float = 1 / math.sqrt(2)) -> Tensor:
    """Signed distance to a square whose corners lie at radius 1."""
    a, b = u.abs() - half, v.abs() - half
    outside = torch.hypot(a.clamp(min=0), b.clamp(min=0))
    return outside + torch.maximum(a, b).clamp(max=0)


def _ellipse(u: Tensor, v: Tensor, minor: float = 0.55) -> Tensor:
    """First-order distance to an ellipse, f / |∇f|: exact on its edge."""
    b = v / minor
    level = torch.hypot(u, b)
    slope = torch.hypot(u, b / minor) / level.clamp(min=1e-6)
    return (level - 1) / slope.clamp(min=1.0)


def _heart(u: Tensor, v: Tensor, side: float = 0.5) -> Tensor:
    """A square on its tip with a disc on each upper side; exact on its edge."""
    v = v - 0.1
    diagonal = side * math.sqrt(2) / 2
    square = _square((u + v) / math.sqrt(2), (v - u) / math.sqrt(2), side)
    # One disc serves both sides: the heart is symmetric in u.
    disc = torch.hypot(u.abs() - diagonal, v + diagonal) - side
    return torch.minimum(square, disc)
