"""The KL's two parts against quadrature and against sums written out."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    Normal,
    OneHotCategorical,
    TransformedDistribution,
    kl_divergence,
)
from torch.distributions.transforms import ExpTransform

from vaelib import VAE, ConditionalVAE, DiagonalGaussian, StandardNormal, mlp_vae
from vaelib.metrics import MutualInformation, mutual_information

F64 = torch.float64


class Line:
    """q(z|x) = N(x, σ²) in one dimension, p(z) = N(0, 1)."""

    prior = StandardNormal(1, dtype=F64)

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def posterior(self, x: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(x, torch.full_like(x, 2 * math.log(self.sigma)))


X = torch.tensor([[-1.5], [-1.2], [0.1], [0.4], [2.0]], dtype=F64)
GRID = torch.linspace(-30, 30, 60_001, dtype=F64)


def by_quadrature(sigma: float) -> tuple[float, float]:
    """Both integrals on a grid."""
    each = Normal(X, sigma).log_prob(GRID).exp()  # (N, grid)
    q, step = each.mean(0), GRID[1] - GRID[0]
    safe = each.clamp(min=1e-300)
    information = (each * (safe / q.clamp(min=1e-300)).log()).sum(1).mean() * step
    p = Normal(0.0, 1.0).log_prob(GRID)
    aggregate = (q * (q.clamp(min=1e-300).log() - p)).sum() * step
    return information.item(), aggregate.item()


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0, 3.0])
def test_both_parts_are_the_integrals(sigma) -> None:
    information, aggregate = by_quadrature(sigma)
    got = mutual_information(Line(sigma), X, samples=40_000)
    # 200,000 draws of a log ratio that varies by a nat at most.
    assert got.information == pytest.approx(information, abs=0.01)
    assert got.aggregate_kl == pytest.approx(aggregate, abs=0.01)
    q = Line(sigma).posterior(X)
    mean_kl = kl_divergence(q, Line.prior).mean().item()
    assert sum(got) == pytest.approx(mean_kl, abs=1e-10)
    assert information + aggregate == pytest.approx(mean_kl, abs=1e-6)


def test_far_apart_codes_tell_log_n_and_equal_ones_nothing() -> None:
    apart = mutual_information(Line(1e-3), X)
    assert apart.information == pytest.approx(math.log(len(X)), abs=1e-9)
    same = mutual_information(Line(1.0), torch.zeros(7, 1, dtype=F64))
    assert same.information == pytest.approx(0, abs=1e-12)
    assert same.aggregate_kl == pytest.approx(0, abs=1e-12)


def test_codes_that_can_be_listed_are_summed() -> None:
    logits = torch.randn(6, 4, dtype=F64, generator=torch.Generator().manual_seed(0))
    p = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=F64)

    class Discrete:
        def __init__(self, kind: type) -> None:
            self.kind, self.prior = kind, kind(probs=p)

        def posterior(self, x: Tensor):
            return self.kind(logits=x)

    q = logits.softmax(-1)
    mean = q.mean(0)
    information = (q * (q / mean).log()).sum(-1).mean().item()
    aggregate = (mean * (mean / p).log()).sum().item()
    for kind in (Categorical, OneHotCategorical):
        got = mutual_information(Discrete(kind), logits, seed=3)
        assert got == mutual_information(Discrete(kind), logits, seed=4)
        assert got.information == pytest.approx(information, abs=1e-12)
        assert got.aggregate_kl == pytest.approx(aggregate, abs=1e-12)


@pytest.mark.parametrize("at_once", [1, 7, 100, 10_000_000])
def test_memory_bounded_without_another_result(at_once) -> None:
    one = mutual_information(Line(0.3), X, samples=3)
    piece = mutual_information(Line(0.3), X, samples=3, at_once=at_once)
    assert piece == pytest.approx(one, abs=1e-12)


def test_it_compares_no_more_at_once_than_it_is_told(monkeypatch) -> None:
    seen = []
    plain = DiagonalGaussian.log_prob
    monkeypatch.setattr(
        DiagonalGaussian,
        "log_prob",
        lambda self, z: seen.append(plain(self, z)) or seen[-1],
    )
    mutual_information(Line(0.3), X.repeat(20, 1), samples=2, at_once=1000)
    assert max(values.numel() for values in seen) <= 1000
    monkeypatch.setattr("vaelib.metrics.information.ROWS", 16)
    pieces = mutual_information(Line(0.3), X.repeat(20, 1), samples=2)
    monkeypatch.undo()
    whole = mutual_information(Line(0.3), X.repeat(20, 1), samples=2)
    # Other pieces draw other noise; 200 draws of a ratio within a nat.
    assert pieces.information == pytest.approx(whole.information, abs=0.2)


def test_seeded_and_without_a_trace() -> None:
    state = torch.get_rng_state()
    one = mutual_information(Line(0.3), X)
    assert isinstance(one, MutualInformation)
    assert torch.equal(state, torch.get_rng_state())
    assert one == mutual_information(Line(0.3), X)
    assert one != mutual_information(Line(0.3), X, seed=1)


def test_what_can_be_sampled_and_asked_will_do() -> None:
    """No closed KL, no gradient: information does not change under z → eᶻ."""

    class Transformed(Line):
        prior = Independent(
            TransformedDistribution(Normal(X.new_zeros(1), 1.0), ExpTransform()), 1
        )

        def posterior(self, x: Tensor) -> Independent:
            base = TransformedDistribution(Normal(x, self.sigma), ExpTransform())
            return Independent(base, 1)

    class Sampled(Line):
        def posterior(self, x: Tensor) -> MixtureSameFamily:
            one = Categorical(torch.ones(len(x), 1, dtype=F64))
            return MixtureSameFamily(one, Independent(Normal(x[:, None], 0.3), 1))

    information, aggregate = by_quadrature(0.3)
    for model in (Transformed(0.3), Sampled(0.3)):
        got = mutual_information(model, X, samples=20_000)
        assert got.information == pytest.approx(information, abs=0.02)
        assert got.aggregate_kl == pytest.approx(aggregate, abs=0.02)


def test_under_a_condition() -> None:
    class Encoder(torch.nn.Module):
        def forward(self, x: Tensor, c: Tensor) -> DiagonalGaussian:
            return DiagonalGaussian(x + c, torch.full_like(x, 2 * math.log(0.3)))

    class Prior(torch.nn.Module):
        def forward(self, c: Tensor) -> DiagonalGaussian:
            return DiagonalGaussian(c, 0 * c)

    shift = X.flip(0) / 3
    model = ConditionalVAE(Encoder(), torch.nn.Identity(), Line.prior)
    got = mutual_information(model.given(shift), X - shift)
    assert got == pytest.approx(mutual_information(Line(0.3), X), abs=1e-12)
    told = ConditionalVAE(Encoder(), torch.nn.Identity(), Prior())
    with pytest.raises(ValueError, match="depends on the condition"):
        mutual_information(told.given(shift), X)


def test_a_prior_of_another_size_is_named() -> None:
    parts = mlp_vae(4, 2, (3,))
    model = VAE(parts.encoder, parts.decoder, prior=StandardNormal(1))
    with pytest.raises(ValueError, match="prior: its codes have shape"):
        mutual_information(model, torch.zeros(5, 4))
