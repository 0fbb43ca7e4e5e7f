"""How a network travels to the page: a description of its layers, and one buffer.

``decoder.js`` evaluates what :func:`pack` writes. What it cannot write exactly it
refuses (:class:`CannotTravel`), and the widget asks the kernel in its place.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, TypedDict, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.func import functional_call

from vaelib.distributions import (
    BernoulliHead,
    CategoricalHead,
    DiagonalGaussian,
    DiagonalGaussianHead,
    GaussianHead,
    unchecked,
)
from vaelib.networks.body import Body
from vaelib.networks.convolution import ConvDecoder, ConvEncoder
from vaelib.networks.mlp import MLP, Residual

LIMIT = 4_000_000  # numbers: 8 MB as float16; more would make a page slow to open
Layer = dict[str, Any]
Rule = Callable[[Any, tuple[int, ...], tuple[int, ...], "_Writer"], list[Layer]]


class CannotTravel(Exception):
    """This network can only be evaluated in the kernel; the message says why."""


class Packed(TypedDict):
    """A network on its way to the page.

    Keys:
        layers: what to compute, in order; spans ``[start, length]`` point into
            the weights.
        wide: float32 where true, float16 where false.
        weights: all numbers, little-endian.
        size: how many numbers come out.
    """

    layers: list[Layer]
    wide: bool
    weights: bytes
    size: int


def pack(module: nn.Module, probe: Tensor, *, tolerance: float = 5e-4) -> Packed:
    """Describe a network so that a page can evaluate it.

    The weights are written as float16 where rounding them changes what comes
    out for ``probe`` by less than ``tolerance`` (relative where the output is
    above 1), else as float32.

    Args:
        module: bodies of :mod:`vaelib.networks` or ``nn.Sequential``, which may
            end in a head of :mod:`vaelib.distributions`. A likelihood gives its
            mean; a diagonal Gaussian its means, then its log-variances.
        probe: typical inputs, ``(B, *in_shape)``.
        tolerance: the largest change allowed.

    Raises:
        CannotTravel: for any other layer, for hooks and replaced ``forward``
            methods, for weights that are not finite, and for networks above
            four million numbers.
    """
    with torch.no_grad(), evaluating(module), unchecked():
        writer = _Writer()
        layers, out = _describe(module, probe[:1], writer)
        wide = _rounding_error(module, probe) > tolerance
    return Packed(
        layers=layers,
        wide=wide,
        weights=writer.bytes(wide),
        size=_numbers(out).numel(),
    )


@contextmanager
def evaluating(*modules: object) -> Iterator[None]:
    """Inside the block, modules are in evaluation mode; then each as it was."""
    parts = [p for m in modules if isinstance(m, nn.Module) for p in m.modules()]
    modes = [part.training for part in parts]
    try:
        for part in parts:
            part.training = False
        yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


class _Writer:
    """Collects tensors into one buffer."""

    def __init__(self) -> None:
        self.parts: list[Tensor] = []
        self.length = 0

    def add(self, tensor: Tensor | None) -> list[int] | None:
        if tensor is None:
            return None
        flat = tensor.detach().float().cpu().reshape(-1)
        if not flat.isfinite().all():
            raise CannotTravel("its weights hold NaN or infinity")
        span = [self.length, len(flat)]
        self.parts.append(flat)
        self.length += len(flat)
        if self.length > LIMIT:
            raise CannotTravel(f"it has more than {LIMIT:,} numbers")
        return span

    def bytes(self, wide: bool) -> bytes:
        numbers = torch.cat(self.parts) if self.parts else torch.zeros(0)
        array = numbers.numpy().astype("<f4" if wide else "<f2")
        return array.tobytes()


def _describe(module: nn.Module, x: Tensor, writer: _Writer) -> tuple[list[Layer], Any]:
    """The layers of a module, and what it makes of x ``(1, *in_shape)``."""
    _refuse_altered(module)
    if type(module) in _CHAINS:
        layers = []
        out: Any = x
        # Not children(): that names a layer that is used twice only once.
        for part in cast(nn.Sequential, module):
            if not isinstance(out, Tensor):
                raise CannotTravel(f"{_name(part)} follows a distribution")
            described, out = _describe(part, out, writer)
            layers += described
        return layers, out
    rule = _RULES.get(type(module))
    if rule is None:
        raise CannotTravel(f"{_name(module)} is not a layer the page knows")
    try:
        out = module(x)
    except (IndexError, RuntimeError, ValueError) as error:
        raise CannotTravel(f"{_name(module)} failed: {error}") from error
    into, outof = tuple(x.shape[1:]), tuple(_numbers(out).shape[1:])
    if len(_numbers(out)) != 1:
        raise CannotTravel(f"{_name(module)} mixes the batch with the features")
    return rule(module, into, outof, writer), out


def _refuse_altered(module: nn.Module) -> None:
    # A hook or a forward of its own may do anything: exact types are not enough.
    if "forward" in vars(module):
        raise CannotTravel(f"{_name(module)} has a forward method of its own")
    if module._forward_hooks or module._forward_pre_hooks:
        raise CannotTravel(f"{_name(module)} has a hook")


def _name(module: nn.Module) -> str:
    return type(module).__name__


def _numbers(out: Tensor | Distribution) -> Tensor:
    """What the page computes of an output: a tensor itself, else its mean."""
    if isinstance(out, DiagonalGaussian):
        return torch.cat([out.mu, out.log_var], -1)
    return out if isinstance(out, Tensor) else out.mean


def _rounding_error(module: nn.Module, probe: Tensor) -> float:
    """How far float16 weights move the output, at worst."""
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    rounded = {
        k: v.half().to(v.dtype) if v.is_floating_point() else v
        for k, v in state.items()
    }
    exact = _numbers(module(probe))
    near = _numbers(functional_call(module, rounded, (probe,)))
    error = (near - exact).abs() / exact.abs().clamp(min=1)
    # A weight above 65504 becomes infinite, and what comes out perhaps NaN.
    return float(error.nan_to_num(float("inf")).max())


# ------------------------------------------------------------------------ rules


def _linear(m: nn.Linear, into: Any, outof: Any, write: _Writer) -> list[Layer]:
    if len(into) != 1:
        raise CannotTravel("Linear over more than one dimension")
    w, b = write.add(m.weight), write.add(m.bias)
    return [
        {"op": "linear", "in": m.in_features, "out": m.out_features, "w": w, "b": b}
    ]


def _conv(m: nn.Conv2d, into: Any, outof: Any, write: _Writer) -> list[Layer]:
    layer = _sliding("conv", m, into, outof)
    return [{**layer, "w": write.add(m.weight), "b": write.add(m.bias)}]


def _deconv(
    m: nn.ConvTranspose2d, into: Any, outof: Any, write: _Writer
) -> list[Layer]:
    layer = _sliding("deconv", m, into, outof)
    # (in, out, kh, kw) → one row per number that is strewn over the image.
    rows = m.weight.permute(1, 2, 3, 0)
    return [{**layer, "w": write.add(rows), "b": write.add(m.bias)}]


def _sliding(
    op: str, m: nn.Conv2d | nn.ConvTranspose2d, into: Any, outof: Any
) -> Layer:
    if m.groups != 1 or m.padding_mode != "zeros":
        raise CannotTravel(f"{_name(m)} with groups or padding other than zeros")
    padding: Sequence[int]
    if m.padding == "same":
        sides = zip(m.dilation, m.kernel_size, strict=True)
        padding = [d * (k - 1) // 2 for d, k in sides]
    else:
        padding = (0, 0) if isinstance(m.padding, str) else m.padding
    return {
        "op": op,
        "in": into,
        "out": outof,
        "kernel": m.kernel_size,
        "stride": m.stride,
        "padding": padding,
        "dilation": m.dilation,
    }


def _batch_norm(m: nn.BatchNorm2d, into: Any, outof: Any, w: _Writer) -> list[Layer]:
    if m.running_mean is None or m.running_var is None:
        raise CannotTravel(f"{_name(m)} without running statistics")
    scale = (m.running_var + m.eps).rsqrt() * (1 if m.weight is None else m.weight)
    shift = (0 if m.bias is None else m.bias) - m.running_mean * scale
    return [
        {"op": "affine", "w": w.add(scale), "b": w.add(shift), "each": prod(into[1:])}
    ]


def _layer_norm(m: nn.LayerNorm, into: Any, outof: Any, w: _Writer) -> list[Layer]:
    return [
        {
            "op": "layer_norm",
            "size": prod(into),
            "each": prod(m.normalized_shape),
            "eps": m.eps,
            "w": w.add(m.weight),
            "b": w.add(m.bias),
        }
    ]


def _shuffle(m: nn.PixelShuffle, into: Any, outof: Any, w: _Writer) -> list[Layer]:
    if len(into) != 3:
        raise CannotTravel("PixelShuffle of anything but (C, H, W)")
    return [{"op": "shuffle", "in": into, "by": m.upscale_factor}]


def _residual(m: Residual, into: Any, outof: Any, write: _Writer) -> list[Layer]:
    like = next(m.parameters(), torch.zeros(()))
    x = like.new_zeros((1, *into))
    body, out = _describe(m.body, x, write)
    if out.shape != x.shape:
        raise CannotTravel("Residual whose body changes the shape")
    return [{"op": "residual", "body": body, "size": prod(into)}]


def _pointwise(name: str, *settings: str) -> Rule:
    def rule(m: nn.Module, into: Any, outof: Any, w: _Writer) -> list[Layer]:
        values = [float(getattr(m, s)) for s in settings]
        return [_elementwise(name, prod(outof), *values)]

    return rule


def _elementwise(name: str, size: int, a: float = 0, b: float = 0) -> Layer:
    return {"op": "pointwise", "name": name, "size": size, "a": a, "b": b}


def _gelu(m: nn.GELU, into: Any, outof: Any, w: _Writer) -> list[Layer]:
    name = "gelu" if m.approximate == "none" else "gelu_tanh"
    return [_elementwise(name, prod(outof))]


def _nothing(m: nn.Module, into: Any, outof: Any, w: _Writer) -> list[Layer]:
    return []


def _bernoulli(m: BernoulliHead, into: Any, outof: Any, w: _Writer) -> list[Layer]:
    return [_elementwise("sigmoid", prod(outof))]


def _gaussian(m: GaussianHead, into: Any, outof: Any, w: _Writer) -> list[Layer]:
    # Means come first where the features hold log-variances too.
    return [{"op": "first", "size": prod(outof)}]


def _categorical(m: CategoricalHead, into: Any, outof: Any, w: _Writer) -> list[Layer]:
    return [{"op": "grey", "size": prod(outof), "levels": m.levels}]


def _posterior(
    m: DiagonalGaussianHead, into: Any, outof: Any, w: _Writer
) -> list[Layer]:
    return [{"op": "bound", "size": prod(outof), "skip": m.latent_dim}]


_CHAINS = {nn.Sequential, Body, MLP, ConvEncoder, ConvDecoder}
_RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _deconv,
    nn.PixelShuffle: _shuffle,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    Residual: _residual,
    nn.Flatten: _nothing,
    nn.Unflatten: _nothing,
    nn.Identity: _nothing,
    nn.Dropout: _nothing,
    nn.Dropout2d: _nothing,
    nn.ReLU: _pointwise("relu"),
    nn.GELU: _gelu,
    nn.SiLU: _pointwise("silu"),
    nn.Tanh: _pointwise("tanh"),
    nn.Sigmoid: _pointwise("sigmoid"),
    nn.LeakyReLU: _pointwise("leaky_relu", "negative_slope"),
    nn.ELU: _pointwise("elu", "alpha"),
    nn.Softplus: _pointwise("softplus", "beta", "threshold"),
    BernoulliHead: _bernoulli,
    GaussianHead: _gaussian,
    CategoricalHead: _categorical,
    DiagonalGaussianHead: _posterior,
}
