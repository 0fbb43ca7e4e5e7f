"""One slider for each latent dimension."""

from collections.abc import Sequence
from typing import Any, Unpack

import traitlets
from torch import Tensor

from vaelib.widgets.base import Explorer
from vaelib.widgets.scene import slider_ranges
from vaelib.widgets.still import Still, draw_picture, draw_sliders, figure, show_code
from vaelib.widgets.subject import Options, subject_of


class LatentSliders(Explorer, front="latent_sliders"):
    """A slider for each latent dimension, and the decoding.

    Each slider spans where the posterior of the data lies (else the prior,
    ±3); the band under it is where the middle 80 % of it is. "Reset" returns to
    the origin, "Random" goes to a draw from the prior. Arrow keys move a slider,
    Shift makes the steps ten times larger, Home sets it to 0.

    Args:
        model: a VAE, an Autoencoder, or anything with ``decode(z)`` (and
            ``encode(x)`` when there is data); any latent size.
        data: a ``Dataset``, a tensor ``(N, *data_shape)``, a pair
            ``(x, labels)``, or None.
        z: where the sliders start, Z numbers; default the origin.
        prefer, image_shape, seed: as for :class:`LatentPad`.

    Raises:
        TypeError: for a model without these methods, or data of another kind.
        ValueError: for shapes that do not fit, NaN, or a latent size that
            nothing tells.

    Example:
        >>> import vaelib as vl
        >>> sliders = LatentSliders(vl.mlp_vae((1, 28, 28), latent_dim=10))
        >>> len(sliders.z)
        10
    """

    _ranges = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any = None,
        *,
        z: Sequence[float] | Tensor | None = None,
        **options: Unpack[Options],
    ):
        super().__init__(subject_of(model, data, **options), z=z)

    def _read(self) -> None:
        super()._read()
        self._ranges = slider_ranges(self.subject)

    def _still(self) -> Still:
        fig, (left, right) = figure(2)
        draw_sliders(left, self._ranges, self.z)
        code = show_code(self.z)
        draw_picture(right, self._decoded(), self._format, code)
        return fig, f"{len(self.z)} latent sliders, and the picture decoded at {code}"
