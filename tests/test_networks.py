import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vaelib import MLP, ConvDecoder, ConvEncoder, Residual


def test_residual_adds() -> None:
    layer = Residual(nn.Linear(3, 3))
    x = torch.randn(5, 3)
    assert torch.equal(layer(x), x + layer.body(x))


def test_repeated_widths_are_residual_unless_told_not_to() -> None:
    kinds = [type(m) for m in MLP(4, (8, 8, 8), 2)]
    assert kinds == [nn.Linear, nn.GELU, Residual, Residual, nn.Linear]
    assert Residual not in [type(m) for m in MLP(4, (8, 8), 2, residual=False)]


def test_the_first_layer_is_residual_at_no_width() -> None:
    # As wide as the input, which is no hidden layer: it replaces, and never adds.
    kinds = [type(m) for m in MLP(8, (8, 8), 8)]
    assert kinds == [nn.Linear, nn.GELU, Residual, nn.Linear]


def test_classic_size() -> None:
    body = MLP((1, 28, 28), (400,), 40, activation=nn.ReLU)
    assert sum(p.numel() for p in body.parameters()) == 784 * 400 + 400 + 400 * 40 + 40


shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


@settings(max_examples=40, deadline=None)
@given(shapes, st.lists(st.integers(1, 6), max_size=3), shapes, st.integers(0, 4))
def test_mlp_shapes(ins, hidden, outs, batch) -> None:
    assert MLP(ins, hidden, outs)(torch.randn(batch, *ins)).shape == (batch, *outs)


@settings(max_examples=20, deadline=None)
@given(
    c=st.integers(1, 3),
    grid=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    patch=st.sampled_from([1, 2, 4]),
    depth=st.integers(0, 2),
    batch=st.integers(1, 3),
)
def test_convolutional_shapes(c, grid, patch, depth, batch) -> None:
    shape = (c, grid[0] * patch, grid[1] * patch)
    size = {"channels": 4, "depth": depth, "patch": patch}
    z = ConvEncoder(shape, 6, **size)(torch.randn(batch, *shape))
    assert z.shape == (batch, 6)
    assert ConvDecoder(6, shape, **size)(z).shape == (batch, *shape)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_examples_do_not_see_each_other(seed, conv) -> None:
    """Alone or in a batch, in any order, an example gives the same output."""
    generator = torch.Generator().manual_seed(seed)
    body = ConvEncoder((1, 8, 8), 3, channels=4) if conv else MLP((1, 8, 8), (9, 9), 3)
    x = torch.rand(6, 1, 8, 8, generator=generator)
    order = torch.randperm(6, generator=generator)
    together = body(x)
    assert torch.allclose(body(x[order]), together[order], atol=1e-5)
    assert torch.allclose(body(x[2:3]), together[2:3], atol=1e-5)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.zeros(1, 28, 28), "Add the batch dimension"),
        (torch.zeros(5, 784), r"reshape\(-1, 1, 28, 28\)"),
        (torch.zeros(5, 1, 8, 8), "Build the network for this data shape"),
    ],
)
def test_a_wrong_shape_names_the_mend(x, words) -> None:
    with pytest.raises(ValueError, match=words) as error:
        MLP((1, 28, 28), (), 2)(x)
    assert "input: got shape" in str(error.value)
    assert "(B, 1, 28, 28)" in str(error.value)


@pytest.mark.parametrize("bad", [0, -1, (), (2, 0), 1.5])
def test_bad_sizes(bad) -> None:
    with pytest.raises((ValueError, TypeError)):
        MLP(bad, (), 2)


def test_images_must_divide_into_patches() -> None:
    with pytest.raises(ValueError, match="divisible by patch=4"):
        ConvEncoder((1, 30, 28), 2)
    with pytest.raises(ValueError, match="out_shape: got"):
        ConvDecoder(2, (28, 28))
