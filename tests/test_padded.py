"""A padded sequence is worth what it is worth alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributions import (
    Categorical,
    Exponential,
    Independent,
    Normal,
    kl_divergence,
)

from vaelib import (
    ConditionalVAE,
    DiagonalGaussianHead,
    GaussianHead,
    Padded,
    elbo,
    seeded,
    unchecked,
)
from vaelib.distributions import check_data

F64 = torch.float64
EXACT = {"atol": 1e-12, "rtol": 1e-12}
LENGTHS = torch.tensor([5, 1, 3])
PADDING = [0.0, 1e30, -7.0, float("nan"), float("inf")]


def sequences(padding: float, *step: int) -> Tensor:
    with seeded(0):
        x = torch.rand(3, 5, *step, dtype=F64)
    for row, length in zip(x, LENGTHS, strict=True):
        row[length:] = padding
    return x


def normal(mu: Tensor) -> Normal:
    return Normal(mu, 0.5, validate_args=False)


KINDS = {
    "vectors": lambda p: Independent(normal(p), 1),
    "numbers": lambda p: normal(p[..., 0]),
    "times": lambda p: Exponential(p[..., 0].exp(), validate_args=False),
    "maps": lambda p: Independent(normal(p[..., None].expand(3, -1, 2, 2)), 2),
}


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("kind", KINDS)
def test_as_each_sequence_alone(kind, padding) -> None:
    """Values and gradients, to 1e-12."""
    with seeded(1):
        params = torch.randn(3, 5, 2, dtype=F64, requires_grad=True)
    steps = KINDS[kind](params)
    x = sequences(padding, *steps.event_shape)
    p = Padded(steps, LENGTHS)
    assert (p.batch_shape, p.event_shape) == ((3,), (5, *steps.event_shape))
    ours = p.log_prob(x)
    each = steps.log_prob(sequences(0.5, *steps.event_shape))
    alone = torch.stack([row[:n].sum() for row, n in zip(each, LENGTHS, strict=True)])
    assert torch.allclose(ours, alone, **EXACT)
    (mine,) = torch.autograd.grad(ours.exp().sum(), params, retain_graph=True)
    (theirs,) = torch.autograd.grad(alone.exp().sum(), params)
    assert torch.allclose(mine, theirs, **EXACT)
    assert (mine[1, 1:] == 0).all()


def test_a_heads_distribution_is_taken_apart() -> None:
    x, head = sequences(float("nan"), 2), GaussianHead((5, 2), 0.3).double()
    with seeded(1):
        mean = torch.randn(3, 5, 2, dtype=F64)
    p = Padded(head(mean), LENGTHS)
    inner = Padded(Independent(Normal(mean, 0.3), 1), LENGTHS).log_prob(x)
    assert torch.allclose(p.log_prob(x), inner, atol=1e-5)
    assert p.event_shape == (5, 2)
    assert Padded(p.expand((3,)).steps, LENGTHS).log_prob(x).shape == (3,)


def test_tokens() -> None:
    with seeded(1):
        logits = torch.randn(3, 5, 7, dtype=F64)
    x = torch.randint(7, (3, 5))
    x[~(torch.arange(5) < LENGTHS[:, None])] = 99  # no token at all
    p = Padded(Categorical(logits=logits, validate_args=False), LENGTHS)
    each = logits.log_softmax(-1).gather(-1, x.clamp(max=6)[..., None])[..., 0]
    alone = torch.stack([row[:n].sum() for row, n in zip(each, LENGTHS, strict=True)])
    assert torch.allclose(p.log_prob(x), alone, **EXACT)
    assert p.sample((4,)).shape == (4, 3, 5)


def test_samples_and_moments_are_zero_in_the_padding() -> None:
    p = Padded(Normal(torch.ones(3, 5), 0.1), LENGTHS)
    for value in (p.sample((2,)), p.rsample((2,)), p.mean, p.mode, p.variance):
        assert (value[..., 1, 1:] == 0).all()
        assert (value[..., 0, :] != 0).all()
        assert (value[..., 2, :3] != 0).all()
    assert p.has_rsample
    entropy = Normal(0.0, 0.1).entropy() * LENGTHS
    assert torch.allclose(p.entropy(), entropy)


def test_kl_leaves_the_padding_out() -> None:
    q, p = (Normal(torch.full((3, 5), m, dtype=F64), 1.0) for m in (1.0, 0.0))
    got = kl_divergence(Padded(q, LENGTHS), Padded(p, LENGTHS))
    assert torch.allclose(got, 0.5 * LENGTHS.double(), **EXACT)


def test_what_is_looked_at_is_what_counts() -> None:
    p = Padded(GaussianHead((5, 2))(torch.zeros(3, 5, 2)), LENGTHS)
    check_data(sequences(float("nan"), 2).float(), p)
    bad = sequences(0.0, 2).float()
    bad[2, 2] = float("nan")
    with pytest.raises(ValueError, match="1 of 3 examples hold NaN"):
        check_data(bad, p)
    several = Padded(GaussianHead((5, 2))(torch.zeros(6, 5, 2)), LENGTHS.repeat(2))
    check_data(sequences(float("nan"), 2).float(), several)


class Summed(nn.Module):
    """q(z|x, lengths) from the sum of the real steps."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 4), DiagonalGaussianHead(2))

    def forward(self, x: Tensor, lengths: Tensor) -> torch.distributions.Distribution:
        real = torch.arange(x.shape[1]) < lengths[:, None]
        return self.body(torch.where(real[..., None], x, 0).sum(1))


