"""``mnist`` and ``fashion-mnist``: downloaded once, checked, kept.

The four files of a set lie in a cache folder: the one that the environment
variable ``VAELIB_DATA`` names, or else the platform's own. Files already there
are used without a network. pooch puts a file there only whole and only with the
right SHA-256, so an interrupted download can never be mistaken for data.
"""

from __future__ import annotations

import errno
import gzip
import math
import os
from dataclasses import dataclass
from pathlib import Path

import pooch
import torch
from torch import Tensor
from tqdm.auto import tqdm

from vaelib.data.dataset import Dataset

__all__ = [
    "FASHION_MNIST",
    "MNIST",
    "DownloadError",
    "Source",
    "fetch",
    "load",
    "parse_idx",
]

TIMEOUT = 30.0  # seconds without a byte before a mirror is given up


class DownloadError(RuntimeError):
    """A file is neither in the cache folder nor to be had from a mirror."""


@dataclass(frozen=True)
class Source:
    """Where a data set comes from and what its files must be.

    Attributes:
        name: the data set's name, also its folder in the cache.
        mirrors: addresses of folders that hold the files, tried in order.
        files: for ``"train"`` and ``"test"``: the images' and the labels' file.
        sha256: what each file's SHA-256 must be.
    """

    name: str
    mirrors: tuple[str, ...]
    files: dict[str, tuple[str, str]]
    sha256: dict[str, str]

    @property
    def variable(self) -> str:
        """The environment variable that replaces the mirrors."""
        return f"VAELIB_{self.name.upper().replace('-', '_')}_MIRROR"


_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def _by_name(*sha256: str) -> dict[str, str]:
    return dict(zip((*_FILES["train"], *_FILES["test"]), sha256, strict=True))


