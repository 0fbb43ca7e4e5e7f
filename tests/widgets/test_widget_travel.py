"""The page computes what torch computes, and refuses what it cannot."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import vaelib as vl
from vaelib.distributions import DiagonalGaussian
from vaelib.layers import TABLE, entry
from vaelib.networks.attention import Block, Positions, SelfAttention, Transpose
from vaelib.networks.beside import Beside
from vaelib.networks.body import Body
from vaelib.networks.sequence import Last, Mean, Recurrent, Repeat
from vaelib.widgets.travel import CannotTravel, pack

TOLERANCE = 1e-3


def shaken(module: nn.Module, seed: int = 0) -> nn.Module:
    """Parameters large enough that each of them matters, biases above all."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=generator)
        fan = value[0].numel() if value.dim() > 1 else 1
        fresh = noise / fan**0.5 if value.dim() > 1 else noise * 0.5
        value.data = fresh.exp() if name.endswith("running_var") else fresh
    return module


def numbers(out: Any) -> Tensor:
    if isinstance(out, DiagonalGaussian):
        out = torch.cat([out.mu, out.log_var], -1)
    if isinstance(out, tuple):
        out = out[0]
    return (out if isinstance(out, Tensor) else out.mean).flatten(1)


def agree(node: Any, module: nn.Module, x: Tensor, seed: int = 0) -> None:
    module = shaken(module, seed).eval()
    with torch.no_grad():
        wanted = numbers(module(x))
    packed = pack(module, x)
    got = node.decode(packed, x)
    assert got.shape == wanted.shape
    assert packed["size"] == wanted.shape[1]
    error = (got - wanted).abs() / wanted.abs().clamp(min=1)
    assert error.max() <= TOLERANCE


ACTIVATIONS = [
    nn.ReLU(),
    nn.GELU(),
    nn.GELU("tanh"),
    nn.SiLU(),
    nn.Tanh(),
    nn.Sigmoid(),
    nn.LeakyReLU(0.2),
    nn.ELU(0.7),
    nn.Softplus(),
    nn.Softplus(beta=2, threshold=1),
]

