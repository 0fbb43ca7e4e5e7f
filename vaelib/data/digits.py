"""``digits``: 1,797 really scanned digits at 8×8, bundled with scikit-learn."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits

from vaelib.data.dataset import Dataset

__all__ = ["load"]

TEST_SIZE = 360


def load(split: str, n: int | None, seed: int) -> Dataset:
    """scikit-learn's copy of UCI's optical digits (Alpaydin & Kaynak 1998).

    17 grey levels, divided by 16 into [0, 1]; 1,437 train, 360 test. The test
    set is the *end of the file*, not a shuffle: the forms of one writer follow
    each other there, and shuffled, nearly every test digit would have twins by
    the same hand in the training set.
    """
    bunch = load_digits()
    x = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(bunch.target, dtype=torch.int64)
    part = slice(None, -TEST_SIZE) if split == "train" else slice(-TEST_SIZE, None)
    return Dataset("digits", split, x[part], labels[part]).sample(n, seed)
