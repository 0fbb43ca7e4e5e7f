"""Each latent axis as a row of decodings, and the factor it follows."""

from collections.abc import Sequence
from typing import Any, Unpack

import torch
import traitlets
from torch import Tensor

from vaelib.widgets.axes import Axis, axes_of, factors_of
from vaelib.widgets.base import Explorer
from vaelib.widgets.pictures import float32
from vaelib.widgets.scene import slider_ranges
from vaelib.widgets.still import Still, draw_sheet, figure
from vaelib.widgets.subject import Options, subject_of
from vaelib.widgets.traits import BadValue, Numbers, Whole, following, refuse_outside

ROWS = 12  # the rest is named
EXAMPLES = 10


class Traversals(Explorer, front="traversals"):
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

    base = Whole(0, 0, lambda self: len(self._codes) - 1)
    axis = traitlets.Int(0).tag(sync=True)
    at = Numbers(lambda self: self.subject.latent_dim, "latent dimension")
    _parts = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any,
        *,
        base: int = 0,
        columns: int = 7,
        **options: Unpack[Options],
    ):
        if data is None:
            raise TypeError("data: got None, wanted the pictures to start from")
        refuse_outside("columns", columns, 3, 15)
        subject = subject_of(model, data, **options)
        self.columns = columns
        self._factors = factors_of(subject, data)
        self._codes = subject.codes[:EXAMPLES]
        refuse_outside("base", base, 0, len(self._codes) - 1)
        start = self._codes[base]
        super().__init__(subject, z=start, at=start, base=base)
        self.axis = self._shown[0].axis

    def sweep(self, axis: int) -> Tensor:
        """The codes along a dimension's row, ``(columns, Z)``."""
        refuse_outside("axis", axis, 0, self.subject.latent_dim - 1)
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
        self._codes = self.subject.codes[:EXAMPLES]
        ranges = slider_ranges(self.subject)
        # Each base picture stands within its row.
        self._low = torch.tensor(ranges["low"]).minimum(self._codes.amin(0))
        self._high = torch.tensor(ranges["high"]).maximum(self._codes.amax(0))
        #: What is known of each dimension, sorted as the rows are.
        self.axes: list[Axis] = axes_of(self.subject, self._factors)
        self._parts = {
            "rows": [self._row(axis, ranges) for axis in self._shown],
            "rest": " ".join(filter(None, [_rest(self.axes[ROWS:]), self._legend()])),
            "columns": self.columns,
            "codes": float32(self._codes),
            "pictures": float32(self.subject.x[:EXAMPLES]),
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

    @traitlets.validate("axis")
    def _check_axis(self, proposal: Any) -> int:
        value = int(proposal["value"])
        if value not in (shown := sorted(a.axis for a in self._shown)):
            raise BadValue(f"axis: got {value}, wanted one that has a row: {shown}")
        return value

    @following("base")
    def _begin(self) -> None:
        self.at = self._codes[self.base]

    @following("base", "axis", "at")
    def _follow(self) -> None:
        z = self._codes[self.base].tolist()
        z[self.axis] = self.at[self.axis]
        self.z = z

    # ---------------------------------------------------------------- the still

    def _still(self) -> Still:
        rows = self._shown
        fig, (ax,) = figure(1)
        codes = torch.cat([self.sweep(row.axis) for row in rows])
        title = f"each row: one axis moved, the rest as in picture {self.base + 1}"
        draw_sheet(ax, self.subject.decode(codes), self.columns, self._format, title)
        _, high, wide = self._format.shape
        words_wide = 0.4 + 0.075 * max(len(_told(row)) for row in rows)
        tall = 0.6 * len(rows) * high / wide
        fig.set_size_inches(words_wide + 0.6 * self.columns, 0.4 + tall)
        ax.set_anchor("E")
        across = [k * wide - 0.5 for k in range(1, self.columns)]
        down = [k * high - 0.5 for k in range(1, len(rows))]
        ax.vlines(across, *ax.get_ylim(), color="white", lw=1)
        ax.hlines(down, *ax.get_xlim(), color="white", lw=3)
        middles = [(k + 0.5) * high - 0.5 for k in range(len(rows))]
        # With a subscript that every font has.
        names = [_told(row, f"$z_{{{row.axis + 1}}}$") for row in rows]
        ax.set_yticks(middles, names)
        ax.tick_params(length=0, labelsize=9)
        words = "; ".join(_told(row) for row in rows)
        return fig, (
            f"Traversals: {len(rows)} rows of {self.columns} decodings, each along one "
            f"latent dimension with the others as in picture {self.base + 1}. {words}"
        )


def _rest(axes: Sequence[Axis]) -> str:
    """The dimensions without a row, in words."""
    if not axes:
        return ""
    some = ", ".join(axis.name for axis in axes[:ROWS])
    more = f" and {len(axes) - ROWS} more" if len(axes) > ROWS else ""
    most = axes[0].measured()
    return f"Not shown: {some}{more} (each {most} or less)."


def _told(axis: Axis, name: str = "") -> str:
    return f"{name or axis.name} {axis.says() or axis.measured()}"
