"""Named data sets: :func:`load` gives a :class:`Dataset`.

=================  ==========================================================
``digits``         1,797 scanned digits, 8×8 (bundled with scikit-learn)
``handwriting``    digits at 28×28 from a simulated pen, all factors known
``sprites``        square, ellipse, heart at 32×32 on a known grid of factors
``sprites-64``     the same at 64×64
``arm``            a two-joint arm led past an obstacle, each way half the time
``mnist``          70,000 scanned digits, 28×28 (downloaded once)
``fashion-mnist``  70,000 pieces of clothing, 28×28 (downloaded once)
=================  ==========================================================
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from numbers import Integral

import torch

from vaelib.data import arm, digits, download, handwriting, mnist, sprites
from vaelib.data.batches import as_tensor, as_tensors
from vaelib.data.dataset import Dataset
from vaelib.devices import resolve_device

__all__ = ["Dataset", "as_tensor", "as_tensors", "downloaded", "load", "names"]

# Each loader takes (split, n, seed) and answers on the CPU.
_LOADERS: dict[str, Callable[[str, int | None, int], Dataset]] = {
    "digits": digits.load,
    "handwriting": handwriting.load,
    "sprites": partial(sprites.load, size=32),
    "sprites-64": partial(sprites.load, size=64),
    "arm": arm.load,
    "mnist": partial(mnist.load, source=mnist.MNIST),
    "fashion-mnist": partial(mnist.load, source=mnist.FASHION_MNIST),
}
_SPLITS = ("train", "test")


def names() -> tuple[str, ...]:
    """The names that :func:`load` knows."""
    return tuple(_LOADERS)


def downloaded(name: str) -> bool:
    """Whether ``load(name)`` needs no network: made or bundled sets never do,
    the others only until their files lie in the cache folder."""
    loader = _loader(name)
    source = loader.keywords.get("source") if isinstance(loader, partial) else None
    return source is None or download.complete(source)


def load(
    name: str,
    split: str = "train",
    *,
    n: int | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> Dataset:
    """Load a data set by name.

    Args:
        name: ``"digits"``, ``"handwriting"``, ``"sprites"``, ``"sprites-64"``,
            ``"arm"``, ``"mnist"`` or ``"fashion-mnist"``.
        split: ``"train"`` or ``"test"``.
        n: how many examples. None: all of a recorded set in its own order;
            20,000 (train) or 5,000 (test) of a made one (``handwriting``,
            ``sprites``), 8,000 or 2,000 of ``arm``. A number: that many drawn
            by ``seed``; a larger ``n`` begins with the examples of a smaller one.
        seed: which examples are drawn, or made. No global generator is read
            or changed.
        device: where the tensors go: ``"auto"``, ``"cpu"``, ``"cuda"``,
            ``"mps"``.

    Returns:
        A :class:`Dataset`: ``x`` are pictures ``(N, C, H, W)`` float32 in [0, 1],
        or, of ``arm``, joint angles ``(N, 16, 2)`` in radians with a ``context``
        (columns in :func:`vaelib.data.arm.load`).

    Raises:
        ValueError: an argument has a value that is not on offer.
        TypeError: ``n`` or ``seed`` is not a whole number.
        vaelib.data.mnist.DownloadError: ``mnist`` or ``fashion-mnist`` is
            neither in the cache folder nor to be had from its mirrors.
    """
    loader = _loader(name)
    if split not in _SPLITS:
        raise ValueError(f"split={split!r} is unknown; use 'train' or 'test'.")
    if n is not None:
        n = _whole("n", n, least=1, mend="leave it out to get the usual number")
    seed = _whole("seed", seed, least=0, mend="leave it out to get seed 0")
    where = resolve_device(device)
    return loader(split, n, seed).to(where)


def _loader(name: str) -> Callable[[str, int | None, int], Dataset]:
    if isinstance(name, str) and name in _LOADERS:
        return _LOADERS[name]
    near = difflib.get_close_matches(str(name).lower(), _LOADERS, n=1, cutoff=0.4)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    known = ", ".join(map(repr, _LOADERS))
    raise ValueError(f"name={name!r} is not a data set.{guess} Known: {known}.")


def _whole(argument: str, value: object, *, least: int, mend: str) -> int:
    # Integral, because numpy's whole numbers are welcome too.
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(
            f"{argument}={value!r} is a {type(value).__name__}, wanted a whole "
            f"number; pass e.g. {argument}={max(least, 1)}, or {mend}."
        )
    if value < least:
        raise ValueError(
            f"{argument}={value} is too small, wanted {least} or more; {mend}."
        )
    return int(value)
