"""``arm``: how a two-joint arm was led past an obstacle to a target, two ways.

Seen from above: a base, two links of lengths 1 and 0.8, an obstacle (a disc) and,
on its other side, a target. The stretched arm cannot swing across: it has to bend
and pass between base and obstacle. It does so with the elbow bent to the right or
to the left, each in half of the demonstrations whatever the condition. In the
plane of the two joint angles the obstacle is an island, and the demonstrations
pass it to its left or to its right; their mean runs into it.

In the manner of the demonstrations of Zhao, Kumar, Levine & Finn 2023 (ACT): what
is to be predicted is an *action chunk*, the joint angles of the next 16 steps.
The motion is a minimum-jerk one (Flash & Hogan 1985) with a smooth detour.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaelib.data.dataset import Dataset
from vaelib.data.kinematics import clearance, forward, inverse, wrapped

__all__ = [
    "CONTEXT_NAMES",
    "FACTOR_NAMES",
    "REACHED",
    "STEPS",
    "Simulation",
    "demonstrate",
    "load",
    "simulate",
]

STEPS = 16
REACHED = 0.1
DEFAULT_N = {"train": 8_000, "test": 2_000}

CONTEXT_NAMES = (
    "shoulder",
    "elbow",
    "target_x",
    "target_y",
    "obstacle_x",
    "obstacle_y",
    "obstacle_radius",
)
FACTOR_NAMES = ("elbow", "detour")

# The hand passes the obstacle's edge at this distance, or farther by its detour.
# With less, a link can come within 0.1 of the obstacle.
BERTH = 0.2
# What the arm can reach, less a little: at its ends a bent elbow has one side only.
NEAR, FAR = 0.25, 1.75
# No joint moves more than this many radians between poses that are looked at.
RESOLUTION = 1 / 32
MOST = 1024
# Chunks times parts of a step at once: the work space stays in a core's cache.
CHUNK = 1024


def load(split: str, n: int | None, seed: int) -> Dataset:
    """Make ``n`` demonstrations (8,000 for train, 2,000 for test if None).

    Demonstration i depends on ``seed``, ``split`` and i alone; the splits are
    independent draws.

    ``x`` is the chunk, ``(N, 16, 2)`` float32: angles of shoulder and elbow in
    radians after each of 16 steps; the start pose, before the first, is in the
    context. ``context`` is what a policy is told, ``(N, 7)`` float32: the start's
    angles of ``shoulder`` and ``elbow`` in radians (nearly stretched); ``target_x``,
    ``target_y``, ``obstacle_x``, ``obstacle_y``, ``obstacle_radius`` in units of the
    first link's length, the base at (0, 0). ``labels`` is the mode: 1 where the
    elbow is bent counter-clockwise (its angle at the target is positive), else 0.
    ``factors`` are what the condition does not tell: ``elbow``, ±1, and ``detour``,
    0 … 0.1, by how much the hand passes the obstacle farther than it must.
    """
    count = DEFAULT_N[split] if n is None else n
    # The split comes first: numpy cuts long seeds into words, so that behind one
    # it could pass for a part of it.
    rng = np.random.default_rng([int(split == "test"), seed])
    draws = torch.from_numpy(rng.random((count, 10)))
    context, (elbow, detour) = _condition(draws[:, :8]), draws[:, 8:].unbind(1)
    elbow, detour = 2 * (elbow < 0.5).double() - 1, 0.1 * detour
    x = demonstrate(context, elbow, detour).float()
    factors = torch.stack([elbow, detour], dim=1).float()
    return Dataset(
        "arm",
        split,
        x,
        labels=(elbow > 0).long(),
        factors=factors,
        factor_names=FACTOR_NAMES,
        context=context.float(),
    )


def _condition(draws: Tensor) -> Tensor:
    """Numbers in [0, 1), ``(N, 8)`` → a context ``(N, 7)``."""
    side, ahead, start, bend, behind, far, place, size = draws.unbind(1)
    side = 2 * (side < 0.5).double() - 1
    # The obstacle is about straight ahead, along y, and out of the elbow's reach.
    ahead = torch.pi / 2 + 0.5 * (2 * ahead - 1)
    shoulder = ahead + side * (0.9 + 0.4 * start)
    target = (0.8 + 0.6 * far)[:, None] * _unit(ahead - side * (0.7 + 0.4 * behind))
    obstacle = (1.4 + 0.2 * place)[:, None] * _unit(ahead)
    columns = [shoulder, 0.2 * (2 * bend - 1), 0.08 + 0.1 * size]
    shoulder, elbow, radius = (column[:, None] for column in columns)
    return torch.cat([shoulder, elbow, target, obstacle, radius], dim=1)


def demonstrate(
    context: Tensor, elbow: float | Tensor, detour: float | Tensor = 0.0
) -> Tensor:
    """Lead the arm to the target, with the elbow bent as asked.

    Under the conditions of :func:`load` it always succeeds. Elsewhere it reaches
    the target, but may hit an obstacle that is not on its way.

    Args:
        context: ``(N, 7)``, columns ``CONTEXT_NAMES``.
        elbow: +1 or −1, as for :func:`vaelib.data.kinematics.inverse`; one or ``(N,)``.
        detour: how much farther than it must the hand passes the obstacle, in
            units of length; one or ``(N,)``.

    Returns:
        ``(N, 16, 2)`` angles of shoulder and elbow in radians, of ``context``'s type.
        They never wrap: a joint turns on past π.

    Raises:
        ValueError: ``context`` has another shape or is not finite, or the target
            is out of reach.
    """
    start, target, obstacle, radius = _parts(context)
    side = torch.as_tensor(elbow).cpu().double().expand(len(start))
    room = BERTH + torch.as_tensor(detour).cpu().double()
    past = (obstacle.norm(dim=1) - radius - room).clamp(NEAR, FAR)
    to_obstacle = _after(start[:, 0], obstacle)
    via = _pose(past[:, None] * _unit(to_obstacle), to_obstacle, side)
    goal = _pose(target, _after(to_obstacle, target), side)
    time = torch.arange(1, STEPS + 1).double()[:, None] / STEPS
    smooth = time**3 * (10 - 15 * time + 6 * time**2)
    # Both are still at the ends: neither speed nor acceleration.
    bump = (4 * time * (1 - time)) ** 3
    start, via, goal = start[:, None], via[:, None], goal[:, None]
    path = start + (goal - start) * smooth + (via - (start + goal) / 2) * bump
    return path.to(context)


def _after(before: Tensor, point: Tensor) -> Tensor:
    """A point's direction, counted on from another without a jump of 2π."""
    return before + wrapped(torch.atan2(point[:, 1], point[:, 0]) - before)


