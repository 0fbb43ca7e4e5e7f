"""Models on disk: safetensors and JSON, never a pickle."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vaelib.devices import resolve_device
from vaelib.models import VAE, conv_vae, mlp_vae

_BUILDERS: dict[str, Callable[..., VAE]] = {"mlp_vae": mlp_vae, "conv_vae": conv_vae}


def save(model: nn.Module, path: str | Path) -> None:
    """Write a model's weights, and how to rebuild it, to a safetensors file.

    Nothing is pickled, so opening a file from a stranger runs none of its code.
    The file appears whole or not at all.

    Args:
        model: any module; one made by :func:`mlp_vae` or :func:`conv_vae` can
            be rebuilt from the file alone.
        path: where to; by custom it ends in ``.safetensors``.
    """
    write_safetensors(
        path,
        {k: v.detach().cpu() for k, v in model.state_dict().items()},
        {"recipe": getattr(model, "recipe", None), "class": type(model).__name__},
    )


def load_model(
    path: str | Path, into: nn.Module | None = None, *, device: str = "auto"
) -> nn.Module:
    """Read a model written by :func:`save`.

    Args:
        path: the file.
        into: for a model put together by hand: the same model, freshly built,
            which receives the weights.
        device: where the model is to live.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not one of ours, or needs ``into``, or its
            weights do not fit ``into``.
    """
    tensors, notes = read_safetensors(path)
    recipe = notes.get("recipe")
    if into is None and recipe:
        into = _BUILDERS[recipe["builder"]](**recipe["arguments"])
    if into is None:
        raise ValueError(
            f"into: {path} holds the weights of a hand-made {notes.get('class')}, not "
            "how to build it. Build it again and pass it: load_model(path, into=model)."
        )
    model = (
        _BUILDERS[recipe["builder"]](**recipe["arguments"]) if into is None else into
    )
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(
            f"into: the weights in {path} do not fit this model. Build it with the "
            f"same sizes as the one saved. {error}"
        ) from None
    return into.to(resolve_device(device))


def write_safetensors(
    path: str | Path, tensors: dict[str, Tensor], notes: dict[str, Any]
) -> None:
    """Tensors and JSON-able notes to one file, written beside it and moved into
    place, so that a crash half-way keeps the old file."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    contiguous = {k: v.contiguous() for k, v in tensors.items()}
    try:
        save_file(contiguous, temporary, metadata={"vaelib": json.dumps(notes)})
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and notes of a file by :func:`write_safetensors`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"path: there is no file {path}")
    try:
        with safe_open(path, "pt") as file:
            notes = json.loads((file.metadata() or {})["vaelib"])
            return {k: file.get_tensor(k) for k in file.keys()}, notes  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError):
        raise ValueError(
            f"path: {path} was not written by vaelib.save, or is damaged"
        ) from None
