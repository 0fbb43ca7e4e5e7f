"""The bounds against models whose log p(x) is known exactly."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

from vaelib import (
    VAE,
    Autoencoder,
    DiagonalGaussian,
    DiagonalGaussianHead,
    Elbo,
    GaussianHead,
    elbo,
    iwae,
    kl_standard_normal,
    log_likelihood,
    mlp_vae,
    reconstruction,
    seeded,
)

F64 = torch.float64


class LinearGaussian:
    """x = W z + b + σ ε with z ~ N(0, I): everything has a closed form.

    (Bishop 2006, §12.2). ``q`` is the approximate posterior, any distribution.
    """

    def __init__(self, data_dim: int = 6, latent_dim: int = 2, seed: int = 0) -> None:
        with seeded(seed):
            self.w = torch.randn(data_dim, latent_dim, dtype=F64)
            self.b = torch.randn(data_dim, dtype=F64)
        self.sigma, self.latent_dim = 0.7, latent_dim
        self.prior = DiagonalGaussian(*torch.zeros(2, latent_dim, dtype=F64))

    def likelihood(self, z: torch.Tensor) -> Independent:
        return Independent(Normal(z @ self.w.T + self.b, self.sigma), 1)

    def marginal(self) -> MultivariateNormal:
        noise = self.sigma**2 * torch.eye(len(self.b), dtype=F64)
        return MultivariateNormal(self.b, self.w @ self.w.T + noise)

    def exact_posterior(self, x: torch.Tensor) -> MultivariateNormal:
        identity = torch.eye(self.latent_dim, dtype=F64)
        precision = identity + self.w.T @ self.w / self.sigma**2
        mean = (x - self.b) @ self.w / self.sigma**2 @ precision.inverse()
        return MultivariateNormal(mean, precision_matrix=precision)

    def expected_reconstruction(self, q: MultivariateNormal, x: torch.Tensor):
        """E_q[log p(x|z)] without sampling."""
        spread = (self.w @ q.covariance_matrix @ self.w.T).diagonal(dim1=-2, dim2=-1)
        at_mean = self.likelihood(q.mean).log_prob(x)
        return at_mean - 0.5 * spread.sum(-1) / self.sigma**2

    def posterior(self, x: torch.Tensor):
        return self.exact_posterior(x)


class Diagonal(LinearGaussian):
    """The same with a wrong, diagonal q."""

    def posterior(self, x: torch.Tensor) -> DiagonalGaussian:
        mean = self.exact_posterior(x).mean
        return DiagonalGaussian(mean + 0.3, torch.full_like(mean, -1.5))


@pytest.fixture
def x() -> torch.Tensor:
    with seeded(1):
        return LinearGaussian().marginal().sample((7,))


# ------------------------------------------------------------- exact identities


def test_gap_is_zero_at_the_exact_posterior_whatever_the_sample(x) -> None:
    """There log p(x|z) + log p(z) − log q(z|x) is log p(x) for every z."""
    model = LinearGaussian()
    for k in (1, 3):
        assert torch.allclose(
            iwae(model, x, k), model.marginal().log_prob(x), atol=1e-8
        )


def test_gap_equals_kl_to_the_posterior(x) -> None:
    """ELBO + KL(q‖p(z|x)) = log p(x) (Jordan et al. 1999), to 1e-8."""
    model = Diagonal()
    q = model.posterior(x)
    dense = MultivariateNormal(q.mean, torch.diag_embed(q.variance))
    exact_elbo = model.expected_reconstruction(dense, x) - kl_divergence(q, model.prior)
    gap = kl_divergence(dense, model.exact_posterior(x))
    assert torch.allclose(exact_elbo + gap, model.marginal().log_prob(x), atol=1e-8)
    assert (gap > 0.1).all()
    # And ours estimates that ELBO: its KL exactly, its reconstruction on average.
    with seeded(0):
        ours = elbo(model, x, samples=40_000)
    assert torch.allclose(ours.kl, kl_divergence(q, model.prior), atol=1e-10)
    with seeded(0):
        z = q.rsample((40_000,))
    stderr = model.likelihood(z).log_prob(x).std(0) / 200
    assert ((ours.value - exact_elbo).abs() < 4 * stderr).all()


def test_gap_vanishes_with_a_closed_form_kl(x) -> None:
    """One latent dimension: the exact posterior is a diagonal Gaussian."""

    class Exact(LinearGaussian):
        def posterior(self, x):
            exact = self.exact_posterior(x)
            variance = exact.covariance_matrix.diagonal(dim1=-2, dim2=-1)
            return DiagonalGaussian(exact.mean, variance.log())

    model = Exact(latent_dim=1)
    with seeded(1):
        x = model.marginal().sample((7,))
    q = model.posterior(x)
    dense = MultivariateNormal(q.mean, torch.diag_embed(q.variance))
    value = model.expected_reconstruction(dense, x) - elbo(model, x).kl
    assert torch.allclose(value, model.marginal().log_prob(x), atol=1e-8)


def test_iwae_rises_in_k_to_the_exact_value(x) -> None:
    model = Diagonal()
    exact = model.marginal().log_prob(x).mean()
    with seeded(0):
        means = {}
        for k in (1, 4, 16, 64):
            draws = torch.stack([iwae(model, x, k).mean() for _ in range(1500)])
            means[k] = draws.mean().item()
    values = list(means.values())
    assert values == sorted(values)
    assert values[0] < exact - 0.3
    assert values[-1] < exact + 1e-3
    with seeded(0):
        many = log_likelihood(model, x, k=100_000)
    assert torch.allclose(many, model.marginal().log_prob(x), atol=0.05)


def test_iwae_with_one_sample_is_the_elbo_with_kl_by_sampling(x) -> None:
    model = Diagonal()
    with seeded(0):
        one = iwae(model, x, 1)
    with seeded(0):
        z = model.posterior(x).rsample()
    q = model.posterior(x)
    by_hand = model.likelihood(z).log_prob(x) + model.prior.log_prob(z) - q.log_prob(z)
    assert torch.allclose(one, by_hand, atol=1e-10)


@pytest.mark.parametrize("chunk", [1, 5, 7, 30, 10_000])
def test_log_likelihood_is_iwae_in_pieces(x, chunk) -> None:
    """Any piece size: finite, no gradient, and statistically the same number."""
    model = LinearGaussian()  # exact q: no variance, so the pieces must agree
    got = log_likelihood(model, x, k=13, chunk=chunk)
    assert torch.allclose(got, model.marginal().log_prob(x), atol=1e-8)
    assert not got.requires_grad


# --------------------------------------------------------- arithmetic of the ELBO


def small_vae() -> VAE:
    return mlp_vae((1, 8, 8), 3, (16,), seed=2)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    beta=st.floats(0, 20),
    samples=st.integers(1, 4),
    batch=st.integers(1, 6),
)
def test_value_is_reconstruction_minus_beta_kl(seed, beta, samples, batch) -> None:
    model, x = small_vae(), torch.rand(batch, 1, 8, 8)
    with seeded(seed):
        e = elbo(model, x, beta=beta, samples=samples)
    assert e.value.shape == e.reconstruction.shape == e.kl.shape == (batch,)
    assert e.kl_per_dim.shape == (batch, 3)
    assert torch.allclose(e.value, e.reconstruction - beta * e.kl, atol=1e-4)
    assert torch.allclose(e.kl, e.kl_per_dim.sum(-1), atol=1e-5)
    assert (e.kl > 0).all()


def by_hand(model: VAE, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """−ELBO as the paper has it, from the networks' bare outputs, in float64."""
    mu, log_var = model.encoder[0](x).double().chunk(2, -1)
    kl = -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(-1)
    p = model.decoder[0](z).double().sigmoid()
    cross_entropy = -(x * p.log() + (1 - x) * (1 - p).log()).sum((1, 2, 3))
    return cross_entropy + kl


