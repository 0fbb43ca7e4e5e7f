import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vaelib.data as vl
from vaelib.data import handwriting, strokes

NAMES = handwriting.FACTOR_NAMES


@pytest.fixture(scope="module")
def data():
    return vl.load("handwriting", n=3000, device="cpu")


def hand(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(factors):
    return set(map(tuple, factors.tolist()))


def plain(n, **named):
    """Factors of a steady hand, upright, with some of them set."""
    usual = {"aspect": 1.0, "thickness": 2.5, "scale": 1.0, "softness": 1.0}
    columns = [
        torch.as_tensor(named.get(name, usual.get(name, 0.0))).float().expand(n)
        for name in NAMES
    ]
    return torch.stack(columns, dim=1)


def test_every_digit_has_several_styles():
    counts = handwriting.style_digits().bincount()
    assert len(counts) == 10
    assert counts.min() >= 5


def test_labels_factors_and_paths_come_with_the_pictures(data):
    assert data.factor_names == NAMES
    style = data.factors[:, 0].long()
    assert torch.equal(data.labels, handwriting.style_digits()[style])
    assert len(style.unique()) == len(handwriting.style_digits())
    assert data.labels.bincount().min() > 230
    assert data.trajectories.shape == (3000, 64, 3)
    assert data.trajectories.dtype == torch.float32
    pen = data.trajectories[..., 2]
    assert set(pen.unique().tolist()) == {0.0, 1.0}
    assert (pen[:, 0] == 0).all()


def test_the_path_draws_the_picture(data):
    named = dict(zip(NAMES, data.factors.unbind(1), strict=True))
    again = handwriting.ink(
        data.trajectories, named["thickness"], named["softness"], named["pressure"]
    )
    assert torch.equal(again, data.x)


def test_the_writing_stays_in_the_picture_and_is_framed_as_mnist(data):
    frame = torch.cat([data.x[:, 0, [0, -1]], data.x[:, 0, :, [0, -1]].mT], dim=1)
    assert (frame.sum((1, 2)) == 0).float().mean() > 0.98
    # MNIST's centre of mass lies at 14, 14 where the first pixel's is 0, 0.
    axis = torch.arange(28.0)
    mass = data.x[:, 0] / data.x.sum((2, 3), keepdim=True)[:, 0]
    x, y = (mass.sum(1) @ axis), (mass.sum(2) @ axis)
    assert (
        (x - 14 - data.factors[:, NAMES.index("x")]).abs() < 1
    ).float().mean() > 0.97
    assert (
        (y - 14 - data.factors[:, NAMES.index("y")]).abs() < 1
    ).float().mean() > 0.97


def test_some_pixels_are_grey_and_most_are_not(data):
    grey = ((data.x > 0.05) & (data.x < 0.95)).float().mean()
    assert 0.05 < grey < 0.15
    assert 0.10 < data.x.mean() < 0.16


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 700), st.integers(0, 2**32), st.sampled_from(["train", "test"]))
def test_picture_i_does_not_depend_on_n(n, seed, split):
    few = handwriting.load(split, n, seed)
    many = handwriting.load(split, n + 300, seed)
    assert len(few) == n
    for name in ("x", "labels", "factors", "trajectories"):
        assert torch.equal(getattr(few, name), getattr(many, name)[:n])
    assert few.x.isfinite().all()
    assert (few.x >= 0).all()
    assert (few.x <= 1).all()


def test_neighbouring_seeds_share_nothing():
    one, two = (handwriting.load("train", 1024, seed).factors for seed in (0, 1))
    assert not rows(one) & rows(two)


def test_splits_are_independent_draws_of_one_kind():
    train, test = (handwriting.load(s, 4000, 0).factors for s in ("train", "test"))
    assert not rows(train) & rows(test)
    spread = train.std(0) / 4000**0.5
    assert ((train.mean(0) - test.mean(0)).abs() < 6 * spread).all()


def test_changing_one_factor_changes_only_that():
    """The same hand writes the same digit: the open choices do not move."""
    slants = torch.tensor([-0.3, 0.0, 0.3])
    factors = plain(3, style=20, looseness=0.8, wobble=0.3, slant=slants)
    paths = [
        handwriting.write(row[None], generator=hand(4))[0, :, :2] for row in factors
    ]
    # Undo the slant: up to size and place, the same path is left.
    shapes = []
    for path, slant in zip(paths, slants, strict=True):
        x, y = (path - path.mean(0)).unbind(1)
        shape = torch.stack([x + slant * y, y], dim=1)
        shapes.append(shape / shape.norm())
    # The wobble comes after the slant, so it alone differs a little.
    assert torch.allclose(shapes[0], shapes[1], atol=0.02)
    assert torch.allclose(shapes[2], shapes[1], atol=0.02)


