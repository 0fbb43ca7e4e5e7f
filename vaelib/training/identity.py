"""What tells one objective, optimiser or data set from another, across processes.

A run that is resumed must be the run that was stopped. So a function counts with its
code, its options and whatever it refers to, and what cannot be told apart is refused,
never taken for the same.
"""

import dis
import hashlib
import pickle
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_MODULE_ATTRIBUTES = frozenset(vars(nn.Module()))  # hooks, parts, ``training``


def digest(*parts: bytes | memoryview) -> str:
    """SHA-256 of some bytes, the first 16 hexadecimal digits."""
    made = hashlib.sha256()
    for part in parts:
        made.update(part)
    return made.hexdigest()[:16]


def identity_of_tensor(tensor: Tensor) -> str:
    """Shape, type and content."""
    flat = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    kind = str(tensor.dtype).removeprefix("torch.")
    return f"{tuple(tensor.shape)} {kind} #{digest(flat.numpy().data)}"


class Identify:
    """One text for one value: equal where the values are, in any process.

    Args:
        known: objects that stand for themselves, by name: the model that is
            trained is the same whatever its weights are.

    Raises:
        ValueError: when called with what cannot be told from another.
    """

    def __init__(self, **known: Any):
        self._known = {id(value): name for name, value in known.items()}
        self._inside: list[int] = []

    def __call__(self, value: Any) -> str:
        if id(value) in self._known:
            return f"the {self._known[id(value)]}"
        if id(value) in self._inside:  # it refers to itself
            return f"<{len(self._inside) - self._inside.index(id(value))} up>"
        self._inside.append(id(value))
        try:
            return self._of(value)
        finally:
            self._inside.pop()

    def _of(self, value: Any) -> str:
        match value:
            case float() if value.is_integer():  # β = 4.0 is β = 4
                return repr(int(value))
            case None | bool() | int() | float() | complex() | str() | bytes():
                return repr(value)
            case np.generic():
                return self(value.item())
            case Tensor():
                return f"tensor {identity_of_tensor(value)}"
            case np.ndarray() if value.dtype != object:
                content = digest(np.ascontiguousarray(value).tobytes())
                return f"array {value.shape} {value.dtype} #{content}"
            case torch.dtype() | torch.device():
                return str(value)
            case list() | tuple():
                return f"({', '.join(map(self, value))})"
            case set() | frozenset():
                return f"{{{', '.join(sorted(map(self, value)))}}}"
            case Mapping():
                items = (f"{self(k)}: {self(v)}" for k, v in value.items())
                return f"{{{', '.join(sorted(items))}}}"
            case ModuleType():
                return value.__name__
            case partial():
                return self._partial(value)
            case MethodType():
                return f"{self(value.__self__)}.{value.__name__}"
            case FunctionType():
                return self._function(value)
            case BuiltinFunctionType() if isinstance(value.__self__, ModuleType | None):
                return f"{value.__module__}.{value.__qualname__}"
            case type():
                return self._class(value)
            case property():
                return self((value.fget, value.fset, value.fdel))
            case cached_property():
                return self(value.func)
            case nn.Module():
                return self._module(value)
            case torch.Generator():
                return f"generator {self(value.get_state())}"
        return self._object(value)

    def _partial(self, value: "partial[Any]") -> str:
        options = [self(a) for a in value.args]
        options += [f"{k}={self(v)}" for k, v in sorted(value.keywords.items())]
        options += [f"{k}={self(v)}" for k, v in sorted(vars(value).items())]
        return f"{self(value.func)}({', '.join(options)})"

    def _function(self, value: FunctionType) -> str:
        name, module = value.__qualname__, value.__module__ or "__main__"
        if not _is_users(module) and _found(module, name) is value:
            return name if module.startswith("vaelib.") else f"{module}.{name}"
        used = {k: value.__globals__.get(k) for k in _globals_of(value.__code__)}
        cells = [_content(cell) for cell in value.__closure__ or ()]
        extras = (value.__defaults__, value.__kwdefaults__, value.__dict__)
        parts = (self._code(value.__code__), used, cells, extras)
        return self._short(name, *map(self, parts))

    def _class(self, value: type) -> str:
        name = f"{value.__module__}.{value.__qualname__}"
        if not _is_users(value.__module__):
            return name
        own = {
            k: v
            for k, v in vars(value).items()
            if isinstance(v, FunctionType) or not k.startswith(("__", "_abc_"))
        }
        return self._short(value.__qualname__, self(own), *map(self, value.__bases__))

    def _module(self, value: nn.Module) -> str:
        parts = [
            (type(m), {k: v for k, v in vars(m).items() if k not in _MODULE_ATTRIBUTES})
            for m in value.modules()
        ]
        return self._short(self(type(value)), self(parts), self(value.state_dict()))

    def _object(self, value: Any) -> str:
        kind = type(value)
        if hasattr(value, "__dict__") and not _pickles_itself(kind):
            return self._short(self(kind), self(vars(value)))
        try:
            return f"{self(kind)} #{digest(pickle.dumps(value, protocol=4))}"
        except Exception:
            raise ValueError(
                f"checkpoint: whether a {kind.__name__} is the same next time cannot "
                "be told, and the run depends on it. Give the objective or optimizer "
                "what it needs as plain values: functools.partial(vl.elbo, beta=4)."
            ) from None

    def _code(self, code: CodeType) -> str:
        constants = code.co_consts
        held = [
            self._code(c) if isinstance(c, CodeType) else self(c) for c in constants
        ]
        names = (code.co_names, code.co_varnames, code.co_freevars)
        return self._short(code.co_name, code.co_code.hex(), *held, self(names))

    def _short(self, name: str, *details: str) -> str:
        return f"{name} #{digest(chr(0).join(details).encode())}"


def _is_users(module: str) -> bool:
    """Whether code of this module may change from one run to the next."""
    if module == "__main__":
        return True
    if module.partition(".")[0] in ("vaelib", "builtins"):
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    paths = sysconfig.get_paths()
    installed = tuple(paths[name] for name in ("stdlib", "purelib", "platlib"))
    return file is not None and not file.startswith(installed)


def _pickles_itself(kind: type) -> bool:
    """Whether a class says itself what makes up its instances."""
    return any(
        name in vars(base)
        for base in kind.__mro__[:-1]
        for name in ("__reduce__", "__reduce_ex__", "__getstate__")
    )


def _globals_of(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _found(module: str, name: str) -> Any:
    """What stands under this name in a module; None if nothing does."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
