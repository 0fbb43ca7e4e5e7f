"""Files from elsewhere: downloaded once, checked, kept.

A set's files lie in a cache folder: the one that the environment variable
``VAELIB_DATA`` names, or else the platform's own. Files already there are used
without a network. pooch puts a file there only whole and only with the right SHA-256,
so an interrupted download can never be mistaken for data. And a download ends: after
as many bytes as the file has, and after so many seconds.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from time import monotonic
from typing import Any

import pooch
from tqdm.auto import tqdm

SILENCE = 30.0  # seconds without a byte before a mirror is given up
TOTAL = 600.0  # seconds for one file, however steadily it trickles


class DownloadError(RuntimeError):
    """A file is neither in the cache folder nor to be had from a mirror."""


class _Refused(Exception):
    """What a mirror sends is not taken; says why."""


@dataclass(frozen=True)
class Source:
    """Where a data set comes from and what its files must be.

    Attributes:
        name: the data set's name, also its folder in the cache.
        mirrors: addresses of folders that hold the files, tried in order.
        files: for ``"train"`` and ``"test"``: the images' and the labels' file.
        sha256: what each file's SHA-256 must be.
        sizes: how many bytes each has; no more are taken.
    """

    name: str
    mirrors: tuple[str, ...]
    files: dict[str, tuple[str, str]]
    sha256: dict[str, str]
    sizes: dict[str, int]

    @property
    def variable(self) -> str:
        """The environment variable that replaces the mirrors."""
        return f"VAELIB_{self.name.upper().replace('-', '_')}_MIRROR"


def cache_folder(source: Source) -> Path:
    """The folder for this data set's files.

    Raises:
        DownloadError: ``VAELIB_DATA`` names the home of a user that there is not.
    """
    root = os.environ.get("VAELIB_DATA") or pooch.os_cache("vaelib")
    try:
        return Path(root).expanduser() / source.name
    except RuntimeError as error:
        raise DownloadError(
            f"VAELIB_DATA: got {os.fspath(root)!r}, and there is no such home folder. "
            "Name a folder by its whole path."
        ) from error


def complete(source: Source) -> bool:
    """Whether all of a set's files lie in the cache folder, each of them whole."""
    try:
        folder = cache_folder(source)
        return all(_is_whole(folder / name, h) for name, h in source.sha256.items())
    except (OSError, DownloadError):  # where nothing can be read, nothing lies
        return False


def _is_whole(path: Path, sha256: str) -> bool:
    return path.is_file() and pooch.file_hash(str(path)) == sha256


def fetch(source: Source, name: str) -> Path:
    """The path of a checked file, downloaded if it is not there yet.

    Args:
        source: the data set.
        name: one of its files.

    Raises:
        DownloadError: no mirror gave the right file, or the cache folder
            cannot be used. The message says what to do; nothing half-done
            can be taken for the file, and the next call starts afresh.
    """
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    folder, hash_ = cache_folder(source), f"sha256:{source.sha256[name]}"
    pooch.get_logger().setLevel("WARNING")  # a bar tells it already

    def download(url: str, file: str, _: object) -> None:
        _download(url, file, source.sizes[name])

    failures = []
    for mirror in _mirrors(source):
        url = f"{mirror.rstrip('/')}/{name}"
        try:
            return Path(pooch.retrieve(url, hash_, name, folder, downloader=download))
        except (RequestException, HTTPError, HTTPException, ValueError, _Refused) as no:
            failures.append(f"  {url}\n    {_reason(no)}")
        except OSError as error:
            raise _cannot_use(name, folder, error) from error
    raise _cannot_get(source, name, folder, failures)


def _mirrors(source: Source) -> tuple[str, ...]:
    own = os.environ.get(source.variable, "").replace(",", " ").split()
    return tuple(own) or source.mirrors


def _download(url: str, file: str, size: int) -> None:
    """All that comes, as it comes, into ``file``: at most ``size`` bytes."""
    import requests

    began = monotonic()
    # Its bytes as they are: the files are packed already, and their hash is of that.
    plain = {"Accept-Encoding": "identity"}
    with (
        requests.get(url, stream=True, timeout=SILENCE, headers=plain) as answer,
        open(file, "wb") as out,
        tqdm(
            total=size, desc=Path(file).name, unit="B", unit_scale=True, leave=False
        ) as bar,
    ):
        answer.raise_for_status()
        while part := _some(answer.raw):
            if bar.n + len(part) > size:
                raise _Refused(f"more came than the file's {size:,} bytes")
            if monotonic() - began > TOTAL:
                raise _Refused(f"not done after {TOTAL:.0f} seconds")
            out.write(part)
            bar.update(len(part))
    # pooch's temporary file is its owner's alone; a cache may be a whole class's.
    os.chmod(file, 0o644)


def _some(raw: Any) -> bytes:
    """What has come meanwhile, without waiting for more; nothing at the end."""
    read = getattr(raw, "read1", None) or raw._fp.read1  # older urllib3 hides it
    found: bytes = read(1 << 16) or b""
    return found


def _reason(error: Exception) -> str:
    """One line about what went wrong."""
    from requests import exceptions
    from urllib3.exceptions import ProtocolError, TimeoutError

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, exceptions.Timeout | TimeoutError):
        return f"no answer within {SILENCE:.0f} seconds"
    if isinstance(error, ProtocolError | HTTPException):
        return "the connection broke before the whole file had come"
    if isinstance(error, exceptions.ConnectionError):
        return "no connection, or it broke (is this machine online?)"
    if isinstance(error, ValueError) and "hash" in str(error):
        return "what came is not the file: its SHA-256 is another"
    return str(error) or type(error).__name__


def _cannot_get(
    source: Source, name: str, folder: Path, failures: list[str]
) -> DownloadError:
    damaged = (
        f"The file that lies in {folder} is damaged: its SHA-256 is another.\n"
        if (folder / name).is_file()
        else ""
    )
    return DownloadError(
        f"{name} of {source.name!r} could not be downloaded:\n"
        + "\n".join(failures)
        + f"\n{damaged}Nothing half-done was kept. What to do, one of:\n"
        "  - check the connection and call again;\n"
        f"  - put the set's four .gz files into {folder}\n"
        f"  - set the environment variable {source.variable} to the address of "
        "a folder that has them;\n"
        "  - go on with vl.load('handwriting'), which needs no network."
    )


def _cannot_use(name: str, folder: Path, error: OSError) -> DownloadError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    mend = "free some space there" if full else "make that folder writable"
    return DownloadError(
        f"{name} could not be kept in {folder}: {error.strerror or error}. "
        f"Nothing half-done was kept. To mend it, {mend}, or set the environment "
        "variable VAELIB_DATA to another folder; then call again."
    )
