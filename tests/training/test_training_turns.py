"""Several runs in several threads: each as if alone."""

import threading

import pytest
import torch
from torch import Tensor
from trained import QUIET, data, small, weights

from vaelib import History, fit
from vaelib import elbo as bound
from vaelib.training import Slices
from vaelib.training.turns import Turns


def alone(seed: int, epochs: int = 12) -> Tensor:
    model = small()
    fit(model, data(), epochs=epochs, seed=seed, **QUIET)
    return weights(model)


def together(seeds: list[int], epochs: int = 12) -> list[Tensor]:
    found: dict[int, Tensor] = {}
    threads = [
        threading.Thread(target=lambda s=s: found.update({s: alone(s, epochs)}))
        for s in seeds
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return [found[s] for s in seeds]


def test_fits_in_threads_are_those_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vaelib.training.loop.TURN", 0.002)  # many changes of turn
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    expected = [alone(seed) for seed in range(3)]
    for _ in range(2):
        for got, wanted in zip(together([0, 1, 2]), expected, strict=True):
            assert torch.equal(got, wanted)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_everyone_gets_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run does not keep a short one waiting until its end."""
    monkeypatch.setattr("vaelib.training.loop.TURN", 0.002)
    begun, short_done = threading.Event(), threading.Event()
    long: list[History] = []

    def objective(model: object, x: Tensor) -> object:
        if short_done.is_set():
            raise InterruptedError
        begun.set()
        return bound(model, x)

    def train() -> None:
        with pytest.raises(InterruptedError):
            fit(small(), data(), objective, epochs=10**6, **QUIET)
        long.append(History())

    thread = threading.Thread(target=train)
    thread.start()
    assert begun.wait(60)
    assert torch.equal(alone(0, 2), alone(0, 2))
    short_done.set()
    thread.join(60)
    assert long


def test_a_slice_waits_no_longer_than_it_may() -> None:
    slices = Slices(small(), data())
    other = Turns(small(), Slices(small(), data()).run.stream)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with other.take():
            held.set()
            free.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    assert not slices.advance(5, seconds=0.01)
    assert slices.run.step == 0
    free.set()
    thread.join(60)
    slices.advance(5)
    assert slices.run.step == 5


def test_a_run_inside_a_run_is_exact() -> None:
    """Its own random numbers and the outer one's do not mix."""
    inner: list[Tensor] = []

    def nesting(model: object, x: Tensor) -> object:
        if not inner:
            inner.append(torch.empty(0))
            inner[0] = alone(5, 2)
        return bound(model, x)

    model = small()
    fit(model, data(), nesting, epochs=2, **QUIET)
    assert torch.equal(inner[0], alone(5, 2))
    assert torch.equal(weights(model), alone(0, 2))