class Unrolled(nn.Module):
    """p(x|z, lengths): every step from z and its place."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.linear, self.head = nn.Linear(2, 10), GaussianHead((steps, 2))

    def forward(self, z: Tensor, lengths: Tensor) -> Padded:
        steps, _ = self.head.event_shape
        return Padded(self.head(self.linear(z).view(-1, 5, 2)[:, :steps]), lengths)


@pytest.mark.parametrize("padding", [0.0, 1e20, float("nan")])
def test_the_elbo_of_a_padded_sequence_is_its_own(padding) -> None:
    """Lengths arrive through ``given``; each sequence cut to its length and put
    through alone is worth the same, and pulls the weights the same way."""
    with seeded(0):
        model = ConditionalVAE(Summed(), Unrolled(5)).double()
    x = sequences(padding, 2)
    with seeded(1):
        together = elbo(model.given(LENGTHS), x, samples=4)
    together.value.sum().backward()
    grads = [p.grad.clone() for p in model.parameters()]
    with seeded(1):
        noise = torch.randn(4, 3, 2, dtype=F64)
    values = []
    for i, n in enumerate(LENGTHS.tolist()):
        q = model.encoder(x[i : i + 1, :n], LENGTHS[i : i + 1])
        z = q.mu + (q.log_var / 2).exp() * noise[:, i]
        means = model.decoder.linear(z).view(-1, 5, 2)[:, :n]
        log_p = Normal(means, 1.0).log_prob(x[i, :n]).sum((1, 2)).mean()
        kl = 0.5 * (q.mu**2 + q.log_var.exp() - 1 - q.log_var).sum()
        values.append(log_p - kl)
    alone = torch.stack(values)
    assert torch.allclose(together.value, alone, atol=1e-12, rtol=1e-12)
    model.zero_grad()
    alone.sum().backward()
    for mine, p in zip(grads, model.parameters(), strict=True):
        assert torch.allclose(mine, p.grad, atol=1e-11)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 99))
def test_longer_padding_changes_nothing(lengths, seed) -> None:
    with seeded(seed):
        x = torch.randn(len(lengths), 9, dtype=F64)
    lengths = torch.tensor(lengths)
    short, long = (
        Padded(Normal(torch.zeros(len(x), n, dtype=F64), 1.0), lengths).log_prob(
            x[:, :n]
        )
        for n in (6, 9)
    )
    assert torch.allclose(short, long, **EXACT)


@pytest.mark.parametrize(
    ("steps", "lengths", "words"),
    [
        (Normal(torch.zeros(3), 1.0), LENGTHS, r"steps: got batch shape \(3,\)"),
        (Normal(torch.zeros(3, 5), 1.0), LENGTHS[:2], r"lengths: got .*\(2,\)"),
        (Normal(torch.zeros(3, 5), 1.0), LENGTHS / 2, "whole numbers"),
        (Normal(torch.zeros(3, 4), 1.0), LENGTHS, "wanted 1 … 4"),
        (Normal(torch.zeros(3, 5), 1.0), LENGTHS - 1, "got 0 … 4"),
    ],
)
def test_bad_arguments(steps, lengths, words) -> None:
    with pytest.raises(ValueError, match=words):
        Padded(steps, lengths)


def test_unchecked_lengths_are_taken_at_their_word() -> None:
    with unchecked():
        Padded(Normal(torch.zeros(3, 4), 1.0), LENGTHS)
