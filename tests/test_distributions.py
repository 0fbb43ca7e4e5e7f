import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Categorical, Independent, Normal, kl_divergence
from torch.distributions import ContinuousBernoulli as TorchContinuous

from vaelib import (
    MLP,
    VAE,
    Bernoulli,
    BernoulliHead,
    CategoricalHead,
    ContinuousBernoulli,
    ContinuousBernoulliHead,
    DiagonalGaussian,
    DiagonalGaussianHead,
    Gaussian,
    GaussianHead,
    GreyLevels,
    StandardNormal,
    fit,
    kl_standard_normal,
    seeded,
    unchecked,
)
from vaelib.distributions import check_data, smooth_bound

EXACT = {"atol": 1e-10, "rtol": 1e-10}
seeds = st.integers(0, 2**31)


def double(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(*shape, generator=generator, dtype=torch.float64)


# ------------------------------------------------- oracles: torch.distributions


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_diagonal_gaussian_is_torchs(seed) -> None:
    mu, log_var, z = double(seed, 3, 5, 4)
    ours = DiagonalGaussian(mu, log_var)
    theirs = Independent(Normal(mu, log_var.exp().sqrt()), 1)
    assert torch.allclose(ours.log_prob(z), theirs.log_prob(z), **EXACT)
    assert torch.allclose(ours.entropy(), theirs.entropy(), **EXACT)
    assert torch.allclose(ours.variance, theirs.variance, **EXACT)
    assert ours.event_shape == (4,)
    assert ours.batch_shape == (5,)
    # As torch's expand: the same distribution, repeated.
    wide, plain = ours.expand((2, 5)), theirs.expand((2, 5))
    assert torch.allclose(wide.log_prob(z), plain.log_prob(z), **EXACT)
    assert torch.allclose(wide.variance, plain.variance, **EXACT)
    assert wide.mean.shape == (2, 5, 4)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_kl_is_torchs(seed) -> None:
    mu, log_var, mu_p, log_var_p = double(seed, 4, 5, 4)
    q, p = DiagonalGaussian(mu, log_var), DiagonalGaussian(mu_p, log_var_p)
    plain = [
        Independent(Normal(d.mu, d.log_var.exp().sqrt()), 1)
        for d in (q, p, StandardNormal(4, dtype=torch.float64))
    ]
    assert torch.allclose(kl_divergence(q, p), kl_divergence(*plain[:2]), **EXACT)
    to_prior = kl_divergence(plain[0], plain[2])
    assert torch.allclose(kl_standard_normal(mu, log_var), to_prior, **EXACT)
    per_dim = kl_standard_normal(mu, log_var, per_dim=True)
    assert per_dim.shape == (5, 4)
    assert torch.allclose(per_dim.sum(-1), to_prior, **EXACT)
    # Ours meets theirs: outside code may bring torch's own Gaussians.
    assert torch.allclose(kl_divergence(q, plain[1]), kl_divergence(q, p), **EXACT)
    assert torch.allclose(kl_divergence(plain[0], p), kl_divergence(q, p), **EXACT)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_bernoulli_is_torchs_on_zeros_and_ones(seed) -> None:
    logits = 3 * double(seed, 5, 7)
    x = (double(seed + 1, 5, 7) > 0).double()
    theirs = TorchBernoulli(logits=logits).log_prob(x)
    assert torch.allclose(Bernoulli(logits=logits).log_prob(x), theirs, **EXACT)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_bernoulli_on_grey_is_the_expected_log_probability(seed) -> None:
    logits, grey = double(seed, 5, 7), double(seed + 1, 5, 7).sigmoid()
    coin = TorchBernoulli(logits=logits)
    one, zero = torch.ones_like(logits), torch.zeros_like(logits)
    expected = grey * coin.log_prob(one) + (1 - grey) * coin.log_prob(zero)
    assert torch.allclose(Bernoulli(logits=logits).log_prob(grey), expected, **EXACT)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_gaussian_is_torchs(seed) -> None:
    mean, log_var, x = double(seed, 3, 5, 7)
    theirs = Normal(mean, log_var.exp().sqrt())
    ours = Gaussian(mean, log_var)
    assert torch.allclose(ours.log_prob(x), theirs.log_prob(x), **EXACT)
    assert torch.allclose(ours.variance, theirs.variance, **EXACT)
    wide, plain = ours.expand((2, 5, 7)), theirs.expand((2, 5, 7))
    assert torch.allclose(wide.log_prob(x), plain.log_prob(x), **EXACT)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(2, 9))