LAYERS = {
    "linear": (nn.Linear(5, 7), (5,)),
    "linear without bias": (nn.Linear(5, 6, bias=False), (5,)),
    "conv 3x3": (nn.Conv2d(3, 5, 3, padding=1), (3, 6, 7)),
    "conv stride": (nn.Conv2d(2, 4, (3, 2), stride=(2, 3), padding=(0, 1)), (2, 9, 8)),
    "conv dilated": (nn.Conv2d(2, 3, 3, dilation=(2, 1), bias=False), (2, 8, 8)),
    "conv same": (nn.Conv2d(2, 3, (4, 3), padding="same"), (2, 5, 6)),
    "conv valid": (nn.Conv2d(2, 3, 2, padding="valid"), (2, 3, 3)),
    "conv to one point": (nn.Conv2d(2, 3, 5), (2, 5, 5)),
    "deconv": (nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1), (4, 5, 6)),
    "deconv odd": (
        nn.ConvTranspose2d(3, 2, (3, 2), (2, 3), (1, 0), (1, 2)),
        (3, 4, 3),
    ),
    "deconv dilated": (nn.ConvTranspose2d(3, 1, 3, dilation=2, bias=False), (3, 4, 4)),
    "pixel shuffle": (nn.PixelShuffle(3), (18, 2, 4)),
    "batch norm": (nn.BatchNorm2d(4), (4, 3, 2)),
    "batch norm plain": (nn.BatchNorm1d(6, affine=False), (6,)),
    "layer norm": (nn.LayerNorm(6), (6,)),
    "layer norm 3d": (nn.LayerNorm([3, 2]), (4, 3, 2)),
    "layer norm plain": (nn.LayerNorm(6, elementwise_affine=False), (6,)),
    "layer norm of steps": (nn.LayerNorm(6, eps=0.3), (5, 6)),
    "linear of steps": (nn.Linear(5, 7), (4, 5)),
    "linear of a grid": (nn.Linear(5, 3, bias=False), (3, 2, 5)),
    "gru": (nn.GRU(3, 5, batch_first=True), (7, 3)),
    "gru deep, no bias": (nn.GRU(3, 5, 3, bias=False, batch_first=True), (4, 3)),
    "gru alone": (Recurrent(3, 4, 2), (6, 3)),
    "gru of one step": (Recurrent(3, 4), (1, 3)),
    "attention": (SelfAttention(6, 3), (5, 6)),
    "attention causal": (SelfAttention(6, 2, causal=True), (5, 6)),
    "block": (Block(6, 2), (5, 6)),
    "block causal": (Block(6, 3, causal=True), (5, 6)),
    "transformer layer": (
        nn.TransformerEncoderLayer(6, 2, 9, batch_first=True),
        (4, 6),
    ),
    "transformer layer first": (
        nn.TransformerEncoderLayer(
            6, 2, 9, activation="gelu", batch_first=True, norm_first=True, bias=False
        ),
        (4, 6),
    ),
    "positions": (Positions(5, 3), (5, 3)),
    "transpose": (Transpose(), (3, 5)),
    "repeat": (Repeat(4), (3,)),
    "last": (Last(), (4, 3)),
    "mean": (Mean(), (4, 3)),
    "gru encoder": (vl.GRUEncoder((6, 3), (2, 2), hidden=5), (6, 3)),
    "gru decoder": (vl.GRUDecoder(3, (6, 2), hidden=5), (3,)),
    "transformer encoder": (vl.TransformerEncoder((6, 3), 4, width=8), (6, 3)),
    "transformer decoder": (
        vl.TransformerDecoder(3, (6, 2), width=8, causal=True),
        (3,),
    ),
    "image transformer encoder": (
        vl.TransformerEncoder((2, 8, 12), 4, width=8),
        (2, 8, 12),
    ),
    "image transformer decoder": (
        vl.TransformerDecoder(3, (2, 8, 12), width=8),
        (3,),
    ),
    "conv encoder overlapping": (
        vl.ConvEncoder((2, 8, 8), 3, channels=4, overlap=True),
        (2, 8, 8),
    ),
    "conv decoder overlapping": (
        vl.ConvDecoder(3, (2, 8, 8), channels=4, overlap=True),
        (3,),
    ),
    "residual": (vl.Residual(nn.Linear(6, 6), nn.GELU()), (6,)),
    "beside": (
        Beside(vl.MLP((2, 3), (4, 4), 3), nn.Flatten(), nn.Linear(3, 4), nn.Identity()),
        (2, 3),
    ),
    "flatten, unflatten": (
        nn.Sequential(nn.Flatten(), nn.Linear(12, 12), nn.Unflatten(1, (3, 4))),
        (2, 6),
    ),
    "identity, dropout": (
        nn.Sequential(nn.Identity(), nn.Dropout(0.9), nn.Dropout2d(0.9)),
        (4, 1, 1),
    ),
    "body": (Body(3, 2, nn.Linear(3, 2)), (3,)),
    "bernoulli": (nn.Sequential(nn.Linear(2, 6), vl.BernoulliHead(6)), (2,)),
    "continuous bernoulli": (
        nn.Sequential(nn.Linear(2, 40), vl.ContinuousBernoulliHead(40)),
        (2,),
    ),
    "gaussian": (nn.Sequential(nn.Linear(2, 6), vl.GaussianHead(6, 0.3)), (2,)),
    "gaussian with a floor": (
        nn.Sequential(nn.Linear(2, 6), vl.GaussianHead(3, "per-dimension", 0.1)),
        (2,),
    ),
    "gaussian learned": (
        nn.Sequential(nn.Linear(2, 6), vl.GaussianHead(6, "learned")),
        (2,),
    ),
    "gaussian per dimension": (
        vl.MLP(2, (8,), vl.GaussianHead((3, 4), "per-dimension").in_shape).append(
            vl.GaussianHead((3, 4), "per-dimension")
        ),
        (2,),
    ),
    "categorical": (
        nn.Sequential(vl.MLP(2, (8,), (10, 3, 2)), vl.CategoricalHead((2, 3, 2), 5)),
        (2,),
    ),
    "posterior": (nn.Sequential(nn.Linear(4, 6), vl.DiagonalGaussianHead(3)), (4,)),
    "mlp decoder": (vl.mlp_vae((1, 8, 8), 2, (16, 16, 16)).decoder, (2,)),
    "mlp encoder": (vl.mlp_vae((1, 8, 8), 2, (16, 16)).encoder, (1, 8, 8)),
    "conv decoder": (vl.conv_vae((1, 16, 16), 3, 8).decoder, (3,)),
    "conv encoder": (vl.conv_vae((3, 16, 16), 3, 8).encoder, (3, 16, 16)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_agrees_with_torch(node: Any, name: str) -> None:
    module, shape = LAYERS[name]
    generator = torch.Generator().manual_seed(1)
    agree(node, module, torch.randn(5, *shape, generator=generator))


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=str)
def test_every_activation_agrees_with_torch(node: Any, layer: nn.Module) -> None:
    x = torch.linspace(-30, 30, 1201)[None]
    got = node.decode(pack(layer, x), x)
    assert (got - layer(x)).abs().max() < 1e-5


