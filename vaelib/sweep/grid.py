"""One model per β and seed, and a table of what became of them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaelib.data import as_tensors
from vaelib.data.batches import Data
from vaelib.devices import resolve_device
from vaelib.objectives import Elbo, elbo
from vaelib.sweep.checks import as_betas, as_folder, as_seeds, check_build
from vaelib.sweep.jobs import Build, Together, jobs
from vaelib.sweep.table import Cell, Model, Table, row
from vaelib.training.interrupts import interruptible


class Sweep(NamedTuple):
    """What :func:`sweep` returns; ``models, table = sweep(…)`` unpacks it.

    Attributes:
        models: by ``(beta, seed)``. After an interrupt, those that were begun.
        table: one row per model that was trained to its end.
    """

    models: dict[Cell, Model]
    table: Table


def sweep(
    build: Build,
    data: Data,
    *,
    betas: Iterable[float],
    seeds: Iterable[int] = (0,),
    objective: Callable[..., Elbo] = elbo,
    test: Data | None = None,
    together: Together = "auto",
    checkpoint: str | Path | None = None,
    device: str | torch.device = "auto",
    **settings: Any,
) -> Sweep:
    """Train one model per (β, seed).

    Models of one seed start from the same weights and see the same pictures and
    the same noise, so that only β differs. Small multilayer perceptrons are
    trained together, their weights stacked, which gives the same models as one
    after the other (up to the rounding of sums) in less time.

    Ctrl-C, or the notebook's interrupt button, ends the sweep after the current
    step. The models begun are returned as far as they came, and
    ``table.unfinished`` names those that are not whole.

    Args:
        build: called with a seed, gives a fresh VAE or ConditionalVAE.
        data: what to train on, as for :func:`vaelib.fit`.
        betas: weights of the KL, each ≥ 0.
        seeds: of weights, order and noise.
        objective: called with ``beta=``; any but the ELBO is trained apart.
        test: what the table is computed on; default ``data``.
        together: train the models of one seed at once; ``"auto"`` does where
            it was measured to be faster, ``True`` raises where it can't be done.
        checkpoint: a folder, made if need be, with a file for each ``fit``: for
            each (β, seed), or for all β of a seed if trained together. The same
            sweep called again goes on from there, and trains nothing twice.
        device: as for :func:`vaelib.fit`; there the models are afterwards.
        settings: passed on to :func:`vaelib.fit`: ``epochs``, ``batch_size``,
            ``lr``, ``progress``, ….

    Raises:
        TypeError, ValueError: for arguments that cannot work, e.g. no β, a seed
            given twice, a ``build`` that ignores its seed, or ``together=True``
            with models that cannot be stacked.
    """
    told, drawn = as_betas(betas), as_seeds(seeds)
    if "seed" in settings:
        raise TypeError("seed: a sweep takes several, seeds=(0, 1, 2)")
    if together not in (True, False, "auto"):
        raise ValueError(f"together: got {together!r}, wanted True, False or 'auto'")
    check_build(build, drawn)
    tests = _test_data(data, test)
    where, folder = resolve_device(device), as_folder(checkpoint)
    models: dict[Cell, Model] = {}
    whole: set[Cell] = set()
    with interruptible() as stop:
        for job in (
            j for s in drawn for j in jobs(build, told, s, objective, together)
        ):
            if stop.is_set():
                break
            done = job.train(data, where, folder, **settings)
            models |= job.cells
            if done:
                whole |= job.cells.keys()
        cells = [(beta, seed) for beta in told for seed in drawn]
        rows = [row(cell, models[cell], tests) for cell in cells if cell in whole]
    table = Table(rows, (cell for cell in cells if cell not in whole))
    if table.unfinished:
        _tell(table, folder)
    return Sweep({cell: models[cell] for cell in cells if cell in models}, table)


def _test_data(data: Data, test: Data | None) -> tuple[Tensor, ...]:
    known = as_tensors(data)
    if test is None:
        return known
    other = as_tensors(test)
    wanted, got = ([tuple(t.shape[1:]) for t in d] for d in (known, other))
    if wanted != got:
        raise ValueError(
            f"test: got examples of shape {', '.join(map(str, got))}, wanted them as "
            f"in the data, {', '.join(map(str, wanted))}"
        )
    return other


def _tell(table: Table, folder: Path | None) -> None:
    every = len(table) + len(table.unfinished)
    go_on = "" if folder is None else " Call sweep again as before to go on."
    print(
        f"Sweep interrupted: {len(table)} of {every} models are whole and have a row. "
        f"The others are in table.unfinished.{go_on}"
    )
