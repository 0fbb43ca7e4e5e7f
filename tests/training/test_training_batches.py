"""A batch may be more than x: several tensors, a condition, lengths."""

from functools import partial

import pytest
import torch
import zuko
from torch import Tensor, nn
from trained import QUIET, data, small, weights

from vaelib import (
    MLP,
    VAE,
    BernoulliHead,
    ConditionalVAE,
    Dataset,
    DiagonalGaussianHead,
    elbo,
    fit,
    iwae,
    seeded,
)
from vaelib.training import Slices


def squares(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return -((model(x) - y) ** 2).sum(1)


def line() -> nn.Module:
    with seeded(0):
        return nn.Linear(3, 1)


def pairs(n: int = 200) -> tuple[Tensor, Tensor]:
    with seeded(1):
        x = torch.randn(n, 3)
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.25


def test_several_tensors_are_cut_alike() -> None:
    model, (x, y) = line(), pairs()
    history = fit(model, (x, y), squares, epochs=100, lr=0.1, **QUIET)
    assert history["squares"][-1] > -1e-3
    assert torch.allclose(model.weight, torch.tensor([[1.0, -2.0, 0.5]]), atol=0.05)
    assert model.bias.item() == pytest.approx(0.25, abs=0.05)


def test_every_row_meets_its_own() -> None:
    """Rows stay together through all the shuffling, the last batch included."""
    met: list[Tensor] = []

    def watch(model: nn.Module, x: Tensor, i: Tensor, w: Tensor) -> Tensor:
        if model.training:
            assert torch.equal(x[:, 0], i.float())
            assert torch.equal(w, 2 * i)
            met.append(i)
        return -(model(x) ** 2).sum(1)

    i = torch.arange(70)
    fit(nn.Linear(1, 1), [i.float()[:, None], i, 2 * i], watch, epochs=1, **QUIET)
    assert sorted(torch.cat(met).tolist()) == i.tolist()


def test_slices_take_the_steps_of_fit_on_several_tensors() -> None:
    whole, sliced = line(), line()
    fit(whole, pairs(), squares, epochs=2, schedule="constant", **QUIET)
    slices = Slices(sliced, pairs(), squares)
    slices.advance(8)
    assert torch.equal(weights(whole), weights(sliced))


def test_a_data_sets_context_is_for_models_that_take_one() -> None:
    x = data()
    told = Dataset("own", "train", x, context=torch.rand(len(x), 3))
    plain, on_a_set = small(), small()
    fit(plain, x, epochs=1, **QUIET)
    fit(on_a_set, told, epochs=1, **QUIET)
    assert torch.equal(weights(plain), weights(on_a_set))


def test_resuming_on_several_tensors(tmp_path) -> None:
    path = tmp_path / "run.safetensors"
    x, y = pairs()
    fit(line(), (x, y), squares, epochs=1, checkpoint=path, **QUIET)
    fit(line(), (x, y), squares, epochs=1, checkpoint=path, **QUIET)
    with pytest.raises(ValueError, match="data: "):
        fit(line(), (x, y + 1), squares, epochs=1, checkpoint=path, **QUIET)


class Beside(nn.Module):
    """A body that reads its input and the condition side by side."""

    def __init__(self, size: int, told: int, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = MLP(size + told, (16,), head.in_shape), head

    def forward(self, first: Tensor, c: Tensor | tuple[Tensor, ...]) -> object:
        parts = (c,) if isinstance(c, Tensor) else c
        rows = [part.float().flatten(1) for part in parts]
        return self.head(self.body(torch.cat([first.flatten(1), *rows], 1)))


def conditional(told: int) -> ConditionalVAE:
    with seeded(0):
        encoder = Beside(64, told, DiagonalGaussianHead(2))
        decoder = Beside(2, told, BernoulliHead((1, 8, 8)))
        return ConditionalVAE(encoder, decoder)


def written_out(model: ConditionalVAE, x: Tensor, *c: Tensor) -> object:
    return elbo(model.given(c if len(c) > 1 else c[0]), x, beta=2.0)


@pytest.mark.parametrize("count", [1, 2])
def test_a_conditions_bound_is_that_of_the_model_given_it(count: int) -> None:
    x = data()
    c = [
        torch.rand(len(x), 3, generator=torch.Generator().manual_seed(i))
        for i in (0, 1)
    ]
    ours, theirs = conditional(3 * count), conditional(3 * count)
    batch = (x, *c[:count])
    history = fit(ours, batch, partial(elbo, beta=2.0), epochs=2, **QUIET)
    reference = fit(theirs, batch, written_out, epochs=2, **QUIET)
    assert torch.equal(weights(ours), weights(theirs))
    assert dict(history) == dict(reference)
    assert not torch.equal(weights(ours), weights(conditional(3 * count)))


def test_a_data_sets_context_and_lengths_are_the_condition() -> None:
    x = data()
    context = torch.rand(len(x), 3, generator=torch.Generator().manual_seed(0))
    told = Dataset("own", "train", x, context=context)
    ours, theirs = conditional(3), conditional(3)
    fit(ours, told, partial(iwae, k=3), epochs=1, **QUIET)
    fit(theirs, (x, context), partial(iwae, k=3), epochs=1, **QUIET)
    assert torch.equal(weights(ours), weights(theirs))


def test_a_model_with_a_condition_wants_one() -> None:
    with pytest.raises(ValueError, match="data: got x alone, but a ConditionalVAE"):
        fit(conditional(3), data(), **QUIET)


def test_one_bad_image_is_found_beside_a_condition_too() -> None:
    x = data().clone()
    x[-1, 0, 0, 0] = 2.0
    with pytest.raises(ValueError, match="data: got values from 0 to 2"):
        fit(conditional(3), (x, torch.rand(len(x), 3)), **QUIET)


def test_a_target_is_not_taken_for_the_data() -> None:
    """x need not lie in the likelihood's support: the likelihood is about y."""

    def across(model: VAE, x: Tensor, y: Tensor) -> object:
        return elbo(model, x, target=y)

    y = data()
    x = 10 * torch.randn(len(y), 5, generator=torch.Generator().manual_seed(0))
    with seeded(0):
        encoder = nn.Sequential(nn.Linear(5, 4), DiagonalGaussianHead(2))
    model = VAE(encoder, small().decoder)
    history = fit(model, (x, y), across, epochs=5, **QUIET)
    assert history["elbo"][-1] > history["elbo"][0]


# ------------------------------------------------------------------------- flows


class FlowPosterior(nn.Module):
    """A conditional flow as it comes; it has no mean."""

    def __init__(self) -> None:
        super().__init__()
        self.flow = zuko.flows.MAF(2, context=8, transforms=2, hidden_features=(16,))
        self.body = MLP((1, 8, 8), (16,), 8)

    def forward(self, x: Tensor) -> torch.distributions.Distribution:
        return self.flow(self.body(x))


@pytest.mark.parametrize("objective", [elbo, partial(iwae, k=2)])
def test_a_flow_as_posterior_trains(objective) -> None:
    with seeded(0):
        model = VAE(FlowPosterior(), small().decoder)
    with pytest.raises(NotImplementedError):
        model.posterior(data(2)).mean  # noqa: B018 - what fit must not ask for
    history = fit(model, data(), objective, epochs=4, **QUIET)
    values = next(iter(history.values()))
    assert values[-1] > values[0] + 1


def test_a_flow_as_prior_trains() -> None:
    with seeded(0):
        prior = zuko.flows.MAF(2, transforms=1, hidden_features=(16,))
        model = VAE(small().encoder, small().decoder, prior=prior)
    before = weights(prior)
    history = fit(model, data(), epochs=4, **QUIET)
    assert history["elbo"][-1] > history["elbo"][0] + 1
    assert not torch.equal(weights(prior), before)
