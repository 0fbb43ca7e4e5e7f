"""``digits``: 1,797 really scanned digits at 8×8, bundled with scikit-learn."""

from __future__ import annotations

import torch

from vaelib.data.dataset import Dataset

__all__ = ["load"]

TRAIN_SIZE = 1415


def load(split: str, n: int | None, seed: int) -> Dataset:
    """scikit-learn's copy of UCI's optical digits (Alpaydin & Kaynak 1998).

    17 grey levels, divided by 16 into [0, 1]; 1,415 train, 382 test. The test
    set is the *end of the file*, not a shuffle. The labels repeat in 14 blocks,
    most likely one to a writer (the scikit-learn MOOC, "Sample grouping"), and
    the cut lies between two of them: the last three are the test set. Shuffled,
    each test digit would have twins by the same hand in the training set, and
    a logistic regression would read 97 to 98 % instead of 91 %.
    """
    from sklearn.datasets import load_digits  # a second, and here alone

    bunch = load_digits()
    x = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(bunch.target, dtype=torch.int64)
    train = split == "train"
    part = slice(TRAIN_SIZE) if train else slice(TRAIN_SIZE, None)
    return Dataset("digits", split, x[part], labels[part]).sample(n, seed)