def test_the_continuous_bernoulli_agrees_near_0_and_far_away(node: Any) -> None:
    x = torch.cat([torch.linspace(-1, 1, 401), torch.linspace(-90, 90, 400)])[None]
    head = vl.ContinuousBernoulliHead(x.shape[1])
    got = node.decode(pack(head, x), x)
    assert (got - head(x).mean).abs().max() < 2e-6


def test_the_smooth_bound_agrees_far_outside(node: Any) -> None:
    head = vl.DiagonalGaussianHead(4)
    x = torch.tensor([[1e4, -1e4, 3, 0, 1e4, -1e4, 11, -9.5]])
    got = node.decode(pack(head, x), x)
    wanted = numbers(head(x))
    assert torch.allclose(got, wanted, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_random_networks_agree_with_torch(node: Any, data: st.DataObject) -> None:
    size = st.integers(1, 9)
    widths = data.draw(st.lists(size, min_size=2, max_size=5))
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), data.draw(st.sampled_from(ACTIVATIONS))]
    channels, height, width = data.draw(st.tuples(size, size, size))
    kernel = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    stride = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = data.draw(st.tuples(*(st.integers(0, k - 1) for k in kernel)))
    kind = data.draw(st.sampled_from([nn.Conv2d, nn.ConvTranspose2d]))
    grid = (channels, height + 3, width + 3)
    layers += [
        nn.Linear(widths[-1], grid[0] * grid[1] * grid[2]),
        nn.Unflatten(1, grid),
        kind(channels, data.draw(size), kernel, stride, padding),
    ]
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 999)))
    x = torch.randn(3, widths[0], generator=generator)
    agree(node, nn.Sequential(*layers), x)


# ------------------------------------------------------------------- sequences


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_random_sequence_networks_agree_with_torch(
    node: Any, data: st.DataObject
) -> None:
    """Layers over (T, D) in any order, steps and widths as they come."""
    steps, width = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 5))
    start, layers = width, list[nn.Module]()
    for _ in range(data.draw(st.integers(1, 4))):
        heads, each = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        wider, causal = heads * each, data.draw(st.booleans())
        made: list[nn.Module] = data.draw(
            st.sampled_from(
                [
                    [
                        nn.Linear(width, wider),
                        SelfAttention(wider, heads, causal=causal),
                    ],
                    [nn.Linear(width, wider), Block(wider, heads, causal=causal)],
                    [Recurrent(width, wider, data.draw(st.integers(1, 2)))],
                    [nn.LayerNorm(width), nn.Linear(width, wider), nn.GELU()],
                    [nn.Linear(width, wider, bias=False), Positions(steps, wider)],
                ]
            )
        )
        layers += made
        width = wider
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 999)))
    x = torch.randn(3, steps, start, generator=generator)
    agree(node, nn.Sequential(*layers), x)


@pytest.mark.parametrize("kind", ["GRU", "Transformer"])
def test_a_model_of_sequences_is_dragged_in_the_page(node: Any, kind: str) -> None:
    encoder, decoder = getattr(vl, f"{kind}Encoder"), getattr(vl, f"{kind}Decoder")
    model = vl.VAE(
        nn.Sequential(encoder((9, 2), 4), vl.DiagonalGaussianHead(2)),
        nn.Sequential(decoder(2, (9, 2)), vl.GaussianHead((9, 2), 0.3)),
    )
    pad = vl.widgets.LatentPad(model, torch.randn(20, 9, 2))
    z = torch.randn(4, 2)
    error = node.decode(pad._decoder, z) - model.decode(z).detach().flatten(1)
    assert error.abs().max() < TOLERANCE


def test_attention_holds_where_exp_would_overflow(node: Any) -> None:
    layer = SelfAttention(4, 2)
    agree(
        node,
        layer,
        200 * torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)),
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 6), st.integers(0, 99))
def test_embeddings_agree_with_torch(
    node: Any, words: int, width: int, steps: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(words, (4, steps), generator=generator)
    layer = nn.Sequential(nn.Embedding(words, width), nn.Linear(width, 2))
    agree(node, layer, tokens, seed)
    agree(node, nn.Embedding(words, width), tokens[:, 0], seed)


def test_rounding_is_seen_in_recurrent_weights_too() -> None:
    """A GRU keeps a second list of its weights, which a swap would leave as it was."""
    layer = shaken(Recurrent(2, 6)).eval()
    assert pack(layer, torch.randn(8, 50, 2), tolerance=1e-6)["wide"]


# ------------------------------------------------------------------- the table


def kinds_in(module: nn.Module) -> set[type[nn.Module]]:
    return {type(part) for part in module.modules()}


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_every_entry_is_tested_above(kind: type[nn.Module]) -> None:
    """Each layer of the table is in an example, which the page evaluates."""
    shown = set().union(*(kinds_in(module) for module, _ in LAYERS.values()))
    shown |= {type(layer) for layer in ACTIVATIONS} | {nn.Embedding}
    assert kind in shown


def test_every_function_is_named_by_some_layer() -> None:
    folder = Path(entry.__file__).parent
    used: set[str] = set()
    for module, shape in LAYERS.values():
        used |= set(re.findall(r"\w+", pack(module, torch.randn(2, *shape))["code"]))
    names = {path.stem for path in folder.glob("*.js")} - {"arithmetic", "taps"}
    assert names - used == {"embedding"}  # its input is whole numbers


def test_a_network_brings_what_it_uses_and_no_more() -> None:
    code = pack(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), torch.randn(4, 2))["code"]
    assert "function pointwise" in code
    for other in ("attention", "gru", "conv", "layer_norm", "tapTable"):
        assert other not in code
    assert code.count("function product") == 1
    nested = pack(vl.Residual(nn.LayerNorm(3)), torch.randn(4, 3))["code"]
    assert "function layer_norm" in nested


