"""``mnist`` and ``fashion-mnist``: four files each, downloaded once."""

from __future__ import annotations

import gzip
import math
from typing import Any

import torch
from torch import Tensor

from vaelib.data.dataset import Dataset
from vaelib.data.download import DownloadError, Source, cache_folder, fetch

__all__ = ["FASHION_MNIST", "MNIST", "DownloadError", "load", "parse_idx"]

_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def _by_name(*values: Any) -> dict[str, Any]:
    return dict(zip((*_FILES["train"], *_FILES["test"]), values, strict=True))


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
    _by_name(9_912_422, 28_881, 1_648_877, 4_542),
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
    _by_name(26_421_880, 29_515, 4_422_102, 5_148),
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
