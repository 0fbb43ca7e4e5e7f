"""``handwriting``: 28×28 digits written by a simulated pen, every factor known.

A digit is a *style* (one way of writing it, see ``strokes.py``) that a random
hand bends, slants, squeezes, turns and inks. The picture is drawn from that
pen's path, so the data set knows the path itself too. The framing is MNIST's
(LeCun, Bottou, Bengio & Haffner 1998): the writing fills a 20×20 box and is
centred in 28×28 by its centre of mass.

The factors' ranges are chosen by hand, so that width, slant and amount of ink
are about MNIST's. ``benchmarks/handwriting.py`` measures how well a reader of
these digits reads real ones, and the other way round.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from vaelib.data.dataset import Dataset
from vaelib.data.strokes import STEPS, bank

__all__ = ["FACTOR_NAMES", "ink", "load", "render", "style_digits", "write"]

SIZE = 28
BOX = 20.0
# Pictures are drawn this many at a time: the work space (chunk, STEPS, 28) then
# stays in a core's own cache, which makes the drawing many times faster.
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


def load(split: str, n: int | None, seed: int) -> Dataset:
    """Write ``n`` digits (20,000 for train, 5,000 for test if None).

    Picture i depends on ``seed``, ``split`` and i alone: asking for more
    leaves the first ones as they were, and the splits are independent draws.
    ``labels`` is the digit, ``factors`` as for :func:`write`.
    """
    count = DEFAULT_N[split] if n is None else n
    chunks = range(math.ceil(count / CHUNK))
    hands = [_generator(seed, split, chunk) for chunk in chunks]
    factors = [_sample_factors(CHUNK, hand) for hand in hands]
    paths = [write(f, generator=g) for f, g in zip(factors, hands, strict=True)]
    every, path = torch.cat(factors)[:count], torch.cat(paths)[:count]
    labels = style_digits()[every[:, 0].long()]
    x = _ink_by_factors(path, every)
    return Dataset("handwriting", split, x, labels, every, FACTOR_NAMES, path)


def style_digits() -> Tensor:
    """Which digit each style writes, ``(S,)`` int64."""
    return bank().digit.clone()


def _generator(seed: int, split: str, chunk: int) -> torch.Generator:
    # SeedSequence scatters neighbouring numbers over all seeds, so chunk 1 of
    # seed 0 and chunk 0 of seed 1 have nothing in common.
    words = np.random.SeedSequence([seed, int(split == "test"), chunk])
    state = int(words.generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state >> 1)


def _sample_factors(count: int, hand: torch.Generator) -> Tensor:
    """Draw ``(count, F)`` factors, one column per name in ``FACTOR_NAMES``."""
    digit = torch.randint(10, (count,), generator=hand)
    style = torch.multinomial(bank().share[digit], 1, generator=hand)[:, 0]
    # Cut off, so that nobody writes upside down or with a brush.
    z = torch.randn(len(FACTOR_NAMES), count, generator=hand).clamp(-2.5, 2.5)
    u = torch.rand(len(FACTOR_NAMES), count, generator=hand)
    columns = {
        "style": style.float(),
        "slant": 0.12 + 0.22 * z[1],
        "aspect": torch.exp(0.10 + 0.20 * z[2]),
        "rotation": 0.10 * z[3],
        # Cut at two deviations: a thicker pen fills the loops of 4, 6, 8 and 9.
        "thickness": 2.5 * torch.exp(0.26 * z[4].clamp(max=2)),
        "scale": 0.98 + 0.03 * z[5],
        "x": 0.4 * z[6],
        "y": 0.4 * z[7],
        "wobble": 0.15 + 0.35 * u[8],
        "looseness": 0.15 + 0.85 * u[9],
        "pressure": 0.4 * z[10],
        "softness": 0.7 + 0.6 * u[11],
    }
    return torch.stack([columns[name] for name in FACTOR_NAMES], dim=1)


def render(factors: Tensor, *, generator: torch.Generator) -> Tensor:
    """Write and draw digits with given factors.

    Args:
        factors: ``(N, 12)``, as for :func:`write`.
        generator: decides what the factors leave open. Equal states and equal
            numbers of digits give equal hands: change one factor and only
            that factor changes in the picture.

    Returns:
        ``(N, 1, 28, 28)`` float32 in [0, 1].

    Raises:
        ValueError: as :func:`write`.
    """
    return _ink_by_factors(write(factors, generator=generator), factors)


def _ink_by_factors(paths: Tensor, factors: Tensor) -> Tensor:
    named = dict(zip(FACTOR_NAMES, factors.unbind(1), strict=True))
    return ink(paths, named["thickness"], named["softness"], named["pressure"])


def write(factors: Tensor, *, generator: torch.Generator) -> Tensor:
    """Move the pen: known factors and a random hand → its path. On the CPU.

    Args:
        factors: ``(N, 12)``, columns as ``FACTOR_NAMES``:

            - style: index into :func:`style_digits`;
            - slant: Δx per Δy, positive leans right;
            - aspect: multiplies the width before the framing;
            - rotation: radians, positive turns clockwise;
            - thickness: width of the stroke in pixels;
            - scale: 1 fills the 20×20 box;
            - x, y: pixels off the centre, right and down;
            - wobble: the hand's unsteadiness in pixels;
            - looseness: how far the control points stray, 0 … 1;
            - pressure, softness: see :func:`ink`.
        generator: decides what the factors leave open: the shape of the
            looseness and of the wobble.

    Returns:
        ``(N, 64, 3)`` float32: x and y in pixels (0, 0 is the centre of the
        top left one) and 1 where the pen drew on its way to this point, 0
        where it was lifted.

    Raises:
        ValueError: not 12 columns, not finite, or a style that there is not.
    """
    _check(factors)
    styles, named = bank(), dict(zip(FACTOR_NAMES, factors.unbind(1), strict=True))
    style, loose = named["style"].long(), named["looseness"][:, None, None]
    points, pen = styles.points[style], styles.pen[style]
    stray = torch.randn(points.shape, generator=generator)
    path = styles.basis[style] @ (points + loose * styles.freedom[style] * stray)
    path = path + loose * _warp(path, generator)
    path = path @ _hand(named["slant"], named["aspect"], named["rotation"])
    # Half the box is one unit until the framing.
    shake = named["wobble"][:, None, None] / (BOX / 2)
    path = path + shake * _tremor(len(path), generator)
    path = _frame(path, pen, named["scale"] * (BOX - named["thickness"]))
    path = path + SIZE / 2 + torch.stack([named["x"], named["y"]], dim=1)[:, None]
    return torch.cat([path, pen[..., None]], dim=2)


def _check(factors: Tensor) -> None:
    if factors.ndim != 2 or factors.shape[1] != len(FACTOR_NAMES):
        raise ValueError(
            f"factors has shape {tuple(factors.shape)}, wanted (N, "
            f"{len(FACTOR_NAMES)}) with columns {', '.join(FACTOR_NAMES)}."
        )
    if not factors.isfinite().all():
        raise ValueError("factors holds NaN or infinity; wanted finite numbers.")
    last = len(bank().digit) - 1
    if ((factors[:, 0] < 0) | (factors[:, 0] > last)).any():
        raise ValueError(
            f"factors[:, 0] (style) runs from {factors[:, 0].min():g} to "
            f"{factors[:, 0].max():g}, wanted 0 … {last}; "
            "style_digits() says which digit each one writes."
        )


def _warp(path: Tensor, generator: torch.Generator) -> Tensor:
    """Bend the sheet: a random quadratic map of the plane."""
    x, y = path[..., :1], path[..., 1:]
    terms = torch.cat([x * x, x * y, y * y], dim=2)
    return terms @ (0.12 * torch.randn(len(path), 3, 2, generator=generator))


def _hand(slant: Tensor, aspect: Tensor, turn: Tensor) -> Tensor:
    """Aspect, then slant, then rotation: ``(N, 2, 2)``, for row vectors."""
    zero, one = torch.zeros_like(slant), torch.ones_like(slant)
    cos, sin = turn.cos(), turn.sin()
    squeeze = torch.stack([aspect, zero, zero, one], dim=1).reshape(-1, 2, 2)
    shear = torch.stack([one, zero, -slant, one], dim=1).reshape(-1, 2, 2)
    rotate = torch.stack([cos, sin, -sin, cos], dim=1).reshape(-1, 2, 2)
    return squeeze @ shear @ rotate


def _tremor(count: int, generator: torch.Generator) -> Tensor:
    """Smooth unsteadiness along the path, ``(count, STEPS, 2)``, size about 1."""
    waves = torch.arange(2, 7) * math.pi
    angle = torch.linspace(0, 1, STEPS)[:, None] * waves
    basis = torch.cat([angle.sin(), angle.cos()], dim=1) / math.sqrt(len(waves))
    return basis @ torch.randn(count, basis.shape[1], 2, generator=generator)


def _frame(path: Tensor, pen: Tensor, extent: Tensor) -> Tensor:
    """MNIST's framing: the longer side to ``extent``, centre of mass to 0."""
    longer = (path.amax(1) - path.amin(1)).amax(1)
    path = path * (extent / longer)[:, None, None]
    mass = _length_per_point(path, pen)[..., None]
    return path - (path * mass).sum(1, keepdim=True) / mass.sum(1, keepdim=True)


