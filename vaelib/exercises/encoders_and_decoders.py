"""Checks for lesson 13, *Encoders and decoders*, and the runs its page speaks of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaelib.exercises.cases import between
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import (
    Function,
    NotStarted,
    Observation,
    Unusable,
    as_tensor,
    value,
)
from vaelib.exercises.tables import Row, rows_of

__all__ = ["cnn", "recorded", "seen_by_one", "test_set_error"]


def recorded() -> list[Row]:
    """The runs of ``benchmarks/architectures.py``, one row per (row, seed).

    ``elbo``, ``reconstruction``, ``kl``, ``gap`` (log p(x) by 100 importance samples
    less the ELBO) in nats per held-out picture, ``seen`` (the ELBO of pictures of the
    training set); ``active`` and ``used``, latent dimensions whose means vary by more
    than 0.01, and whose KL is above 0.1; ``uneven``, ``parameters``, ``seconds``.
    """
    return rows_of("encoders_and_decoders.csv", ("row",))


# -------------------------------------------------------------------------- cnn

_SIZES = "sizes after each convolution and linear layer of the "
_COUNT = "number of parameters of the "
_VALUE = "output, with weights of ours, of the "
_TWO = "Return both networks: return encoder, decoder."
_LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def _a_plan(g: torch.Generator) -> Case:
    """Sides that differ and divide by 4, several channels, a ≠ b, Z > 1."""
    high, wide = (4 * (torch.randperm(3, generator=g)[:2] + 4)).tolist()
    shape = between(2, 3, g), high, wide
    return shape, between(4, 6, g), between(7, 9, g), between(2, 4, g)


class _Patches(nn.Conv2d):
    """The convolution as a product with all patches."""

    def forward(self, x: Tensor) -> Tensor:
        patches = F.unfold(x, 4, stride=2, padding=1)
        out = self.weight.flatten(1) @ patches
        assert self.bias is not None
        size = x.shape[-2] // 2, x.shape[-1] // 2
        pixels: Tensor = out.unflatten(2, size)
        return pixels + self.bias[:, None, None]


class _Strewn(nn.ConvTranspose2d):
    """Each number times the kernel, laid down and added up."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        laid = self.weight.flatten(1).T @ x.flatten(2)
        size = 2 * x.shape[-2], 2 * x.shape[-1]
        assert self.bias is not None
        out = F.fold(laid, size, 4, stride=2, padding=1)
        return out + self.bias[:, None, None]


def _by_patches(shape: tuple[int, int, int], a: int, b: int, Z: int) -> Any:
    c, high, wide = shape[0], shape[1] // 4, shape[2] // 4
    return (
        nn.Sequential(
            _Patches(c, a, 4, 2, 1), nn.GELU(), _Patches(a, b, 4, 2, 1), nn.GELU(),
            nn.Flatten(), nn.Linear(b * high * wide, 2 * Z),
        ),
        nn.Sequential(
            nn.Linear(Z, b * high * wide), nn.GELU(), nn.Unflatten(1, (b, high, wide)),
            _Strewn(b, a, 4, 2, 1), nn.GELU(), _Strewn(a, c, 4, 2, 1),
        ),
    )  # fmt: skip


def _both(function: Function, case: Case) -> Observation:
    """Encoder, then decoder; of each sizes, parameters, and values."""
    shape, _, _, Z = case
    given = function(*case)
    if given is ...:
        raise NotStarted
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise Unusable("your function gave something else than two networks.", _TWO)
    if ... in given:
        raise NotStarted
    seen: Observation = {}
    g = torch.Generator().manual_seed(0)
    x, z = (torch.randn(2, *size, generator=g) for size in (shape, (Z,)))
    inputs = (x, "encoder"), (z, "decoder")
    for network, (given_to, name) in zip(given, inputs, strict=True):
        if not isinstance(network, nn.Module):
            raise Unusable(f"your {name} is no nn.Module.", "Is it in nn.Sequential?")
        sizes, out = _run(network, given_to)
        seen[_SIZES + name] = sizes
        seen[_COUNT + name] = torch.tensor(sum(p.numel() for p in network.parameters()))
        seen[_VALUE + name] = out
    return seen


