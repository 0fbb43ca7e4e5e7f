"""A model to a file and back: its weights, and how to build it again."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from vaelib.devices import resolve_device
from vaelib.models import VAE, conv_vae, mlp_vae
from vaelib.storage.files import FilePath, read_safetensors, write_safetensors

_BUILDERS: dict[str, Callable[..., VAE]] = {"mlp_vae": mlp_vae, "conv_vae": conv_vae}


def save(model: nn.Module, path: FilePath) -> None:
    """Write a model's weights, and how to rebuild it, to a safetensors file.

    Nothing is pickled, so opening a file from a stranger runs none of its code.
    The file appears whole or not at all.

    Args:
        model: any module; one made by :func:`mlp_vae` or :func:`conv_vae` can
            be rebuilt from the file alone.
        path: where to; by custom it ends in ``.safetensors``.

    Raises:
        TypeError: if ``model`` is not a module, or holds other things than tensors.
        OSError: if nothing can be written there.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: got a {type(model).__name__}, wanted a torch module")
    state = model.state_dict()
    others = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise TypeError(f"model: {others[0]!r} in its state_dict() is not a tensor")
    notes = {"recipe": _recipe(model), "class": type(model).__name__}
    write_safetensors(path, state, notes)


def load_model(
    path: FilePath, into: nn.Module | None = None, *, device: str = "auto"
) -> nn.Module:
    """Read a model written by :func:`save`.

    The weights keep their type, float64 too. Names that shared one tensor share
    it again.

    Args:
        path: the file.
        into: for a model put together by hand: the same model, freshly built,
            which receives the weights. One that is refused stays as it was.
        device: where the model is to live.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not one of ours, or needs ``into``, or its
            weights do not fit ``into``.
    """
    if not (into is None or isinstance(into, nn.Module)):
        raise TypeError(
            f"into: got {into!r}, wanted a module, built as the one saved was"
        )
    where = resolve_device(device)
    tensors, notes = read_safetensors(path)
    if into is None:
        model = _rebuild(path, tensors, notes)
        _fill(model, tensors)
        return model.to(where)
    before = {own: own.detach().clone() for own in _numbers(into).values()}
    try:
        _fill(into, tensors)
    except (RuntimeError, ValueError) as error:
        for own, value in before.items():
            own.data = value
        raise ValueError(
            f"into: the weights in {path} do not fit this model. Build it with the "
            f"same sizes as the one saved. {error}"
        ) from None
    return into.to(where)


def _recipe(model: nn.Module) -> dict[str, Any] | None:
    """How to build the model, if that still gives this one: since it was made, a
    layer may have been exchanged."""
    recipe = getattr(model, "recipe", None)
    with suppress(Exception):  # one's own attribute of that name
        if str(_skeleton(recipe)) == str(model):
            return recipe
    return None


def _skeleton(recipe: Any) -> VAE:
    """The model without its numbers: no memory, no time, whatever its size."""
    with torch.device("meta"):
        return _BUILDERS[recipe["builder"]](**recipe["arguments"])


def _rebuild(path: FilePath, tensors: dict[str, Tensor], notes: dict[str, Any]) -> VAE:
    """The model a file describes. The file may be a stranger's: only what its
    weights fill is built."""
    recipe = notes.get("recipe")
    if not recipe:
        raise ValueError(
            f"into: {path} holds the weights of a hand-made {notes.get('class')}, not "
            "how to build it. Build it again and pass it: load_model(path, into=model)."
        )
    try:
        _check_modest(recipe["arguments"], layers=len(tensors))
        _fill(_skeleton(recipe), tensors)
        return _BUILDERS[recipe["builder"]](**recipe["arguments"])
    except Exception as error:  # a recipe can be wrong in any way
        raise ValueError(
            f"path: {path} does not hold the model it describes; it is damaged, or of "
            "another version of vaelib. If you know how the model was made, build it "
            "and pass it: load_model(path, into=model). "
            f"({type(error).__name__}: {str(error)[:300]})"
        ) from None


def _check_modest(arguments: dict[str, Any], layers: int) -> None:
    """Each layer has weights: there are no more layers than tensors in the file."""
    for name, value in arguments.items():
        long = isinstance(value, list) and len(value) > max(layers, 8)
        if long or (name == "depth" and value > layers):
            raise ValueError(f"{name}: more layers than weights")


def _numbers(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers themselves, by their names in the state dict."""
    state = model.state_dict(keep_vars=True).items()
    return {k: v for k, v in state if isinstance(v, Tensor) and not is_lazy(v)}


def _fill(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The numbers, their type, and which names share them."""
    own = {k: v for k, v in _numbers(model).items() if k in tensors}
    meta = any(value.is_meta for value in own.values())
    first: dict[int, str] = {}
    for name, value in own.items():
        given, like = tensors[name], first.setdefault(id(value), name)
        if value.is_floating_point() != given.is_floating_point():
            raise ValueError(f"{name}: {given.dtype} there, {value.dtype} here")
        if like != name and not torch.equal(given, tensors[like]):
            raise ValueError(f"{like} and {name}: one here, two there")
        if value.is_floating_point() and not meta:
            value.data = value.data.to(given.dtype)
    model.load_state_dict(tensors, assign=meta)
    if not meta:
        _tie(model, tensors)


def _tie(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """One parameter under all the names that share a tensor."""
    owners = dict(model.named_parameters(remove_duplicate=False))
    first: dict[int, str] = {}
    for name in (name for name in owners if name in tensors):
        kept = first.setdefault(id(tensors[name]), name)
        if owners[kept] is not owners[name]:
            module, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(module), leaf, owners[kept])