def _length_per_point(path: Tensor, pen: Tensor) -> Tensor:
    """Half of what the pen drew to get to a point and half of what it drew
    next, ``(N, T)``."""
    drawn = (path[:, 1:] - path[:, :-1]).norm(dim=2) * pen[:, 1:]
    none = drawn.new_zeros(len(drawn), 1)
    return (torch.cat([none, drawn], 1) + torch.cat([drawn, none], 1)) / 2


def ink(
    trajectories: Tensor,
    thickness: float | Tensor = 2.5,
    softness: float | Tensor = 1.0,
    pressure: float | Tensor = 0.0,
) -> Tensor:
    """Draw pen paths. Differentiable, and works on any device.

    A pixel's ink is the line integral of a Gaussian along the path. On a
    straight stroke its logarithm tells the distance to the pen, from which
    follows an edge of the wanted softness; where strokes meet, ink runs
    together as on paper.

    Args:
        trajectories: ``(N, T, 3)``, as :func:`write` returns them. Points
            more than about a pixel apart show as beads, or not at all.
        thickness: width of the stroke in pixels; one or ``(N,)``.
        softness: width of its edge, from black to white, in pixels; one or
            ``(N,)``.
        pressure: log of the ratio of the ink at the start to that at the end;
            one or ``(N,)``. 0 is even, positive fades out.

    Returns:
        ``(N, 1, 28, 28)`` float32 in [0, 1].

    Raises:
        ValueError: ``trajectories`` has another shape, or one of the others
            is neither one number nor ``(N,)``.
    """
    if trajectories.ndim != 3 or trajectories.shape[2] != 3:
        raise ValueError(
            f"trajectories has shape {tuple(trajectories.shape)}, wanted "
            "(N, T, 3): x, y and 1 where the pen draws."
        )
    columns = [
        _column("thickness", thickness, trajectories),
        _column("softness", softness, trajectories),
        _column("pressure", pressure, trajectories),
    ]
    parts = zip(*(v.split(CHUNK) for v in (trajectories, *columns)), strict=True)
    return torch.cat([_ink_chunk(*part) for part in parts])[:, None]


