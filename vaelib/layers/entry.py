"""What an entry of the table says, and to whom."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelib.distributions import DiagonalGaussian

LIMIT = 4_000_000  # numbers: 8 MB as float16; more would make a page slow to open

M = TypeVar("M", bound=nn.Module)
Op = dict[str, Any]
Shape = tuple[int, ...]
Stack = Callable[[Sequence[Any]], nn.Module]


class CannotTravel(Exception):
    """This network can only be evaluated in the kernel; the message says why."""


class CannotStack(ValueError):
    """These models differ in shape, or hold a layer that is not stackable."""


@dataclass(frozen=True)
class Entry(Generic[M]):
    """A kind of layer.

    Attributes:
        describe: called with a layer, the shapes of one input and one output, and
            a :class:`Writer` for its weights; gives what the page is to compute,
            in order. Each ``op`` is a function of the file ``op.js``. None: the
            layer is a sequence of layers.
        stack: called with K equal layers and the function that stacks their parts,
            gives one layer ``(K, B, …)`` → ``(K, B, …)``; ``(1, B, …)`` is one input
            for all. Or why that cannot be, in words that follow the layer's name.
    """

    describe: Callable[[M, Shape, Shape, "Writer"], list[Op]] | None
    stack: Callable[[Sequence[M], Stack], nn.Module] | str


class Writer:
    """Describes layers, and collects their weights into one buffer."""

    def __init__(self, table: Mapping[type[nn.Module], Entry[Any]]):
        self.table = table
        self.parts: list[Tensor] = []
        self.length = 0

    def add(self, tensor: Tensor | None) -> list[int] | None:
        """Take a tensor's numbers along: where they lie, ``[start, length]``."""
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
        """All numbers, little-endian: float32 or float16."""
        numbers = torch.cat(self.parts) if self.parts else torch.zeros(0)
        return numbers.numpy().astype("<f4" if wide else "<f2").tobytes()

    def describe(self, module: nn.Module, x: Tensor) -> tuple[list[Op], Any]:
        """The layers of a module, and what it makes of ``x`` ``(1, *in_shape)``.

        Raises:
            CannotTravel: for layers the table does not know, and for known ones
                that were altered or are of no use alone.
        """
        entry = self.table.get(type(module))
        if altered := alteration(module):
            raise CannotTravel(f"{name(module)} {altered}")
        if entry is None:
            raise CannotTravel(f"{name(module)} is not a layer the page knows")
        if entry.describe is None:
            return self._in_order(module, x)
        try:
            out = module(x)
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            raise CannotTravel(f"{name(module)} failed: {error}") from error
        if len(numbers_of(out)) != 1:
            raise CannotTravel(f"{name(module)} mixes the batch with the features")
        into, outof = tuple(x.shape[1:]), tuple(numbers_of(out).shape[1:])
        return entry.describe(module, into, outof, self), out

    def inner(self, module: nn.Module, into: Shape) -> list[Op]:
        """The layers of a part that keeps the shape ``into`` of its input."""
        like = next(module.parameters(), torch.zeros(()))
        ops, out = self.describe(module, like.new_zeros((1, *into)))
        if tuple(out.shape[1:]) != into:
            raise CannotTravel(f"{name(module)} changes the shape of what it adds to")
        return ops

    def _in_order(self, module: nn.Module, x: Tensor) -> tuple[list[Op], Any]:
        ops: list[Op] = []
        out: Any = x
        # Not children(): that names a layer that is used twice only once.
        for part in cast(nn.Sequential, module):
            if not isinstance(out, Tensor):
                raise CannotTravel(f"{name(part)} follows a {name(out)}")
            described, out = self.describe(part, out)
            ops += described
        return ops, out


def alteration(module: nn.Module) -> str:
    """What makes this module do other than its class says; empty if nothing.

    A hook or a forward of its own may do anything: exact types are not enough.
    """
    if "forward" in vars(module):
        return "has a forward method of its own"
    if module._forward_hooks or module._forward_pre_hooks:
        return "has a hook"
    return ""


def numbers_of(out: Tensor | Distribution | tuple[Any, ...]) -> Tensor:
    """What the page computes of an output: a tensor itself; of several the first;
    a distribution's mean; of a diagonal Gaussian its means, then log-variances."""
    if isinstance(out, DiagonalGaussian):
        return torch.cat([out.mu, out.log_var], -1)
    if isinstance(out, tuple):
        return numbers_of(out[0])
    return out if isinstance(out, Tensor) else out.mean


def name(module: object) -> str:
    """The name of its class, for messages."""
    return type(module).__name__


class Stacked(nn.Module):
    """The weights of K layers side by side, each as a parameter ``(K, …)``."""

    def __init__(self, layers: Sequence[nn.Module], *names: str):
        super().__init__()
        self.originals = list(layers)  # not registered: their weights stand still
        for each in names:
            weights = [getattr(layer, each) for layer in layers]
            whole = None if weights[0] is None else torch.stack(weights).detach()
            self.register_parameter(
                each, None if whole is None else nn.Parameter(whole)
            )

    @torch.no_grad()
    def unstack(self) -> None:
        """Copy the weights back into the layers they came from."""
        for each, whole in self.named_parameters():
            for layer, weight in zip(self.originals, whole, strict=True):
                getattr(layer, each).copy_(weight)


def as_they_are(layers: Sequence[nn.Module], stack: Stack) -> nn.Module:
    """The stack of layers without weights that look at no axis by its number."""
    return deepcopy(layers[0])


def in_place(_: nn.Module, into: Shape, outof: Shape, w: Writer) -> list[Op]:
    """The description of a layer that does nothing to numbers in a row."""
    return []