def test_grey_levels_are_torchs_categorical(seed, levels) -> None:
    logits = double(seed, 5, 7, levels)
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(levels, (5, 7), generator=generator)
    ours, theirs = GreyLevels(logits), Categorical(logits=logits)
    x = index / (levels - 1)
    assert torch.allclose(ours.log_prob(x), theirs.log_prob(index), **EXACT)
    # A value between two levels counts as the nearest: rounded, not cut.
    for shift in (-0.4, 0.4):
        near = ((index + shift) / (levels - 1)).clamp(0, 1)
        assert torch.equal(ours.log_prob(near), ours.log_prob(x))
    enumerated = theirs.probs @ torch.arange(levels).double() / (levels - 1)
    assert torch.allclose(ours.mean, enumerated, **EXACT)
    second = theirs.probs @ (torch.arange(levels).double() / (levels - 1)) ** 2
    assert torch.allclose(ours.variance, second - enumerated**2, **EXACT)
    samples = ours.sample((3,))
    assert samples.shape == (3, 5, 7)
    assert torch.isin((samples * (levels - 1)).round(), torch.arange(levels)).all()


# The integral of exp(x·l) over [0, 1], and with it every moment, by Gauss and
# Legendre: 200 nodes are exact to the last digit for |l| up to 90. On both sides of
# 0, on it, and on both sides of where the series gives way to the closed form.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)
LOGITS = [0, 1e-9, 1e-4, 4e-3, 0.03, 0.2499, 0.2501, 1, 5, 16, 17, 40, 90]


@pytest.mark.parametrize("logit", [*LOGITS, *(-v for v in LOGITS[1:])])
def test_continuous_bernoulli_by_quadrature(logit) -> None:
    x, w = torch.tensor((NODES + 1) / 2), torch.tensor(WEIGHTS / 2)
    p = ContinuousBernoulli(logits=torch.tensor(float(logit), dtype=torch.float64))
    density = p.log_prob(x).exp()
    mean = w @ (density * x)
    assert w @ density == pytest.approx(1, rel=1e-10)
    assert p.mean == pytest.approx(float(mean), rel=1e-9)
    # A closed form of the variance loses (1/l)² of its digits: ten are left.
    variance = float(w @ (density * (x - mean) ** 2))
    assert p.variance == pytest.approx(variance, rel=1e-8)
    # It is what its name says: λˣ(1−λ)¹⁻ˣ and a constant.
    bce = Bernoulli(logits=p.logits).log_prob(x)
    assert torch.allclose((p.log_prob(x) - bce).diff(), torch.zeros(199).double())


@pytest.mark.parametrize("logit", [*LOGITS, *(-v for v in LOGITS[1:])])
def test_continuous_bernoulli_keeps_its_digits_in_float32(logit) -> None:
    exact = ContinuousBernoulli(logits=torch.tensor(float(logit)).double())
    raw = torch.tensor(float(logit), requires_grad=True)
    p = ContinuousBernoulli(logits=raw)
    x = torch.tensor([0.0, 0.3, 1.0])
    wanted = exact.log_prob(x.double()).float()
    assert torch.allclose(p.log_prob(x), wanted, rtol=1e-5, atol=1e-6)
    assert p.mean.item() == pytest.approx(exact.mean.item(), rel=1e-5)
    assert p.variance.item() == pytest.approx(exact.variance.item(), rel=1e-4)
    p.log_prob(x[1]).backward()
    assert raw.grad.item() == pytest.approx(0.3 - exact.mean.item(), abs=2e-6)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_continuous_bernoulli_is_torchs_where_that_holds(seed) -> None:
    """In float64, and away from λ = ½, where torch has a series of two terms."""
    logits, x = double(seed, 5, 7), double(seed + 1, 5, 7).sigmoid()
    logits = logits + 0.1 * logits.sign()
    ours = ContinuousBernoulli(logits=logits)
    theirs = TorchContinuous(logits=logits)
    assert torch.allclose(ours.log_prob(x), theirs.log_prob(x), atol=1e-7)
    assert torch.allclose(ours.mean, theirs.mean, atol=1e-7)
    assert torch.allclose(ours.variance, theirs.variance, atol=1e-6)
    wide = ours.expand((2, 5, 7))
    assert torch.equal(wide.log_prob(x)[1], ours.log_prob(x))


