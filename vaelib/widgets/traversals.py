"""Each latent axis as a row of decodings, and the factor it follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.data import Dataset
from vaelib.widgets import esm, still
from vaelib.widgets.base import BadCode, Explorer, Numbers, Where
from vaelib.widgets.scene import slider_ranges
from vaelib.widgets.subject import Subject

ROWS = 12  # the rest is named
EXAMPLES = 10
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
            words = f"asleep, {self._measured()}"
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
        return "; ".join(filter(None, [self._measured(), ", ".join(others)]))

    def _measured(self) -> str:
        if self.unit == "nats":
            return f"{self.worth:.2f} nats"
        return f"spread {self.worth:.2f}"


class Traversals(Explorer):
    """Each latent dimension as a row of decodings, with the factor it follows.

    A row sweeps one dimension through the range of the data's posterior (else
    ±3) while the others keep the code of a base picture. A slider under the
    row, or a drag over it, moves along it, and the larger picture at its end
    follows; arrow keys move a slider, Shift makes the steps ten times larger,
    Home returns to the base picture's own value. Another base picture begins
    all rows anew. Rows are sorted by KL, the largest first; the first twelve are
    shown, the rest named.

    Where the data has factors, each row says which of them it follows: the one
    of whose variance the dimension explains the largest share. For that the
    examples are sorted by their code (the posterior's mean) and cut into 20
    cells of equal count; the share is 1 less the variance that is left within
    cells over the variance of all (the correlation ratio, corrected for the
    number of cells). It need not be a straight line, and it may go up and down.
    A factor that equals the labels counts as classes, not as a number; one that
    never varies is left out.

    Args:
        model: a VAE, an Autoencoder, or anything with ``encode(x)`` and
            ``decode(z)``; any latent size. KL is to the prior N(0, I); under
            another prior, to the Gaussian with the mean and variance that all
            posteriors together have.
        data: a ``Dataset``, a tensor ``(N, *data_shape)``, or a pair
            ``(x, labels)``; only a ``Dataset`` has factors. With fewer than 40
            examples none are named.
        base: which of the first ten examples (in the widget's own order) the
            rows start from.
        columns: pictures in a row, 3 to 15.
        prefer, image_shape, seed: as for :class:`~vaelib.widgets.LatentPad`.

    Traits:
        base: number of the base picture, from 0; setting it sets ``at``.
        axis: the dimension moved last, from 0; one that has a row.
        at: where each dimension's slider stands, Z numbers.
        z: the code of the moved row's picture. It follows the three others.

    Raises:
        TypeError: for a model without these methods, or data of another kind.
        ValueError: for shapes that do not fit, NaN, a base, axis or columns out
            of range.

    Example:
        >>> import vaelib as vl
        >>> data = vl.load("sprites", n=60)
        >>> rows = Traversals(vl.conv_vae((1, 32, 32), 6, 8), data)
        >>> len(rows.axes), rows.sweep(0).shape
        (6, torch.Size([7, 6]))
    """

    kind = "traversals"
    _esm = esm.module("traversals")
    _css = esm.style() + Path(__file__).with_suffix(".css").read_text("utf-8")
    base = traitlets.Int(0).tag(sync=True)
    axis = traitlets.Int(0).tag(sync=True)
    at = Numbers([]).tag(sync=True)
    _parts = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any,
        *,
        base: int = 0,
        columns: int = 7,
        prefer: Where = "page",
        image_shape: tuple[int, int, int] | None = None,
        seed: int = 0,
    ):
        if data is None:
            raise TypeError("data: got None, wanted the pictures to start from")
        if not 3 <= columns <= 15:
            raise ValueError(f"columns: got {columns}, wanted 3 … 15")
        subject = Subject(model, data, image_shape=image_shape, seed=seed)
        self.columns = columns
        self._factors = _factors(subject, data)
        self._codes = _examples(subject)
        self._checked("base", base, len(self._codes))
        start = self._codes[base]
        super().__init__(subject, z=start, at=start, prefer=prefer)
        self.axis = self._shown[0].axis
        self.base = base

    def sweep(self, axis: int) -> Tensor:
        """The codes along a dimension's row, ``(columns, Z)``."""
        self._checked("axis", axis, self.subject.latent_dim)
        codes = self._codes[self.base].repeat(self.columns, 1)
        low, high = self._low[axis], self._high[axis]
        part = torch.arange(self.columns) / (self.columns - 1)
        codes[:, axis] = low + (high - low) * part
        return codes

    @property
    def _shown(self) -> list[Axis]:
        return self.axes[:ROWS]

    def _read(self) -> None:
        super()._read()
        self._codes = _examples(self.subject)
        ranges = slider_ranges(self.subject)
        # Each base picture stands within its row.
        self._low = torch.tensor(ranges["low"]).minimum(self._codes.amin(0))
        self._high = torch.tensor(ranges["high"]).maximum(self._codes.amax(0))
        #: What is known of each dimension, sorted as the rows are.
        self.axes: list[Axis] = _axes(self.subject, self._factors)
        assert self.subject.x is not None
        self._parts = {
            "rows": [self._row(axis, ranges) for axis in self._shown],
            "rest": " ".join(filter(None, [_rest(self.axes[ROWS:]), self._legend()])),
            "columns": self.columns,
            "codes": self._codes.numpy().astype("<f4").tobytes(),
            "pictures": self.subject.x[:EXAMPLES].numpy().astype("<f4").tobytes(),
        }

    def _row(self, axis: Axis, ranges: dict[str, Any]) -> dict[str, Any]:
        i = axis.axis
        return {
            "axis": i,
            "low": self._low[i].item(),
            "high": self._high[i].item(),
            "inner": [side[i] for side in ranges["inner"]],
            "step": ranges["step"][i],
            "says": axis.says(),
            "also": axis.also(),
            "asleep": axis.asleep,
        }

    def _legend(self) -> str:
        line = "The dashed line is the base picture's own value."
        if self._factors:
            line += (
                " Numbers beside a factor: the share of its variance over the data "
                "that the axis explains by itself."
            )
        return line

    def refresh(self) -> None:
        """Read the model again, e.g. after more training."""
        super().refresh()
        with self.hold_sync():
            if self.axis not in [a.axis for a in self._shown]:
                self.axis = self._shown[0].axis
            self.at = self._codes[self.base]

    # ------------------------------------------------------------- what follows

    @traitlets.validate("base", "axis")
    def _check_whole(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, int(proposal["value"])
        if name == "base":
            self._checked(name, value, len(self._codes))
        elif value not in (shown := sorted(a.axis for a in self._shown)):
            raise BadCode(f"axis: got {value}, wanted one that has a row: {shown}")
        return value

    @traitlets.validate("at")
    def _check_at(self, proposal: Any) -> list[float]:
        try:
            checked: list[float] = self._check_z(proposal)
        except BadCode as error:
            raise BadCode(str(error).replace("z:", "at:", 1)) from None
        return checked

    @staticmethod
    def _checked(name: str, value: int, count: int) -> None:
        if not 0 <= value < count:
            raise BadCode(f"{name}: got {value}, wanted 0 … {count - 1}")

    @traitlets.observe("base")
    def _begin(self, _: Any) -> None:
        if not self._from_page:
            self.at = self._codes[self.base]

    @traitlets.observe("base", "axis", "at")
    def _follow(self, _: Any) -> None:
        if self._from_page or len(self.at) != self.subject.latent_dim:
            return
        z = self._codes[self.base].tolist()
        z[self.axis] = self.at[self.axis]
        self.z = z

    _from_page = False

    def set_state(self, sync_data: Any) -> None:
        """What the page says: there all that follows is set, too."""
        self._from_page = True
        try:
            super().set_state(sync_data)
        finally:
            self._from_page = False

    # ---------------------------------------------------------------- the still

    def _still(self) -> tuple[Figure, str]:
        rows = self._shown
        fig, (ax,) = still.figure(1)
        codes = torch.cat([self.sweep(row.axis) for row in rows])
        pictures = self.subject.decode(codes)
        sheet, format = still.sheet(pictures, self.columns, self._format)
        title = f"each row: one axis moved, the rest as in picture {self.base + 1}"
        still.draw_picture(ax, sheet, format, title)
        high = format.shape[1] / len(rows)
        wide = format.shape[2] / self.columns
        tall = 0.6 * len(rows) * high / wide
        words_wide = 0.4 + 0.075 * max(len(_told(row)) for row in rows)
        fig.set_size_inches(words_wide + 0.6 * self.columns, 0.4 + tall)
        ax.set_anchor("E")
        across = [k * wide - 0.5 for k in range(1, self.columns)]
        down = [k * high - 0.5 for k in range(1, len(rows))]
        ax.vlines(across, *ax.get_ylim(), color="white", lw=1)
        ax.hlines(down, *ax.get_xlim(), color="white", lw=3)
        ax.set_yticks([(k + 0.5) * high - 0.5 for k in range(len(rows))])
        ax.set_yticklabels([_plain(row) for row in rows])
        ax.tick_params(length=0, labelsize=9)
        words = "; ".join(_told(row) for row in rows)
        return fig, (
            f"Traversals: {len(rows)} rows of {self.columns} decodings, each along one "
            f"latent dimension with the others as in picture {self.base + 1}. {words}"
        )


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


def _examples(subject: Subject) -> Tensor:
    assert subject.codes is not None
    return subject.codes[:EXAMPLES]


def _factors(subject: Subject, data: Any) -> dict[str, Tensor]:
    """Each factor that varies, of the examples the subject knows: ``(N, K)``."""
    if not isinstance(data, Dataset) or data.factors is None:
        return {}
    assert subject.rows is not None
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


def _axes(subject: Subject, factors: dict[str, Tensor]) -> list[Axis]:
    """All latent dimensions, those that carry most first."""
    assert subject.codes is not None
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
    mu, log_var = subject.moments(subject.x).double().chunk(2, -1)
    spread = mu.var(0, unbiased=False)
    if log_var.isinf().any():
        return spread.sqrt(), "spread"
    var = log_var.exp()
    if subject.standard_prior():
        return 0.5 * (mu**2 + var - 1 - log_var).mean(0), "nats"
    whole = spread + var.mean(0)
    return 0.5 * (whole.log() - log_var.mean(0)), "nats"


def _rest(axes: Sequence[Axis]) -> str:
    """The dimensions without a row, in words."""
    if not axes:
        return ""
    some = ", ".join(axis.name for axis in axes[:ROWS])
    more = f" and {len(axes) - ROWS} more" if len(axes) > ROWS else ""
    most = axes[0]._measured()
    return f"Not shown: {some}{more} (each {most} or less)."


def _told(axis: Axis) -> str:
    return f"{axis.name} {axis.says() or axis._measured()}"


def _plain(axis: Axis) -> str:
    """With a subscript that every font has."""
    return f"$z_{{{axis.axis + 1}}}$ {axis.says() or axis._measured()}"
