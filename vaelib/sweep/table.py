"""What a sweep tells: one row of numbers per model."""

from collections.abc import Iterable
from html import escape
from typing import Any

import torch
from torch import Tensor

from vaelib.metrics import active_units
from vaelib.models import VAE, ConditionalVAE, in_parts
from vaelib.objectives import elbo
from vaelib.randomness import seeded

Row = dict[str, float]
Cell = tuple[float, int]  # β and seed
Model = VAE | ConditionalVAE


class Table(list[Row]):
    """Rows of equal columns, one per model; ``pandas.DataFrame(table)`` takes it.

    ``beta``, ``seed``, then in nats per example on the test data ``elbo``
    (without β), ``reconstruction``, ``kl``, and ``active_units``.

    Attributes:
        unfinished: ``(beta, seed)`` of the models that have no row, since the sweep
            was interrupted before they were trained to their end.
    """

    def __init__(self, rows: Iterable[Row] = (), unfinished: Iterable[Cell] = ()):
        super().__init__(rows)
        self.unfinished = list(unfinished)

    def column(self, name: str) -> list[float]:
        """One column, in the order of the rows."""
        return [row[name] for row in self]

    def _repr_html_(self) -> str:
        missing = f"<p>{_missing(self)}</p>" if self.unfinished else ""
        if not self:
            return missing or "<p>an empty table</p>"
        head = "".join(f"<th>{escape(name)}</th>" for name in self[0])
        body = "".join(
            "<tr>"
            + "".join(f"<td>{value:.4g}</td>" for value in row.values())
            + "</tr>"
            for row in self
        )
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"{missing}"
        )


def _missing(table: Table) -> str:
    every = len(table) + len(table.unfinished)
    return f"interrupted: {len(table)} of {every} models are whole, the rest has no row"


@torch.no_grad()
def row(cell: Cell, model: Model, data: tuple[Tensor, ...]) -> Row:
    """A model's numbers on ``data``: x, then the condition if it takes one."""
    device = next(model.parameters()).device
    x, *rest = (tensor.to(device) for tensor in data)
    latent: Any = model
    if hasattr(latent, "given"):
        latent = latent.given(rest[0] if len(rest) == 1 else tuple(rest))
    with seeded(cell[1]):
        parts = [elbo(part, some) for part, some in in_parts(latent, 4096, x)]
    reconstruction = torch.cat([e.reconstruction for e in parts]).mean().item()
    kl = torch.cat([e.kl for e in parts]).mean().item()
    return {
        "beta": cell[0],
        "seed": cell[1],
        "elbo": reconstruction - kl,
        "reconstruction": reconstruction,
        "kl": kl,
        "active_units": active_units(latent, x),
    }