def _pose(hand: Tensor, direction: Tensor, side: Tensor) -> Tensor:
    """Angles with the hand there, the shoulder's counted on from its direction."""
    shoulder, elbow = inverse(hand, side).unbind(1)
    return torch.stack([direction + wrapped(shoulder - direction), elbow], dim=1)


def _unit(angle: Tensor) -> Tensor:
    return torch.stack([angle.cos(), angle.sin()], dim=1)


class Simulation(NamedTuple):
    """What comes of action chunks, ``(N,)`` each."""

    reach_error: Tensor  #: from the last hand to the target
    clearance: Tensor  #: from the obstacle's edge to the arm at its nearest
    success: Tensor  #: bool: the target reached within 0.1, the obstacle not hit


def simulate(chunk: Tensor, context: Tensor) -> Simulation:
    """Carry out action chunks.

    Each joint turns evenly from its angle in the start pose to that of step 1, from
    there to step 2, and so on. Both links are looked at, at every step and often
    enough between that no joint turns more than 1/32 rad unseen (unless it turns
    more than 32 rad in a step).

    Args:
        chunk: ``(N, T, 2)``, angles of shoulder and elbow in radians after each
            of T steps, T at least 1 and not only 16.
        context: ``(N, 7)``, columns ``CONTEXT_NAMES``.

    Returns:
        ``reach_error``, ``clearance`` (below 0 where the arm was in the obstacle),
        both in units of length and of ``chunk``'s type, and ``success``. They are
        computed in float64 on the CPU and carry no gradient.

    Raises:
        ValueError: a shape does not fit, or a number is not finite.
    """
    start, target, obstacle, radius = _parts(context)
    fits = chunk.ndim == 3 and chunk.shape[::2] == (len(start), 2)
    _check("chunk", chunk, fits and chunk.shape[1] > 0)
    path = torch.cat([start[:, None], chunk.detach().cpu().double()], dim=1)
    error = (forward(path[:, -1])[1] - target).norm(dim=1)
    nearest = _nearest(path, obstacle, radius)
    success = (error <= REACHED) & (nearest > 0)
    return Simulation(error.to(chunk), nearest.to(chunk), success.to(chunk.device))


def _nearest(path: Tensor, centre: Tensor, radius: Tensor) -> Tensor:
    """The arm's least clearance on a path ``(N, T, 2)`` of angles, ``(N,)``."""
    turn = path.diff(dim=1)
    # As fine as each row needs, whatever rows come with it; powers of two, so that
    # there are few kinds, up to a limit that only nonsense reaches.
    needed = (turn.abs().amax((1, 2)) / RESOLUTION).clamp(1, MOST)
    parts = 2 ** needed.log2().ceil().long()
    nearest = path.new_empty(len(path))
    for count in parts.unique().tolist():
        share = torch.arange(count).double()[:, None] / count
        for rows in (parts == count).nonzero()[:, 0].split(max(1, CHUNK // count)):
            between = path[rows, :-1, None] + share * turn[rows][:, :, None]
            poses = torch.cat([between.flatten(1, 2), path[rows, -1:]], dim=1)
            far = clearance(poses, centre[rows, None], radius[rows, None])
            nearest[rows] = far.amin(1)
    return nearest


def _parts(context: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Start pose, target, the obstacle's centre and radius, in float64."""
    _check("context", context, context.shape[1:] == (len(CONTEXT_NAMES),))
    start, target, obstacle, radius = context.cpu().double().split((2, 2, 2, 1), dim=1)
    return start, target, obstacle, radius[:, 0]


def _check(name: str, value: Tensor, fits: bool) -> None:
    if not fits:
        wanted = {
            "chunk": "(N, T, 2), a chunk for each row of context",
            "context": f"(N, 7) with columns {', '.join(CONTEXT_NAMES)}",
        }
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}, wanted {wanted[name]}."
        )
    if not value.isfinite().all():
        raise ValueError(f"{name} holds NaN or infinity; wanted finite numbers.")
