"""Several runs in several threads: each as if alone."""

import threading

import pytest
import torch
from torch import Tensor
from trained import QUIET, data, small, weights

from vaelib import History, fit, seeded
from vaelib import elbo as bound
from vaelib.training import Slices


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
    try:
        assert begun.wait(60)
        assert torch.equal(alone(0, 2), alone(0, 2))
    finally:
        short_done.set()
        thread.join(60)
    assert long


def test_others_who_draw_by_seed_take_turns_with_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Models built, and slices taken, while another thread trains."""
    monkeypatch.setattr("vaelib.training.loop.TURN", 0.002)
    wanted, built = alone(3), weights(small(seed=4))
    reference = Slices(small(), data())
    reference.advance(20)
    thread_found: list[Tensor] = []
    thread = threading.Thread(target=lambda: thread_found.append(alone(3)))
    thread.start()
    slices = Slices(small(), data())
    for _ in range(20):
        assert torch.equal(weights(small(seed=4)), built)
        slices.advance(1)
    thread.join(60)
    assert torch.equal(thread_found[0], wanted)
    assert torch.equal(weights(slices.run.model), weights(reference.run.model))


def test_a_thread_that_would_wait_for_ever_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vaelib.randomness.turn.__wrapped__.__defaults__", (0.05,))
    said: list[str] = []

    def train() -> None:
        with pytest.raises(TimeoutError) as caught:
            fit(small(), data(), epochs=1, **QUIET)
        said.append(str(caught.value))

    with seeded(0):  # held while it waits for who waits for it
        thread = threading.Thread(target=train)
        thread.start()
        thread.join(60)
    assert "one random state for all threads" in said[0]
    assert alone(0, 1).isfinite().all()


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
