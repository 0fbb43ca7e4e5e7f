"""Where tensors live, and on how many threads: ``"auto"`` means the best here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["matmul_precision_of", "resolve_device", "threads_for"]

# Up to here one thread beats two that share their cores with a browser, and the
# result does not depend on how many cores the machine has.
SMALL_MODEL = 5_000_000


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Turn a device name into a ``torch.device`` that exists on this machine.

    Args:
        device: ``"auto"`` (CUDA, then Apple's MPS, then the CPU), or anything
            ``torch.device`` understands: ``"cpu"``, ``"cuda"``, ``"cuda:1"``,
            ``"mps"``.

    Returns:
        The device.

    Raises:
        ValueError: the name is not one of these, or names a device that this
            machine (or this build of PyTorch) does not have.
    """
    if isinstance(device, str) and device == "auto":
        return _best_device()
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device={device!r} is not a device. Use 'auto' (the best one "
            "here), 'cpu', 'cuda', 'cuda:1' or 'mps'."
        ) from error
    if not _exists(wanted):
        raise ValueError(
            f"device={str(device)!r} is not available here: PyTorch "
            f"{torch.__version__} sees {_seen()}. Use device='auto' to take "
            "the best one there is."
        )
    return wanted


def _best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _exists(device: torch.device) -> bool:
    if device.type == "cuda":
        # "cuda" without a number is the current device: it exists if any does.
        return (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return bool(torch.backends.mps.is_available())
    return device.type == "cpu"


def _seen() -> str:
    names = ["'cpu'"]
    names += [f"'cuda:{i}'" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("'mps'")
    return ", ".join(names)


@contextmanager
def threads_for(
    threads: int | None, model: nn.Module, device: torch.device
) -> Iterator[None]:
    """Inside, this many CPU threads; by default one for a small model on the CPU."""
    small = sum(p.numel() for p in model.parameters()) < SMALL_MODEL
    if threads is None and device.type == "cpu" and small:
        threads = 1
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def matmul_precision_of(precision: str | None) -> Iterator[None]:
    """Inside, float32 matrix products at this precision; ``None``: as it is."""
    before = torch.get_float32_matmul_precision()
    try:
        if precision is not None:
            torch.set_float32_matmul_precision(precision)
        yield
    finally:
        torch.set_float32_matmul_precision(before)
