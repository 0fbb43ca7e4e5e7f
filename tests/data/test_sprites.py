import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vaelib.data as vl
from vaelib.data import sprites


@settings(deadline=None)
@given(st.lists(st.integers(0, sprites.COUNT - 1), max_size=50))
def test_index_to_factors_and_back(index):
    factors = sprites.factors_from_index(torch.tensor(index).long())
    assert factors.shape == (len(index), 5)
    assert sprites.index_from_factors(factors).tolist() == index


def test_every_index_to_factors_and_back():
    index = torch.arange(sprites.COUNT)
    assert torch.equal(
        sprites.index_from_factors(sprites.factors_from_index(index)), index
    )


def test_the_grid_is_the_one_described():
    assert sprites.COUNT == 3 * 6 * 40 * 32 * 32
    first, last = sprites.factors_from_index(torch.tensor([0, sprites.COUNT - 1]))
    assert first.tolist() == [0, 0.5, 0, 0, 0]
    assert last.tolist() == pytest.approx([2, 1, 2 * math.pi * 39 / 40, 1, 1])
    # y changes fastest, then x, as in dSprites.
    assert sprites.factors_from_index(torch.tensor([33]))[0, 3:].tolist() == (
        pytest.approx([1 / 31, 1 / 31])
    )


def test_the_nearest_grid_point_is_found_off_the_grid():
    here = sprites.factors_from_index(torch.tensor([123_456]))
    off = here + torch.tensor([[0.1, 0.02, 0.03, 0.01, -0.01]])
    assert sprites.index_from_factors(off).item() == 123_456
    off[0, 2] += 2 * math.pi
    assert sprites.index_from_factors(off).item() == 123_456


@pytest.mark.parametrize("index", [-1, sprites.COUNT])
def test_an_index_off_the_grid_is_refused(index):
    with pytest.raises(ValueError, match="wanted 0 … 737,279"):
        sprites.factors_from_index(torch.tensor([3, index]))


def test_bad_factors_are_refused():
    good = sprites.factors_from_index(torch.tensor([5]))
    with pytest.raises(ValueError, match=r"shape \(1, 4\), wanted \(N, 5\)"):
        sprites.render(good[:, :4])
    with pytest.raises(ValueError, match="NaN or infinity"):
        sprites.index_from_factors(good * math.nan)
    good[0, 0] = 0.5
    with pytest.raises(ValueError, match=r"holds \[0.5\], wanted only 0 \(square\)"):
        sprites.render(good)


def test_a_picture_depends_on_its_own_factors_alone():
    factors = sprites.factors_from_index(torch.randint(sprites.COUNT, (600,)))
    whole = sprites.render(factors)
    assert torch.equal(whole[[7, 599]], sprites.render(factors[[7, 599]]))


@pytest.mark.parametrize("size", [32, 64])
def test_area_is_what_geometry_says_wherever_the_shape_is(size):
    generator = torch.Generator().manual_seed(0)
    n = 400
    factors = torch.rand(n, 5, generator=generator)
    factors[:, 1] = 0.6 + 0.4 * factors[:, 1]
    factors[:, 2] *= 2 * math.pi
    side = 0.5  # of the heart: a square and two half-discs
    unit = {0: 2.0, 1: math.pi * 0.55, 2: 4 * side**2 + math.pi * side**2}
    for shape, area in unit.items():
        factors[:, 0] = shape
        radius = factors[:, 1] * sprites.RADIUS * size / 2
        drawn = sprites.render(factors, size).sum((1, 2, 3))
        ratio = drawn / (area * radius**2)
        assert (ratio - 1).abs().max() < (0.06 if size == 32 else 0.03), shape


def test_position_moves_the_picture_and_nothing_leaves_it():
    corners = torch.tensor([[1.0, 1, 0, x, y] for x in (0, 1) for y in (0, 1)])
    left_top, left_bottom, right_top, _ = sprites.render(corners)[:, 0]
    assert torch.allclose(left_top.flip(1), right_top, atol=1e-5)
    assert torch.allclose(left_top.flip(0), left_bottom, atol=1e-5)
    for shape in range(3):
        spun = torch.zeros(200, 5)
        spun[:, 0], spun[:, 1] = shape, 1
        spun[:, 2] = torch.linspace(0, 2 * math.pi, 200)
        cornered = sprites.render(spun, 64).sum((1, 2, 3))
        spun[:, 3:] = 0.5
        centred = sprites.render(spun, 64).sum((1, 2, 3))
        assert (cornered / centred - 1).abs().max() < 0.02


def test_turning_and_scaling_do_what_they_say():
    still = torch.tensor([[0, 0.8, 0.3, 0.5, 0.5]])
    quarter = still + torch.tensor([[0, 0, math.pi / 2, 0, 0]])
    assert torch.allclose(sprites.render(still), sprites.render(quarter), atol=1e-4)
    ellipse = torch.tensor([[1, 0.8, 0.0, 0.5, 0.5]])
    turned = ellipse + torch.tensor([[0, 0, math.pi / 2, 0, 0]])
    a, b = sprites.render(ellipse)[0, 0], sprites.render(turned)[0, 0]
    assert torch.allclose(a.T, b, atol=1e-4)
    assert (a.sum(0) > 0).sum() > (a.sum(1) > 0).sum()


def test_free_factors_between_the_grid_points_move_smoothly():
    x = torch.linspace(0.4, 0.6, 21)
    factors = torch.stack([0 * x, 0 * x + 0.7, 0 * x + 0.2, x, 0 * x + 0.5], dim=1)
    steps = sprites.render(factors, 32).diff(dim=0).abs().sum((1, 2, 3))
    assert steps.min() > 0
    assert steps.max() < 3 * steps.min()


def test_splits_share_no_pose_and_labels_are_shapes():
    index = {}
    for split in ("train", "test"):
        data = vl.load("sprites", split, n=3000, device="cpu")
        assert torch.equal(data.labels, data.factors[:, 0].long())
        assert torch.equal(data.x, sprites.render(data.factors))
        index[split] = set(sprites.index_from_factors(data.factors).tolist())
        assert len(index[split]) == 3000
    assert not index["train"] & index["test"]


def test_both_sizes_draw_the_same_poses():
    small, large = (vl.load(n, n=50, device="cpu") for n in ("sprites", "sprites-64"))
    assert torch.equal(small.factors, large.factors)
    halved = torch.nn.functional.avg_pool2d(large.x, 2)
    assert (halved - small.x).abs().mean() < 0.002


def test_more_than_the_split_has_is_refused():
    with pytest.raises(ValueError, match="'test' split of 'sprites' has 73,728"):
        vl.load("sprites", "test", n=80_000)
