"""What each place of a network's maps depends on, against gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import vaelib as vl
from vaelib.layers.receptive import receptive_field, stages
from vaelib.networks import (
    ConvDecoder,
    ConvEncoder,
    Residual,
    TransformerDecoder,
    TransformerEncoder,
)

SHAPE = (2, 12, 8)  # H ≠ W, and both divide by 4


def strided(k: int = 4, s: int = 2, p: int = 1, **more: Any) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 3, k, s, p, **more), nn.GELU(), nn.Conv2d(3, 4, 3, padding="same")
    )


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "strided": strided,
    "odd": lambda: strided(3, 2, 1),
    "gaps": lambda: strided(1, 3, 0),
    "dilated": lambda: strided(3, 1, 2, dilation=2),
    "same": lambda: nn.Conv2d(2, 3, 5, padding="same", dilation=1),
    "oblong": lambda: nn.Conv2d(2, 3, (3, 1), (2, 1), (1, 0)),
    "transposed": lambda: nn.ConvTranspose2d(2, 3, 4, 2, 1),
    "uneven": lambda: nn.ConvTranspose2d(2, 3, 3, 2, 1, output_padding=1),
    "apart": lambda: nn.ConvTranspose2d(2, 3, 2, 3, 0),
    "spread": lambda: nn.ConvTranspose2d(2, 3, 3, 2, 1, dilation=2),
    "shuffle": lambda: nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.PixelShuffle(2)),
    "resize": lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(2, 3, 3, 1)),
    "residual": lambda: Residual(nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2)),
    "oblong up": lambda: nn.ConvTranspose2d(2, 3, (3, 4), (1, 2), (0, 1)),
    "beside": lambda: Residual(
        nn.Conv2d(2, 2, (1, 2), padding=(0, 1), dilation=(1, 2))
    ),
    "bypass": lambda: Residual(nn.Conv2d(2, 2, (1, 3), padding=(0, 1))),
    "nested": lambda: nn.Sequential(
        Residual(nn.Conv2d(2, 2, 3, padding=1), nn.GELU(), nn.Conv2d(2, 2, 1)),
        nn.Conv2d(2, 5, 4, 2, 1),
        nn.BatchNorm2d(5),
        nn.Dropout(),
    ),
    "norm": lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.GroupNorm(1, 3)),
}


def moved(network: nn.Module, x: Tensor, row: int, column: int) -> Tensor:
    """Where a gradient arrives from one place, whatever the weights: ``(H, W)``."""
    found = torch.zeros(x.shape[-2:], dtype=torch.bool)
    for seed in range(3):
        with vl.seeded(seed):
            leaf = torch.randn_like(x).requires_grad_()
            with torch.no_grad():
                for p in network.parameters():
                    p.copy_(torch.randn_like(p))
            out = network(leaf)[0, :, row, column]
            found |= torch.autograd.grad(out @ torch.randn_like(out), leaf)[0][0].any(0)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_every_place_depends_on_what_a_gradient_reaches(name: str) -> None:
    network = NETWORKS[name]().double().eval()
    x = torch.zeros(1, *SHAPE, dtype=torch.float64)
    made = stages(x, network)
    own = sum(p.numel() for p in network.parameters())
    assert sum(stage.parameters for stage in made) == own
    high, wide = made[-1].shape[1:]
    for row in range(high):
        for column in range(wide):
            field = receptive_field(made, len(made) - 1, row, column)
            assert torch.equal(field, moved(network, x, row, column))


def models() -> dict[str, vl.VAE]:
    def whole(into: nn.Module, outof: nn.Module) -> vl.VAE:
        return vl.VAE(
            nn.Sequential(into, vl.DiagonalGaussianHead(3)),
            nn.Sequential(outof, vl.BernoulliHead(SHAPE)),
        ).eval()

    return {
        "patches": whole(
            ConvEncoder(SHAPE, 6, channels=4), ConvDecoder(3, SHAPE, channels=4)
        ),
        "strided": whole(
            ConvEncoder(SHAPE, 6, channels=4, overlap=True),
            ConvDecoder(3, SHAPE, channels=4, overlap=True),
        ),
        "attention": whole(
            TransformerEncoder(SHAPE, 6, width=8), TransformerDecoder(3, SHAPE, width=8)
        ),
        "perceptron": vl.mlp_vae(SHAPE, 3, (16, 16)).eval(),
    }


@pytest.mark.parametrize("name", models())
def test_a_model_is_taken_apart_whole(name: str) -> None:
    model, x = models()[name], torch.rand(1, *SHAPE)
    made = stages(x, model.encoder, model.decoder)
    assert torch.equal(made[0].values, x)
    assert torch.allclose(made[-1].values, model.reconstruct(x))
    assert sum(s.parameters for s in made) == sum(p.numel() for p in model.parameters())
    code = next(i for i, s in enumerate(made) if s.name == "mean of q(z|x)")
    assert torch.allclose(made[code].values, model.encode(x))
    # The code depends on all of x, and so does every pixel that is decoded from it.
    assert receptive_field(made, code).all()
    assert receptive_field(made, len(made) - 1, 5, 4).all()
    assert receptive_field(made, len(made) - 1, 5, 4, on=code).shape == (3,)
    for stage in made[1:]:
        assert (stage.rows is None) == (stage.columns is None)


def test_a_map_in_the_middle_is_the_input_of_the_rest() -> None:
    first, rest = strided(), nn.ConvTranspose2d(4, 2, 4, 2, 1)
    x = torch.rand(1, *SHAPE)
    made, alone = stages(x, first, rest), stages(first(x), rest)
    field = receptive_field(made, 3, 4, 2, on=2)
    assert torch.equal(field, receptive_field(alone, 1, 4, 2))
    assert [s.shape for s in made] == [SHAPE, (3, 6, 4), (4, 6, 4), (2, 12, 8)]
    assert made[1].name == "Conv2d 4×4, stride 2 · GELU"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((4, 0, 0), r"at, on: got 4 and 0, wanted 0 ≤ on ≤ at < 3"),
        ((2, 6, 0), "row: got 6, wanted 0 to 5"),
        ((2, 0, -1), "column: got -1, wanted 0 to 3"),
    ],
)
def test_a_place_that_is_not_there_is_refused(
    place: tuple[int, int, int], words: str
) -> None:
    made = stages(torch.rand(1, *SHAPE), strided())
    with pytest.raises(ValueError, match=words):
        receptive_field(made, *place)


def test_one_example_is_wanted() -> None:
    with pytest.raises(ValueError, match=r"x: got 2 examples, wanted one: x\[:1\]"):
        stages(torch.rand(2, *SHAPE), strided())
