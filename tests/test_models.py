import pytest
import torch
from torch import nn
from torch.distributions import (
    AffineTransform,
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    TanhTransform,
    TransformedDistribution,
)

from vaelib import (
    MLP,
    VAE,
    Autoencoder,
    BernoulliHead,
    Chain,
    DiagonalGaussian,
    DiagonalGaussianHead,
    StandardNormal,
    conv_vae,
    mlp_vae,
)

X = torch.rand(5, 1, 8, 8)


class PlainEncoder(nn.Module):
    """Outside code: torch's own distributions, no head of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(64, 3)

    def forward(self, x: torch.Tensor) -> Independent:
        return Independent(Normal(self.body(x.flatten(1)), 1.0), 1)


def make(kind: str, likelihood: str = "bernoulli", latent_dim: int = 2) -> VAE:
    if kind == "mlp":
        return mlp_vae((1, 8, 8), latent_dim, (16, 16), likelihood, levels=17)
    return conv_vae((1, 8, 8), latent_dim, 8, likelihood, levels=17)


@pytest.mark.parametrize("kind", ["mlp", "conv"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "categorical"])
def test_a_model_speaks_in_distributions(kind, likelihood) -> None:
    model = make(kind, likelihood)
    q, prior = model.posterior(X), model.prior
    assert (q.batch_shape, q.event_shape) == ((5,), (2,))
    assert (prior.batch_shape, prior.event_shape) == ((), (2,))
    p = model.likelihood(q.rsample())
    assert (p.batch_shape, p.event_shape) == ((5,), (1, 8, 8))
    assert torch.equal(model.encode(X), q.mean)
    assert model.decode(q.mean).shape == X.shape
    assert model.reconstruct(X).shape == X.shape
    assert model.sample(3, seed=0).shape == (3, 1, 8, 8)
    assert torch.equal(model.sample(3, seed=0), model.sample(3, seed=0))
    assert not torch.equal(model.sample(3, seed=0), model.sample(3, seed=1))


def test_classic_architecture() -> None:
    model = mlp_vae((1, 28, 28), 20, (400,), activation="ReLU")
    encoder = 784 * 400 + 400 + 400 * 40 + 40
    decoder = 20 * 400 + 400 + 400 * 784 + 784
    assert sum(p.numel() for p in model.parameters()) == encoder + decoder


def test_initial_weights_come_from_the_seed_alone() -> None:
    a = mlp_vae((1, 8, 8), 2, (4,), seed=1)
    torch.randn(7)
    b, c = mlp_vae((1, 8, 8), 2, (4,), seed=1), mlp_vae((1, 8, 8), 2, (4,), seed=2)
    same = [
        torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=False)
    ]
    assert all(same)
    assert not torch.equal(next(a.parameters()), next(c.parameters()))


def test_any_module_that_gives_a_distribution_will_do() -> None:
    decoder = nn.Sequential(MLP(3, (), (1, 8, 8)), BernoulliHead((1, 8, 8)))
    model = VAE(PlainEncoder(), decoder)
    with pytest.raises(RuntimeError, match="latent_dim: not known yet"):
        _ = model.prior
    model.posterior(X)
    assert model.latent_dim == 3
    assert model.prior.event_shape == (3,)


def test_prior_may_be_given_or_learned() -> None:
    class Learned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loc = nn.Parameter(torch.full((2,), 5.0))

        def forward(self) -> Independent:
            return Independent(Normal(self.loc, 1.0), 1)

    parts = make("mlp").encoder, make("mlp").decoder
    wide = Independent(Normal(torch.zeros(2), 3.0), 1)
    assert VAE(*parts, prior=wide).prior is wide
    learned = VAE(*parts, prior=Learned())
    assert learned.prior.mean.tolist() == [5.0, 5.0]
    assert any("loc" in name for name, _ in learned.named_parameters())


PRIORS = {
    "normal": lambda: Independent(Normal(torch.zeros(2), 3.0), 1),
    "ours": lambda: DiagonalGaussian(torch.ones(2), torch.zeros(2)),
    "dense": lambda: MultivariateNormal(torch.zeros(2), torch.eye(2)),
    "mixture": lambda: MixtureSameFamily(
        Categorical(torch.ones(3)), Independent(Normal(torch.randn(3, 2), 0.5), 1)
    ),
    "transformed": lambda: TransformedDistribution(
        Independent(Normal(torch.zeros(2), 1.0), 1),
        [AffineTransform(torch.ones(2), torch.full((2,), 2.0)), TanhTransform()],
    ),
    "chain": lambda: Chain(DiagonalGaussian(*torch.zeros(2, 1)), shifted, 1),
}


def shifted(z: torch.Tensor) -> DiagonalGaussian:
    return DiagonalGaussian(z, 0 * z)


@pytest.mark.parametrize("name", PRIORS)
def test_a_given_prior_goes_where_the_model_goes(name) -> None:
    """To another type with the same numbers, and to another device."""
    prior = PRIORS[name]()
    parts = make("mlp").encoder, make("mlp").decoder
    z = torch.tensor([[0.1, -0.4], [0.3, 0.2], [-0.5, 0.5]])
    expected = prior.log_prob(z)
    model = VAE(*parts, prior=prior)
    assert model.prior is prior
    moved = model.double().prior
    got = moved.log_prob(z.double())
    assert got.dtype == torch.float64
    assert torch.allclose(got.float(), expected, atol=1e-5)
    assert prior.log_prob(z).dtype == torch.float32  # the caller's own stays
    assert moved.sample((3,)).dtype == torch.float64
    away = model.to("meta").prior
    assert away.sample((3,)).device.type == "meta"
    assert not model.state_dict().keys() - VAE(*parts).state_dict().keys()


def test_a_prior_shared_by_two_names_stays_one() -> None:
    loc = torch.zeros(2)
    prior = Independent(Normal(loc, torch.ones(2)), 1)
    prior.again = prior.base_dist.loc
    moved = VAE(make("mlp").encoder, make("mlp").decoder, prior).double().prior
    assert moved.again is moved.base_dist.loc


def test_prior_follows_dtype() -> None:
    model = make("mlp")
    assert model.prior.mean.dtype == torch.float32
    assert model.double().prior.mean.dtype == torch.float64


def test_prior_follows_a_new_encoder() -> None:
    model = make("mlp")
    assert model.prior.event_shape == (2,)
    model.encoder = make("mlp", latent_dim=3).encoder
    model.posterior(X)
    assert model.prior.event_shape == (3,)


def test_prior_first_asked_for_in_inference_mode_still_trains() -> None:
    model = make("mlp")
    with torch.inference_mode():
        model.sample(2)
    z = torch.zeros(1, model.latent_dim, requires_grad=True)
    (z * model.prior.base_dist.scale).sum().backward()  # saves the scale
    assert z.grad is not None


def test_autoencoder_takes_tensors_or_distributions() -> None:
    plain = Autoencoder(MLP((1, 8, 8), (), 2), MLP(2, (), (1, 8, 8)))
    assert plain.encode(X).shape == (5, 2)
    assert plain.reconstruct(X).shape == X.shape
    p = plain.likelihood(plain.encode(X))
    expected = Independent(Normal(plain.reconstruct(X), 1.0), 3).log_prob(X)
    assert torch.allclose(p.log_prob(X), expected)
    vae = make("mlp")
    headed = Autoencoder(vae.encoder, vae.decoder)
    assert torch.equal(headed.encode(X), vae.encode(X))
    assert torch.equal(headed.decode(torch.zeros(1, 2)), vae.decode(torch.zeros(1, 2)))


def test_errors_name_the_mend() -> None:
    head, body = DiagonalGaussianHead(2), MLP((1, 8, 8), (), 4)
    with pytest.raises(TypeError, match="encoder: got int"):
        VAE(3, body)
    with pytest.raises(TypeError, match="prior: got str"):
        VAE(body, body, prior="normal")
    with pytest.raises(TypeError, match="DiagonalGaussianHead"):
        VAE(body, body).posterior(X)
    with pytest.raises(TypeError, match="BernoulliHead"):
        VAE(nn.Sequential(body, head), MLP(2, (), 64)).likelihood(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="latent_dim is 2"):
        make("mlp").likelihood(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="likelihood: got 'poisson'"):
        mlp_vae((1, 8, 8), 2, likelihood="poisson")
    for name in ("gelu", "Softmax", "GLU", "Linear", 3):
        with pytest.raises(ValueError, match=f"activation: got {name!r}"):
            mlp_vae((1, 8, 8), 2, activation=name)
    for name in ("GELU", "ReLU", "LeakyReLU", "ELU", "Tanh", "SiLU", "Identity"):
        mlp_vae((1, 8, 8), 2, activation=name)
    with pytest.raises(ValueError, match="latent_dim"):
        mlp_vae((1, 8, 8), 0)

    class Flat(nn.Module):
        def forward(self, x: torch.Tensor) -> Normal:
            return Normal(x.flatten(1), 1.0)

    with pytest.raises(ValueError, match=r"Independent\(p, 1\)"):
        VAE(Flat(), body).posterior(X)


def test_wrong_latent_size_between_the_two_halves() -> None:
    a, b = make("mlp", latent_dim=2), make("mlp", latent_dim=3)
    model = VAE(a.encoder, b.decoder, StandardNormal(2))
    with pytest.raises(ValueError, match=r"wants \(B, 3\)"):
        model.reconstruct(X)


class Decoder(nn.Module):
    """One's own decoder, with a slip."""

    def __init__(self, slip) -> None:
        super().__init__()
        self.slip = slip

    def forward(self, z: torch.Tensor):
        return self.slip(z)


