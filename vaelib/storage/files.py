"""Tensors and notes in one file, which appears whole or not at all."""

import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

FilePath = str | os.PathLike[str]

# After so many seconds a temporary folder belongs to a process that was killed.
ABANDONED = 3600
# In bytes; safetensors itself reads no longer one.
LONGEST_HEAD = 100_000_000


def check_writable(path: FilePath, name: str = "path") -> Path:
    """Find out now whether a file can be written, not after an hour's training.

    Args:
        path: the file; it need not exist, its folder must.
        name: the argument, for the message.

    Returns:
        The file itself, where ``path`` is a link to it.

    Raises:
        TypeError: if ``path`` is not a path.
        OSError: ``FileNotFoundError``, ``IsADirectoryError``, ``PermissionError``,
            …, with the folder's name, if nothing can be written there.
    """
    target = _target(path, name)
    with _room_beside(target, name):
        return target


def write_safetensors(
    path: FilePath, tensors: Mapping[str, Tensor], notes: dict[str, Any]
) -> None:
    """Write tensors and JSON-able notes to one file.

    Whoever opens it, at whatever time, finds the old file or the new one whole. It
    keeps the rights of the old one, or has those of any new file here. Tensors that
    are one under several names (tied weights) are stored once and read as one.

    Raises:
        OSError: if it cannot be written.
    """
    target = _target(path, "path")
    kept, tied = _each_once(tensors)
    metadata = {"vaelib": json.dumps(notes), "tied": json.dumps(tied)}
    with _room_beside(target, "path") as room:
        fresh = room / "fresh"
        fresh.touch()
        like = target if target.exists() else fresh
        rights = stat.S_IMODE(like.stat().st_mode)
        try:
            save_file(kept, fresh, metadata=metadata)
        except SafetensorError as error:
            raise OSError(0, str(error)) from error
        fresh.chmod(rights)
        os.replace(fresh, target)


def read_safetensors(path: FilePath) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and notes of a file by :func:`write_safetensors`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a file.
    """
    _check_path(path, "path")
    if Path(path).is_dir():
        raise IsADirectoryError(f"path: {path} is a folder, wanted a file in it")
    if not Path(path).is_file():
        raise FileNotFoundError(f"path: there is no file {path}")
    try:
        tensors, metadata = _parsed(Path(path))
        notes = dict(json.loads(metadata["vaelib"]).items())
        for name, first in json.loads(metadata.get("tied", "{}")).items():
            tensors[name] = tensors[first]
    except OSError:
        raise
    except Exception:  # the file may be a stranger's: whatever is wrong with it
        raise ValueError(
            f"path: {path} was not written by vaelib, or is damaged. Save it again, or "
            "take another copy."
        ) from None
    return tensors, notes


def _parsed(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    # Opened once: safe_open() opens twice, and someone may write in between. The
    # head first, since what is no such file may be large.
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > LONGEST_HEAD:
            raise ValueError("not a safetensors file")
        metadata = json.loads(file.read(size))["__metadata__"]
        file.seek(0)
        return load(file.read()), metadata


def _check_path(path: object, name: str) -> None:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"{name}: got {shortened(path)}, wanted a file's name, "
            "e.g. 'model.safetensors'"
        )


def _target(path: FilePath, name: str) -> Path:
    """The file that is meant, behind links; it and its folder looked at."""
    _check_path(path, name)
    target = Path(os.path.realpath(path))
    with _naming(target, name):
        if target.is_dir():
            raise IsADirectoryError(f"{name}: {path} is a folder, wanted a file in it")
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"{name}: there is no folder {target.parent} for {target.name}. Make "
                "it first (Path(folder).mkdir(parents=True)), or name another."
            )
        if target.exists() and not (target.is_file() and os.access(target, os.W_OK)):
            raise PermissionError(
                f"{name}: {target} is there and may not be overwritten. Name another "
                "file."
            )
    return target


@contextmanager
def _room_beside(target: Path, name: str) -> Iterator[Path]:
    """A folder of one's own next to ``target``, from where a file needs only be
    renamed; gone afterwards, with those that killed processes left behind."""
    with suppress(OSError):
        for old in target.parent.glob(".vaelib-*.tmp"):
            if time.time() - old.stat().st_mtime > ABANDONED:
                shutil.rmtree(old, ignore_errors=True)
    with (
        _naming(target, name),
        tempfile.TemporaryDirectory(
            prefix=".vaelib-", suffix=".tmp", dir=target.parent
        ) as room,
    ):
        yield Path(room)


@contextmanager
def _naming(target: Path, name: str) -> Iterator[None]:
    """What the system has to complain of, with the argument and the folder."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # said by us
            raise
        raise type(error)(
            f"{name}: {target.name} cannot be written in the folder {target.parent} "
            f"({error.strerror}). Name a folder where files can be written."
        ) from error


def _each_once(
    tensors: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors that share no memory, and which names stand for another's tensor."""
    first: dict[object, str] = {}
    tied: dict[str, str] = {}
    for name, t in tensors.items():
        place = (t.device, t.data_ptr(), t.dtype, t.shape, t.stride())
        if t.numel() and first.setdefault(place, name) != name:
            tied[name] = first[place]
    kept = {k: _own(t) for k, t in tensors.items() if k not in tied}
    return kept, tied


def _own(tensor: Tensor) -> Tensor:
    """The numbers in memory of their own: a part of a larger tensor is copied."""
    here = tensor.detach().cpu().contiguous()
    part = here.untyped_storage().nbytes() != here.nbytes
    return here.clone() if part else here
