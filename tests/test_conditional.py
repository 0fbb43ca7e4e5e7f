"""A condition is a partial application: with c fixed, all is as without one."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaelib import (
    VAE,
    ConditionalVAE,
    DiagonalGaussian,
    DiagonalGaussianHead,
    GaussianHead,
    elbo,
    iwae,
    load_model,
    log_likelihood,
    save,
    seeded,
)

F64 = torch.float64
B, D, Z, C = 5, 4, 2, 3


class Told(nn.Module):
    """``head(linear([first, c]))``: a part that is told c."""

    def __init__(self, size: int, head: nn.Module) -> None:
        super().__init__()
        self.linear, self.head = nn.Linear(size + C, head.in_shape[0]), head

    def forward(self, first: Tensor, c: Tensor) -> Distribution:
        return self.head(self.linear(torch.cat([first, c], -1)).tanh())


class Deaf(Told):
    """The same, but it does not listen."""

    def forward(self, first: Tensor, c: Tensor) -> Distribution:
        return super().forward(first, torch.zeros_like(c))


class Fixed(nn.Module):
    """A part with c written into it by hand, one row for each row of the batch."""

    def __init__(self, part: nn.Module, c: Tensor) -> None:
        super().__init__()
        self.part, self.c = part, c

    def forward(self, first: Tensor) -> Distribution:
        rows = torch.arange(len(first)) % len(self.c)
        return self.part(first, self.c[rows])


class Prior(nn.Module):
    """p(z|c) = N(Wc, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(C, Z)

    def forward(self, c: Tensor) -> DiagonalGaussian:
        mu = self.linear(c)
        return DiagonalGaussian(mu, torch.zeros_like(mu))


def make(kind: type = Told, prior: nn.Module | None = None) -> ConditionalVAE:
    with seeded(0):
        parts = kind(D, DiagonalGaussianHead(Z)), kind(Z, GaussianHead(D))
        return ConditionalVAE(*parts, prior and prior()).double()


@pytest.fixture
def x() -> Tensor:
    with seeded(1):
        return torch.randn(B, D, dtype=F64)


@pytest.fixture
def c() -> Tensor:
    with seeded(2):
        return torch.randn(B, C, dtype=F64)


BOUNDS = [
    lambda m, x: elbo(m, x).value,
    lambda m, x: elbo(m, x, samples=3, beta=2.0).value,
    lambda m, x: iwae(m, x, 4),
    lambda m, x: log_likelihood(m, x, 6),
]


@pytest.mark.parametrize("bound", BOUNDS)
def test_without_a_condition_it_says_what_is_missing(bound, x) -> None:
    with pytest.raises(AttributeError, match=r"model\.given\(c\)"):
        bound(make(), x)


@pytest.mark.parametrize("bound", BOUNDS)
def test_it_is_the_model_with_c_written_into_it(bound, x, c) -> None:
    model = make()
    by_hand = VAE(Fixed(model.encoder, c), Fixed(model.decoder, c))
    with seeded(0):
        ours = bound(model.given(c), x)
    with seeded(0):
        theirs = bound(by_hand, x)
    assert torch.allclose(ours, theirs, atol=1e-10, rtol=0)
    with seeded(0):
        other = bound(model.given(c.flip(0)), x)
    assert not torch.allclose(ours, other, atol=0.1)


@pytest.mark.parametrize("bound", BOUNDS)
def test_where_nobody_listens_c_changes_nothing(bound, x, c) -> None:
    model = make(Deaf)
    with seeded(0):
        one = bound(model.given(c), x)
    with seeded(0):
        other = bound(model.given(7 * c - 1), x)
    assert torch.equal(one, other)


def test_gradients_reach_the_model(x, c) -> None:
    model = make(prior=Prior)
    elbo(model.given(c), x).value.sum().backward()
    assert len(list(model.parameters())) == 6
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())
    assert len(list(model.given(c).parameters())) == 6


def test_a_prior_may_be_told_c(x, c) -> None:
    """KL(N(μ, σ²)‖N(Wc, 1)), written out."""
    model = make(prior=Prior)
    q, mean = model.given(c).posterior(x), model._prior.linear(c)
    kl = 0.5 * ((q.mu - mean) ** 2 + q.log_var.exp() - 1 - q.log_var).sum(-1)
    for bound in (elbo(model.given(c), x), elbo(model.given(c), x, samples=3)):
        assert torch.allclose(bound.kl, kl, atol=1e-10, rtol=0)
    with seeded(0):
        drawn = model.given(c).prior.sample()
    with seeded(0):
        assert torch.equal(model.sample(c), model.given(c).decode(drawn))


def test_codes_are_repeated_as_the_bounds_lay_them(c) -> None:
    """``(L, B, Z)`` flattened: all B rows of c, then all again."""
    model = make()
    with seeded(0):
        z = torch.randn(3, B, Z, dtype=F64)
    p = model.given(c).likelihood(z.flatten(0, 1))
    each = [model.decoder(z[i], c).mean for i in range(3)]
    assert torch.allclose(p.mean, torch.cat(each), atol=1e-12)


