"""What the tests of training share: a small model, a few digits, and Ctrl-C."""

import os
import signal
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from vaelib import VAE, load, mlp_vae

QUIET: dict[str, Any] = {"progress": False, "device": "cpu"}
DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()


def data(n: int = 300) -> Tensor:
    return load("digits", n=n, device="cpu").x


def small(seed: int = 0) -> VAE:
    return mlp_vae((1, 8, 8), 2, (16, 16), seed=seed)


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten().cpu() for p in model.parameters()])


def at_step(model: nn.Module, step: int, act: Callable[[], None]) -> None:
    """Do something while ``model.encoder`` takes the given step of training."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += model.training
        if model.training and calls == step:
            act()

    model.encoder.register_forward_pre_hook(count)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)