@pytest.mark.parametrize(
    ("slip", "error", "words"),
    [
        (lambda z: z.numpy(), TypeError, "decoder: gave a ndarray"),
        (lambda z: Normal(z, 1.0), ValueError, r"Independent\(p, 1\)"),
        (
            lambda z: Independent(Normal(z[:1], 1.0), 1),
            ValueError,
            r"decoder: gave distributions of batch shape \(1,\).*shape \(3,\)",
        ),
        (
            lambda z: Independent(Normal(z, 1.0), 2),
            ValueError,
            r"batch shape \(\) and event shape \(3, 2\).*Keep the batch",
        ),
    ],
)
def test_a_decoder_with_a_slip(slip, error, words) -> None:
    model = VAE(make("mlp").encoder, Decoder(slip))
    with pytest.raises(error, match=words):
        model.likelihood(torch.zeros(3, 2))


@pytest.mark.parametrize(
    ("slip", "error", "words"),
    [
        (lambda z: z.numpy(), TypeError, "decoder: gave a ndarray, wanted a tensor"),
        (lambda z: z[:1], ValueError, r"decoder: gave shape \(1, 2\) for a batch of 3"),
        (lambda z: z.sum(), ValueError, r"decoder: gave shape \(\) for a batch of 3"),
    ],
)
def test_an_autoencoders_decoder_with_a_slip(slip, error, words) -> None:
    model = Autoencoder(MLP((1, 8, 8), (), 2), Decoder(slip))
    for call in (model.decode, model.likelihood):
        with pytest.raises(error, match=words):
            call(torch.zeros(3, 2))
    with pytest.raises(error, match="encoder: gave"):
        Autoencoder(Decoder(slip), nn.Identity()).encode(torch.zeros(3, 2))


def test_an_encoder_of_another_batch() -> None:
    class Pooled(nn.Module):
        def forward(self, x: torch.Tensor) -> Distribution:
            return DiagonalGaussian(x[:1, :2], x[:1, :2])

    with pytest.raises(ValueError, match="encoder: gave distributions of batch shape"):
        VAE(Pooled(), make("mlp").decoder).posterior(torch.zeros(3, 2))
