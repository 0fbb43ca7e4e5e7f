import math
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from vaelib import (
    MLP,
    VAE,
    Autoencoder,
    BernoulliHead,
    DiagonalGaussian,
    History,
    TrainingDiverged,
    elbo,
    fit,
    iwae,
    load,
    mlp_vae,
    reconstruction,
    save,
    seeded,
)
from vaelib.training import Plan, Run, Slices

QUIET = {"progress": False, "device": "cpu"}
DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()


def data(n: int = 300) -> Tensor:
    return load("digits", n=n, device="cpu").x


def small(seed: int = 0) -> VAE:
    return mlp_vae((1, 8, 8), 2, (16, 16), seed=seed)


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten().cpu() for p in model.parameters()])


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
        order = Run(theirs, x, elbo, Plan(1, 64, 1e-3, "constant", 0))._shuffle(0)
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


# ------------------------------------------------------------------ same numbers


def test_same_seed_same_weights_other_seed_others() -> None:
    runs = []
    for seed in (0, 0, 1):
        model = small()
        torch.randn(3)  # the state of the global generator must not matter
        fit(model, data(), epochs=2, seed=seed, **QUIET)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


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
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    handler = signal.getsignal(signal.SIGINT)
    fit(small(), data(), epochs=1, matmul_precision="medium", threads=2, **QUIET)
    with pytest.raises(TrainingDiverged):
        fit(small(), data(), epochs=5, lr=1e30, matmul_precision="medium", **QUIET)
    assert torch.equal(torch.get_rng_state(), rng)
    assert torch.get_num_threads() == threads
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


# ---------------------------------------------------------- stopping and going on


