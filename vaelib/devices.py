"""Where tensors live: one name, ``"auto"``, that means the best device here."""

from __future__ import annotations

import torch

__all__ = ["resolve_device"]


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