def _column(name: str, value: float | Tensor, like: Tensor) -> Tensor:
    column = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    if column.ndim > 1 or column.numel() not in (1, len(like)):
        raise ValueError(
            f"{name} has shape {tuple(column.shape)}, wanted one number or "
            f"({len(like)},), one for each trajectory."
        )
    return column.expand(len(like)).reshape(-1, 1, 1)


def _ink_chunk(path: Tensor, width: Tensor, edge: Tensor, press: Tensor) -> Tensor:
    # Narrower, the path's points would show as beads; wider, small loops fill.
    spread = 0.28 * width + 0.25
    across = _bell(path[..., :1], spread)
    down = _bell(path[..., 1:2], spread)
    time = torch.linspace(0.5, -0.5, path.shape[1], device=path.device)[:, None]
    mass = _length_per_point(path[..., :2], path[..., 2])[..., None]
    mass = mass * torch.exp(press * time) / (math.sqrt(2 * math.pi) * spread)
    wet = down.mT @ (across * mass)
    # Below 1, because the root has no slope where its argument is 0.
    distance = spread * torch.sqrt(-2 * torch.log(wet.clamp(1e-30, 1 - 1e-6)))
    return ((width / 2 - distance) / edge + 0.5).clamp(0, 1)


def _bell(position: Tensor, spread: Tensor) -> Tensor:
    """A Gaussian at each position, over the pixels: ``(N, T, 28)``."""
    pixels = torch.arange(SIZE, dtype=position.dtype, device=position.device)
    # Numbers too small for a normal float make processors crawl, hence the cut.
    return torch.exp((-0.5 * ((position - pixels) / spread) ** 2).clamp(min=-40.0))