class Interrupt:
    """An objective that presses Ctrl-C at the given step."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0
        self.__name__ = "elbo"

    def __call__(self, model: VAE, x: Tensor) -> object:
        self.calls += model.training
        if model.training and self.calls == self.at:
            os.kill(os.getpid(), signal.SIGINT)
        return elbo(model, x)


@pytest.mark.parametrize("at", [1, 3, 5, 8, 10, 14])
def test_resuming_equals_never_having_stopped(at, tmp_path) -> None:
    """Five steps per epoch, three epochs; stopped inside and between epochs."""
    settings = {"epochs": 3, **QUIET}
    whole = small()
    reference = fit(whole, data(), **settings)
    path = tmp_path / "run.safetensors"
    stopped = small()
    history = fit(stopped, data(), Interrupt(at), checkpoint=path, **settings)
    assert history.interrupted
    assert history.steps == at
    fresh = small(seed=9)  # the checkpoint holds everything
    torch.randn(5)
    resumed = fit(fresh, data(), elbo, checkpoint=path, **settings)
    assert torch.equal(weights(fresh), weights(whole))
    assert dict(resumed) == dict(reference)
    assert not resumed.interrupted
    again = fit(fresh, data(), elbo, checkpoint=path, **settings)
    assert dict(again) == dict(reference)
    assert torch.equal(weights(fresh), weights(whole))


def test_interrupt_leaves_a_usable_model_and_its_history(capsys) -> None:
    model = small()
    history = fit(model, data(), Interrupt(7), epochs=3, **QUIET)
    assert history.interrupted
    assert len(history["elbo"]) == 2  # one whole epoch, and the part of the second
    assert model.sample(2, seed=0).isfinite().all()
    assert not model.training
    assert "Interrupted after 7 of 15 steps" in capsys.readouterr().out
    assert "interrupted" in repr(history)


def test_a_second_interrupt_is_obeyed_at_once() -> None:
    def stubborn(model: VAE, x: Tensor) -> object:
        if model.training:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.01)
        return elbo(model, x)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(small(), data(), stubborn, epochs=1, **QUIET)
    assert signal.getsignal(signal.SIGINT) is before


def test_trains_in_a_thread_too() -> None:
    result: list[History] = []
    thread = threading.Thread(
        target=lambda: result.append(fit(small(), data(), epochs=1, **QUIET))
    )
    thread.start()
    thread.join()
    assert result[0].steps == 5


def test_a_killed_process_goes_on_from_its_last_epoch(tmp_path) -> None:
    path = tmp_path / "run.safetensors"
    program = (
        "import os, signal, vaelib as vl\n"
        "calls = 0\n"
        "def elbo(model, x):\n"
        "    global calls\n"
        "    calls += model.training\n"
        "    if calls == 8: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return vl.elbo(model, x)\n"
        "m = vl.mlp_vae((1, 8, 8), 2, (16, 16))\n"
        "x = vl.load('digits', n=300, device='cpu').x\n"
        f"vl.fit(m, x, elbo, epochs=3, device='cpu', checkpoint={str(path)!r})\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert result.returncode == -signal.SIGKILL
    whole, resumed = small(), small()
    fit(whole, data(), epochs=3, **QUIET)
    fit(resumed, data(), epochs=3, checkpoint=path, **QUIET)
    assert torch.equal(weights(whole), weights(resumed))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"batch_size": 32}, "batch_size: 64 there, 32 here"),
        ({"epochs": 4}, "epochs: 2 there, 4 here"),
        ({"seed": 1}, "seed: 0 there, 1 here"),
        ({"lr": 1.0}, "lr"),
        ({"objective": partial(iwae, k=2)}, "objective: elbo there, iwae here"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(change, word, tmp_path) -> None:
    path = tmp_path / "run.safetensors"
    fit(small(), data(), epochs=2, checkpoint=path, **QUIET)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=word):
        fit(small(), data(), **{"epochs": 2, "checkpoint": path, **QUIET, **change})
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_model_or_data_is_refused(tmp_path) -> None:
    path = tmp_path / "run.safetensors"
    fit(small(), data(), epochs=1, checkpoint=path, **QUIET)
    with pytest.raises(ValueError, match="of another run"):
        fit(mlp_vae((1, 8, 8), 3), data(), epochs=1, checkpoint=path, **QUIET)
    with pytest.raises(ValueError, match="data"):
        fit(small(), data(200), epochs=1, checkpoint=path, **QUIET)
    model = tmp_path / "model.safetensors"
    save(small(), model)
    with pytest.raises(ValueError, match="holds a model, not a training run"):
        fit(small(), data(), epochs=1, checkpoint=model, **QUIET)


# --------------------------------------------------------------- what goes wrong


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


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"epochs": 0}, ValueError, "epochs: got 0"),
        ({"batch_size": 2.5}, ValueError, "batch_size: got 2.5"),
        ({"lr": 0}, ValueError, "lr: got 0"),
        ({"lr": float("nan")}, ValueError, "lr: got nan"),
        ({"schedule": "linear"}, ValueError, "schedule: got 'linear'"),
        ({"device": "tpu9"}, ValueError, "device"),
        ({"seed": 1.5}, TypeError, "seed"),
        ({"objective": lambda m, x: elbo(m, x).value.mean()}, ValueError, "objective"),
        ({"objective": lambda m, x: 3}, TypeError, "objective"),
        ({"data": [[0.0]]}, TypeError, "data: got list"),
        ({"data": torch.zeros(0, 1, 8, 8)}, ValueError, "data: got shape"),
        ({"data": torch.zeros(9, dtype=torch.uint8)}, ValueError, "data: got shape"),
        ({"data": data() * 255}, ValueError, "divide by 255"),
        ({"data": torch.cat([data(), data() * torch.nan])}, ValueError, "NaN"),
        ({"data": torch.rand(9, 1, 28, 28)}, ValueError, "got shape"),
        ({"model": nn.Flatten()}, ValueError, "model: it has no parameters"),
    ],
)
def test_bad_arguments_change_nothing(arguments, error, words) -> None:
    model = small()
    before = weights(model)
    arguments = {"model": model, "data": data(), **QUIET} | arguments
    with pytest.raises(error, match=words):
        fit(**arguments)
    assert torch.equal(weights(model), before)


def test_one_bad_image_anywhere_is_found_before_training() -> None:
    x = data().clone()
    x[-1, 0, 0, 0] = 2.0
    with pytest.raises(ValueError, match="data: got values from 0 to 2"):
        fit(small(), x, **QUIET)


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


# ------------------------------------------------------------------------ devices


@pytest.mark.parametrize("device", DEVICES)
def test_data_and_model_move_to_the_device(device) -> None:
    model = small()
    history = fit(model, data(), epochs=2, progress=False, device=device)
    assert next(model.parameters()).device.type == device
    assert history["elbo"][1] > history["elbo"][0]


# ------------------------------------------------------------------------- slices


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
