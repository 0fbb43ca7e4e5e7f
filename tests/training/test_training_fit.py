"""fit: one step, one epoch, the same numbers every time, and nothing left behind."""

import math
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from trained import DEVICES, QUIET, data, small, weights

from vaelib import (
    MLP,
    VAE,
    Autoencoder,
    BernoulliHead,
    DiagonalGaussian,
    TrainingDiverged,
    elbo,
    fit,
    iwae,
    reconstruction,
    seeded,
)
from vaelib.training import Plan, Run


def test_training_helps_and_reports_every_epoch() -> None:
    model, x = small(), data(1000)
    with seeded(0):
        before = elbo(model, x).mean()
    history = fit(model, x, epochs=8, **QUIET)
    with seeded(0):
        after = elbo(model, x).mean()
    assert after.value > before.value + 5
    assert set(history) == {"objective", "elbo", "reconstruction", "kl"}
    assert [len(v) for v in history.values()] == [8] * 4
    assert history["elbo"][-1] == pytest.approx(after.value.item(), abs=1)
    assert history.steps == 8 * math.ceil(1000 / 64)
    assert not history.interrupted
    assert not model.training


def test_history_is_the_mean_over_examples_not_over_batches() -> None:
    """70 examples in batches of 64 and 6: each example counts once."""

    def first_pixel(model: VAE, x: Tensor) -> Tensor:
        elbo(model, x)
        return x[:, 0, 3, 3] + 0 * next(model.parameters()).sum()

    x = data(70)
    history = fit(small(), x, first_pixel, epochs=1, **QUIET)
    expected = x[:, 0, 3, 3].mean().item()
    assert history["first_pixel"][0] == pytest.approx(expected, rel=1e-6)


def test_beta_is_in_the_objective_and_not_in_the_elbo() -> None:
    history = fit(small(), data(), partial(elbo, beta=4.0), epochs=2, **QUIET)
    for i in range(2):
        r, kl = history["reconstruction"][i], history["kl"][i]
        assert history["elbo"][i] == pytest.approx(r - kl)
        assert history["objective"][i] == pytest.approx(r - 4 * kl, rel=1e-5)


def test_every_example_is_seen_once_per_epoch_in_a_new_order() -> None:
    seen: list[Tensor] = []

    def watch(model: nn.Module, x: Tensor) -> Tensor:
        if model.training:
            seen.append(x[:, 0].clone())
        return -(model(x) ** 2).sum(1)

    x = torch.arange(10.0)[:, None]
    fit(nn.Linear(1, 1), x, watch, epochs=2, batch_size=4, lr=1e-3, **QUIET)
    assert [len(b) for b in seen] == [4, 4, 2, 4, 4, 2]
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert torch.equal(first.sort().values, x[:, 0])
    assert torch.equal(second.sort().values, x[:, 0])
    assert not torch.equal(first, second)
    assert not torch.equal(first, x[:, 0])


def test_step_is_adam_on_the_mean_of_the_batch() -> None:
    """One step of ``fit`` equals one step written out."""
    x = data(64)
    ours, theirs = small(), small()
    fit(ours, x, epochs=1, schedule="constant", lr=1e-3, **QUIET)
    optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    with seeded(0):
        elbo(theirs, x[:64])  # the look at the data before training
        order = Run(theirs, (x,), elbo, Plan(1, 64, 1e-3, "constant", 0)).order(0)
        (-elbo(theirs, x[order]).value.mean()).backward()
    optimizer.step()
    assert torch.allclose(weights(ours), weights(theirs), atol=1e-6)


def test_schedules() -> None:
    cosine = Plan(1, 1, 2.0, "cosine", 0)
    rates = [cosine.lr_at(i, 1000) for i in range(1000)]
    assert max(rates) == pytest.approx(2.0, rel=0.02)
    assert rates.index(max(rates)) == pytest.approx(50, abs=3)
    assert rates[0] < 0.05 * 2
    assert 0 < rates[-1] < 1e-4 * 2
    up, down = rates[:46], rates[55:]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    constant = Plan(1, 1, 2.0, "constant", 0)
    assert {constant.lr_at(i, 9) for i in range(9)} == {2.0}
    assert cosine.lr_at(0, 1) > 0


def test_any_pair_of_modules_and_any_objective() -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(64, 2)

        def forward(self, x: Tensor) -> torch.distributions.Distribution:
            loc = self.body(x.flatten(1))
            return torch.distributions.Independent(
                torch.distributions.Normal(loc, torch.ones_like(loc)), 1
            )

    with seeded(0):
        decoder = nn.Sequential(MLP(2, (8,), (1, 8, 8)), BernoulliHead((1, 8, 8)))
        model = VAE(Encoder(), decoder)
        plain = Autoencoder(MLP((1, 8, 8), (8,), 2), MLP(2, (8,), (1, 8, 8)))
    assert list(fit(model, data(), epochs=1, **QUIET)) == [
        "objective",
        "elbo",
        "reconstruction",
        "kl",
    ]
    assert list(fit(model, data(), partial(iwae, k=3), epochs=1, **QUIET)) == ["iwae"]
    history = fit(plain, data(), reconstruction, epochs=2, **QUIET)
    assert history["reconstruction"][1] > history["reconstruction"][0]
    assert list(
        fit(plain, data(), lambda m, x: reconstruction(m, x), epochs=1, **QUIET)
    )


