"""Training that can only get worse: stopped, explained, the good weights kept."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from trained import DEVICES, QUIET, data, small, weights

from vaelib import VAE, TrainingDiverged, elbo, fit, mlp_vae


@pytest.mark.parametrize("device", DEVICES)
def test_nan_stops_with_a_diagnosis(device) -> None:
    model = small()

    def breaks(model: VAE, x: Tensor) -> object:
        e = elbo(model, x)
        breaks.calls += model.training
        kl = e.kl * (float("inf") if breaks.calls == 8 else 1.0)
        return e._replace(value=e.reconstruction - kl, kl=kl)

    breaks.calls = 0
    with pytest.raises(TrainingDiverged) as caught:
        fit(model, data(), breaks, epochs=3, progress=False, device=device)
    message = str(caught.value)
    assert "step 7 of 15 (epoch 2)" in message
    assert "kl inf" in message
    assert "reconstruction -" in message
    assert len(caught.value.history["elbo"]) == 1
    assert weights(model).isfinite().all()
    assert model.sample(2, seed=0).isfinite().all()


def test_divergence_names_the_learning_rate() -> None:
    with pytest.raises(TrainingDiverged, match=r"lr=1e\+30 is high for Adam"):
        fit(small(), data(), epochs=5, lr=1e30, **QUIET)


def test_divergence_names_the_weights_and_the_data() -> None:
    class Root(nn.Module):
        """√0 has an infinite gradient: the loss is finite, the weights are not."""

        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            return -(self.a**2 + 0 * x[:, 0]).sqrt()

    model = Root()
    with pytest.raises(TrainingDiverged, match="weights of 'a' became") as caught:
        fit(model, 200 * torch.rand(8, 1), lambda m, x: m(x), epochs=9, **QUIET)
    assert "the data run from" in str(caught.value)
    assert model.a.isfinite().all()


@pytest.mark.parametrize("lr", [1e2, 1e3])
def test_a_fall_without_end_is_no_success(lr: float) -> None:
    """Finite, and worthless: −3e19 nats where an untrained model has −44."""
    model = small()
    with pytest.raises(TrainingDiverged, match="far worse than an untrained") as caught:
        fit(model, data(), epochs=3, lr=lr, **QUIET)
    assert f"lr={lr:g} is high for Adam" in str(caught.value)
    assert elbo(model, data()).value.mean() > -60  # the weights from before


def test_a_fall_is_found_in_a_plain_module_too() -> None:
    def squares(model: nn.Module, x: Tensor) -> Tensor:
        return -(model(x) ** 2).sum(1)

    with pytest.raises(TrainingDiverged, match="lr=100 is high for SGD"):
        fit(
            nn.Linear(4, 4),
            torch.randn(64, 4, generator=torch.Generator().manual_seed(0)),
            squares,
            epochs=5,
            lr=100,
            schedule="constant",
            optimizer=torch.optim.SGD,
            batch_size=8,
            **QUIET,
        )


class Annealed:
    """β from 0 to ``last``: the KL is bought for nothing, then paid for."""

    def __init__(self, last: float) -> None:
        self.last, self.calls = last, 0

    def __call__(self, model: VAE, x: Tensor) -> object:
        self.calls += model.training
        return elbo(model, x, beta=self.last * min(1.0, max(0.0, self.calls / 60 - 1)))


def near_the_best(model: nn.Module, x: Tensor) -> Tensor:
    """Zero at the start, the best there is: any step makes it worse."""
    return -((model(x) - x) ** 2).sum(1)


def identity_map() -> nn.Module:
    model = nn.Linear(8, 8)
    nn.init.eye_(model.weight)
    nn.init.zeros_(model.bias)
    return model


HARD_BUT_HONEST: dict[str, Callable[[], object]] = {
    "a high lr": lambda: fit(small(), data(), epochs=6, lr=0.1, **QUIET),
    "β turned up late": lambda: fit(small(), data(), Annealed(100), epochs=40, **QUIET),
    "β = 1000 throughout": lambda: fit(
        small(), data(), partial(elbo, beta=1000.0), epochs=5, **QUIET
    ),
    "a sharp likelihood": lambda: fit(
        mlp_vae((1, 8, 8), 2, (16, 16), likelihood="gaussian", scale=0.01),
        data(),
        epochs=5,
        lr=0.03,
        **QUIET,
    ),
    "a learned σ": lambda: fit(
        mlp_vae((1, 8, 8), 2, (16, 16), likelihood="gaussian", scale="per-dimension"),
        data(),
        epochs=20,
        lr=0.05,
        **QUIET,
    ),
    "data not scaled": lambda: fit(
        mlp_vae((1, 8, 8), 2, (16, 16), likelihood="gaussian"),
        data() * 255,
        epochs=5,
        **QUIET,
    ),
    "a start at the best": lambda: fit(
        identity_map(),
        torch.randn(64, 8, generator=torch.Generator().manual_seed(0)),
        near_the_best,
        epochs=20,
        lr=0.5,
        schedule="constant",
        **QUIET,
    ),
}


@pytest.mark.parametrize("case", HARD_BUT_HONEST)
def test_hard_training_is_let_go_on(case: str) -> None:
    """No run that recovers, or was far below zero from the start, is called off."""
    history = HARD_BUT_HONEST[case]()
    assert all(map(math.isfinite, next(iter(history.values()))))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_plain_modules_bad_data_are_blamed_on_the_data(bad: float) -> None:
    def squares(model: nn.Module, x: Tensor) -> Tensor:
        return -(model(x) ** 2).sum(1)

    x = torch.rand(300, 4)
    x[217, 2] = bad
    model = nn.Linear(4, 2)
    with pytest.raises(TrainingDiverged) as caught:
        fit(model, x, squares, **QUIET)
    first = str(caught.value).partition("Likely causes, first to last: ")[2]
    assert first.startswith("the data hold NaN or infinite values in 1 of 300 examples")
    assert "(the first: 217)" in first
    assert weights(model).isfinite().all()
