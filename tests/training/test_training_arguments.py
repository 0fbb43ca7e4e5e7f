"""Arguments and data that cannot work: said before training, in a beginner's words."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from trained import QUIET, data, small, weights

from vaelib import elbo, fit


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"epochs": 0}, ValueError, "epochs: got 0"),
        ({"batch_size": 2.5}, ValueError, "batch_size: got 2.5"),
        ({"lr": 0}, ValueError, "lr: got 0"),
        ({"lr": float("nan")}, ValueError, "lr: got nan"),
        ({"lr": "1"}, ValueError, "lr: got '1'"),
        ({"lr": True}, ValueError, "lr: got True"),
        ({"clip": 0}, ValueError, "clip: got 0"),
        ({"seed": -1}, ValueError, "seed: got -1, wanted a whole number ≥ 0"),
        ({"seed": None}, TypeError, "seed: got None, wanted a whole number"),
        ({"seed": np.float64(1)}, TypeError, "seed: got"),
        ({"batch_size": np.bool_(True)}, ValueError, "batch_size: got"),
        ({"epochs": np.int64(0)}, ValueError, "epochs: got"),
        ({"schedule": "linear"}, ValueError, "schedule: got 'linear'"),
        ({"device": "tpu9"}, ValueError, "device"),
        ({"seed": 1.5}, TypeError, "seed"),
        ({"objective": lambda m, x: elbo(m, x).value.mean()}, ValueError, "objective"),
        ({"objective": lambda m, x: 3}, TypeError, "objective: gave a int"),
        ({"objective": lambda m, x: {}}, TypeError, "objective: gave a dict"),
        ({"objective": lambda m, x: {"a": 3}}, TypeError, "objective: gave a int"),
        (
            {"objective": lambda m, x: {"a": elbo(m, x).value, "b": x}},
            ValueError,
            "objective: gave shape",
        ),
        ({"data": [[0.0]]}, TypeError, "data: got list"),
        ({"data": torch.zeros(0, 1, 8, 8)}, ValueError, "data: got shape"),
        ({"data": torch.zeros(9, dtype=torch.uint8)}, ValueError, "data: got shape"),
        ({"data": data() * 255}, ValueError, "divide by 255"),
        ({"data": torch.cat([data(), data() * torch.nan])}, ValueError, "NaN"),
        ({"data": torch.rand(9, 1, 28, 28)}, ValueError, "got shape"),
        ({"model": nn.Flatten()}, ValueError, "model: it has no parameters"),
        ({"data": data().double()}, TypeError, r"data: got float64, .*: x\.float\(\)"),
        ({"data": data().bool()}, TypeError, r"data: got bool, .*: x\.float\(\)"),
        ({"data": data().int()}, TypeError, r"data: got int32, .*: x\.float\(\)"),
        ({"data": data().byte()}, TypeError, r"got uint8, .*: x\.float\(\) / 255"),
        ({"data": (data(), data())}, ValueError, "data: got 2 tensors, but elbo"),
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


def test_a_plain_modules_data_types_are_named_too() -> None:
    def squares(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return -((model(x) - y) ** 2).sum(1)

    x = torch.rand(9, 3, dtype=torch.float64)
    with pytest.raises(TypeError, match="data: got float64, float32, but"):
        fit(nn.Linear(3, 1), (x, torch.rand(9, 1)), squares, **QUIET)
    model = nn.Linear(3, 1).double()
    with pytest.raises(
        TypeError, match=r"weights are float64.*x\.to\(torch\.float64\)"
    ):
        fit(model, x.float(), lambda m, x: m(x)[:, 0], **QUIET)


def test_whole_numbers_are_data_where_the_model_takes_them() -> None:
    x = torch.arange(12).view(6, 2) % 3
    words = nn.Embedding(3, 1, _weight=torch.ones(3, 1))
    fit(words, x, lambda m, x: -(m(x) ** 2).sum((1, 2)), epochs=30, lr=0.1, **QUIET)
    assert words.weight.abs().max() < 0.5


def test_the_first_error_of_an_objective_is_its_own() -> None:
    def broken(model: nn.Module, x: Tensor) -> Tensor:
        return torch.zeros(3) + torch.zeros(4)

    with pytest.raises(RuntimeError, match="size of tensor"):
        fit(small(), data(), broken, **QUIET)
