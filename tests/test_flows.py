"""zuko's flows, used as they are, wherever a distribution may stand."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaelib import (
    MLP,
    VAE,
    Autoencoder,
    BernoulliHead,
    DiagonalGaussianHead,
    elbo,
    fit,
    iwae,
    load,
    load_model,
    log_likelihood,
    save,
    seeded,
)
from vaelib.distributions import mean_of
from vaelib.metrics import active_units, mutual_information

# Importing zuko turns off the checks of every torch distribution; not for other tests.
_CHECKS = Distribution._validate_args
import zuko  # noqa: E402

Distribution.set_default_validate_args(_CHECKS)

SHAPE = (1, 8, 8)


def flow(context: int = 0) -> nn.Module:
    return zuko.flows.NSF(2, context, transforms=1, hidden_features=(16,), bins=4)


def with_flow_prior() -> VAE:
    head = DiagonalGaussianHead(2)
    encoder = nn.Sequential(MLP(SHAPE, (16,), head.in_shape), head)
    return VAE(encoder, decoder(), prior=flow())


def with_flow_posterior() -> VAE:
    return VAE(nn.Sequential(MLP(SHAPE, (16,), 3), flow(3)), decoder())


def decoder() -> nn.Module:
    return nn.Sequential(MLP(2, (16,), SHAPE), BernoulliHead(SHAPE))


BUILDERS = [with_flow_prior, with_flow_posterior]


@pytest.fixture(scope="module")
def x() -> Tensor:
    return load("digits", n=300, device="cpu").x


@pytest.fixture(scope="module", params=BUILDERS, ids=lambda b: b.__name__)
def trained(request, x):
    with seeded(0):
        model = request.param()
    weights = [p.detach().clone() for p in model.parameters()]
    history = fit(model, x, epochs=6, batch_size=32, progress=False, device="cpu")
    moved = [
        not torch.equal(old, new)
        for old, new in zip(weights, model.parameters(), strict=True)
    ]
    return request.param, model, history, moved


def test_it_trains(trained) -> None:
    """Every weight moves, the flow's among them, and the bound rises."""
    _, _, history, moved = trained
    assert all(moved)
    assert history["elbo"][-1] > history["elbo"][0] + 1


def test_every_bound_takes_it(trained, x) -> None:
    _, model, *_ = trained
    for samples in (1, 3):
        e = elbo(model, x[:7], samples=samples)
        assert all(part.shape == (7,) for part in e[:3])
        assert e.kl_per_dim is None
    assert iwae(model, x[:7], 3).shape == (7,)
    assert log_likelihood(model, x[:7], 20, chunk=16).isfinite().all()


def test_it_is_saved_and_loaded(trained, x, tmp_path) -> None:
    build, model, *_ = trained
    save(model, tmp_path / "flow.safetensors")
    with seeded(1):
        fresh = build()
    assert not torch.equal(fresh.reconstruct(x[:3]), model.reconstruct(x[:3]))
    loaded = load_model(tmp_path / "flow.safetensors", into=fresh, device="cpu")
    assert torch.equal(loaded.reconstruct(x[:3]), model.reconstruct(x[:3]))
    fresh.posterior(x[:1])
    assert torch.equal(loaded.sample(3, seed=0), model.sample(3, seed=0))


def test_it_is_dragged(trained, x) -> None:
    from vaelib.widgets import LatentPad

    _, model, *_ = trained
    pad = LatentPad(model, x[:50])
    pad.z = [0.5, -0.25]
    picture = model.decode(torch.tensor([[0.5, -0.25]]))
    assert torch.allclose(pad._decoded(), picture[0], atol=1e-5)
    assert torch.allclose(pad.subject.codes, model.encode(pad.subject.x), atol=0.3)


def test_it_is_measured(trained, x) -> None:
    _, model, *_ = trained
    assert 0 <= active_units(model, x[:100]) <= 2
    information, aggregate = mutual_information(model, x[:40], samples=4)
    assert -0.1 < information <= math.log(40)  # no lower than noise takes it
    assert information == mutual_information(model, x[:40], samples=4).information
    with seeded(0):
        kl = elbo(model, x[:40], samples=200).kl.mean().item()
    assert information + aggregate == pytest.approx(kl, abs=0.5)


def test_an_autoencoder_takes_one_as_encoder(x) -> None:
    with seeded(0):
        model = Autoencoder(with_flow_posterior().encoder, MLP(2, (), SHAPE))
    assert model.encode(x[:5]).shape == (5, 2)
    assert torch.equal(model.encode(x[:5]), model.encode(x[:5]))
    model.reconstruct(x[:5]).sum().backward()
    assert all(p.grad is not None for p in model.encoder.parameters())


# ------------------------------------------------------------------- mean_of


class NoMean(Normal):
    """As a flow is: it has a mean, but no formula for it."""

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError


def test_a_mean_is_taken_where_there_is_one() -> None:
    p = Independent(Normal(torch.randn(5, 2), 1.0), 1)
    assert torch.equal(mean_of(p), p.mean)
    with pytest.raises(ZeroDivisionError):
        mean_of(Broken(0.0, 1.0))


class Broken(Normal):
    """An error of one's own is no missing mean."""

    @property
    def mean(self) -> Tensor:
        raise ZeroDivisionError


@pytest.mark.parametrize("gradient", [True, False])
def test_where_there_is_none_seeded_samples_stand_in(gradient, monkeypatch) -> None:
    loc = torch.tensor([[3.0, -1.0]]).repeat(400, 1).requires_grad_(gradient)
    p = NoMean(loc, 0.5)
    state = torch.get_rng_state()
    mean = mean_of(p, samples=64)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(mean, mean_of(p, samples=64))
    assert not torch.equal(mean, mean_of(p, seed=1, samples=64))
    # Its standard error is σ/√samples, 0.0625, over 800 means.
    error = (mean - loc).detach()
    assert error.std().item() == pytest.approx(0.5 / 8, rel=0.15)
    assert mean.requires_grad == gradient
    pieces = []
    draw = NoMean.rsample
    monkeypatch.setattr(
        NoMean,
        "rsample",
        lambda self, shape: pieces.append(shape.numel()) or draw(self, shape),
    )
    monkeypatch.setattr("vaelib.distributions.expectation.AT_ONCE", 8000)
    again = mean_of(p, samples=64)
    assert pieces == [10, 10, 10, 10, 10, 10, 4]
    assert ((again - loc).detach().std() - 0.0625).abs() < 0.01


def test_the_most_probable_index_stands_in_for_indices() -> None:
    logits = torch.randn(5, 4, 7)
    p = Independent(torch.distributions.Categorical(logits=logits), 1)
    assert torch.equal(mean_of(p), logits.argmax(-1))


def test_a_dead_dimension_of_a_flow_is_not_counted() -> None:
    """1,000 samples: the mean of a unit-variance dead one varies by 0.001."""

    class Model:
        def posterior(self, x: Tensor) -> Distribution:
            return Independent(NoMean(x * torch.tensor([1.0, 0.0]), 1.0), 1)

    with seeded(0):
        x = torch.randn(500, 2)
    assert active_units(Model(), x) == 1