@pytest.mark.parametrize("logit", [0.0, 0.01, -3.0, 3.0, 40.0, -40.0])
def test_continuous_bernoulli_samples_have_its_moments(logit) -> None:
    raw = torch.full((), logit, dtype=torch.float64, requires_grad=True)
    p, n = ContinuousBernoulli(logits=raw), 40_000
    with seeded(0):
        x = p.rsample((n,))
    assert x.min() >= 0
    assert x.max() <= 1
    sigma = p.stddev.item()
    assert x.mean().item() == pytest.approx(p.mean.item(), abs=5 * sigma / n**0.5)
    assert x.std().item() == pytest.approx(sigma, rel=0.05)
    # d mean / d logit is the variance: along the path, too.
    (slope,) = torch.autograd.grad(x.mean(), raw)
    if abs(logit) > 1e-3:
        assert slope.item() == pytest.approx(sigma**2, rel=0.05)


@pytest.mark.parametrize("logit", [-1e30, -1e4, 0.0, 1e4, 1e30])
def test_continuous_bernoulli_stays_finite(logit) -> None:
    raw = torch.full((3,), logit, requires_grad=True)
    p = ContinuousBernoulli(logits=raw)
    x = torch.tensor([0.0, 0.5, 1.0])
    for value in (p.log_prob(x), p.mean, p.variance, p.rsample()):
        assert value.isfinite().all()
        (slope,) = torch.autograd.grad(value.sum(), raw)
        assert slope.isfinite().all()


# ------------------------------------------------------------------------ heads


HEADS = [
    (BernoulliHead((2, 4, 4)), (2, 4, 4)),
    (GaussianHead((2, 4, 4), 0.5), (2, 4, 4)),
    (GaussianHead((2, 4, 4), "learned"), (2, 4, 4)),
    (GaussianHead((2, 4, 4), "per-dimension"), (4, 4, 4)),
    (GaussianHead((2, 4, 4), "per-dimension", 0.1), (4, 4, 4)),
    (ContinuousBernoulliHead((2, 4, 4)), (2, 4, 4)),
    (CategoricalHead((2, 4, 4), 5), (10, 4, 4)),
    (DiagonalGaussianHead(3), (6,)),
]


@pytest.mark.parametrize(("head", "features"), HEADS)
def test_heads_give_one_log_probability_per_example(head, features) -> None:
    assert head.in_shape == features
    d = head(torch.randn(5, *features))
    assert d.batch_shape == (5,)
    assert d.event_shape == head.event_shape
    assert d.log_prob(torch.rand(5, *head.event_shape)).shape == (5,)
    assert d.mean.shape == (5, *head.event_shape)
    with pytest.raises(ValueError, match="features: got shape"):
        head(torch.randn(5, 9, 4, 4))


def test_gaussian_head_scales() -> None:
    x, mean = torch.rand(2, 5, 1, 3, 3).double()
    fixed = GaussianHead((1, 3, 3), 0.5).double()(mean)
    expected = Independent(Normal(mean, 0.5), 3).log_prob(x)
    assert torch.allclose(fixed.log_prob(x), expected, atol=1e-6)
    assert not list(GaussianHead((1, 3, 3), 0.5).parameters())
    learned = GaussianHead((1, 3, 3), "learned")
    assert [p.shape for p in learned.parameters()] == [()]
    each = GaussianHead((1, 3, 3), "per-dimension")
    log_var = torch.randn(5, 1, 3, 3).double()
    d = each(torch.cat([mean, log_var], 1))
    expected = Independent(Normal(mean, (log_var / 2).exp()), 3).log_prob(x)
    assert torch.allclose(d.log_prob(x), expected, **EXACT)
    for bad in (0, -1.0, float("inf"), "fixed"):
        with pytest.raises(ValueError, match="scale: got"):
            GaussianHead((1, 3, 3), bad)


