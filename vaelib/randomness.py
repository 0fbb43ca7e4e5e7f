"""Random numbers that are asked for by seed, and leave no trace behind."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

PATIENCE = 60.0  # seconds; turns last a twentieth of one

_turn, _next = threading.Lock(), threading.Lock()
_owner: int | None = None  # whose turn it is, by thread


@contextmanager
def turn(patience: float = PATIENCE) -> Iterator[None]:
    """Wait for one's turn with torch's random state, which all threads share.

    Whoever waits comes before whoever just had a turn. Inside a turn of the same
    thread there is nothing to wait for.

    Raises:
        TimeoutError: if it does not come within ``patience`` seconds.
    """
    global _owner
    me = threading.get_ident()
    if _owner == me:
        yield
        return
    _wait(patience)
    _owner = me
    try:
        yield
    finally:
        _owner = None
        _turn.release()


def _wait(patience: float) -> None:
    mine = False
    if _next.acquire(timeout=patience):  # a lock alone is not fair
        try:
            mine = _turn.acquire(timeout=patience)
        finally:
            _next.release()
    if not mine:
        raise TimeoutError(
            f"another thread has drawn torch's random numbers for {patience:g} s, in a "
            "vaelib.seeded block or a fit inside one, and there is one random state "
            "for all threads. Let that block end before this thread begins."
        )


def whole_seed(seed: object) -> int:
    """The seed as an int; NumPy's whole numbers are accepted.

    Raises:
        TypeError: for anything but a whole number.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise TypeError(f"seed: got {seed!r}, wanted a whole number, e.g. seed=0")
    return int(seed)


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Draw from ``seed`` inside the block; put the old random state back after it.

    Distributions of ``torch.distributions`` take no generator, and neither do
    the layers of ``torch.nn``. This gives both a seed without setting a global
    one behind the reader's back. Torch's random state is one for all threads, so
    blocks in several threads, and runs of :func:`vaelib.fit`, take turns.

    Args:
        seed: the seed, or ``None`` to leave everything as it is.

    Raises:
        TypeError: if the seed is neither a whole number nor ``None``.
        TimeoutError: if a block in another thread does not end for a minute.

    Example:
        >>> with seeded(0):
        ...     a = torch.randn(2)
        >>> with seeded(0):
        ...     assert torch.equal(a, torch.randn(2))
    """
    if seed is None:
        yield
        return
    number = whole_seed(seed)
    with turn(), _forked():
        torch.manual_seed(number)
        yield


def generator(*seeds: int) -> torch.Generator:
    """A generator on the CPU, seeded from one or more whole numbers ≥ 0."""
    state = np.random.SeedSequence(seeds).generate_state(1)
    return torch.Generator().manual_seed(int(state[0]))


class Stream:
    """Random numbers of one's own, drawn from torch's global generators.

    ``with stream:`` goes on where the last such block stopped, whatever others
    drew in between, and leaves their state as it was.

    Args:
        seed: where it begins.
        device: whose generator is drawn from, beside the CPU's.
    """

    def __init__(self, seed: int, device: torch.device):
        self.device = device
        self._inside = False
        with seeded(seed):
            self._state = random_state(device)

    @property
    def state(self) -> dict[str, Tensor]:
        """Where it is now, by generator."""
        return random_state(self.device) if self._inside else self._state

    @state.setter
    def state(self, value: Mapping[str, Tensor]) -> None:
        self._state = dict(value)
        if self._inside:
            set_random_state(value, self.device)

    def __enter__(self) -> None:
        self._outside = random_state(self.device)
        set_random_state(self._state, self.device)
        self._inside = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._state, self._inside = self.state, False
        set_random_state(self._outside, self.device)


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
