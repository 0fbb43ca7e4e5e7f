"""Checkpoints: the same end as never having stopped, and no other run's."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from trained import QUIET, at_step, data, press_ctrl_c, small, weights

from vaelib import VAE, elbo, fit, iwae, mlp_vae, save
from vaelib.storage import read_safetensors, write_safetensors
from vaelib.training import Plan, Run
from vaelib.training.checkpoint import Checkpoint
from vaelib.training.optimizer import fused_adam


@pytest.mark.parametrize("at", [1, 3, 5, 8, 10, 14])
def test_resuming_equals_never_having_stopped(at, tmp_path) -> None:
    """Five steps per epoch, three epochs; stopped inside and between epochs."""
    settings = {"epochs": 3, **QUIET}
    whole = small()
    reference = fit(whole, data(), **settings)
    path = tmp_path / "run.safetensors"
    stopped = small()
    at_step(stopped, at, press_ctrl_c)
    history = fit(stopped, data(), checkpoint=path, **settings)
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


@pytest.mark.slow
def test_a_killed_process_goes_on_from_its_last_epoch(tmp_path) -> None:
    path = tmp_path / "run.safetensors"
    program = (
        "import os, signal, sys, vaelib as vl\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from trained import at_step, data, small\n"
        "model = small()\n"
        "at_step(model, 8, lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        f"vl.fit(model, data(), epochs=3, device='cpu', checkpoint={str(path)!r})\n"
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
        ({"objective": partial(iwae, k=2)}, r"elbo there, iwae\(k=2\) here"),
        ({"objective": partial(elbo, beta=50)}, r"elbo there, elbo\(beta=50\) here"),
        ({"optimizer": torch.optim.AdamW}, r"fused_adam there, .*AdamW here"),
        ({"clip": 1.0}, "clip: None there, 1.0 here"),
        ({"data": data().roll(1, 0)}, r"data: .*there"),
        ({"data": data() * (1 - 1e-6)}, r"data: .*there"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(change, word, tmp_path) -> None:
    path = tmp_path / "run.safetensors"
    fit(small(), data(), epochs=2, checkpoint=path, **QUIET)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=word):
        fit(
            **{"model": small(), "data": data(), "epochs": 2, "checkpoint": path}
            | QUIET
            | change
        )
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


def test_a_refused_checkpoint_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    fit(small(), data(), epochs=1, checkpoint=path, **QUIET)
    model = small(seed=1)
    before = weights(model)
    with pytest.raises(ValueError, match="of another run"):
        fit(model, data(), epochs=2, checkpoint=path, **QUIET)
    assert not model.training
    assert torch.equal(weights(model), before)


def test_a_model_of_other_precision_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    x = data()

    def twice(model: VAE, x: Tensor) -> object:
        return elbo(model, x.to(next(model.parameters()).dtype))

    fit(small(), x, twice, epochs=1, checkpoint=path, **QUIET)
    with pytest.raises(ValueError, match=r"weights: .* float32 there, .* float64 here"):
        fit(small().double(), x, twice, epochs=1, checkpoint=path, **QUIET)


def test_a_checkpoint_from_before_the_data_were_noted_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.safetensors"
    fit(small(), data(), epochs=1, checkpoint=path, **QUIET)
    tensors, notes = read_safetensors(path)
    del notes["run"]
    write_safetensors(path, tensors, notes)
    with pytest.raises(ValueError, match="written by an older vaelib"):
        fit(small(), data(), epochs=1, checkpoint=path, **QUIET)


def never(model: nn.Module, x: Tensor) -> Tensor:
    raise AssertionError("trained although the file cannot be written")


@pytest.mark.parametrize("place", ["nowhere/run.safetensors", "file/run", "."])
def test_a_place_that_cannot_be_written_is_found_before_training(
    place: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    calls = []
    model = small()
    at_step(model, 1, lambda: calls.append("a step"))
    folder = str(
        (tmp_path / place).resolve() if place == "." else (tmp_path / place).parent
    )
    with pytest.raises(OSError, match="checkpoint: ") as caught:
        fit(model, data(), checkpoint=tmp_path / place, **QUIET)
    assert folder in str(caught.value)
    assert not calls


def test_tied_weights_are_trained_on(tmp_path: Path) -> None:
    def tied() -> VAE:
        model = mlp_vae((1, 8, 8), 2, (16,))
        down, up = model.encoder[0][1], model.decoder[0][-2]
        assert down.weight.shape == up.weight.T.shape
        square = nn.Linear(16, 16)
        model.encoder[0].insert(2, square)
        model.decoder[0].insert(1, square)
        nn.init.eye_(square.weight)
        nn.init.zeros_(square.bias)
        return model

    path = tmp_path / "run.safetensors"
    whole, stopped, resumed = tied(), tied(), tied()
    fit(whole, data(), epochs=2, **QUIET)
    at_step(stopped, 7, press_ctrl_c)
    fit(stopped, data(), epochs=2, checkpoint=path, **QUIET)
    fit(resumed, data(), epochs=2, checkpoint=path, **QUIET)
    assert torch.equal(weights(resumed), weights(whole))


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": partial(torch.optim.SGD, lr=0.1),
    "momentum": partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True),
    "AdamW": partial(torch.optim.AdamW, weight_decay=0.1),
    "AMSGrad": partial(torch.optim.Adam, amsgrad=True),
    "RMSprop": partial(torch.optim.RMSprop, centered=True, momentum=0.5),
    "Adagrad": torch.optim.Adagrad,
    "Adadelta": torch.optim.Adadelta,
    "Adamax": torch.optim.Adamax,
    "NAdam": torch.optim.NAdam,
    "RAdam": torch.optim.RAdam,
    "ASGD": torch.optim.ASGD,
    "Rprop": torch.optim.Rprop,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_goes_on_where_it_stopped(name: str, tmp_path: Path) -> None:
    settings = {"optimizer": OPTIMIZERS[name], "clip": 5.0, "epochs": 2, "lr": 1e-3}
    path = tmp_path / "run.safetensors"
    whole, stopped, resumed = small(), small(), small(seed=9)
    fit(whole, data(), **settings, **QUIET)
    at_step(stopped, 3, press_ctrl_c)
    fit(stopped, data(), checkpoint=path, **settings, **QUIET)
    assert not torch.equal(weights(stopped), weights(small()))
    fit(resumed, data(), checkpoint=path, **settings, **QUIET)
    assert torch.equal(weights(resumed), weights(whole))


def test_the_digest_of_mnist_takes_a_moment(tmp_path: Path) -> None:
    """As many numbers as MNIST's: less time than one of its epochs by far, and none
    at all without a checkpoint."""
    x = torch.rand(60_000, 1, 28, 28)
    run = Run(mlp_vae((1, 28, 28), 2, (4,)), (x,), elbo, Plan())
    start = time.process_time()
    Checkpoint(tmp_path / "run", run, elbo, fused_adam)
    taken = time.process_time() - start
    start = time.process_time()
    for _ in range(60):
        run.advance()
    epoch = (time.process_time() - start) * run.batches / 60
    assert taken < epoch
