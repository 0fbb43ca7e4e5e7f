"""A sweep's arguments, looked at before the first model is trained."""

from collections.abc import Iterable
from inspect import signature
from math import inf
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vaelib.storage import check_writable
from vaelib.sweep.jobs import Build, built


def as_betas(values: Iterable[float]) -> tuple[float, ...]:
    """Numbers ≥ 0, each once, NumPy's and torch's too."""
    betas = _each_once("betas", values, "(0.5, 1, 4)")
    for beta in betas:
        if isinstance(beta, bool) or not isinstance(beta, Real):
            raise TypeError(f"betas: got {beta!r} among them, wanted numbers ≥ 0")
        if not 0 <= float(beta) < inf:
            raise ValueError(f"betas: got {beta!r} among them, wanted numbers ≥ 0")
    return tuple(map(float, betas))


def as_seeds(values: Iterable[int]) -> tuple[int, ...]:
    """Whole numbers ≥ 0, each once, NumPy's and torch's too."""
    seeds = _each_once("seeds", values, "(0, 1, 2)")
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, Integral):
            raise TypeError(f"seeds: got {seed!r} among them, wanted whole numbers ≥ 0")
        if seed < 0:
            raise ValueError(f"seeds: got {seed} among them, wanted whole numbers ≥ 0")
    return tuple(map(int, seeds))


def _each_once(name: str, values: Any, example: str) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name}: got {values!r}, wanted several, e.g. {example}")
    listed = [v.item() if isinstance(v, Tensor) else v for v in values]
    if not listed or len(set(listed)) < len(listed):
        raise ValueError(f"{name}: got {listed!r}, wanted one or more, each once")
    return listed


def check_build(build: Build, seeds: tuple[int, ...]) -> None:
    """Whether ``build`` gives a fresh model for each seed, the same one each time.

    Raises:
        TypeError: if it is no function of a seed, or gives no VAE.
        ValueError: if it keeps its model, or its weights do not come from the seed.
    """
    example = "e.g. lambda seed: vl.mlp_vae((1, 28, 28), 2, seed=seed)"
    if isinstance(build, nn.Module) or not callable(build):
        raise TypeError(
            f"build: got a {type(build).__name__}, wanted a function that is called "
            f"with a seed and gives a fresh model, {example}"
        )
    try:
        signature(build).bind(0)
    except TypeError:
        raise TypeError(
            f"build: it cannot be called with a seed alone, {example}"
        ) from None
    one, again, *others = (built(build, s) for s in (seeds[0], *seeds[:2]))
    if not (isinstance(one, nn.Module) and _latent(one)):
        raise TypeError(
            f"build: gave a {type(one).__name__} for seed {seeds[0]}, wanted a VAE, "
            f"{example}"
        )
    if one is again:
        raise ValueError(
            "build: gave the same model twice, wanted a fresh one for each call: make "
            f"it inside the function, {example}"
        )
    if not _equal(one, again):
        raise ValueError(
            f"build: gave other weights when called with seed {seeds[0]} again. Let "
            f"them come from its seed alone, {example}"
        )
    if any(_equal(one, other) for other in others):
        raise ValueError(
            f"build: gave the same weights for seeds {seeds[0]} and {seeds[1]}. Pass "
            f"its seed on, {example}"
        )


def _latent(model: nn.Module) -> bool:
    return hasattr(model, "posterior") or hasattr(model, "given")


def _equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(p, q) for p, q in pairs)


def as_folder(checkpoint: str | Path | None) -> Path | None:
    """The folder of the checkpoints, made if need be; files can be written there."""
    if checkpoint is None:
        return None
    folder = Path(checkpoint)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            f"checkpoint: {checkpoint} is a file. A sweep keeps several, and wants a "
            "folder for them, e.g. checkpoint='sweep'."
        )
    folder.mkdir(parents=True, exist_ok=True)
    check_writable(folder / "checkpoint.safetensors", "checkpoint")
    return folder