def test_factors_do_what_their_names_say():
    def drawn(**named):
        return handwriting.render(plain(1, style=0, **named), generator=hand())[0, 0]

    thin, usual, thick = (drawn(thickness=t).sum() for t in (1.5, 2.5, 4.0))
    assert thin < usual < thick
    assert drawn(scale=0.7).sum() < usual
    assert torch.allclose(drawn(x=2.0)[:, 2:], drawn()[:, :-2], atol=1e-4)
    assert torch.allclose(drawn(y=2.0)[2:], drawn()[:-2], atol=1e-4)
    wide, narrow = ((drawn(aspect=a).amax(0) > 0.5).sum() for a in (1.2, 0.6))
    assert narrow < wide
    grey = [((drawn(softness=s) - 0.5).abs() < 0.4).sum() for s in (0.5, 2.0)]
    assert grey[0] < grey[1]
    upright = handwriting.render(plain(1, style=7), generator=hand())[0, 0]
    leaning = handwriting.render(plain(1, style=7, slant=0.5), generator=hand())[0, 0]
    top = torch.arange(28.0)
    assert (leaning[7] * top).sum() / leaning[7].sum() > (
        (upright[7] * top).sum() / upright[7].sum() + 3
    )


def test_pressure_makes_the_end_lighter_than_the_start():
    bar = torch.zeros(1, 64, 3)
    bar[0, :, 0], bar[0, :, 1], bar[0, 1:, 2] = 14, torch.linspace(3.5, 23.5, 64), 1
    even, fading = (handwriting.ink(bar, pressure=p)[0, 0] for p in (0.0, 1.5))
    assert torch.allclose(even, even.flip(0), atol=1e-5)
    assert fading[:14].sum() > 1.1 * fading[14:].sum()


@pytest.mark.parametrize("thickness", [1.5, 2.5, 4.0])
def test_a_straight_stroke_is_as_wide_as_asked(thickness):
    bar = torch.zeros(1, 64, 3)
    bar[0, :, 0], bar[0, :, 1], bar[0, 1:, 2] = 14, torch.linspace(3.5, 23.5, 64), 1
    x = handwriting.ink(bar, thickness, softness=1.0)[0, 0]
    assert x[14].sum().item() == pytest.approx(thickness, abs=0.06)


def test_a_lifted_pen_leaves_no_ink():
    path = torch.ones(1, 60, 3)
    path[0, :, 0], path[0, :, 1] = torch.linspace(4, 24, 60), 14
    assert handwriting.ink(path)[0, 0, 14, 5:23].min() > 0.9
    path[0, 20:41, 2] = 0
    assert handwriting.ink(path)[0, 0, :, 12:17].max() == 0
    assert handwriting.ink(path)[0, 0, 14, [5, 8, 19, 22]].min() > 0.9


def test_ink_has_a_gradient_wherever_the_pen_goes(data):
    paths = data.trajectories[:64].clone().requires_grad_()
    handwriting.ink(paths).square().sum().backward()
    assert paths.grad.isfinite().all()
    assert (paths.grad.abs().sum((1, 2)) > 0).all()


def test_ink_takes_float64_and_none_at_all(data):
    paths = data.trajectories[:5]
    close = handwriting.ink(paths.double()).float()
    assert torch.allclose(close, handwriting.ink(paths), atol=1e-3)
    assert handwriting.ink(paths[:0]).shape == (0, 1, 28, 28)


def test_what_cannot_be_written_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 3\), wanted \(N, 12\)"):
        handwriting.write(torch.zeros(2, 3), generator=hand())
    with pytest.raises(ValueError, match="NaN or infinity"):
        handwriting.write(plain(1, slant=torch.nan), generator=hand())
    last = len(handwriting.style_digits()) - 1
    with pytest.raises(ValueError, match=f"wanted 0 … {last}"):
        handwriting.render(plain(1, style=last + 1), generator=hand())
    with pytest.raises(ValueError, match=r"wanted \(N, T, 3\)"):
        handwriting.ink(torch.zeros(2, 5, 2))
    with pytest.raises(ValueError, match=r"thickness has shape \(3,\), wanted one"):
        handwriting.ink(torch.zeros(2, 5, 3), torch.ones(3))


def test_templates_are_well_formed():
    bank = strokes.bank()
    styles, steps, most = bank.basis.shape
    assert (styles, steps) == (len(bank.digit), strokes.STEPS)
    # A spline's weights sum to one: moving all points moves the path alike.
    assert torch.allclose(bank.basis.sum(2), torch.ones(styles, steps), atol=1e-5)
    assert bank.points.shape == (styles, most, 2)
    assert bank.points.abs().max() == pytest.approx(1.0)
    assert (bank.share.sum(1) > 0).all()
    assert ((bank.share > 0).sum(0) == 1).all()
