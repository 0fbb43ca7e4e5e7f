"""The optimiser and the clipping of gradients are arguments."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from trained import QUIET, data, small, weights

from vaelib import elbo, fit, seeded
from vaelib.training import Plan, Run, Slices
from vaelib.training.optimizer import lr_shares


def one_step(model: nn.Module, optimizer: torch.optim.Optimizer, clip: float) -> None:
    """What ``fit`` does in its first step with seed 0, written out."""
    x = data(64)
    order = Run(model, (x,), elbo, Plan()).order(0)
    with seeded(0):
        with torch.no_grad():
            elbo(model, x)  # the look at the data before training
        loss = -elbo(model, x[order]).value.mean()
    loss.backward()
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    for p in model.parameters():
        p.grad *= min(1.0, clip / norm.item())
    optimizer.step()


@pytest.mark.parametrize("clip", [0.5, 1e6])
@pytest.mark.parametrize(
    "make",
    [
        torch.optim.SGD,
        partial(torch.optim.AdamW, weight_decay=0.3),
        partial(torch.optim.RMSprop, alpha=0.5),
    ],
)
def test_a_step_is_the_optimisers_on_the_clipped_gradient(make, clip: float) -> None:
    ours, theirs = small(), small()
    one_step(theirs, make(theirs.parameters(), lr=1e-2), clip)
    settings = {"epochs": 1, "schedule": "constant", "lr": 1e-2}
    fit(ours, data(64), elbo, optimizer=make, clip=clip, **settings, **QUIET)
    assert not torch.allclose(weights(ours), weights(small()), atol=1e-5)
    assert torch.allclose(weights(ours), weights(theirs), atol=1e-6)


def test_the_schedule_drives_every_group_in_its_ratio() -> None:
    seen: list[list[float]] = []

    class Watched(torch.optim.SGD):
        def step(self, closure=None):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    def halves(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return Watched(
            [
                {"params": parameters[:4], "lr": 3.0},
                {"params": parameters[4:], "lr": 0.75},
            ]
        )

    fit(small(), data(), epochs=4, lr=1e-3, optimizer=halves, **QUIET)
    plan = Plan(4, 64, 1e-3, "cosine", 0)
    assert [high for high, _ in seen] == [plan.lr_at(i, 20) for i in range(20)]
    assert [low for _, low in seen] == [high / 4 for high, _ in seen]


def test_groups_that_stand_still_do() -> None:
    p, q = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    still = torch.optim.SGD([{"params": [p], "lr": 0.0}, {"params": [q], "lr": 0.0}])
    assert lr_shares(still) == [1.0, 1.0]
    one = torch.optim.SGD([{"params": [p], "lr": 0.0}, {"params": [q], "lr": 2.0}])
    assert lr_shares(one) == [0.0, 1.0]


def test_slices_take_an_optimiser_too() -> None:
    settings = {
        "optimizer": partial(torch.optim.SGD, momentum=0.5),
        "clip": 3.0,
        "lr": 1e-3,
    }
    whole, sliced = small(), small()
    fit(whole, data(), epochs=2, schedule="constant", **settings, **QUIET)
    slices = Slices(sliced, data(), **settings)
    for _ in range(5):
        slices.advance(2)
    assert torch.equal(weights(whole), weights(sliced))
    slices.recover()
    assert isinstance(slices.run.optimizer, torch.optim.SGD)


@pytest.mark.parametrize(
    ("optimizer", "error", "words"),
    [
        ("adam", TypeError, "optimizer: got str, wanted a function of the parameters"),
        (
            torch.optim.SGD([torch.zeros(1)]),
            TypeError,
            "optimizer: got SGD, wanted a f",
        ),
        (lambda p: list(p), TypeError, "optimizer: got list"),
        (torch.optim.LBFGS, TypeError, "optimizer: LBFGS evaluates"),
        (
            lambda p: torch.optim.SGD([nn.Parameter(torch.zeros(1))]),
            ValueError,
            "optimizer: it holds none of the model's parameters",
        ),
    ],
)
def test_what_is_no_optimiser_is_refused(optimizer, error, words) -> None:
    with pytest.raises(error, match=words):
        fit(small(), data(), optimizer=optimizer, **QUIET)


def test_parameters_that_are_frozen_stay() -> None:
    model = small()
    for p in model.encoder.parameters():
        p.requires_grad = False
    before, decoder = weights(model.encoder), weights(model.decoder)
    fit(model, data(), epochs=1, clip=1.0, **QUIET)
    assert torch.equal(weights(model.encoder), before)
    assert not torch.equal(weights(model.decoder), decoder)


def test_a_gradient_of_an_objective_with_several_terms_is_the_firsts() -> None:
    def named(model, x: Tensor) -> dict[str, Tensor]:
        e = elbo(model, x)
        return {"value": e.value, "beside": 1e3 * e.kl}

    alone, beside = small(), small()
    fit(alone, data(), epochs=1, **QUIET)
    fit(beside, data(), named, epochs=1, **QUIET)
    assert torch.equal(weights(alone), weights(beside))
