"""The arm's demonstrations, and the simulator that judges them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vaelib.data as vl
from vaelib.data import arm
from vaelib.data.kinematics import clearance, forward

SEED = st.integers(0, 2**40)


@pytest.fixture(scope="module")
def data():
    return vl.load("arm", device="cpu")


def conditions(n=200, seed=0):
    return arm.load("train", n, seed).context.double()


def whole(chunk, context):
    """A chunk with its start pose before it."""
    return torch.cat([context[:, None, :2], chunk], dim=1)


def column(context, name):
    return context[:, arm.CONTEXT_NAMES.index(name)]


def test_what_the_data_set_holds(data):
    assert data.x.shape == (8000, 16, 2)
    assert data.context.shape == (8000, len(arm.CONTEXT_NAMES))
    assert data.factor_names == ("elbow", "detour")
    assert data.factors.shape == (8000, 2)
    for tensor in (data.x, data.context, data.factors):
        assert tensor.dtype == torch.float32
        assert tensor.isfinite().all()
    assert [part.shape for part in vl.as_tensors(data)] == [
        data.x.shape,
        data.context.shape,
    ]


def test_the_label_is_the_elbows_side_half_and_half(data):
    side = 2 * data.labels - 1
    assert torch.equal(data.factors[:, 0].long(), side)
    for step in (7, 15):
        assert (side * data.x[:, step, 1] > 0).all()
    assert abs(data.labels.float().mean() - 0.5) < 5 * 0.5 / 8000**0.5


def test_the_condition_does_not_tell_the_side(data):
    z = (data.context - data.context.mean(0)) / data.context.std(0)
    sides = data.factors[:, 0]
    assert ((z * sides[:, None]).mean(0).abs() < 5 / 8000**0.5).all()


@settings(max_examples=30, deadline=None)
@given(SEED, st.sampled_from(["train", "test"]))
def test_every_demonstration_succeeds(seed, split):
    data = arm.load(split, 200, seed)
    done = arm.simulate(data.x, data.context)
    assert done.success.all()
    assert done.reach_error.max() < 1e-5
    assert done.clearance.min() > 0.1


@settings(max_examples=30, deadline=None)
@given(SEED)
def test_either_elbow_does_and_their_mean_never(seed):
    context = conditions(seed=seed)
    right, left = (arm.demonstrate(context, side) for side in (1, -1))
    assert arm.simulate(right, context).success.all()
    assert arm.simulate(left, context).success.all()
    mean = arm.simulate((right + left) / 2, context)
    assert not mean.success.any()
    # It fails at both: it sweeps through the obstacle, stretched, and overreaches.
    assert (mean.clearance < 0).all()
    assert (mean.reach_error > 0.3).all()


def test_a_demonstration_for_another_condition_rarely_does(data):
    other = arm.simulate(data.x.roll(1, 0)[:1000], data.context[:1000])
    assert other.success.float().mean() < 0.05


@settings(max_examples=20, deadline=None)
@given(SEED)
def test_the_motion_is_smooth_and_never_jumps(seed):
    data = arm.load("train", 300, seed)
    path = whole(data.x, data.context).double()
    speed, acceleration, jerk = (path.diff(dim=1, n=n).abs() for n in (1, 2, 3))
    assert speed.max() < 0.5
    assert acceleration.max() < 0.17
    assert jerk.max() < 0.1
    # At rest at both ends: much slower there than in between.
    assert (speed[:, [0, -1]].amax((1, 2)) < 0.1 * speed.amax((1, 2))).all()


def test_the_hand_passes_the_obstacle_as_far_off_as_its_detour_says(data):
    hand = forward(data.x[:, 7].double())[1]
    centre = data.context[:, 4:6].double()
    gap = (hand - centre).norm(dim=1) - column(data.context, "obstacle_radius")
    wanted = arm.BERTH + data.factors[:, 1].double()
    assert torch.allclose(gap, wanted, atol=1e-5)
    # On the line from the base to the obstacle, and before it.
    assert torch.allclose(
        hand / hand.norm(dim=1, keepdim=True),
        centre / centre.norm(dim=1, keepdim=True),
        atol=1e-5,
    )
    assert (hand.norm(dim=1) < centre.norm(dim=1)).all()


def test_the_obstacle_is_between_and_out_of_the_elbows_reach(data):
    shoulder = column(data.context, "shoulder")
    target, obstacle = (
        torch.atan2(data.context[:, i + 1], data.context[:, i]) for i in (2, 4)
    )
    target = torch.where(target < -1, target + 2 * math.pi, target)
    assert ((shoulder - obstacle) * (target - obstacle) < 0).all()
    edge = data.context[:, 4:6].norm(dim=1) - column(data.context, "obstacle_radius")
    assert edge.min() > 1.2
    # Neither way round is the usual one.
    assert abs((shoulder > obstacle).float().mean() - 0.5) < 0.03


@settings(max_examples=40, deadline=None)
@given(st.floats(-12, 12), st.sampled_from([1.0, -1.0]))
def test_turning_the_table_turns_the_motion(angle, side):
    context = conditions(50)
    turn = torch.tensor(
        [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
    ).double()
    turned = context.clone()
    turned[:, 0] += angle
    turned[:, 2:4], turned[:, 4:6] = context[:, 2:4] @ turn, context[:, 4:6] @ turn
    chunk = arm.demonstrate(context, side)
    found = arm.demonstrate(turned, side)
    shift = torch.tensor([angle, 0.0]).double()
    assert torch.allclose(found, chunk + shift, atol=1e-6)
    before, after = arm.simulate(chunk, context), arm.simulate(found, turned)
    assert torch.allclose(before.clearance, after.clearance, atol=1e-6)


def test_in_a_mirror_the_other_elbow_bends():
    context = conditions(50)
    mirror = torch.tensor([-1, -1, 1, -1, 1, -1, 1]).double()
    found = arm.demonstrate(context * mirror, -1, 0.05)
    assert torch.allclose(found, -arm.demonstrate(context, 1, 0.05), atol=1e-9)


def test_simulate_agrees_with_every_pose_of_a_fine_film():
    context = conditions(40)
    noise = torch.randn(40, 16, 2, generator=torch.Generator().manual_seed(1))
    chunk = arm.demonstrate(context, 1) + 0.3 * noise.double()
    done = arm.simulate(chunk, context)
    path = whole(chunk, context).numpy()
    steps = np.linspace(0, 16, 16 * 2000 + 1)
    for i in range(40):
        film = [np.interp(steps, np.arange(17), path[i, :, j]) for j in (0, 1)]
        poses = torch.from_numpy(np.stack(film, axis=1))
        exact = clearance(poses, context[i, 4:6], context[i, 6]).min()
        # The film sees more, but no joint turned more than 1/32 rad unseen.
        assert exact - 1e-9 <= done.clearance[i] <= exact + 2 * 1.8 / 64
        hand = forward(poses[-1])[1]
        error = (hand - context[i, 2:4]).norm()
        assert done.reach_error[i].item() == pytest.approx(error.item())
    assert torch.equal(done.success, (done.reach_error <= 0.1) & (done.clearance > 0))
    # Noise spares some and spoils some, so the comparison is one.
    assert 0 < (done.clearance > 0).sum() < 40


def test_a_leap_over_the_obstacle_is_a_hit():
    # Clear at every step: stretched on the left, then stretched on the right.
    context = torch.tensor([[2.2, 0.0, 1.8, 0.0, 0.0, 1.5, 0.1]]).double()
    chunk = torch.zeros(1, 3, 2).double()
    done = arm.simulate(chunk, context)
    assert clearance(whole(chunk, context), context[:, 4:6], context[:, 6]).min() > 0.7
    assert done.reach_error.item() == pytest.approx(0, abs=1e-6)
    assert done.clearance.item() == pytest.approx(-0.1, abs=0.03)
    assert not done.success.item()
    # The first step counts as well: from the start pose, not from the first step's.
    there = context.clone()
    there[:, 0] = 0
    assert arm.simulate(chunk, there).success.item()


def test_a_touch_at_the_very_end_is_a_hit():
    touch = math.pi / 2 - math.asin(0.1 / 1.5)
    context = torch.zeros(2, 7).double()
    context[:, 5], context[:, 6] = 1.5, 0.1
    ends = torch.tensor([touch - 0.001, touch + 0.001]).double()
    chunk = torch.stack([ends, torch.zeros(2)], dim=1)[:, None]
    context[:, 2:4] = forward(chunk[:, -1])[1]
    done = arm.simulate(chunk, context)
    assert done.success.tolist() == [True, False]
    assert done.clearance.tolist() == pytest.approx([0.0015, -0.0015], abs=1e-4)


def test_the_upper_arm_can_hit_as_well_as_the_lower():
    # At a right angle the lower arm stays far from what the upper one crosses.
    right = math.pi / 2
    context = torch.tensor([[0, right, -0.8, 1, 0.35, 0.35, 0.1]]).double()
    chunk = torch.tensor([[[right, right]]]).double()
    done = arm.simulate(chunk, context)
    assert done.reach_error.item() == pytest.approx(0, abs=1e-6)
    assert done.clearance.item() == pytest.approx(-0.1, abs=0.03)


def test_only_a_hand_near_enough_succeeds():
    # Stretched along x, with the obstacle far away behind.
    for miss, success in ((0.0, True), (0.099, True), (0.101, False)):
        context = torch.tensor([[0, 0, 1.8 - miss, 0, -1.5, 0, 0.1]]).double()
        done = arm.simulate(torch.zeros(1, 1, 2).double(), context)
        assert done.success.item() is success
        assert done.reach_error.item() == pytest.approx(miss, abs=1e-6)
        assert done.clearance.item() == pytest.approx(1.4)


def test_a_chunk_is_judged_alike_whatever_comes_with_it():
    context = conditions(30)
    wild = torch.randn(30, 16, 2, generator=torch.Generator().manual_seed(0)).double()
    chunk = arm.demonstrate(context, -1)
    chunk[::2] += 3 * wild[::2]
    together = arm.simulate(chunk, context)
    for i in range(30):
        alone = arm.simulate(chunk[i : i + 1], context[i : i + 1])
        for one, many in zip(alone, together, strict=True):
            assert torch.allclose(one.double(), many[i : i + 1].double(), atol=1e-12)


def test_results_have_the_chunks_type_and_no_gradient(data):
    few = data[:5]
    chunk = few.x.clone().requires_grad_()
    done = arm.simulate(chunk, few.context)
    assert done.reach_error.dtype == done.clearance.dtype == torch.float32
    assert done.success.dtype == torch.bool
    assert not done.reach_error.requires_grad
    assert not done.clearance.requires_grad
    assert torch.equal(chunk, few.x)
    assert arm.simulate(few.x.half(), few.context).success.all()
    assert arm.simulate(few.x[:0], few.context[:0]).success.shape == (0,)


def test_a_longer_or_shorter_chunk_can_be_carried_out(data):
    few = data[:50]
    late = arm.simulate(few.x[:, 8:], few.context)
    assert torch.equal(late.reach_error, arm.simulate(few.x, few.context).reach_error)
    early = arm.simulate(few.x[:, :8], few.context)
    assert not early.success.any()
    assert (early.clearance > 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 400), SEED, st.sampled_from(["train", "test"]))
def test_demonstration_i_does_not_depend_on_n(n, seed, split):
    few, many = arm.load(split, n, seed), arm.load(split, n + 300, seed)
    for name in ("context", "labels", "factors"):
        assert torch.equal(getattr(few, name), getattr(many, name)[:n])
    assert torch.allclose(few.x, many.x[:n], atol=1e-6)


def test_splits_and_seeds_share_nothing():
    # 2³² is two words long, the second of which could pass for a split.
    seen = set()
    for seed in (0, 1, 2**32, 2**32 + 1):
        for split in ("train", "test"):
            rows = set(map(tuple, arm.load(split, 500, seed).context.tolist()))
            assert len(rows) == 500
            assert not rows & seen
            seen |= rows


def test_the_target_is_reached_wherever_the_obstacle_is_dropped():
    context = conditions(200)
    around = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    context[:, 4:6] = 4 * around - 2
    done = arm.simulate(arm.demonstrate(context, 1), context)
    assert done.reach_error.max() < 1e-9


@pytest.mark.parametrize(
    ("chunk", "context", "words"),
    [
        ((3, 16), (3, 7), r"chunk has shape \(3, 16\), wanted \(N, T, 2\)"),
        ((3, 16, 3), (3, 7), r"chunk has shape \(3, 16, 3\)"),
        ((2, 16, 2), (3, 7), r"chunk has shape .* a chunk for each row of context"),
        ((3, 0, 2), (3, 7), r"chunk has shape \(3, 0, 2\)"),
        ((3, 16, 2), (3, 6), r"context has shape \(3, 6\), wanted \(N, 7\) with col"),
        ((3, 16, 2), (7,), r"context has shape \(7,\), wanted \(N, 7\)"),
    ],
)
def test_a_shape_that_does_not_fit_is_named(chunk, context, words):
    with pytest.raises(ValueError, match=words):
        arm.simulate(torch.zeros(chunk), torch.zeros(context))


def test_what_is_not_finite_or_out_of_reach_is_refused():
    context = conditions(2)
    chunk = arm.demonstrate(context, 1)
    chunk[1, 3, 0] = math.inf
    with pytest.raises(ValueError, match="chunk holds NaN or infinity"):
        arm.simulate(chunk, context)
    context[0, 2] = 5
    with pytest.raises(ValueError, match=r"hand is .* wanted 0.2 … 1.8"):
        arm.demonstrate(context, 1)
    context[0, 2] = math.nan
    with pytest.raises(ValueError, match="context holds NaN or infinity"):
        arm.demonstrate(context, 1)