# Y. LeCun, C. Cortes, C. Burges (1998). SHA-256 computed from the files, whose
# MD5 are those that PyTorch's torchvision checks.
MNIST = Source(
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    _FILES,
    _by_name(
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)

# H. Xiao, K. Rasul, R. Vollgraf (2017). The authors publish MD5 sums; these
# SHA-256 are the ones that several independent public projects pin beside those
# same MD5 sums. They were not recomputed from the files here.
FASHION_MNIST = Source(
    "fashion-mnist",
    (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
        "master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    _FILES,
    _by_name(
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)


def load(split: str, n: int | None, seed: int, *, source: Source) -> Dataset:
    """60,000 train or 10,000 test pictures, 28×28, with their labels.

    ``n=None`` gives all in the files' order; a number, a random subset drawn
    by ``seed``.

    Raises:
        DownloadError: see :func:`fetch`.
        ValueError: ``n`` is more than there are, or a file that someone put
            under a right name and hash is not what it should be.
    """
    images, labels = (
        parse_idx(gzip.decompress(fetch(source, name).read_bytes()), name)
        for name in source.files[split]
    )
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(
            f"{source.name} {split}: images {tuple(images.shape)} and labels "
            f"{tuple(labels.shape)} do not belong together, wanted (N, H, W) "
            "and (N,); delete the folder and load again: "
            f"{cache_folder(source)}"
        )
    # Drawn while still bytes: a subset of 1,000 never costs 188 MB of floats.
    whole = Dataset(source.name, split, images[:, None], labels.long())
    chosen = whole.sample(n, seed)
    return Dataset(source.name, split, chosen.x.float() / 255, chosen.labels)


def cache_folder(source: Source) -> Path:
    """The folder for this data set's files."""
    root = os.environ.get("VAELIB_DATA") or pooch.os_cache("vaelib")
    return Path(root).expanduser() / source.name


def complete(source: Source) -> bool:
    """Whether all of a set's files lie in the cache folder."""
    folder = cache_folder(source)
    return all((folder / name).is_file() for name in source.sha256)


def fetch(source: Source, name: str) -> Path:
    """The path of a checked file, downloaded if it is not there yet.

    Args:
        source: the data set.
        name: one of its files.

    Raises:
        DownloadError: no mirror gave the right file, or the cache folder
            cannot be written. The message says what to do; nothing half-done
            can be taken for the file, and the next call starts afresh.
    """
    from requests import RequestException

    folder, hash_ = cache_folder(source), f"sha256:{source.sha256[name]}"
    pooch.get_logger().setLevel("WARNING")  # a bar tells it already
    failures = []
    for mirror in _mirrors(source):
        url = f"{mirror.rstrip('/')}/{name}"
        try:
            return Path(pooch.retrieve(url, hash_, name, folder, downloader=_download))
        except (RequestException, ValueError) as error:
            failures.append(f"  {url}\n    {_reason(error)}")
        except OSError as error:
            raise _cannot_write(name, folder, error) from error
    raise _cannot_get(source, name, folder, failures)


def _mirrors(source: Source) -> tuple[str, ...]:
    own = os.environ.get(source.variable, "").replace(",", " ").split()
    return tuple(own) or source.mirrors


def _download(url: str, file: str, _: object) -> None:
    name = url.rpartition("/")[2]
    # A total to begin with, since tqdm without one has no truth value to ask for.
    with tqdm(total=1, desc=name, unit="B", unit_scale=True, leave=False) as bar:
        pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=TIMEOUT)(
            url, file, None
        )
    # pooch's temporary file is its owner's alone; a cache may be a whole class's.
    os.chmod(file, 0o644)


def _reason(error: Exception) -> str:
    """One line about what went wrong."""
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, exceptions.Timeout):
        return f"no answer within {TIMEOUT:.0f} seconds"
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "the connection broke before the whole file had come"
    if isinstance(error, exceptions.ConnectionError):
        return "no connection, or it broke (is this machine online?)"
    if isinstance(error, exceptions.RequestException):
        return str(error)
    return "what came is not the file: its SHA-256 is another"


def _cannot_get(
    source: Source, name: str, folder: Path, failures: list[str]
) -> DownloadError:
    return DownloadError(
        f"{name} of {source.name!r} could not be downloaded:\n"
        + "\n".join(failures)
        + "\nNothing half-done was kept. What to do, one of:\n"
        "  - check the connection and call again;\n"
        f"  - put the set's four .gz files into {folder}\n"
        f"  - set the environment variable {source.variable} to the address of "
        "a folder that has them;\n"
        "  - go on with vl.load('handwriting'), which needs no network."
    )


def _cannot_write(name: str, folder: Path, error: OSError) -> DownloadError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    mend = "free some space there" if full else "make that folder writable"
    return DownloadError(
        f"{name} could not be stored in {folder}: {error.strerror or error}. "
        f"Nothing half-done was kept. To mend it, {mend}, or set the environment "
        "variable VAELIB_DATA to another folder; then call again."
    )


def parse_idx(data: bytes, name: str = "data") -> Tensor:
    """Read the IDX format of MNIST (LeCun et al. 1998), unsigned bytes only.

    The format: two zero bytes, a byte for the element type (8: unsigned byte),
    a byte for the number of axes, each axis' length as a big-endian 32-bit
    number, then the elements, last axis fastest.

    Args:
        data: the whole, unzipped file.
        name: what to call it in an error.

    Returns:
        uint8, of the shape that the file states.

    Raises:
        ValueError: the bytes are not such a file; says where they differ.
    """
    if data[:2] == b"\x1f\x8b":
        raise ValueError(f"{name} is still zipped; pass gzip.decompress(data).")
    if len(data) < 4 or data[:2] != b"\0\0":
        raise ValueError(
            f"{name} begins with {data[:4].hex(' ') or 'nothing'}, an IDX file "
            "with 00 00, a type and a number of axes; this is another kind of file."
        )
    if data[2] != 8:
        raise ValueError(
            f"{name} has element type {data[2]:#04x}, wanted 0x08 (unsigned bytes)."
        )
    axes = data[3]
    start = 4 + 4 * axes
    if len(data) < start:
        raise ValueError(f"{name} ends within its header; load it afresh.")
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4)]
    if len(data) - start != math.prod(shape):
        raise ValueError(
            f"{name} states shape {tuple(shape)}, so {math.prod(shape):,} bytes, "
            f"but holds {len(data) - start:,}; load it afresh."
        )
    # A bytearray, because a tensor must be able to write to its memory.
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)[start:].reshape(shape)
