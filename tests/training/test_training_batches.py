"""A batch may be more than x: several tensors, a condition, lengths."""

import pytest
import torch
from torch import Tensor, nn
from trained import QUIET, data, small, weights

from vaelib import (
    Dataset,
    fit,
    seeded,
)
from vaelib.training import Slices


def squares(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return -((model(x) - y) ** 2).sum(1)


def line() -> nn.Module:
    with seeded(0):
        return nn.Linear(3, 1)


def pairs(n: int = 200) -> tuple[Tensor, Tensor]:
    with seeded(1):
        x = torch.randn(n, 3)
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.25


def test_several_tensors_are_cut_alike() -> None:
    model, (x, y) = line(), pairs()
    history = fit(model, (x, y), squares, epochs=100, lr=0.1, **QUIET)
    assert history["squares"][-1] > -1e-3
    assert torch.allclose(model.weight, torch.tensor([[1.0, -2.0, 0.5]]), atol=0.05)
    assert model.bias.item() == pytest.approx(0.25, abs=0.05)


def test_every_row_meets_its_own() -> None:
    """Rows stay together through all the shuffling, the last batch included."""
    met: list[Tensor] = []

    def watch(model: nn.Module, x: Tensor, i: Tensor, w: Tensor) -> Tensor:
        if model.training:
            assert torch.equal(x[:, 0], i.float())
            assert torch.equal(w, 2 * i)
            met.append(i)
        return -(model(x) ** 2).sum(1)

    i = torch.arange(70)
    fit(nn.Linear(1, 1), [i.float()[:, None], i, 2 * i], watch, epochs=1, **QUIET)
    assert sorted(torch.cat(met).tolist()) == i.tolist()


def test_slices_take_the_steps_of_fit_on_several_tensors() -> None:
    whole, sliced = line(), line()
    fit(whole, pairs(), squares, epochs=2, schedule="constant", **QUIET)
    slices = Slices(sliced, pairs(), squares)
    slices.advance(8)
    assert torch.equal(weights(whole), weights(sliced))


def test_a_data_sets_context_is_for_models_that_take_one() -> None:
    x = data()
    told = Dataset("own", "train", x, context=torch.rand(len(x), 3))
    plain, on_a_set = small(), small()
    fit(plain, x, epochs=1, **QUIET)
    fit(on_a_set, told, epochs=1, **QUIET)
    assert torch.equal(weights(plain), weights(on_a_set))


def test_resuming_on_several_tensors(tmp_path) -> None:
    path = tmp_path / "run.safetensors"
    x, y = pairs()
    fit(line(), (x, y), squares, epochs=1, checkpoint=path, **QUIET)
    fit(line(), (x, y), squares, epochs=1, checkpoint=path, **QUIET)
    with pytest.raises(ValueError, match="data: "):
        fit(line(), (x, y + 1), squares, epochs=1, checkpoint=path, **QUIET)
