"""An arm of two links in the plane: where its joints are, which angles bring its
hand to a point, and how near it comes to a disc.

The base is at (0, 0). The shoulder's angle is that of the first link against the
x axis, the elbow's angle that of the second link against the first; both in
radians, counter-clockwise. Formulas: Lynch & Park 2017, *Modern Robotics*,
section 6.1.1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["LINKS", "clearance", "forward", "inverse", "wrapped"]

LINKS = (1.0, 0.8)


def forward(
    angles: Tensor, links: tuple[float, float] = LINKS
) -> tuple[Tensor, Tensor]:
    """Where the elbow and the hand are.

    Args:
        angles: ``(…, 2)``, shoulder and elbow in radians.
        links: the lengths of the upper and the lower arm.

    Returns:
        ``elbow`` and ``hand``, each ``(…, 2)``: x and y in the unit of ``links``.
    """
    _check_pairs("angles", angles)
    elbow = links[0] * _direction(angles[..., 0])
    return elbow, elbow + links[1] * _direction(angles[..., 0] + angles[..., 1])


def inverse(
    hand: Tensor, elbow: float | Tensor, links: tuple[float, float] = LINKS
) -> Tensor:
    """The angles that bring the hand to a point, with the elbow bent as asked.

    Args:
        hand: ``(…, 2)``, x and y.
        elbow: +1 bends the elbow's angle to 0 … π (seen from the base, the elbow
            lies to the right of the hand), −1 to −π … 0 (to its left); one number
            or ``(…)``.
        links: the lengths of the upper and the lower arm.

    Returns:
        ``(…, 2)`` angles in radians; the elbow's from −π to π, the shoulder's not
        wrapped.

    Raises:
        ValueError: the arm does not reach that far, or not that near; ``elbow``
            is neither 1 nor −1.
    """
    _check_pairs("hand", hand)
    side = torch.as_tensor(elbow, dtype=hand.dtype, device=hand.device)
    if not (side.abs() == 1).all():
        raise ValueError(f"elbow={elbow} is not a side; wanted 1 or -1.")
    upper, lower = links
    square = hand.square().sum(-1)
    cos = (square - upper**2 - lower**2) / (2 * upper * lower)
    # A hand on the very edge may lie outside it by rounding.
    if not (cos.abs() <= 1 + 1e-5).all():
        raise ValueError(
            f"hand is {square.sqrt().min():.3g} … {square.sqrt().max():.3g} from the "
            f"base, wanted {abs(upper - lower):.3g} … {upper + lower:.3g}, what links "
            f"{links} reach."
        )
    bend = side * torch.acos(cos.clamp(-1, 1))
    lead = torch.atan2(lower * bend.sin(), upper + lower * bend.cos())
    return torch.stack([_angle(hand) - lead, bend], dim=-1)


def clearance(
    angles: Tensor,
    centre: Tensor,
    radius: Tensor,
    links: tuple[float, float] = LINKS,
) -> Tensor:
    """How far the arm, both links of it, stays from a disc.

    Args:
        angles: ``(…, 2)``, shoulder and elbow in radians.
        centre: ``(…, 2)``, the disc's centre.
        radius: ``(…)``.

    Returns:
        ``(…)``: the distance from the disc's edge to the arm's nearest point;
        below 0 where the arm is in the disc.
    """
    elbow, hand = forward(angles, links)
    upper = _to_segment(centre, torch.zeros_like(elbow), elbow)
    lower = _to_segment(centre, elbow, hand)
    return torch.minimum(upper, lower) - radius


def wrapped(angle: Tensor) -> Tensor:
    """The same direction, between −π and π."""
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi


def _check_pairs(name: str, value: Tensor) -> None:
    if value.ndim < 1 or value.shape[-1] != 2 or not value.is_floating_point():
        raise ValueError(
            f"{name} is {tuple(value.shape)} {value.dtype}, wanted (…, 2) of "
            "floating-point numbers."
        )


def _direction(angle: Tensor) -> Tensor:
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def _angle(point: Tensor) -> Tensor:
    return torch.atan2(point[..., 1], point[..., 0])


def _to_segment(point: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Distance to the nearest point of a segment, its ends included."""
    along, there = end - start, point - start
    share = (_dot(there, along) / _dot(along, along)).clamp(0, 1)
    miss = there - share[..., None] * along
    return _dot(miss, miss).sqrt()


def _dot(a: Tensor, b: Tensor) -> Tensor:
    # Several times faster than a sum over an axis of two.
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]