def test_elbo_is_the_papers_sum_over_pixels_and_dimensions() -> None:
    """Catches a flipped sign, a mean for a sum, a lost factor."""
    model, x = small_vae(), torch.rand(5, 1, 8, 8)
    with seeded(3):
        e = elbo(model, x)
    with seeded(3):
        z = model.posterior(x).rsample()
    assert torch.allclose(-e.value.double(), by_hand(model, x, z), atol=1e-4)


def test_sampling_spreads_by_sigma_and_passes_gradients() -> None:
    """Catches a halved variance, σ for σ², and a sample without gradient."""
    features = torch.tensor([[1.0, -2.0, -1.0, 1.0]]).repeat(50_000, 1)
    q = DiagonalGaussianHead(2)(features)
    with seeded(0):
        z = q.rsample()
    assert torch.allclose(z.mean(0), torch.tensor([1.0, -2.0]), atol=0.03)
    assert torch.allclose(z.var(0).log(), torch.tensor([-1.0, 1.0]), atol=0.03)
    model, x = small_vae(), torch.rand(5, 1, 8, 8)
    elbo(model, x).reconstruction.sum().backward()
    gradients = [p.grad for p in model.encoder.parameters()]
    assert all(g is not None and g.abs().sum() > 0 for g in gradients)


