"""A distribution that goes where a model goes."""

from collections.abc import Callable
from copy import copy
from typing import Any

from torch import Tensor, nn
from torch.distributions import Distribution, Transform
from torch.distributions.constraints import Constraint


class Fixed(nn.Module):
    """A distribution as a module without parameters: called, it gives it.

    A distribution's tensors are no buffers, so a module that merely keeps one
    leaves it behind in ``model.to(...)``. This one takes it along, to another
    device or another type. The state of a model does not hold it.

    Args:
        distribution: any of ``torch.distributions``, put together in any way.
    """

    def __init__(self, distribution: Distribution):
        super().__init__()
        self.distribution = distribution

    def forward(self) -> Distribution:
        return self.distribution

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Fixed":
        """Where ``to``, ``double``, ``cuda`` and their like arrive."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.distribution = _changed(self.distribution, fn, {})
        return self


def _changed(
    value: Any, fn: Callable[[Tensor], Tensor], done: dict[int, tuple[Any, Any]]
) -> Any:
    """``value`` with every tensor in it replaced; what was one stays one."""
    if id(value) not in done:
        done[id(value)] = (value, _change(value, fn, done))
    return done[id(value)][1]


def _change(
    value: Any, fn: Callable[[Tensor], Tensor], done: dict[int, tuple[Any, Any]]
) -> Any:
    if isinstance(value, Tensor):
        return fn(value)
    if type(value) in (list, tuple):
        return type(value)(_changed(item, fn, done) for item in value)
    if isinstance(value, Distribution | Transform | Constraint):
        twin = copy(value)
        parts = vars(twin).items()
        twin.__dict__ = {name: _changed(part, fn, done) for name, part in parts}
        return twin
    return value
