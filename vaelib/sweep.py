"""Many models that differ in β and seed, trained by the same ``fit``."""

from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from vaelib.data import Dataset, as_tensor
from vaelib.metrics import active_units
from vaelib.models import VAE
from vaelib.objectives import elbo
from vaelib.randomness import seeded
from vaelib.stacking import CannotStack, StackedVAE
from vaelib.training import fit

Row = dict[str, float]


class Table(list[Row]):
    """Rows of equal columns, one per model; ``pandas.DataFrame(table)`` takes it.

    ``beta``, ``seed``, then in nats per example on the test data ``elbo``
    (without β), ``reconstruction``, ``kl``, and ``active_units``.
    """

    def column(self, name: str) -> list[float]:
        """One column, in the order of the rows."""
        return [row[name] for row in self]

    def _repr_html_(self) -> str:
        if not self:
            return "<p>an empty table</p>"
        head = "".join(f"<th>{escape(name)}</th>" for name in self[0])
        body = "".join(
            "<tr>"
            + "".join(f"<td>{value:.4g}</td>" for value in row.values())
            + "</tr>"
            for row in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Sweep(NamedTuple):
    """What :func:`sweep` returns; ``models, table = sweep(…)`` unpacks it.

    Attributes:
        models: by ``(beta, seed)``.
        table: one row per model.
    """

    models: dict[tuple[float, int], VAE]
    table: Table


def sweep(
    build: Callable[[int], VAE],
    data: Dataset | Tensor,
    *,
    betas: Sequence[float],
    seeds: Sequence[int] = (0,),
    test: Dataset | Tensor | None = None,
    together: bool | Literal["auto"] = "auto",
    progress: bool = True,
    **settings: Any,
) -> Sweep:
    """Train one model per (β, seed).

    Models of one seed start from the same weights and see the same pictures and
    the same noise, so that only β differs. Small multilayer perceptrons are
    trained together, their weights stacked, which gives the same models as one
    after the other (up to the rounding of sums) in less time.

    Args:
        build: called with a seed, gives a fresh VAE.
        data: what to train on, as for :func:`vaelib.fit`.
        betas: weights of the KL, each ≥ 0.
        seeds: of weights, order and noise.
        test: what the table is computed on; default ``data``.
        together: train the models of one seed at once; ``"auto"`` does where
            it was measured to be faster, ``True`` raises where it can't be done.
        progress: show progress bars.
        settings: passed on to :func:`vaelib.fit`: ``epochs``, ``batch_size``,
            ``lr``, ``device``, ….

    Raises:
        ValueError: for no β, no seed, one given twice, or ``together=True``
            with models that cannot be stacked.
    """
    for name, values in (("betas", betas), ("seeds", seeds)):
        if len(values) == 0 or len(set(values)) < len(values):
            raise ValueError(f"{name}: got {values!r}, wanted one or more, each once")
    if not all(beta >= 0 for beta in betas):
        raise ValueError(f"betas: got {betas!r}, wanted numbers ≥ 0")
    models: dict[tuple[float, int], VAE] = {}
    for seed in seeds:
        group = [build(seed) for _ in betas]
        options = {**settings, "seed": seed, "progress": progress}
        stack = _stack(group, together)
        if stack is not None:
            fit(stack, data, _Together(betas), **options)
            stack.unstack()
        else:
            for model, beta in zip(group, betas, strict=True):
                fit(model, data, partial(elbo, beta=beta), **options)
        models |= {(b, seed): m for b, m in zip(betas, group, strict=True)}
    x = as_tensor(data if test is None else test)
    ordered = {(b, s): models[b, s] for b in betas for s in seeds}
    return Sweep(ordered, Table(_row(*key, model, x) for key, model in ordered.items()))


# Weights per model up to which training together was measured to be faster.
STACK_BELOW = 150_000


def _stack(models: list[VAE], together: bool | str) -> StackedVAE | None:
    if together is False or (len(models) == 1 and together == "auto"):
        return None
    size = sum(p.numel() for p in models[0].parameters())
    if together == "auto" and size > STACK_BELOW:
        return None
    try:
        return StackedVAE(models)
    except CannotStack as error:
        if together is True:
            raise ValueError(
                f"together: these models cannot be trained at once ({error}). Use "
                "together='auto' or False."
            ) from None
        return None


class _Together:
    """The sum of K models' objectives: each has its own gradient, as if alone."""

    __name__ = "objective"

    def __init__(self, betas: Sequence[float]):
        self.betas = torch.tensor(betas)

    def __call__(self, stack: StackedVAE, x: Tensor) -> Tensor:
        k = len(self.betas)
        e = elbo(stack, x.repeat(k, *[1] * (x.dim() - 1)))
        betas = self.betas.to(x).repeat_interleave(len(x))
        return (e.reconstruction - betas * e.kl).view(k, -1).sum(0)


@torch.no_grad()
def _row(beta: float, seed: int, model: VAE, x: Tensor) -> Row:
    x = x.to(next(model.parameters()).device)
    with seeded(seed):
        parts = [elbo(model, part) for part in x.split(4096)]
    reconstruction = torch.cat([e.reconstruction for e in parts]).mean().item()
    kl = torch.cat([e.kl for e in parts]).mean().item()
    return {
        "beta": beta,
        "seed": seed,
        "elbo": reconstruction - kl,
        "reconstruction": reconstruction,
        "kl": kl,
        "active_units": active_units(model, x),
    }