def test_a_floor_adds_its_variance() -> None:
    mean, raw = torch.randn(2, 5, 1, 3, 3).double()
    raw[0] = -1e4
    head = GaussianHead((1, 3, 3), "per-dimension", floor=0.1)
    features = torch.cat([mean, raw], 1).requires_grad_()
    p = head(features)
    assert torch.allclose(p.mean, mean)
    assert (p.stddev >= 0.1).all()
    assert torch.allclose(p.variance[1:], 0.01 + raw[1:].exp())
    assert torch.allclose(p.stddev[0], torch.tensor(0.1).double(), atol=1e-4)
    p.log_prob(torch.zeros(5, 1, 3, 3).double()).sum().backward()
    assert features.grad.isfinite().all()
    for bad in (-0.1, float("inf"), "low", None):
        with pytest.raises(ValueError, match="floor: got"):
            GaussianHead((1, 3, 3), "per-dimension", floor=bad)
    for scale in (0.5, "learned"):
        with pytest.raises(ValueError, match="only 'per-dimension' takes one"):
            GaussianHead((1, 3, 3), scale, floor=0.1)


def test_categorical_head_puts_levels_first() -> None:
    features = torch.randn(5, 3 * 2, 4)
    d = CategoricalHead((2, 4), 3)(features)
    x = torch.zeros(5, 2, 4)
    logits = torch.stack([features[:, 2 * k : 2 * k + 2] for k in range(3)], -1)
    expected = logits.log_softmax(-1)[..., 0].sum((1, 2))
    assert torch.allclose(d.log_prob(x), expected, atol=1e-5)


def test_posterior_head_reads_mu_then_log_var() -> None:
    features = torch.tensor([[1.0, 2.0, -1.0, 0.5]])
    q = DiagonalGaussianHead(2)(features)
    assert torch.equal(q.mean, torch.tensor([[1.0, 2.0]]))
    assert torch.allclose(q.variance.log(), torch.tensor([[-1.0, 0.5]]), atol=1e-6)


# --------------------------------------------------------------------- numerics


def test_kl_near_the_prior_keeps_its_digits() -> None:
    d = torch.tensor([1e-4], dtype=torch.float32)
    exact = 0.5 * (math.expm1(1e-4) - 1e-4)
    kl = kl_standard_normal(torch.zeros(1, 1), d[None]).item()
    assert kl == pytest.approx(exact, rel=5e-3)
    naive = 0.5 * (d.exp() - 1 - d).item()
    assert abs(naive - exact) > 0.5 * exact  # what the plain form makes of it


@pytest.mark.parametrize("logit", [-1e4, 1e4])
@pytest.mark.parametrize("x", [0.0, 0.3, 1.0])
def test_extreme_logits_keep_loss_and_gradient(logit, x) -> None:
    logits = torch.full((1, 1), logit, requires_grad=True)
    value = Bernoulli(logits=logits).log_prob(torch.full((1, 1), x))
    assert value.isfinite().all()
    value.sum().backward()
    expected = x - (logit > 0)  # d log p / d logit = x − p
    assert logits.grad.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("raw", [-1e30, -1e4, -100.0, 100.0, 1e4, 1e30])
def test_extreme_log_variances_are_bounded_but_not_stuck(raw) -> None:
    """Finite KL and log-probability, and a gradient that leads back."""
    features = torch.tensor([[0.0, raw]], requires_grad=True)
    q = DiagonalGaussianHead(1)(features)
    kl = kl_divergence(q, StandardNormal(1))
    assert kl.isfinite().all()
    assert q.rsample((3,)).isfinite().all()
    kl.sum().backward()
    if abs(raw) <= 1e4:
        assert features.grad[0, 1].sign() == math.copysign(1, raw)
    means = torch.zeros(1, 1, requires_grad=True)
    head = GaussianHead((1,), "per-dimension")
    value = head(torch.cat([means, torch.tensor([[raw]])], 1)).log_prob(
        torch.full((1, 1), 0.5)
    )
    assert value.isfinite().all()


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e6, 1e6))
def test_smooth_bound(raw) -> None:
    x = torch.tensor(raw, dtype=torch.float64, requires_grad=True)
    y = smooth_bound(x)
    y.backward()
    if abs(raw) <= 10:
        assert y.item() == raw
    assert abs(y.item()) <= 10 + 0.5 * math.asinh(2 * abs(raw))
    assert y.item() * raw >= 0
    assert 0 < x.grad.item() <= 1 + 1e-12


