"""K models as one compute, and learn, what they would alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import vaelib as vl
from vaelib.layers import TABLE
from vaelib.layers.entry import Entry, Stacked
from vaelib.networks.body import Body
from vaelib.stacking import CannotStack, StackedVAE, _stack

LAYERS = {
    "linear": (lambda: nn.Linear(4, 3), (4,)),
    "linear, no bias": (lambda: nn.Linear(4, 3, bias=False), (4,)),
    "linear of steps": (lambda: nn.Linear(4, 3), (2, 5, 4)),
    "layer norm": (lambda: nn.LayerNorm(4, eps=0.5), (5, 4)),
    "layer norm of two axes": (lambda: nn.LayerNorm((5, 4)), (2, 5, 4)),
    "layer norm, no weights": (lambda: nn.LayerNorm(4, elementwise_affine=False), (4,)),
    "residual": (lambda: vl.Residual(nn.Linear(4, 4), nn.Tanh()), (4,)),
    "shapes": (
        lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(6, 6), nn.Unflatten(1, (3, 2)), nn.Linear(2, 5),
            nn.Flatten(-2), nn.Unflatten(-1, (5, 3)), nn.Identity(), nn.LayerNorm(3),
        ),
        (2, 3),
    ),
    "body": (lambda: Body(4, 2, nn.Linear(4, 2)), (4,)),
    "mlp": (lambda: vl.MLP((2, 3), (5, 5), (2, 2)), (2, 3)),
    **{
        kind.__name__: (kind, (4,))
        for kind in TABLE
        if kind.__module__ == "torch.nn.modules.activation" and kind is not nn.GELU
    },
    "gelu": (lambda: nn.GELU("tanh"), (4,)),
}  # fmt: skip


def shaken(module: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for value in module.parameters():
        value.data = torch.randn(value.shape, generator=generator)
    return module.double()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("k", [1, 3])
@torch.no_grad()
def test_a_stack_of_layers_computes_what_each_does(name: str, k: int) -> None:
    make, shape = LAYERS[name]
    layers = [shaken(make(), seed) for seed in range(k)]
    stacked = _stack(layers)
    each = torch.randn(k, 6, *shape, dtype=torch.float64)
    for x in (each, each[:1]):
        out = stacked(x)
        for i, layer in enumerate(layers):
            mine = out[i if len(out) > 1 else 0]
            assert torch.allclose(
                mine, layer(x[i if len(x) > 1 else 0]), rtol=1e-10, atol=1e-12
            )


@pytest.mark.parametrize("name", LAYERS)
def test_weights_come_back_each_into_its_layer(name: str) -> None:
    make, _ = LAYERS[name]
    layers = [shaken(make(), seed) for seed in range(3)]
    wanted = [{k: v + 1 for k, v in m.state_dict().items()} for m in layers]
    stacked = _stack(layers)
    with torch.no_grad():
        for value in stacked.parameters():
            value += 1
    for part in stacked.modules():
        if isinstance(part, Stacked):
            part.unstack()
    for layer, state in zip(layers, wanted, strict=True):
        for key, value in layer.state_dict().items():
            assert torch.equal(value, state[key])


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_every_entry_stacks_or_says_why_not(kind: type[nn.Module]) -> None:
    entry: Entry[nn.Module] = TABLE[kind]
    if isinstance(entry.stack, str):
        assert entry.stack.split()[0] in {"has", "draws", "keeps", "gives"}
        return
    parts = [type(part) for make, _ in LAYERS.values() for part in make().modules()]
    # The convolutions' bodies are sequences too, of layers that say why not.
    assert kind in parts or entry.stack is TABLE[nn.Sequential].stack


def small(seed: int, **options: object) -> vl.VAE:
    return vl.mlp_vae((1, 8, 8), 2, (12,), "gaussian", seed=seed, **options)  # type: ignore[arg-type]


def test_the_models_own_heads_stay_where_they_are() -> None:
    models = [small(seed, scale=0.5) for seed in range(2)]
    heads = [model.decoder[1] for model in models]
    stack = StackedVAE(models).to("meta")
    assert stack.pixels.log_var.device.type == "meta"
    for head in heads:
        assert head.log_var.device.type == "cpu"
    stack.eval()
    assert all(part.training for model in models for part in model.modules())


@pytest.mark.parametrize("where", ["meta", torch.float64])
def test_models_end_where_they_were_trained(where: object) -> None:
    """On a machine without a second device, meta stands for one."""
    models = [small(seed) for seed in range(2)]
    stack = StackedVAE(models).to(where)  # type: ignore[arg-type]
    stack.unstack()
    device = next(stack.parameters()).device
    for model in models:
        values = [*model.parameters(), *model.buffers()]
        assert {value.device for value in values} == {device}


def test_what_was_altered_is_not_stacked() -> None:
    models = [small(seed) for seed in range(2)]
    models[1].encoder[0][1].register_forward_hook(lambda m, args, out: out + 1)
    with pytest.raises(CannotStack, match="has a hook"):
        StackedVAE(models)


def test_heads_that_differ_are_not_stacked() -> None:
    with pytest.raises(CannotStack, match="differ in their heads"):
        StackedVAE([small(0, scale=0.5), small(0, scale=1.0)])


def test_the_noise_has_the_models_own_precision() -> None:
    models = [small(seed).double() for seed in range(2)]
    x = torch.rand(5, 1, 8, 8, dtype=torch.float64)
    with vl.seeded(0):
        both = vl.elbo(StackedVAE(models), x.repeat(2, 1, 1, 1))
    for i, model in enumerate(models):
        with vl.seeded(0):
            alone = vl.elbo(model, x)
        assert torch.allclose(
            both.value[5 * i : 5 * i + 5], alone.value, rtol=1e-10, atol=1e-10
        )
