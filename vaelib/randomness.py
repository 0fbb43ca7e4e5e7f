"""Random numbers that are asked for by seed, and leave no trace behind."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Draw from ``seed`` inside the block; put the old random state back after it.

    Distributions of ``torch.distributions`` take no generator, and neither do
    the layers of ``torch.nn``. This gives both a seed without setting a global
    one behind the reader's back.

    Args:
        seed: the seed, or ``None`` to leave everything as it is.

    Example:
        >>> with seeded(0):
        ...     a = torch.randn(2)
        >>> with seeded(0):
        ...     assert torch.equal(a, torch.randn(2))
    """
    if seed is None:
        yield
        return
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed: got {seed!r}, wanted a whole number or None")
    with _forked():
        torch.manual_seed(seed)
        yield


@contextmanager
def _forked() -> Iterator[None]:
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=gpus):
        if not torch.backends.mps.is_available():
            yield
            return
        state = torch.mps.get_rng_state()
        try:
            yield
        finally:
            torch.mps.set_rng_state(state)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of the CPU's generator and of the device's, by name."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_state(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Put back what :func:`random_state` gave."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