def test_a_learned_prior_is_trained() -> None:
    class Prior(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mu = nn.Parameter(torch.zeros(2))

        def forward(self) -> DiagonalGaussian:
            return DiagonalGaussian(self.mu, torch.zeros_like(self.mu))

    parts = small()
    model = VAE(parts.encoder, parts.decoder, prior=Prior())
    fit(model, data(), epochs=1, **QUIET)
    assert model.prior.mean.abs().sum() > 0


def test_same_seed_same_weights_other_seed_others() -> None:
    runs = []
    for seed in (0, 0, 1):
        model = small()
        torch.randn(3)  # the state of the global generator must not matter
        fit(model, data(), epochs=2, seed=seed, **QUIET)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@pytest.mark.slow
def test_two_processes_agree_to_the_bit() -> None:
    program = (
        "import hashlib, torch, vaelib as vl\n"
        "m = vl.mlp_vae((1, 8, 8), 2, (16, 16))\n"
        "h = vl.fit(m, vl.load('digits', n=300), epochs=2, progress=False)\n"
        "w = b''.join(p.detach().cpu().numpy().tobytes() for p in m.parameters())\n"
        "print(hashlib.sha256(w).hexdigest(), h['elbo'])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")  # nor may the number of cores matter
    }
    assert len(outputs) == 1


def test_global_state_is_left_alone() -> None:
    rng = torch.get_rng_state()
    precision = torch.get_float32_matmul_precision()
    handler = signal.getsignal(signal.SIGINT)
    fit(small(), data(), epochs=1, matmul_precision="medium", **QUIET)
    with pytest.raises(TrainingDiverged):
        fit(small(), data(), epochs=5, lr=1e30, matmul_precision="medium", **QUIET)
    assert torch.equal(torch.get_rng_state(), rng)
    assert torch.get_float32_matmul_precision() == precision
    assert signal.getsignal(signal.SIGINT) == handler


def test_settings_hold_during_training() -> None:
    seen = set()

    def watch(model: VAE, x: Tensor) -> object:
        seen.add((torch.get_num_threads(), torch.get_float32_matmul_precision()))
        return elbo(model, x)

    fit(small(), data(64), watch, epochs=1, matmul_precision="medium", **QUIET)
    assert seen == {(1, "medium")}  # one thread by default for a small model
    seen.clear()
    fit(small(), data(64), watch, epochs=1, threads=2, **QUIET)
    assert {threads for threads, _ in seen} == {2}


def test_history_speaks() -> None:
    history = fit(small(), data(), epochs=2, **QUIET)
    assert "2 epochs, 10 steps" in repr(history)
    with pytest.raises(KeyError, match="holds 'objective', 'elbo'"):
        history["loss"]


def test_progress_bar_shows_the_elbo(capsys) -> None:
    fit(small(), data(), epochs=2, device="cpu")
    err = capsys.readouterr().err
    assert "10/10" in err
    assert "nats" in err


@pytest.mark.parametrize("device", DEVICES)
def test_data_and_model_move_to_the_device(device) -> None:
    model = small()
    history = fit(model, data(), epochs=2, progress=False, device=device)
    assert next(model.parameters()).device.type == device
    assert history["elbo"][1] > history["elbo"][0]


@pytest.mark.parametrize("threads", [None, 1, 2])
def test_threads_are_put_back(threads: int | None) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        fit(small(), data(64), epochs=1, threads=threads, **QUIET)
        assert torch.get_num_threads() == 3
        with pytest.raises(RuntimeError, match="no"):
            fit(small(), data(64), fails, epochs=1, threads=threads, **QUIET)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def fails(model: VAE, x: Tensor) -> object:
    if model.training:
        raise RuntimeError("no")
    return elbo(model, x)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_block_without_gradients_around_it_does_not_matter(mode: type) -> None:
    outside, inside = small(), small()
    fit(outside, data(), epochs=2, **QUIET)
    with mode():
        x = data().clone()
        fit(inside, x, epochs=2, **QUIET)
        assert not torch.is_grad_enabled()
        assert torch.is_inference_mode_enabled() == (mode is torch.inference_mode)
    assert torch.equal(weights(inside), weights(outside))


def test_a_model_made_in_inference_mode_is_refused() -> None:
    with torch.inference_mode():
        model = small()
    with pytest.raises(ValueError, match="model: its weights were made inside"):
        fit(model, data(), **QUIET)


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    ours, theirs = small(), small()
    fit(ours, data(), epochs=2, batch_size=32, seed=3, lr=0.5**8, **QUIET)
    numbers = {
        "epochs": np.int64(2),
        "batch_size": np.uint8(32),
        "seed": np.int32(3),
        "lr": np.float32(0.5**8),
    }
    fit(theirs, data(), **numbers, checkpoint=tmp_path / "run", **QUIET)
    assert torch.equal(weights(ours), weights(theirs))


@pytest.mark.parametrize(
    "mapping",
    [
        lambda m, x: {"bound": elbo(m, x).value, "pixels": x.flatten(1).mean(1)},
        lambda m, x: MappingProxyType(
            {"bound": elbo(m, x).value, "pixels": x.flatten(1).mean(1)}
        ),
    ],
)
def test_terms_have_the_names_the_objective_gives_them(mapping) -> None:
    """The first is what is maximised; all are in the history."""
    x, named, plain = data(), small(), small()
    history = fit(named, x, mapping, epochs=2, **QUIET)
    reference = fit(plain, x, epochs=2, **QUIET)
    assert list(history) == ["bound", "pixels"]
    assert history["bound"] == pytest.approx(reference["objective"], rel=1e-6)
    assert history["pixels"][1] == pytest.approx(x.mean().item(), rel=1e-5)
    assert torch.equal(weights(named), weights(plain))


def test_names_that_change_are_refused() -> None:
    def wavering(model: VAE, x: Tensor) -> dict[str, Tensor]:
        name = "b" if model.training and len(x) < 64 else "a"
        return {name: elbo(model, x).value}

    with pytest.raises(ValueError, match=r"terms named \['a'\], then \['b'\]"):
        fit(small(), data(), wavering, epochs=1, **QUIET)
