"""Is it faster to train several models at once? Eight β, one seed.

    python benchmarks/sweep.py

Both ways take turns; medians and the ratio are printed as a Markdown table.
"""

import statistics
import time

import vaelib as vl
from vaelib.sweep import sweep

BETAS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
ARMS = {
    "64-128-8": ("digits", (128,), 8),
    "64-256-256-8": ("digits", (256, 256), 8),
    "784-64-64-2": ("handwriting", (64, 64), 2),
    "784-256-256-256-2": ("handwriting", (256, 256, 256), 2),
    "784-400-20": ("handwriting", (400,), 20),
}


def main() -> None:
    print("| model | parameters | s apart | s together | gain |\n|---|---|---|---|---|")
    for name, (source, hidden, latent_dim) in ARMS.items():
        data = vl.load(source, n=1280, device="cpu")
        shape = data.x.shape[1:]

        def build(seed: int, shape=shape, hidden=hidden, latent_dim=latent_dim):
            return vl.mlp_vae(shape, latent_dim, hidden, seed=seed)

        times: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(5):
            for together, taken in times.items():
                start = time.perf_counter()
                sweep(
                    build,
                    data,
                    betas=BETAS,
                    together=together,
                    epochs=4,
                    device="cpu",
                    progress=False,
                )
                taken.append(time.perf_counter() - start)
        apart, at_once = (statistics.median(times[way]) for way in (False, True))
        gain = statistics.median(
            a / b for a, b in zip(times[False], times[True], strict=True)
        )
        size = sum(p.numel() for p in build(0).parameters())
        print(f"| {name} | {size:,} | {apart:.2f} | {at_once:.2f} | {gain:.2f} |")


if __name__ == "__main__":
    main()
