"""What the choice of the two networks does to a VAE. The tables of lesson 13.

    python benchmarks/architectures.py

trains each (row, seed) with the very cells of the page that are tagged ``recipe``,
each for the same number of steps unless its name says otherwise, and writes the two
terms of the ELBO and the gap in nats, the latent dimensions in use, the number of
parameters and the seconds of training to
``vaelib/exercises/encoders_and_decoders.csv``. One thread, a quarter of an hour.
"""

from collections.abc import Callable, Iterator
from functools import partial
from time import process_time
from typing import Any

from recorded import recipe_of, record

SEEDS = (0, 1, 2)
TABLE = "encoders_and_decoders.csv"
recipe = partial(recipe_of, "13-encoders-and-decoders")

Names = dict[str, Any]
Row = tuple[str, Callable[[], Any], dict[str, Any]]


def rows(names: Names) -> Iterator[Row]:
    """A name, how the model is built, and how it is trained where otherwise."""
    yield from _bodies(names)
    yield from _perceptrons(names)
    yield from _regularised(names)


def _bodies(names: Names) -> Iterator[Row]:
    cnn, body = names["cnn_vae"], names["body_vae"]
    patches = names["ConvEncoder"], names["ConvDecoder"]
    attention = names["TransformerEncoder"], names["TransformerDecoder"]
    looks = {"width": 60, "depth": 1}
    yield "CNN", cnn, {}
    yield "residual CNN", partial(body, *patches, channels=38, overlap=True), {}
    yield "patchify", partial(body, *patches, channels=56), {}
    yield "attention", partial(body, *attention, **looks), {}
    yield "attention, lr 0.002", partial(body, *attention, **looks), {"lr": 2e-3}
    for lr in (0.002, 0.01):
        yield f"CNN, lr {lr}", cnn, {"lr": lr}
    for up in ("uneven", "shuffle", "resize"):
        yield f"CNN, {up}", partial(cnn, up=up), {}


def _perceptrons(names: Names) -> Iterator[Row]:
    mlp = names["mlp_vae"]
    yield "MLP", mlp, {}
    yield "MLP, 2400 steps", mlp, {"steps": 2400}
    for lr in (0.002, 0.01, 0.02):
        yield f"MLP, lr {lr}", mlp, {"lr": lr}
    built: dict[str, dict[str, Any]] = {
        "depth 1": {"wide": (188,)},
        "depth 4": {"wide": (94,) * 4},
        "depth 8": {"wide": (69,) * 8},
        "depth 8, skip": {"wide": (69,) * 8, "skip": True},
        "width 32": {"wide": (32, 32)},
        "width 512": {"wide": (512, 512)},
        "funnel": {"wide": (160, 64)},
        "widening": {"wide": (80, 256)},
        **{act: {"act": act} for act in ("ReLU", "LeakyReLU", "ELU", "Tanh")},
        **{f"Z = {Z}": {"Z": Z} for Z in (1, 2, 4, 16, 32, 64)},
        "larger encoder": {"wide": (176, 176), "back": (64,)},
        "larger decoder": {"wide": (64,), "back": (176, 176)},
    }
    for part in ("encoder", "decoder"):
        which = "wide" if part == "encoder" else "back"
        other = "back" if part == "encoder" else "wide"
        for name, widths in (
            ("linear", ()),
            ("one layer", (128,)),
            ("512", (512,) * 2),
        ):
            built[f"{part} {name}"] = {which: widths, other: (128, 128)}
    for name, how in built.items():
        yield name, partial(mlp, **how), {}
    for depth in (2, 5, 10):
        for init in ("default", "Xavier", "He"):
            wide = (128,) * depth
            if (init, depth) != ("default", 2):  # that is the MLP
                name = f"{init}, depth {depth}"
                yield name, partial(_started, names, wide, init), {}


def _started(names: Names, wide: tuple[int, ...], init: str) -> Any:
    return names["started"](names["mlp_vae"](wide), init)


def _regularised(names: Names) -> Iterator[Row]:
    mlp = names["mlp_vae"]
    for norm in ("batch", "layer"):
        name = f"{norm.title()}Norm"
        yield name, partial(mlp, norm=norm), {}
        yield f"{name}, lr 0.02", partial(mlp, norm=norm), {"lr": 0.02}
        yield f"{name}, depth 4", partial(mlp, (94,) * 4, norm=norm), {}
    few = {"n": 500}
    yield "few", mlp, few
    for drop in (0.1, 0.3):
        yield f"few, dropout {drop}", partial(mlp, drop=drop), few
    for decay in (0.1, 1.0):
        yield f"few, decay {decay}", mlp, {**few, "decay": decay}


def run(names: Names, row: Row, seed: int) -> dict[str, Any]:
    """One line of the table."""
    name, build, options = row
    before = process_time()
    model = names["fit"](build, seed, **options)
    seconds = process_time() - before
    measured = {k: round(v, 4) for k, v in names["measure"](model).items()}
    return {"row": name, "seed": seed, **measured, "seconds": round(seconds, 2)}


def main() -> None:
    names = recipe()
    record((run(names, row, s) for row in rows(names) for s in SEEDS), TABLE)


if __name__ == "__main__":
    main()
