import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vaelib.data.kinematics import clearance, forward, inverse, wrapped

ROOT = math.sqrt(0.5)
# Shoulder and elbow in degrees, then elbow and hand, by ruler and compass.
TABLE = [
    ((0, 0), (1.0, 0.0), (1.8, 0.0)),
    ((90, 0), (0.0, 1.0), (0.0, 1.8)),
    ((0, 90), (1.0, 0.0), (1.0, 0.8)),
    ((0, -90), (1.0, 0.0), (1.0, -0.8)),
    ((90, 90), (0.0, 1.0), (-0.8, 1.0)),
    ((90, -90), (0.0, 1.0), (0.8, 1.0)),
    ((0, 180), (1.0, 0.0), (0.2, 0.0)),
    ((180, 180), (-1.0, 0.0), (-0.2, 0.0)),
    ((45, 90), (ROOT, ROOT), (ROOT - 0.8 * ROOT, ROOT + 0.8 * ROOT)),
    ((60, -120), (0.5, math.sqrt(3) / 2), (0.9, math.sqrt(3) / 2 * 0.2)),
]
ANGLE = st.floats(-10, 10)


def f64(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(("degrees", "elbow", "hand"), TABLE)
def test_forward_is_as_drawn_by_hand(degrees, elbow, hand):
    found = forward(f64(*degrees) * math.pi / 180)
    assert torch.allclose(found[0], f64(*elbow), atol=1e-12)
    assert torch.allclose(found[1], f64(*hand), atol=1e-12)


def test_forward_takes_other_links_and_any_batch():
    elbow, hand = forward(torch.zeros(2, 3, 2), links=(0.5, 0.25))
    assert elbow.shape == hand.shape == (2, 3, 2)
    assert elbow.dtype == torch.float32
    assert torch.equal(elbow[0, 0], torch.tensor([0.5, 0.0]))
    assert torch.equal(hand[1, 2], torch.tensor([0.75, 0.0]))


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0, 1),
    ANGLE,
    st.sampled_from([1, -1]),
    st.sampled_from([(1.0, 0.8), (0.6, 0.9), (1.0, 1.0)]),
)
def test_the_inverse_brings_the_hand_back(share, direction, side, links):
    near, far = abs(links[0] - links[1]) + 1e-3, sum(links)
    hand = (near + share * (far - near)) * f64(math.cos(direction), math.sin(direction))
    angles = inverse(hand, side, links)
    assert torch.allclose(forward(angles, links)[1], hand, atol=1e-7)
    assert 0 <= side * angles[1] <= math.pi


def test_the_two_elbows_lie_on_the_two_sides():
    hand = torch.tensor([[0.0, 1.2]]).expand(2, 2).double()
    right, left = forward(inverse(hand, f64(1, -1)))[0]
    assert right[0] > 0.5
    assert torch.allclose(left, right * f64(-1, 1))


def test_the_inverse_refuses_what_the_arm_cannot_do():
    with pytest.raises(ValueError, match=r"hand is 2 … 2 .* wanted 0.2 … 1.8"):
        inverse(f64(2, 0), 1)
    with pytest.raises(ValueError, match=r"hand is 0.1 … 1 from the base"):
        inverse(torch.tensor([[0.1, 0.0], [0.0, 1.0]]), 1)
    with pytest.raises(ValueError, match="hand is nan"):
        inverse(f64(math.nan, 0), 1)
    with pytest.raises(ValueError, match=r"elbow=0 is not a side; wanted 1 or -1"):
        inverse(f64(1, 0), 0)
    with pytest.raises(ValueError, match=r"angles is \(3,\) torch.float32, wanted"):
        forward(torch.zeros(3))
    with pytest.raises(ValueError, match=r"hand is \(2,\) torch.int64, wanted"):
        inverse(torch.ones(2).long(), 1)


@settings(max_examples=100, deadline=None)
@given(ANGLE, ANGLE, st.floats(-2, 2), st.floats(-2, 2), st.floats(0, 0.5))
def test_clearance_is_that_of_a_thousand_points_on_each_link(a, b, x, y, radius):
    along = np.linspace(0, 1, 1001)
    elbow = np.exp(1j * a)
    points = [along * elbow, elbow + along * 0.8 * np.exp(1j * (a + b))]
    brute = np.abs(np.concatenate(points) - (x + 1j * y)).min() - radius
    found = clearance(f64(a, b), f64(x, y), f64(radius)[0]).item()
    # The nearest of the points is half a gap away at most.
    assert brute - 0.5e-3 - 1e-9 <= found <= brute + 1e-9


def test_each_link_alone_can_be_the_nearest():
    arm = f64(0, math.pi / 2)
    upper = clearance(arm, f64(0.5, -0.3), f64(0.1)[0])
    lower = clearance(arm, f64(1.3, 0.5), f64(0.1)[0])
    within = clearance(arm, f64(1.0, 0.5), f64(0.1)[0])
    beyond = clearance(arm, f64(1.0, 1.1), f64(0.1)[0])
    assert torch.stack([upper, lower, within, beyond]).tolist() == pytest.approx(
        [0.2, 0.2, -0.1, 0.2]
    )


@given(ANGLE)
def test_a_wrapped_angle_is_the_same_direction(angle):
    found = wrapped(f64(angle)).item()
    assert -math.pi <= found <= math.pi
    assert math.cos(found - angle) == pytest.approx(1)