def test_gradient_is_the_papers() -> None:
    """Against a numerical derivative of the hand-written ELBO in float64."""
    model, x = small_vae().double(), torch.rand(2, 1, 8, 8, dtype=F64)
    bias = model.encoder[0][-1].bias
    with seeded(0):
        elbo(model, x).value.sum().backward()
    for i in range(len(bias)):
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                bias[i] += step
                with seeded(0):
                    z = model.posterior(x).rsample()
                values.append(-by_hand(model, x, z).sum())
                bias[i] -= step
        numeric = (values[0] - values[1]) / 2e-5
        assert bias.grad[i].item() == pytest.approx(numeric.item(), rel=1e-4, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_neither_batch_size_nor_order_matters(seed) -> None:
    """With the noise held fixed, each example's ELBO is its own."""
    model = small_vae()
    with seeded(seed):
        x, order = torch.rand(6, 1, 8, 8), torch.randperm(6)
        noise = torch.randn(1, 6, 3)

    class Fixed(DiagonalGaussian):
        def __init__(self, q: DiagonalGaussian, noise: torch.Tensor) -> None:
            super().__init__(q.mu, q.log_var)
            self.noise = noise

        def rsample(self, sample_shape=()):
            return self.mu + (self.log_var / 2).exp() * self.noise

    class View:
        prior = model.prior
        likelihood = staticmethod(model.likelihood)

        def __init__(self, rows) -> None:
            self.rows = rows

        def posterior(self, x):
            return Fixed(model.posterior(x), noise[:, self.rows])

    everything = elbo(View(torch.arange(6)), x)
    shuffled = elbo(View(order), x[order])
    alone = elbo(View(slice(2, 3)), x[2:3])
    for whole, part, single in zip(
        everything[:3], shuffled[:3], alone[:3], strict=True
    ):
        assert torch.allclose(part, whole[order], atol=1e-4)
        assert torch.allclose(single, whole[2:3], atol=1e-4)


def test_more_samples_do_not_move_the_mean() -> None:
    model, x = small_vae(), torch.rand(4, 1, 8, 8)
    with seeded(0):
        many = elbo(model, x, samples=4000)
        ones = torch.stack([elbo(model, x).value for _ in range(4000)])
    stderr = ones.std(0) / math.sqrt(len(ones))
    assert ((many.value - ones.mean(0)).abs() < 6 * stderr).all()


def test_free_bits_pay_for_the_first_nats() -> None:
    model, x = small_vae(), torch.rand(6, 1, 8, 8)
    plain = elbo(model, x)
    with seeded(0):
        none = elbo(model, x, free_bits=0.0)
    with seeded(0):
        all_free = elbo(model, x, free_bits=100.0)
    assert torch.equal(none.kl, plain.kl)
    assert torch.allclose(all_free.kl, plain.kl)  # what was spent is still reported
    expected = none.reconstruction - 3 * 100.0
    assert torch.allclose(all_free.value, expected, atol=1e-3)
    # A floor between the dimensions' means lifts only those below it.
    means = plain.kl_per_dim.mean(0)
    floor = means.sort().values[:2].mean().item()
    with seeded(0):
        some = elbo(model, x, free_bits=floor)
    price = (some.reconstruction - some.value).mean()
    assert price.item() == pytest.approx(means.clamp(min=floor).sum().item(), rel=1e-4)


def test_mean_gives_scalars() -> None:
    e = elbo(small_vae(), torch.rand(4, 1, 8, 8))
    m = e.mean()
    assert isinstance(m, Elbo)
    assert m.value.item() == pytest.approx(e.value.mean().item())
    assert m.kl_per_dim.shape == (3,)


# ------------------------------------------------------------ any pair will do


class Mixture(nn.Module):
    """A posterior that torch.distributions knows no KL for."""

    def forward(self, x: torch.Tensor) -> MixtureSameFamily:
        centre = x.flatten(1)[:, :2, None] + torch.tensor([-1.0, 1.0])
        parts = Independent(Normal(centre.transpose(1, 2), 0.5), 1)
        return MixtureSameFamily(Categorical(torch.ones(len(x), 2)), parts)


def test_unknown_kl_is_estimated_with_the_same_samples() -> None:
    class Reparameterised(MixtureSameFamily):
        has_rsample = True

        def rsample(self, sample_shape=()):
            return self.sample(torch.Size(sample_shape))

    class Encoder(Mixture):
        def forward(self, x):
            mix = super().forward(x)
            return Reparameterised(mix.mixture_distribution, mix.component_distribution)

    decoder = nn.Sequential(nn.Linear(2, 6), GaussianHead(6))
    model, x = VAE(Encoder(), decoder), torch.rand(3, 6)
    model.posterior(x)
    with seeded(0):
        e = elbo(model, x, samples=50_000)
    with seeded(1):
        z = model.posterior(x).sample((50_000,))
    ratio = model.posterior(x).log_prob(z) - model.prior.log_prob(z)
    assert torch.allclose(e.kl, ratio.mean(0), atol=0.05)
    assert e.kl_per_dim is None
    assert e.mean().kl_per_dim is None
    with pytest.raises(ValueError, match="free_bits"):
        elbo(model, x, free_bits=0.1)
    with pytest.raises(ValueError, match="rsample"):
        elbo(VAE(Mixture(), decoder, prior=model.prior), x)


def test_torchs_own_gaussians_give_kl_per_dimension() -> None:
    class Plain(nn.Module):
        def forward(self, x):
            return Independent(Normal(x[:, :2], 0.5), 1)

    prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    decoder = nn.Sequential(nn.Linear(2, 6), GaussianHead(6))
    x = torch.rand(3, 6)
    e = elbo(VAE(Plain(), decoder, prior=prior), x)
    expected = kl_standard_normal(x[:, :2], torch.full((3, 2), 2 * math.log(0.5)))
    assert torch.allclose(e.kl, expected, atol=1e-6)
    assert e.kl_per_dim.shape == (3, 2)


def test_reconstruction_of_an_autoencoder_is_minus_half_the_squared_error() -> None:
    model = Autoencoder(nn.Linear(6, 2), nn.Linear(2, 6))
    x = torch.randn(5, 6)
    error = ((x - model.reconstruct(x)) ** 2).sum(1)
    expected = -0.5 * error - 3 * math.log(2 * math.pi)
    assert torch.allclose(reconstruction(model, x), expected, atol=1e-5)


# ------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (partial(elbo, beta=-1.0), "beta: got -1.0"),
        (partial(elbo, beta=float("nan")), "beta: got nan"),
        (partial(elbo, samples=0), "samples: got 0"),
        (partial(elbo, free_bits=-0.1), "free_bits: got -0.1"),
        (partial(iwae, k=0), "k: got 0"),
        (partial(iwae, k=2.0), "k: got 2.0"),
        (partial(log_likelihood, chunk=0), "chunk: got 0"),
    ],
)
def test_bad_arguments(call, words) -> None:
    with pytest.raises(ValueError, match=words):
        call(small_vae(), torch.rand(2, 1, 8, 8))


