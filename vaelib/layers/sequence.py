"""Layers along time: ``(T, D)`` → ``(T, D)``."""

from math import prod
from typing import Any

import torch
from torch import nn

from vaelib.layers.dense import ALONE, CHAIN
from vaelib.layers.entry import (
    CannotTravel,
    Entry,
    Op,
    Shape,
    Writer,
    name,
)
from vaelib.networks.attention import (
    Block,
    Positions,
    SelfAttention,
    TransformerDecoder,
    TransformerEncoder,
    Transpose,
)
from vaelib.networks.sequence import (
    GRUDecoder,
    GRUEncoder,
    Last,
    Mean,
    Recurrent,
    Repeat,
)


def _gru(m: nn.GRU, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    if not m.batch_first or m.bidirectional or len(into) != 2:
        raise CannotTravel(
            f"{name(m)} other than one-directional, batch_first=True, over (T, D)"
        )
    return [_one_gru(m, depth, into[0], w) for depth in range(m.num_layers)]


def _one_gru(m: nn.GRU, depth: int, steps: int, w: Writer) -> Op:
    def weight(kind: str) -> list[int] | None:
        return w.add(getattr(m, f"{kind}_l{depth}", None))

    return {
        "op": "gru",
        "steps": steps,
        "width": m.hidden_size if depth else m.input_size,
        "hidden": m.hidden_size,
        "wIn": weight("weight_ih"),
        "bIn": weight("bias_ih"),
        "wBack": weight("weight_hh"),
        "bBack": weight("bias_hh"),
    }


def _attention(m: nn.MultiheadAttention, into: Shape, causal: bool, w: Writer) -> Op:
    # None where keys and queries have widths of their own.
    ours = m.in_proj_weight is not None and m.batch_first and m.bias_k is None
    if not ours or m.add_zero_attn or len(into) != 2:
        raise CannotTravel(
            f"{name(m)} other than of one sequence (T, D) with itself, batch_first=True"
        )
    return {
        "op": "attention",
        "steps": into[0],
        "width": m.embed_dim,
        "heads": m.num_heads,
        "causal": causal,
        "w": w.add(m.in_proj_weight),
        "b": w.add(m.in_proj_bias),
        "wOut": w.add(m.out_proj.weight),
        "bOut": w.add(m.out_proj.bias),
    }


def _self_attention(m: SelfAttention, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [_attention(m.attention, into, m.causal, w)]


def _block(m: Block, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return _transformer(m.layer, into, m.causal, w)


def _layer(
    m: nn.TransformerEncoderLayer, into: Shape, outof: Shape, w: Writer
) -> list[Op]:
    return _transformer(m, into, False, w)


def _transformer(
    m: nn.TransformerEncoderLayer, into: Shape, causal: bool, w: Writer
) -> list[Op]:
    """Two residuals, each normalised before it or after."""
    ops: list[Op] = []
    for norm, body in (
        (m.norm1, [_attention(m.self_attn, into, causal, w)]),
        (m.norm2, w.inner(_feed_forward(m), into)),
    ):
        normed = w.inner(norm, into)
        before, after = (normed, []) if m.norm_first else ([], normed)
        ops += [{"op": "residual", "size": prod(into), "body": before + body}, *after]
    return ops


def _feed_forward(m: nn.TransformerEncoderLayer) -> nn.Sequential:
    activation: Any = m.activation
    if not isinstance(activation, nn.Module):
        if activation not in _ACTIVATIONS:
            raise CannotTravel(f"{name(m)} with an activation of its own")
        activation = _ACTIVATIONS[activation]
    return nn.Sequential(m.linear1, activation, m.linear2)


_ACTIVATIONS: dict[Any, nn.Module] = {
    torch.relu: nn.ReLU(),
    nn.functional.relu: nn.ReLU(),
    nn.functional.gelu: nn.GELU(),
}


def _embedding(m: nn.Embedding, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    if m.max_norm is not None:
        raise CannotTravel("Embedding with max_norm")
    each = m.embedding_dim
    return [
        {"op": "embedding", "size": prod(outof), "each": each, "w": w.add(m.weight)}
    ]


def _positions(m: Positions, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [{"op": "affine", "w": None, "b": w.add(m.shift), "each": 1}]


def _last(m: Last, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    size = prod(outof)
    return [{"op": "part", "from": prod(into) - size, "size": size}]


def _mean(m: Mean, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [{"op": "mean", "steps": into[0], "size": prod(outof)}]


def _repeat(m: Repeat, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [{"op": "repeat", "size": prod(outof)}]


def _transpose(m: Transpose, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    return [{"op": "transpose", "in": into}]


LAYERS: dict[type[nn.Module], Entry[Any]] = {
    nn.GRU: Entry(_gru, ALONE),
    Recurrent: Entry(_gru, ALONE),
    SelfAttention: Entry(_self_attention, ALONE),
    nn.TransformerEncoderLayer: Entry(_layer, ALONE),
    Block: Entry(_block, ALONE),
    nn.Embedding: Entry(_embedding, ALONE),
    Positions: Entry(_positions, ALONE),
    Last: Entry(_last, ALONE),
    Mean: Entry(_mean, ALONE),
    Repeat: Entry(_repeat, ALONE),
    Transpose: Entry(_transpose, ALONE),
    GRUEncoder: CHAIN,
    GRUDecoder: CHAIN,
    TransformerEncoder: CHAIN,
    TransformerDecoder: CHAIN,
}