def test_one_row_serves_all(x, c) -> None:
    model = make()
    one, many = model.given(c[:1]), model.given(c[:1].expand(B, C))
    with seeded(0):
        a = elbo(one, x, samples=2).value
    with seeded(0):
        b = elbo(many, x, samples=2).value
    assert torch.allclose(a, b, atol=1e-12)
    assert one.decode(torch.zeros(7, Z, dtype=F64)).shape == (7, D)


@pytest.mark.parametrize("prior", [None, Prior])
def test_samples_belong_to_their_rows(prior, c) -> None:
    model = make(prior=prior)
    some = model.sample(c, seed=0)
    assert some.shape == (B, D)
    assert torch.equal(some, model.sample(c, seed=0))
    assert not torch.equal(some, model.sample(c, seed=1))
    assert not some.requires_grad
    changed = c.clone()
    changed[2] += 1
    moved = (model.sample(changed, seed=0) != some).any(-1)
    assert moved.tolist() == [False, False, True, False, False]
    assert model.given(c).sample(3, seed=0).shape == (3 * B, D)


@pytest.mark.parametrize("chunk", [1, 2, 5, 30])
def test_pieces_of_data_take_their_rows_of_c(x, c, chunk) -> None:
    """With q the exact posterior every draw gives log p(x|c): pieces must agree."""

    class Exact(nn.Module):  # x = z + (c, c, c, 0) + ε, z ~ N(0, I), Z = D
        def forward(self, x: Tensor, c: Tensor) -> Distribution:
            return Independent(Normal((x - shift(c)) / 2, 0.5**0.5), 1)

    class Decoder(nn.Module):
        def forward(self, z: Tensor, c: Tensor) -> Distribution:
            return Independent(Normal(z + shift(c), 1.0), 1)

    def shift(c: Tensor) -> Tensor:
        return nn.functional.pad(c, (0, D - C))

    prior = DiagonalGaussian(*torch.zeros(2, D, dtype=F64))
    model = ConditionalVAE(Exact(), Decoder(), prior)
    exact = Independent(Normal(shift(c), 2**0.5), 1).log_prob(x)
    got = log_likelihood(model.given(c), x, 3, chunk=chunk)
    assert torch.allclose(got, exact, atol=1e-10)


def test_c_may_be_several_tensors(x, c) -> None:
    class Two(nn.Module):
        def __init__(self, part: nn.Module) -> None:
            super().__init__()
            self.part = part

        def forward(self, first: Tensor, c: tuple[Tensor, Tensor]) -> Distribution:
            return self.part(first, torch.cat(c, -1))

    whole = make()
    model = ConditionalVAE(Two(whole.encoder), Two(whole.decoder))
    pair = (c[:, :1], c[:, 1:])
    with seeded(0):
        a = elbo(whole.given(c), x, samples=2).value
    with seeded(0):
        b = elbo(model.given(pair), x, samples=2).value
    assert torch.equal(a, b)
    assert torch.equal(whole.sample(c, seed=0), model.sample(pair, seed=0))
    assert log_likelihood(model.given(pair), x, 2, chunk=2).shape == (B,)


def test_it_is_saved_and_loaded_like_any_model(tmp_path, c) -> None:
    model, other = make(prior=Prior).float(), make(prior=Prior).float()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1)
    save(model, tmp_path / "m.safetensors")
    load_model(tmp_path / "m.safetensors", into=other, device="cpu")
    c = c.float()
    assert torch.equal(other.sample(c, seed=0), model.sample(c, seed=0))


def test_latent_dim_is_kept_between_conditions(x, c) -> None:
    class Bare(nn.Module):
        def forward(self, x: Tensor, c: Tensor) -> Distribution:
            return Independent(Normal(x[:, :Z], 1.0), 1)

    model = ConditionalVAE(Bare(), make().decoder)
    with pytest.raises(RuntimeError, match="latent_dim: not known yet"):
        model.sample(c)
    model.given(c).posterior(x)
    assert model.latent_dim == Z
    assert model.sample(c).shape == (B, D)


@pytest.mark.parametrize(
    ("c", "words"),
    [
        (torch.tensor(1.0), r"c: got \(\)"),
        (torch.zeros(0, C), r"c: got \(0, 3\)"),
        ((torch.zeros(2, C), torch.zeros(3, C)), r"tuple of such of equal length"),
        ((), "c: got nothing"),
        ([1, 2], "c: got <class 'int'>"),
    ],
)
def test_bad_conditions(c, words) -> None:
    with pytest.raises(ValueError, match=words):
        make().given(c)


def test_too_many_rows_of_data(x, c) -> None:
    with pytest.raises(ValueError, match="c: got 2 rows for a batch of 5"):
        elbo(make().given(c[:2]), x)