# ------------------------------------------------------------------- precision


def test_ordinary_weights_travel_as_float16() -> None:
    packed = pack(vl.mlp_vae((1, 28, 28), 2).decoder, torch.randn(8, 2))
    count = sum(
        span[1]
        for layer in packed["layers"]
        for span in (layer.get("w"), layer.get("b"))
        if span
    )
    assert not packed["wide"]
    assert len(packed["weights"]) % 2 == 0
    assert len(packed["weights"]) >= 2 * count > 0


def test_weights_that_overflow_float16_travel_as_float32(node: Any) -> None:
    layer = nn.Linear(1, 1)
    layer.weight.data.fill_(1e6)
    layer.bias.data.fill_(-1e6)
    x = torch.tensor([[0.5], [1.0]])
    packed = pack(layer, x)
    assert packed["wide"]
    assert torch.equal(node.decode(packed, x), layer(x))


def test_weights_too_fine_for_float16_travel_as_float32(node: Any) -> None:
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(1.0004)
    x = torch.tensor([[100.0]])
    assert pack(layer, x, tolerance=1e-5)["wide"]


def test_half_precision_is_read_exactly(node: Any) -> None:
    # Every kind of half: normal, subnormal, both zeros, the largest.
    values = torch.tensor([0.0, -0.0, 6e-8, -6e-8, 6.1e-5, 1.0, -2.5, 65504.0, 0.1])
    layer = nn.Linear(1, len(values), bias=False)
    layer.weight.data = values.half().float()[:, None]
    x = torch.ones(1, 1)
    packed = pack(layer, x)
    assert not packed["wide"]
    assert torch.equal(node.decode(packed, x)[0], layer.weight.data[:, 0])


# -------------------------------------------------------------------- refusals


class Doubled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Shifted(vl.MLP):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 1


def hooked() -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda m, args, out: out + 1)
    return nn.Sequential(nn.Linear(2, 2), layer)


def pre_hooked() -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    return layer


def patched() -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.forward = lambda x: x + 1  # type: ignore[method-assign]
    return layer


def not_finite() -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.weight.data[0, 0] = float("nan")
    return layer


REFUSED = {
    "Doubled": lambda: Doubled(2, 2),
    "Shifted": lambda: Shifted(2, (3,), 2),
    "hook": hooked,
    "forward": patched,
    "Linear has a hook": pre_hooked,
    "NaN": not_finite,
    "GRU other than one-directional": lambda: nn.GRU(2, 2),
    "LSTM is not a layer": lambda: nn.LSTM(2, 2),
    "MultiheadAttention is not": lambda: nn.MultiheadAttention(2, 1),
    "ParametrizedLinear": lambda: nn.utils.parametrizations.weight_norm(
        nn.Linear(2, 2)
    ),
    "batch": lambda: nn.Flatten(0),
    "groups": lambda: nn.Sequential(
        nn.Unflatten(1, (2, 1, 1)), nn.Conv2d(2, 2, 1, groups=2)
    ),
    "BatchNorm1d failed": lambda: nn.BatchNorm1d(2, track_running_stats=False),
    "running statistics": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 2)), nn.BatchNorm1d(1, track_running_stats=False)
    ),
    "Linear failed": lambda: nn.Linear(3, 3),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_travel_says_why(why: str) -> None:
    with pytest.raises(CannotTravel, match=why):
        pack(REFUSED[why](), torch.randn(4, 2))


def test_a_network_too_large_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "LIMIT", 10)
    with pytest.raises(CannotTravel, match="more than 10 numbers"):
        pack(nn.Linear(5, 5), torch.randn(1, 5))


def test_packing_leaves_the_module_as_it_was() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout())
    module[1].eval()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    pack(module, torch.randn(4, 2))
    assert [m.training for m in module.modules()] == [True, True, False, True]
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
