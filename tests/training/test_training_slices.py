"""Slices: training between other work, the same steps as fit's."""

import signal

import pytest
import torch
from torch import Tensor
from trained import DEVICES, QUIET, data, small, weights

from vaelib import VAE, TrainingDiverged, elbo, fit
from vaelib.training import Slices


@pytest.mark.parametrize("device", DEVICES)
def test_slices_take_the_steps_of_fit(device: str) -> None:
    whole, sliced = small().to(device), small().to(device)
    x = data(300).to(device)
    options = {**QUIET, "device": device, "schedule": "constant", "seed": 4}
    history = fit(whole, x, epochs=3, lr=2e-3, **options)
    slices = Slices(sliced, x, lr=2e-3, seed=4, every=5)
    while slices.run.step < history.steps:
        assert not slices.advance(min(2, history.steps - slices.run.step))
        torch.rand(3, device=device)  # others draw, too
        assert not sliced.training
    assert torch.equal(weights(whole), weights(sliced))
    # 300 examples are five batches: each entry is an epoch's mean.
    for name, values in history.items():
        assert slices.run.history[name] == pytest.approx(values, rel=1e-6)


def test_a_slice_ends_in_time_but_takes_a_step() -> None:
    slices = Slices(small(), data())
    slices.advance(1000, seconds=0)
    assert slices.run.step == 1


def test_the_learning_rate_counts_from_the_next_step() -> None:
    model = small()
    slices = Slices(model, data())
    slices.advance(3)
    before = weights(model)
    slices.lr = 1e-12
    slices.advance(3)
    assert torch.allclose(weights(model), before, atol=1e-9)
    assert slices.lr == 1e-12


@pytest.mark.parametrize("fails", [False, True])
def test_between_slices_nothing_shows(fails: bool) -> None:
    def objective(model: VAE, x: Tensor) -> object:
        if fails and model.training:
            raise RuntimeError("no")
        return elbo(model, x)

    rng, threads = torch.get_rng_state(), torch.get_num_threads()
    handler = signal.getsignal(signal.SIGINT)
    model = small()
    slices = Slices(model, data(), objective)
    if fails:
        with pytest.raises(RuntimeError, match="no"):
            slices.advance(3)
    else:
        slices.advance(3)
        with slices.looking():
            torch.rand(3)
    assert torch.equal(torch.get_rng_state(), rng)
    assert torch.get_num_threads() == threads
    assert signal.getsignal(signal.SIGINT) == handler
    assert not model.training


def test_slices_go_on_after_diverging() -> None:
    model = small()
    slices = Slices(model, data())
    slices.advance(60)
    slices.lr = 1e30
    with pytest.raises(TrainingDiverged):
        slices.advance(60)
    step = slices.run.step
    slices.recover()
    slices.lr = 1e-3
    slices.advance(20)
    assert slices.run.step == step + 20
    assert weights(model).isfinite().all()
    assert len(slices.run.history["kl"]) == step // 10 + (step % 10 + 20) // 10