@pytest.mark.parametrize("call", [elbo, partial(iwae, k=2), reconstruction])
def test_bad_data(call) -> None:
    model = small_vae()
    with pytest.raises(ValueError, match="divide by 255"):
        call(model, torch.rand(2, 1, 8, 8) * 255)
    with pytest.raises(ValueError, match="NaN"):
        call(model, torch.full((2, 1, 8, 8), float("nan")))
    with pytest.raises(ValueError, match="got shape"):
        call(model, torch.rand(2, 1, 28, 28))


def test_prior_of_another_size() -> None:
    a = small_vae()
    model = VAE(a.encoder, a.decoder, prior=DiagonalGaussian(*torch.zeros(2, 5)))
    with pytest.raises(ValueError, match="same latent_dim"):
        elbo(model, torch.rand(2, 1, 8, 8))


def test_a_prior_whose_numbers_are_a_batch_is_told_how_to_be_one_code() -> None:
    a = small_vae()
    loose = Normal(torch.zeros(a.latent_dim), torch.ones(a.latent_dim))
    with pytest.raises(ValueError, match=r"Independent\(prior, 1\)"):
        elbo(VAE(a.encoder, a.decoder, prior=loose), torch.rand(2, 1, 8, 8))
    whole = VAE(a.encoder, a.decoder, prior=Independent(loose, 1))
    elbo(whole, torch.rand(2, 1, 8, 8))


def test_kl_wants_two_equal_shapes() -> None:
    with pytest.raises(ValueError, match="log_var: got shape"):
        kl_standard_normal(torch.zeros(2, 3), torch.zeros(3))
