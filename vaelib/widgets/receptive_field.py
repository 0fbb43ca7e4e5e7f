"""Networks as rows of maps, and what a place of a map depends on."""

from collections.abc import Mapping
from typing import Any

import traitlets
from matplotlib.patches import Rectangle
from torch import Tensor

from vaelib.layers.receptive import Stage, receptive_field, stages
from vaelib.models import VAE
from vaelib.widgets.base import Pictured
from vaelib.widgets.still import Still, figure
from vaelib.widgets.traits import BadValue, Choice, Numbers, following


class ReceptiveField(Pictured, front="receptive_field"):
    """The maps of a VAE's two networks, each with its shape and parameters.

    Drag over a map: in all maps before it lights up what that place depends on, and
    in the input its receptive field. Or choose a map and a place with the three
    sliders (arrow keys, Shift for larger steps). The maps show one example: in the
    middle of the network the mean size of the numbers over the channels.

    Args:
        models: name → VAE, put in ``eval()`` mode here; the first is shown.
        x: the example, ``(1, C, H, W)``.

    Traits:
        network: the name of the model shown.
        place: number of the map (0 is the input), row and column of the place; it
            follows the reader's hand. Another network begins in the middle of its
            last map.

    Raises:
        ValueError: for no models, more than one example, or a place that there is
            not.

    Example:
        >>> import torch
        >>> import vaelib as vl
        >>> model = vl.conv_vae((1, 8, 8), 2, 4, depth=0)
        >>> shown = ReceptiveField({"patches": model}, torch.zeros(1, 1, 8, 8))
        >>> shown.place = [1, 0, 1]
        >>> int(shown.field().sum())
        16
    """

    network = Choice(lambda self: self._made)
    place = Numbers(lambda self: 3, "of map, row and column")
    _scene = traitlets.Dict().tag(sync=True)

    def __init__(self, models: Mapping[str, VAE], x: Tensor):
        if not models:
            raise ValueError("models: got none, wanted one or more")
        self._made = {
            name: stages(x, model.eval().encoder, model.decoder)
            for name, model in models.items()
        }
        first = next(iter(self._made))
        super().__init__(
            network=first,
            place=self._middle(first),
            _scene={name: list(map(_told, made)) for name, made in self._made.items()},
        )

    def field(self, on: int = 0) -> Tensor:
        """What the place depends on in map ``on``, the input by default: bool,
        ``(H, W)``, or the shape of what is no picture."""
        at, row, column = map(int, self.place)
        return receptive_field(self._made[self.network], at, row, column, on=on)

    def _middle(self, name: str) -> list[float]:
        made = self._made[name]
        return [len(made) - 1, *(side // 2 for side in made[-1].shape[-2:])]

    @following("network")
    def _begin(self) -> None:
        self.place = self._middle(self.network)

    @traitlets.validate("place")
    def _check(self, proposal: Any) -> list[float]:
        place = [float(int(v)) for v in proposal["value"]]
        at, row, column = map(int, place)
        try:
            receptive_field(self._made[self.network], at, row, column)
        except ValueError as error:
            raise BadValue(f"place: {error}") from error
        return place

    def _still(self) -> Still:
        made, (at, row, column) = self._made[self.network], map(int, self.place)
        fig, axes = figure(2)
        for ax, k, lit in zip(
            axes, (0, at), (self.field(), self.field(at)), strict=True
        ):
            ax.imshow(_seen(made[k]).numpy(), cmap="gray")
            ax.set(xticks=[], yticks=[], xlabel=made[k].name)
            for i, j in lit.nonzero()[:, :2] if lit.dim() == 2 else ():
                box = Rectangle((j - 0.5, i - 0.5), 1, 1, color="#e06a1b", alpha=0.5)
                ax.add_patch(box)
        return fig, (
            f"{self.network}: row {row}, column {column} of map {at}, {made[at].name}, "
            f"depends on {int(self.field().sum())} of the {self.field().numel()} pixels"
        )


def _seen(stage: Stage) -> Tensor:
    """The mean size over channels, or a vector as a column, from 0 to 1."""
    values = stage.values[0].abs().float().cpu()
    flat = values.mean(0) if values.dim() == 3 else values.reshape(-1, 1)
    top: Tensor = flat / flat.max().clamp(min=1e-12)
    return top


def _told(stage: Stage) -> dict[str, Any]:
    """A stage as the page gets it; rows as texts of 0 and 1."""

    def texts(reach: Tensor | None) -> list[str] | None:
        rows = None if reach is None else reach.int().tolist()
        return None if rows is None else ["".join(map(str, row)) for row in rows]

    return {
        "name": stage.name,
        "shape": stage.shape,
        "parameters": stage.parameters,
        "seen": (255 * _seen(stage)).round().int().tolist(),
        "rows": texts(stage.rows),
        "columns": texts(stage.columns),
    }
