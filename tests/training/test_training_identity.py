"""What tells one run from another: equal where it is the same, in any process."""

import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import vaelib as vl
from vaelib import elbo, iwae
from vaelib.training.identity import Identify, identity_of_tensor

identify = Identify()
FACTOR = 2.0


def scaled(model: Any, x: Any, factor: float = 1.0) -> Any:
    return factor * elbo(model, x).value


def with_global(model: Any, x: Any) -> Any:
    return FACTOR * elbo(model, x).value


def calls_another(model: Any, x: Any) -> Any:
    return with_global(model, x)


class Weighted:
    def __init__(self, beta: Any) -> None:
        self.beta = beta

    def __call__(self, model: Any, x: Any) -> Any:
        return elbo(model, x, beta=self.beta)


def closure(beta: Any) -> Callable[..., Any]:
    return lambda model, x: elbo(model, x, beta=beta)


class Slotted:
    __slots__ = ("beta",)

    def __init__(self, beta: float) -> None:
        self.beta = beta

    def __call__(self, model: Any, x: Any) -> Any:
        return elbo(model, x, beta=self.beta)


def network(seed: int) -> nn.Module:
    with vl.seeded(seed):
        return nn.Linear(2, 2)


class Critic(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale


def with_attribute(value: object) -> Callable[..., Any]:
    def objective(model: Any, x: Any) -> Any:
        return elbo(model, x, beta=objective.beta)

    objective.beta = value
    return objective


# Each line: things that must all differ from each other.
DIFFERENT = {
    "options": [elbo, partial(elbo, beta=4), partial(elbo, beta=50), iwae],
    "nested options": [
        partial(partial(elbo, beta=4), samples=2),
        partial(partial(elbo, beta=4), samples=3),
        partial(partial(elbo, beta=5), samples=2),
    ],
    "options of a partial with an attribute": [
        vars(p).update(note=1) or partial(p, samples=2)
        for p in (partial(elbo, beta=1), partial(elbo, beta=2))
    ],
    "positions": [partial(scaled, 1), partial(scaled, 2), partial(scaled, 1, 2)],
    "lambdas": [
        lambda m, x: elbo(m, x),
        lambda m, x: elbo(m, x, 2.0),
        lambda m, x: elbo(m, x, 3.0),
        lambda m, x: iwae(m, x, 3),
        lambda m, x: m["a"],
        lambda m, x: m["b"],
    ],
    "closures": [closure(1), closure(2), closure([1, 2]), closure([2, 1]), closure({})],
    "attributes": [Weighted(1), Weighted(2), Weighted(torch.tensor([1, 2]))],
    "attributes of a function": [with_attribute(1), with_attribute(2)],
    "slots": [Slotted(1), Slotted(2)],
    "bound methods": [Weighted(1).__call__, Weighted(2).__call__],
    "tensors": [
        torch.zeros(4),
        torch.zeros(2, 2),
        torch.zeros(4, dtype=torch.float64),
        torch.tensor([0, 0, 0, 1e-30]),
        torch.zeros(4, dtype=torch.bfloat16),
        torch.zeros(0),
    ],
    "arrays": [np.zeros(4), np.zeros(4, "f4"), np.ones(4)],
    "networks": [network(0), network(1), nn.Linear(2, 2, bias=False), Critic(1.0)],
    "attributes of a network": [Critic(1.0), Critic(2.0)],
    "kinds": [None, True, 1, "1", b"1", 1.5, 1j, torch.float32, "torch.float32"],
    "generators": [vl.randomness.generator(0), vl.randomness.generator(1)],
    "classes": [Weighted, Slotted, nn.Linear],
    "sets": [{1, 2}, {1, 3}, {"a": 1}, {"a": 2}, {"b": 1}],
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_things_differ(name: str) -> None:
    texts = [identify(thing) for thing in DIFFERENT[name]]
    assert len(set(texts)) == len(texts), texts


# Each line: two ways to the same.
SAME = {
    "a partial built twice": [partial(elbo, beta=4), partial(elbo, beta=4)],
    "a nested one": [
        partial(partial(elbo, beta=4), samples=2),
        partial(elbo, samples=2, beta=4.0),
    ],
    "NumPy's numbers": [partial(elbo, beta=np.float32(4)), partial(elbo, beta=4)],
    "a closure": [closure(3), closure(3)],
    "a callable": [Weighted(torch.ones(2)), Weighted(torch.ones(2))],
    "a network": [network(0), network(0)],
    "a network in another mode": [network(0).eval(), network(0).train()],
    "slots": [Slotted(1), Slotted(1)],
    "a tensor elsewhere in memory": [torch.zeros(4), torch.ones(8)[::2] * 0],
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_made_twice_is_the_same(name: str) -> None:
    first, second = SAME[name]
    assert identify(first) == identify(second)


def test_what_a_function_refers_to_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identify(with_global), identify(calls_another), identify(scaled)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    after = identify(with_global), identify(calls_another), identify(scaled)
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert before[2] == after[2]


def test_another_process_finds_the_same(tmp_path) -> None:
    """String hashes differ there, and so do addresses."""
    program = (
        "from functools import partial\n"
        "import torch, vaelib as vl\n"
        "from vaelib.training.identity import Identify\n"
        "K = {'b', 'a', 'c'}\n"
        "class Own:\n"
        "    def __init__(self): self.kinds = {'x', 'y', 'z'}; self.net = None\n"
        "    @property\n"
        "    def size(self): return len(self.kinds)\n"
        "    @staticmethod\n"
        "    def helper(): return 3\n"
        "    def __call__(self, m, x):\n"
        "        return sum(vl.elbo(m, x).value for k in K if k in {'a', 'q', 'r'})\n"
        "own = Own()\n"
        "def objective(m, x): return own(m, x) + torch.sin(x).sum()\n"
        "print(Identify()(objective), Identify()(own), Identify()(Own))\n"
    )
    path = tmp_path / "program.py"
    path.write_text(program)
    found = {
        subprocess.run(
            [sys.executable, path],
            env={**__import__("os").environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_names_are_readable() -> None:
    assert identify(elbo) == "elbo"
    assert identify(partial(elbo, beta=4.0)) == "elbo(beta=4)"
    assert identify(torch.optim.AdamW) == "torch.optim.adamw.AdamW"
    assert identify(with_global).startswith("with_global #")


def test_the_trained_model_is_the_same_whatever_its_weights() -> None:
    model, other = network(0), network(1)

    def own(m: Any, x: Any) -> Any:
        return model(x)

    before = Identify(model=model)(own)
    with torch.no_grad():
        model.weight += 1
    assert Identify(model=model)(own) == before
    assert Identify(model=other)(own) != before


def test_what_refers_to_itself_comes_to_an_end() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert identify(ring) == "(1, <1 up>)"


def test_what_cannot_be_told_apart_is_refused(tmp_path) -> None:
    lock = threading.Lock()

    def locked(model: Any, x: Any) -> Any:
        with lock:
            return elbo(model, x)

    with pytest.raises(ValueError, match="whether a lock is the same next time"):
        identify(locked)
    x = torch.rand(8, 1, 8, 8)
    model = vl.mlp_vae((1, 8, 8), 2, (4,))
    vl.fit(model, x, locked, epochs=1, progress=False)  # fine without a file
    with pytest.raises(ValueError, match="checkpoint: whether"):
        vl.fit(model, x, locked, checkpoint=tmp_path / "run", progress=False)


def test_the_digest_sees_every_byte() -> None:
    x = torch.rand(100, 3)
    first = identity_of_tensor(x)
    for at in (0, 150, 299):
        y = x.clone()
        y.view(-1)[at] += 1e-4
        assert identity_of_tensor(y) != first
    assert identity_of_tensor(x.clone()) == first


def test_a_function_made_of_text_counts_with_its_code() -> None:
    made = []
    for factor in (2, 3):
        names: dict[str, Any] = {}
        exec(f"def objective(model, x): return {factor} * x", names)
        made.append(identify(names["objective"]))
    assert made[0] != made[1]
