"""How fast ``fit`` trains, beside loops written by hand, in one run.

    python benchmarks/training.py

784-400-20, batch 128, on MNIST-shaped data: the arms take turns, so that a noisy
machine is noisy for all of them; medians and ratios are printed as a Markdown
table.

- *bare loop*: the loop most tutorials show. Sigmoid and binary cross-entropy, Adam,
  a permutation indexed batch by batch.
- *inline*: what ``fit`` does, written out: logits, fused Adam, rows gathered by
  ``index_select``. ``fit``'s own overhead is measured against it.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import vaelib as vl

BATCH = 128


class BareVAE(nn.Module):
    """784-400-20 as the common example has it."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(784, 400)
        self.mu, self.log_var = nn.Linear(400, 20), nn.Linear(400, 20)
        self.up, self.out = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.relu(self.hidden(x.view(-1, 784)))
        mu, log_var = self.mu(h), self.log_var(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * log_var)
        return torch.sigmoid(self.out(F.relu(self.up(z)))), mu, log_var


def classic() -> vl.VAE:
    return vl.mlp_vae((1, 28, 28), 20, (400,), activation="ReLU")


def bare(x: Tensor) -> None:
    model = BareVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = torch.randperm(len(x))
    for start in range(0, len(x), BATCH):
        batch = x[order[start : start + BATCH]]
        probabilities, mu, log_var = model(batch)
        loss = F.binary_cross_entropy(
            probabilities, batch.view(-1, 784), reduction="sum"
        )
        loss = loss - 0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def inline(x: Tensor) -> None:
    model = classic()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    order = torch.randperm(len(x))
    with vl.unchecked():
        for start in range(0, len(x), BATCH):
            batch = x.index_select(0, order[start : start + BATCH])
            loss = -vl.elbo(model, batch).value.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def fit(x: Tensor, **options: object) -> None:
    vl.fit(
        classic(),
        x,
        epochs=1,
        batch_size=BATCH,
        lr=1e-3,
        schedule="constant",
        device="cpu",
        progress=False,
        **options,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    x = vl.load("handwriting", n=60_000, device="cpu").x  # as many as MNIST
    threads = {"threads": arguments.threads}
    arms: dict[str, Callable[[], None]] = {
        "bare loop": lambda: bare(x),
        "`fit` written inline": lambda: inline(x),
        "**`fit`**": lambda: fit(x, **threads),
        '`fit(matmul_precision="medium")`': lambda: fit(
            x, matmul_precision="medium", **threads
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in arms}
    for warm_up in (True, *[False] * arguments.rounds):
        for name, arm in arms.items():
            start = time.perf_counter()
            arm()
            if not warm_up:
                times[name].append(time.perf_counter() - start)
    print(f"784-400-20, batch {BATCH}, {arguments.threads} thread(s), ", end="")
    print(f"median of {arguments.rounds} rounds of {len(x):,} images\n")
    print("| loop | images/s | × bare loop | × inline |\n|---|---|---|---|")
    for name, taken in times.items():
        speed = len(x) / statistics.median(taken)
        ratios = [
            statistics.median(b / t for b, t in zip(times[other], taken, strict=True))
            for other in ("bare loop", "`fit` written inline")
        ]
        print(f"| {name} | {speed:,.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} |")


if __name__ == "__main__":
    main()
