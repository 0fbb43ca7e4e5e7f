"""How close is ``handwriting`` to real handwriting? Two readers tell.

A small convolutional network learns to read our digits alone and is tried on
MNIST's 10,000 test digits; another learns MNIST and is tried on ours. Nothing
of the other set is seen in training, and the last step's weights are the ones
that are tried (no choice among checkpoints).

    python benchmarks/handwriting.py FOLDER [--seeds 3] [--picture FILE.png]

FOLDER holds MNIST's four .gz files (default: ../shared/data/mnist beside this
repository, or the environment variable VAELIB_MNIST_FOLDER).
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

import vaelib.data as vl
from vaelib.data.mnist import MNIST, parse_idx

ROOT = Path(__file__).resolve().parents[1]
Digits = tuple[Tensor, Tensor]  # pictures (N, 1, 28, 28) and labels (N,)


def mnist_folder() -> Path:
    beside = ROOT / "../shared/data/mnist"
    return Path(os.environ.get("VAELIB_MNIST_FOLDER", beside))


def mnist(folder: Path, split: str) -> Digits:
    images, labels = (
        parse_idx(gzip.decompress((folder / name).read_bytes()), name)
        for name in MNIST.files[split]
    )
    return images[:, None].float() / 255, labels.long()


def handwriting(split: str, n: int, seed: int) -> Digits:
    data = vl.load("handwriting", split, n=n, seed=seed, device="cpu")
    assert data.labels is not None
    return data.x, data.labels


def reader() -> nn.Module:
    """Three convolutions, 61,000 weights."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 48, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(48 * 9, 96),
        nn.ReLU(),
        nn.Linear(96, 10),
    )


def train(
    digits: Digits, *, seed: int, epochs: int, batch_size: int = 128
) -> nn.Module:
    x, labels = digits
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = reader().to(memory_format=torch.channels_last)
        optimiser = torch.optim.Adam(model.parameters(), fused=True)
        steps = epochs * (len(x) // batch_size)
        pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
        for _ in range(epochs):
            order = torch.randperm(len(x))[: len(x) // batch_size * batch_size]
            for rows in order.split(batch_size):
                batch = x[rows].contiguous(memory_format=torch.channels_last)
                loss = F.cross_entropy(model(batch), labels[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                pace.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, digits: Digits) -> float:
    x, labels = digits
    read = torch.cat([model(batch).argmax(1) for batch in x.split(1000)])
    return float((read == labels).float().mean())


def picture(ours: Digits, real: Digits, columns: int = 20) -> Image.Image:
    """The first digits of each class: ours on the left, MNIST on the right."""
    rows = []
    for digit in range(10):
        halves = [x[labels == digit][:columns, 0] for x, labels in (ours, real)]
        gap = torch.full((28, 14), 0.5)
        left, right = (torch.cat(list(half), dim=1) for half in halves)
        rows.append(torch.cat([left, gap, right], dim=1))
    pixels = torch.cat(rows).mul(255).round().byte().numpy()
    return Image.fromarray(pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=mnist_folder())
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=60_000, help="our training digits")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="also draw both side by side")
    options = parser.parse_args()
    if not options.folder.is_dir():
        parser.error(f"no folder {options.folder}: name the one with MNIST's .gz files")
    torch.set_num_threads(options.threads)

    real_train, real_test = (mnist(options.folder, s) for s in ("train", "test"))
    if options.picture:
        side_by_side = picture(handwriting("test", 2000, 0), real_test)
        side_by_side.save(options.picture)

    begin = time.perf_counter()
    handwriting("train", 20_000, 0)
    print(f"20,000 digits written in {time.perf_counter() - begin:.2f} s")
    print("seed   ours → MNIST   ours → ours   MNIST → ours   MNIST → MNIST")
    table = []
    for seed in range(options.seeds):
        ours_train = handwriting("train", options.n, seed)
        ours_test = handwriting("test", 10_000, seed)
        of_ours = train(ours_train, seed=seed, epochs=options.epochs)
        of_real = train(real_train, seed=seed, epochs=options.epochs)
        row = [
            100 * accuracy(model, digits)
            for model in (of_ours, of_real)
            for digits in (real_test, ours_test)
        ]
        row = [row[0], row[1], row[3], row[2]]
        table.append(row)
        print(f"{seed:4}   " + "   ".join(f"{value:11.2f}%" for value in row))
    means = [statistics.mean(column) for column in zip(*table, strict=True)]
    print("mean   " + "   ".join(f"{value:11.2f}%" for value in means))


if __name__ == "__main__":
    main()
