"""Bodies along time, and over patches: shapes, gradients, order, padding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vaelib.networks import (
    Block,
    ConvDecoder,
    ConvEncoder,
    GRUDecoder,
    GRUEncoder,
    Positions,
    Recurrent,
    SelfAttention,
    TransformerDecoder,
    TransformerEncoder,
)

SMALL = {"width": 8, "heads": 2, "depth": 2}
ENCODERS = {
    "gru": lambda ins, outs: GRUEncoder(ins, outs, hidden=6, depth=2),
    "transformer": lambda ins, outs: TransformerEncoder(ins, outs, **SMALL),
    "causal": lambda ins, outs: TransformerEncoder(ins, outs, causal=True, **SMALL),
}
DECODERS = {
    "gru": lambda ins, outs: GRUDecoder(ins, outs, hidden=6, depth=2),
    "transformer": lambda ins, outs: TransformerDecoder(ins, outs, **SMALL),
}
# Step to step, with a number for each that later ones could show through.
CAUSAL = {
    "attention": SelfAttention(8, 2, causal=True),
    "block": Block(8, 2, causal=True),
    "gru": Recurrent(8, 8, 2),
}


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", ENCODERS)
@settings(max_examples=10, deadline=None)
@given(
    ins=st.tuples(st.integers(1, 5), st.integers(1, 3)),
    outs=st.sampled_from([(3,), (2, 2)]),
    batch=st.integers(1, 3),
)
def test_sequence_to_features(kind, ins, outs, batch) -> None:
    assert ENCODERS[kind](ins, outs)(noise(batch, *ins)).shape == (batch, *outs)


@pytest.mark.parametrize("kind", DECODERS)
@settings(max_examples=10, deadline=None)
@given(
    ins=st.sampled_from([(3,), (2, 2)]),
    outs=st.tuples(st.integers(1, 5), st.integers(1, 3)),
    batch=st.integers(1, 3),
)
def test_features_to_sequence(kind, ins, outs, batch) -> None:
    assert DECODERS[kind](ins, outs)(noise(batch, *ins)).shape == (batch, *outs)


@settings(max_examples=10, deadline=None)
@given(
    grid=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    patch=st.sampled_from([2, 4, 8]),
    overlap=st.booleans(),
)
def test_images_by_patches(grid, patch, overlap) -> None:
    shape = (2, grid[0] * patch, grid[1] * patch)
    conv = {"channels": 4, "patch": patch, "overlap": overlap}
    for encoder, decoder in [
        (
            TransformerEncoder(shape, 3, patch=patch, **SMALL),
            TransformerDecoder(3, shape, patch=patch, **SMALL),
        ),
        (ConvEncoder(shape, 3, **conv), ConvDecoder(3, shape, **conv)),
    ]:
        z = encoder(noise(2, *shape))
        assert z.shape == (2, 3)
        assert decoder(z).shape == (2, *shape)


def test_overlapping_patches_are_transposed_convolutions() -> None:
    kinds = [type(m) for m in ConvDecoder(2, (1, 16, 16), depth=0, overlap=True)]
    assert kinds[-3:] == [nn.ConvTranspose2d, nn.GELU, nn.ConvTranspose2d]
    assert nn.PixelShuffle not in kinds
    with pytest.raises(ValueError, match="patch: got 3"):
        ConvDecoder(2, (1, 9, 9), patch=3, overlap=True)
    with pytest.raises(ValueError, match="patch: got 1"):
        ConvEncoder((1, 9, 9), 2, patch=1, overlap=True)


@pytest.mark.parametrize(
    "body",
    [
        *(make((5, 3), 2) for make in ENCODERS.values()),
        *(make(2, (5, 3)) for make in DECODERS.values()),
        TransformerEncoder((1, 8, 8), 2, **SMALL),
        TransformerDecoder(2, (1, 8, 8), **SMALL),
        ConvEncoder((1, 8, 8), 2, channels=4, overlap=True),
        ConvDecoder(2, (1, 8, 8), channels=4, overlap=True),
        SelfAttention(8),
        Block(8),
        nn.Sequential(Positions(5, 8), Block(8)),
    ],
    ids=lambda body: type(body).__name__,
)
def test_gradients_reach_every_parameter(body: nn.Module) -> None:
    shape = getattr(body, "in_shape", (5, 8))
    body(noise(4, *shape)).square().sum().backward()  # type: ignore[no-untyped-call]
    for name, value in body.named_parameters():
        if name.endswith("in_proj_bias"):  # a bias of the keys moves no softmax
            assert value.grad is not None
            q, k, v = value.grad.chunk(3)
            assert q.abs().min() > 0
            assert v.abs().min() > 0
            assert k.abs().max() < 1e-3
        else:
            assert value.grad is not None, name
            assert value.grad.abs().max() > 0, name


@pytest.mark.parametrize("kind", CAUSAL)
@pytest.mark.parametrize("training", [True, False])
def test_what_comes_later_changes_nothing_before(kind: str, training: bool) -> None:
    layer, x = CAUSAL[kind].train(training), noise(3, 6, 8)
    with torch.no_grad():
        before = layer(x)
        for step in range(6):
            other = x.clone()
            other[:, step:] = noise(3, 6 - step, 8, seed=1)
            after = layer(other)
            assert torch.allclose(after[:, :step], before[:, :step], atol=1e-5)
            # Nor is it blind: the step itself is seen, at once.
            assert (after[:, step] - before[:, step]).abs().amin(1).max() > 1e-4


def test_attention_sees_both_ways_unless_causal() -> None:
    layer, x = SelfAttention(8, 2), noise(1, 6, 8)
    other = x.clone()
    other[:, -1] += 1
    assert (layer(other) - layer(x))[:, 0].abs().max() > 1e-3


def test_attention_is_the_formula() -> None:
    """softmax(QKᵀ / √d) V, one head, written out in float64."""
    layer, x = SelfAttention(4, 1).double(), noise(2, 5, 4).double()
    inner = layer.attention
    q, k, v = (x @ inner.in_proj_weight.T + inner.in_proj_bias).chunk(3, -1)
    weights = (q @ k.transpose(1, 2) / 2).softmax(-1)
    wanted = inner.out_proj(weights @ v)
    assert torch.allclose(layer(x), wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("filler", [0.0, 1e3, float("nan")])
def test_padding_changes_nothing(kind: str, training: bool, filler: float) -> None:
    """Each padded example alone, cut to its length, gives the same features."""
    long, lengths = ENCODERS[kind]((7, 3), 4).double(), torch.tensor([7, 1, 4, 6])
    long.train(training)
    x = noise(4, 7, 3).double()
    for row, n in enumerate(lengths):
        x[row, n:] = filler
    with torch.set_grad_enabled(training):
        whole = long(x, lengths)
        for row, n in enumerate(lengths.tolist()):
            short = ENCODERS[kind]((n, 3), 4).double().train(training)
            weights = {
                name: value[:n] if name.endswith("shift") else value
                for name, value in long.state_dict().items()
            }
            short.load_state_dict(weights)
            assert torch.allclose(
                short(x[row : row + 1, :n])[0], whole[row], rtol=1e-10, atol=1e-12
            )
    if training:
        whole.sum().backward()
        assert all(
            p.grad is not None and p.grad.isfinite().all() for p in long.parameters()
        )


@pytest.mark.parametrize("layer", [SelfAttention(8, 2), Block(8, 2)])
def test_no_step_sees_padding(layer: nn.Module) -> None:
    x, lengths = noise(3, 6, 8), torch.tensor([6, 2, 4])
    whole = layer(x, lengths)
    for row, n in enumerate(lengths.tolist()):
        alone = layer(x[row : row + 1, :n])[0]
        assert torch.allclose(whole[row, :n], alone, atol=1e-5)


@pytest.mark.parametrize("kind", ENCODERS)
def test_full_lengths_are_no_lengths(kind: str) -> None:
    body, x = ENCODERS[kind]((5, 3), 2), noise(4, 5, 3)
    assert torch.allclose(body(x, torch.full((4,), 5)), body(x), atol=1e-6)


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        (torch.tensor([0, 3]), "got 0 to 3, wanted 1 to 5"),
        (torch.tensor([2, 6]), "got 2 to 6, wanted 1 to 5"),
        (torch.tensor([2.0, 3.0]), "one whole number for each of the 2"),
        (torch.tensor([True, True]), "one whole number"),
        (torch.tensor([2, 3, 4]), r"shape \(3,\), wanted"),
    ],
)
def test_bad_lengths(lengths: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        GRUEncoder((5, 3), 2)(noise(2, 5, 3), lengths)


def test_bad_shapes_name_their_argument() -> None:
    with pytest.raises(ValueError, match=r"in_shape: got \(5,\), wanted \(T, D\)"):
        GRUEncoder(5, 2)
    with pytest.raises(ValueError, match="out_shape: got"):
        TransformerDecoder(2, 5)
    with pytest.raises(ValueError, match="heads: got 3 for width 8"):
        TransformerEncoder((5, 3), 2, width=8, heads=3)
    with pytest.raises(ValueError, match="divisible by patch=4"):
        TransformerEncoder((1, 6, 8), 2)
    with pytest.raises(ValueError, match="an image has none"):
        TransformerEncoder((1, 8, 8), 2)(noise(2, 1, 8, 8), torch.tensor([1, 2]))