def test_smooth_bound_has_no_corner() -> None:
    x = torch.tensor([-10.001, -9.999, 9.999, 10.001], requires_grad=True)
    smooth_bound(x).sum().backward()
    assert torch.allclose(x.grad, torch.ones(4), atol=5e-3)


# ----------------------------------------------------------------------- checks


def bernoulli_pixels() -> Independent:
    return BernoulliHead((1, 4, 4))(torch.randn(2, 1, 4, 4))


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (torch.rand(2, 1, 4, 4) * 255, ValueError, "divide by 255"),
        (torch.rand(2, 1, 4, 4) * 2 - 1, ValueError, r"\(x \+ 1\) / 2"),
        (torch.rand(2, 1, 4, 4) - 3, ValueError, "GaussianHead"),
        (torch.full((2, 1, 4, 4), float("inf")), ValueError, "outside"),
        (
            torch.full((2, 1, 4, 4), float("nan")),
            ValueError,
            "2 of 2 examples hold NaN",
        ),
        (torch.rand(2, 16), ValueError, r"likelihood is over \(B, 1, 4, 4\)"),
        (
            torch.zeros(2, 1, 4, 4, dtype=torch.uint8),
            TypeError,
            r"\.float\(\) and divide",
        ),
        ([0.0], TypeError, "floating-point"),
    ],
)
def test_bad_data_names_the_mend(x, error, words) -> None:
    with pytest.raises(error, match=words) as caught:
        check_data(x, bernoulli_pixels())
    assert str(caught.value).startswith("x: ")


def test_support_decides_what_bad_means() -> None:
    x = 3 * torch.randn(2, 1, 4, 4)
    check_data(x, GaussianHead((1, 4, 4))(torch.zeros(2, 1, 4, 4)))
    binary = Independent(TorchBernoulli(logits=torch.zeros(2, 1, 4, 4)), 3)
    check_data((x > 0).float(), binary)
    with pytest.raises(ValueError, match="support"):  # between the two allowed values
        check_data(torch.full((2, 1, 4, 4), 0.5), binary)


@pytest.mark.parametrize("kind", [BernoulliHead, ContinuousBernoulliHead])
def test_probabilities_are_refused_as_logits(kind) -> None:
    """By what made them: a sigmoid, whatever layer laid its output out."""
    head, z = kind((1, 8, 8)), torch.randn(4, 3)
    linear, unflatten = nn.Linear(3, 64), nn.Unflatten(1, (1, 8, 8))
    for last in (nn.Sigmoid(), nn.Hardsigmoid()):
        with pytest.raises(ValueError, match=f"{kind.__name__} takes logits. Remove"):
            head(unflatten(last(linear(z))))
        with pytest.raises(ValueError, match="Remove the Sigmoid"):
            head(last(unflatten(linear(z))).transpose(2, 3).contiguous().double())
        with unchecked(), pytest.raises(ValueError, match="Remove the Sigmoid"):
            head(last(unflatten(linear(z))))  # fit's steps take no look at values
    body = nn.Sequential(linear, nn.Sigmoid(), unflatten, head)
    encoder = nn.Sequential(MLP((1, 8, 8), (), 6), DiagonalGaussianHead(3))
    with pytest.raises(ValueError, match="Remove the Sigmoid"):
        fit(VAE(encoder, body), torch.rand(9, 1, 8, 8), progress=False)


@pytest.mark.parametrize(
    "last",
    [nn.ReLU(), nn.LogSigmoid(), nn.Tanh(), nn.SiLU(), nn.Softplus(), nn.Identity()],
)
def test_logits_are_logits_even_between_0_and_1(last) -> None:
    head, z = BernoulliHead((1, 8, 8)), torch.randn(4, 64)
    made = last(nn.Linear(64, 64)(z)).unflatten(1, (1, 8, 8))
    head(made)
    between = made - made.min()
    head(between / between.max())  # no one can tell these from probabilities
    head(torch.rand(4, 1, 8, 8))
    inner = nn.Sequential(nn.Linear(64, 64), nn.Sigmoid(), nn.Linear(64, 64))
    head(inner(z).view(made.shape))