def _run(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Sizes layer by layer, and the output, with weights in the order of use."""
    sizes: list[int] = []
    used: list[Any] = []

    def note(layer: nn.Module, _: Any, out: Tensor) -> None:
        sizes.extend(out.shape[1:])
        used.append(layer)

    layers = [m for m in network.modules() if isinstance(m, _LAYERS)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    network(x)
    for hook in hooks:
        hook.remove()
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in (p for m in used for p in (m.weight, m.bias) if p is not None):
            p.copy_(0.4 * torch.randn(p.shape, generator=g))
        return torch.tensor(sizes), as_tensor(network(x)).detach()


def _net(
    *,
    k: int = 4,
    p: int = 1,
    between_encoder: bool = True,
    between_decoder: bool = True,
    codes: Callable[[int], int] = lambda Z: 2 * Z,
    last: Sequence[nn.Module] = (),
    painted: Sequence[nn.Module] = (),
    swap_channels: bool = False,
    swap_sides: bool = False,
    shuffled: bool = False,
) -> Function:
    """The right networks with one part replaced."""

    def build(shape: tuple[int, int, int], a: int, b: int, Z: int) -> Any:
        a, b = (b, a) if swap_channels else (a, b)
        c, high, wide = shape[0], shape[1] // 4, shape[2] // 4
        if swap_sides:
            high, wide = wide, high
        act = [[nn.GELU()] if on else [] for on in (between_encoder, between_decoder)]
        out: Any = {"output_padding": 1} if k == 3 else {}
        encoder = nn.Sequential(
            nn.Conv2d(c, a, k, 2, p), *act[0], nn.Conv2d(a, b, k, 2, p), *act[0],
            nn.Flatten(), nn.LazyLinear(codes(Z)), *last,
        )  # fmt: skip
        up = [
            nn.ConvTranspose2d(b, a, k, 2, p, **out), *act[1],
            nn.ConvTranspose2d(a, c, k, 2, p, **out),
        ]  # fmt: skip
        start = [nn.Linear(Z, b * high * wide), *act[1]]
        decoder = nn.Sequential(*start, nn.Unflatten(1, (b, high, wide)), *up, *painted)
        return (decoder, encoder) if shuffled else (encoder, decoder)

    return build


cnn = Exercise(
    "cnn",
    "Sizes, parameters and outputs of both networks",
    _a_plan,
    _by_patches,
    (
        Mistake(
            "padding_forgotten",
            "Without padding a kernel of 4 loses a row at each edge. Put your sizes "
            "into the formula: 16 should become 8.",
            _net(p=0),
        ),
        Mistake(
            "kernel_three",
            "Your kernels have the side 3. With stride 2 they overlap unevenly when "
            "they are laid down, and the task says 4.",
            _net(k=3),
        ),
        Mistake(
            "one_number_each",
            "The encoder gives one number for each latent dimension. Which two does "
            "a diagonal Gaussian need?",
            _net(codes=lambda Z: Z),
        ),
        Mistake(
            "channels_swapped",
            "The sizes are halved as they should be, but the channels come in the "
            "other order: first a, then b.",
            _net(swap_channels=True),
        ),
        Mistake(
            "linear_encoder",
            "Sizes and parameters are right. Without an activation between them, the "
            "encoder's layers are one linear map.",
            _net(between_encoder=False),
        ),
        Mistake(
            "activation_on_code",
            "An activation after the encoder's last layer keeps the means and "
            "log-variances from going below its least value.",
            _net(last=[nn.GELU()]),
        ),
        Mistake(
            "sides_swapped",
            "Rows and columns are exchanged in the decoder: (C, H, W) has the rows "
            "first.",
            _net(swap_sides=True),
        ),
        Mistake(
            "linear_decoder",
            "The encoder is right. The decoder's layers have no activation between "
            "them, so all three are one linear map.",
            _net(between_decoder=False),
        ),
        Mistake(
            "activation_on_pixels",
            "The last activation forbids logits below its least value: almost no "
            "pixel could be black.",
            _net(painted=[nn.GELU()]),
        ),
        Mistake(
            "sigmoid_at_the_end",
            "Those are probabilities. The Bernoulli head takes logits.",
            _net(painted=[nn.Sigmoid()]),
        ),
    ),
    observe=_both,
    advice={
        _SIZES + "encoder": "Print the shape after each layer for one picture, and "
        "compare it with the drawing.",
        _COUNT + "encoder": "The sizes are right. Kernel sizes and biases make up the "
        "rest of the count.",
        _SIZES + "decoder": "The encoder is right. Read the drawing from the code to "
        "the picture.",
    },
    cases=3,
)

# --------------------------------------------------------------- test_set_error


def _a_model(g: torch.Generator) -> Case:
    """With layers that work otherwise in training; the last batch is a small one."""
    features, batch = between(3, 5, g), between(5, 7, g)
    model = nn.Sequential(
        nn.Linear(features, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.4),
        nn.Linear(4, features),
    )  # fmt: skip
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.6 * torch.randn(p.shape, generator=g))
        model(1 + torch.randn(64, features, generator=g))  # moves the running averages
    model.train(between(0, 1, g) == 1)
    x = 2 * torch.randn(2 * batch + 2, features, generator=g)
    x[-2:] += 2  # what stands in the small batch is unlike the rest
    return model, x, batch


def _as_it_was(function: Function, case: Case) -> Observation:
    """The number, in either mode, and what became of the model."""
    _, x, batch = case
    seen: Observation = {}
    for mode in ("training", "evaluating"):
        model = deepcopy(case[0]).train(mode == "training")
        before = torch.cat([b.double().flatten() for b in model.buffers()])
        seen[f"error of a model that was {mode}"] = as_tensor(
            function(model, x.clone(), batch)
        ).detach()
        after = torch.cat([b.double().flatten() for b in model.buffers()])
        seen["change of the model's running averages"] = (after - before).abs().max()
        seen[f"mode afterwards (1: training) of a model that was {mode}"] = (
            torch.tensor(float(model.training))
        )
    return seen


def _pixel_by_pixel(model: nn.Module, x: Tensor, batch: int) -> Tensor:
    still = deepcopy(model).eval()
    return F.mse_loss(still(x).detach().double(), x.double()).float()


def _nothing(*_: Any) -> None:
    pass


def _error(
    *,
    ready: Callable[[nn.Module], Any] = lambda model: model.eval(),
    done: Callable[[nn.Module, bool], Any] = lambda model, was: model.train(was),
    ragged: bool = False,
    scale: Callable[[Tensor], float] = lambda x: 1.0,
) -> Function:
    """The right measurement with one part replaced."""

    def measure(model: nn.Module, x: Tensor, batch: int) -> Tensor:
        was, parts = model.training, x.split(batch)
        ready(model)
        with torch.no_grad():
            off = [(model(part) - part) ** 2 for part in parts]
        done(model, was)
        mean = torch.stack([o.mean() for o in off]).mean()
        return (mean if ragged else torch.cat(off).mean()) * scale(x)

    return measure


test_set_error = Exercise(
    "test_set_error",
    "The error in both modes, and the model afterwards,",
    _a_model,
    _pixel_by_pixel,
    (
        Mistake(
            "as_given", "", _error(ready=_nothing, done=_nothing, ragged=True), True
        ),
        Mistake(
            "still_training",
            "Every picture counts alike now. But the model still normalises each batch "
            "by that batch, and drops out: which mode is it in?",
            _error(ready=_nothing, done=_nothing),
        ),
        Mistake(
            "mean_of_means",
            "The mode is right. The last batch is smaller, and its pictures count for "
            "more than the others.",
            _error(ragged=True),
        ),
        Mistake(
            "left_evaluating",
            "The number is right. Afterwards a model that was training is left in eval "
            "mode, and the next epoch would train without dropout.",
            _error(done=lambda model, was: None),
        ),
        Mistake(
            "always_training",
            "The number is right. Afterwards the model is in training mode, even if it "
            "was not before: remember model.training.",
            _error(done=lambda model, was: model.train()),
        ),
        Mistake(
            "mean_of_means_left",
            "The mode is right, though it is not put back afterwards. And the last, "
            "smaller batch counts for as much as a whole one.",
            _error(ragged=True, done=lambda model, was: None),
        ),
        Mistake(
            "sum_for_mean",
            "That is the sum over everything: twice the pictures would double it.",
            _error(scale=lambda x: x.numel()),
        ),
        Mistake(
            "per_picture",
            "That is the error of a picture. The task asks for the mean over its "
            "numbers as well.",
            _error(scale=lambda x: x[0].numel()),
        ),
    ),
    observe=_as_it_was,
)

# ------------------------------------------------------------------ seen_by_one


def _some_layers(g: torch.Generator) -> Case:
    """Kernels and strides, both varied; strides above 1 before the end."""
    count = between(3, 4, g)
    kernels = (2 + torch.randperm(4, generator=g)[:count]).tolist()
    strides = [2, between(2, 3, g), *[between(1, 3, g) for _ in range(count - 2)]]
    return (list(zip(kernels, strides, strict=True)),)


def _by_gradient(layers: list[tuple[int, int]]) -> int:
    """A line of numbers, kernels of ones, and where the gradient of one arrives."""
    x = torch.zeros(1, 1, 2000, requires_grad=True)
    out: Tensor = x
    for kernel, stride in layers:
        out = F.conv1d(out, torch.ones(1, 1, kernel), stride=stride)
    out[0, 0, out.shape[2] // 2].backward()
    assert x.grad is not None
    where = x.grad[0, 0].nonzero()
    return int(where.max() - where.min()) + 1


def _steps(
    step: Callable[[int, int, int, int], tuple[int, int]],
    order: Callable[[Any], Any] = list,
) -> Function:
    def run(layers: list[tuple[int, int]]) -> int:
        size, jump = 1, 1
        for kernel, stride in order(layers):
            size, jump = step(size, jump, kernel, stride)
        return size

    return run


seen_by_one = Exercise(
    "seen_by_one",
    "Sides",
    _some_layers,
    _by_gradient,
    (
        Mistake(
            "strides_forgotten",
            "That is right where all strides are 1. After a stride, one step on the "
            "map is several pixels.",
            _steps(lambda r, j, k, s: (r + k - 1, j)),
        ),
        Mistake(
            "kernels_multiplied",
            "Neighbouring places share most of what they see: sides do not multiply.",
            _steps(lambda r, j, k, s: (r * k, j)),
        ),
        Mistake(
            "own_stride",
            "A layer's own stride spaces its outputs. Its kernel lies on the map "
            "before it, whose places are as far apart as the earlier strides say.",
            _steps(lambda r, j, k, s: (r + (k - 1) * j * s, j * s)),
        ),
        Mistake(
            "last_stride_only",
            "The strides multiply: after two strides of 2, one step is four pixels.",
            _steps(lambda r, j, k, s: (r + (k - 1) * j, s)),
        ),
        Mistake(
            "whole_kernel",
            "One place too many for each layer: a kernel of side 1 sees no neighbour.",
            _steps(lambda r, j, k, s: (r + k * j, j * s)),
        ),
        Mistake(
            "from_the_end",
            "You go through the layers from the last to the first, with a rule that "
            "begins at the input.",
            _steps(
                lambda r, j, k, s: (r + (k - 1) * j, j * s),
                lambda layers: list(reversed(layers)),
            ),
        ),
    ),
    observe=value,
)
