"""What each latent dimension carries, and which factor of the data it follows."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from vaelib.data import Dataset
from vaelib.widgets.subject import Subject

ASLEEP = 0.02  # nats
WORTH_NAMING = 0.1  # of a factor's variance
CELLS = 20
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Axis:
    """What is known of one latent dimension.

    Attributes:
        axis: its number, from 0.
        worth: its KL to the prior in nats, averaged over the data; for a model
            without a posterior, the standard deviation of its codes.
        unit: which of the two, ``"nats"`` or ``"spread"``.
        asleep: whether it carries nothing: below 0.02 nats, or a spread below
            a hundredth of the largest.
        shares: the share of each factor's variance that it explains, 0 to 1.
    """

    axis: int
    worth: float
    unit: Literal["nats", "spread"]
    asleep: bool
    shares: dict[str, float]

    @property
    def name(self) -> str:
        """z₁, z₂, …"""
        return "z" + str(self.axis + 1).translate(_SUBSCRIPTS)

    @property
    def follows(self) -> str | None:
        """The factor of which it explains most, if that is a tenth or more and
        the dimension is awake."""
        best = max(self.shares, key=self.shares.__getitem__, default=None)
        if best is None or self.asleep or self.shares[best] < WORTH_NAMING:
            return None
        return best

    def says(self) -> str:
        """In words: ``"follows x (0.82)"``; empty where no factors are known."""
        if self.asleep:
            words = f"asleep, {self.measured()}"
            return f"follows nothing ({words})" if self.shares else words
        if not self.shares:
            return ""
        name = self.follows
        if name is None:
            return "follows no factor by itself"
        return f"follows {name} ({self.shares[name]:.2f})"

    def also(self) -> str:
        """The other factors' shares, and its worth."""
        others = [f"{k} {v:.2f}" for k, v in self.shares.items() if k != self.follows]
        if self.asleep:
            return ""
        return "; ".join(filter(None, [self.measured(), ", ".join(others)]))

    def measured(self) -> str:
        """Its worth with its unit."""
        if self.unit == "nats":
            return f"{self.worth:.2f} nats"
        return f"spread {self.worth:.2f}"


def shares_of(codes: Tensor, factors: Tensor) -> Tensor:
    """How much of each factor's variance each code explains, by itself.

    Args:
        codes: ``(N, Z)``.
        factors: ``(N, K)``, K columns that together are one factor: a number, or
            classes as ones and zeros.

    Returns:
        ``(Z,)``, from 0 to 1.
    """
    n = len(codes)
    cells = min(CELLS, n // 5)
    v = factors.double()
    v = v - v.mean(0)
    total = v.pow(2).sum()
    cell = torch.arange(n) * cells // n
    count = cell.bincount(minlength=cells).double()[:, None]
    found = []
    for column in codes.T:
        order = column.argsort(stable=True)
        sums = v.new_zeros(cells, v.shape[1]).index_add_(0, cell, v[order])
        within = (total - (sums.pow(2) / count).sum()) / total
        found.append(1 - within * (n - 1) / (n - cells))
    return torch.stack(found).clamp(0, 1).float()


def factors_of(subject: Subject, data: Any) -> dict[str, Tensor]:
    """Each factor that varies, of the examples the subject knows: ``(N, K)``."""
    if not isinstance(data, Dataset) or data.factors is None:
        return {}
    factors = data.factors.detach().cpu()[subject.rows]
    if not factors.isfinite().all():
        raise ValueError("data: its factors hold NaN or infinity")
    if len(factors) < 2 * CELLS:
        return {}
    found = {}
    for name, column in zip(data.factor_names, factors.T, strict=True):
        values, index = column.unique(return_inverse=True)
        if len(values) < 2:
            continue
        if subject.labels is not None and bool((column == subject.labels).all()):
            found[name] = torch.nn.functional.one_hot(index)
        else:
            found[name] = column[:, None]
    return found


def axes_of(subject: Subject, factors: dict[str, Tensor]) -> list[Axis]:
    """All latent dimensions, those that carry most first."""
    worth, unit = _worth(subject)
    sleeping = worth < (ASLEEP if unit == "nats" else 0.01 * worth.max())
    shares = {k: shares_of(subject.codes, v).tolist() for k, v in factors.items()}
    return [
        Axis(
            axis=i,
            worth=worth[i].item(),
            unit=unit,
            asleep=bool(sleeping[i]),
            shares={name: share[i] for name, share in shares.items()},
        )
        for i in worth.argsort(descending=True, stable=True).tolist()
    ]


def _worth(subject: Subject) -> tuple[Tensor, Literal["nats", "spread"]]:
    """How much each dimension carries ``(Z,)``, and in which unit."""
    mu, log_var = (part.double() for part in subject.moments(subject.x))
    spread = mu.var(0, unbiased=False)
    if log_var.isinf().any():
        return spread.sqrt(), "spread"
    var = log_var.exp()
    if subject.standard_prior():
        return 0.5 * (mu**2 + var - 1 - log_var).mean(0), "nats"
    whole = spread + var.mean(0)
    return 0.5 * (whole.log() - log_var.mean(0)), "nats"
