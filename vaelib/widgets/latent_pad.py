"""The latent plane: drag the point, see its decoding."""

from collections.abc import Sequence
from typing import Any, Unpack

from torch import Tensor

from vaelib.widgets.base import Planar
from vaelib.widgets.still import Still, draw_picture, draw_plane, figure, show_code
from vaelib.widgets.subject import Options, subject_of


class LatentPad(Planar, front="latent_pad"):
    """A point on the latent plane of a two-dimensional model, and its decoding.

    The data's codes are dots in the colours of their classes; dashed rings are
    1, 2 and 3 σ of a standard normal prior. Drag with mouse or finger; arrow
    keys move the point, Shift makes the steps ten times larger, Home returns to
    the origin.

    Args:
        model: a VAE, an Autoencoder, or anything with ``decode(z)`` (and
            ``encode(x)`` when there is data), with two latent dimensions.
        data: a ``Dataset``, a tensor ``(N, *data_shape)``, a pair
            ``(x, labels)``, or None for an empty plane.
        z: where the point starts, two numbers; default the origin.
        prefer: ``"page"`` evaluates the decoder in the page where it can
            travel there, ``"kernel"`` always here.
        image_shape: ``(C, H, W)`` as which an example is drawn; needed only
            where its own shape does not tell.
        seed: of the choice of dots.

    Raises:
        TypeError: for a model without these methods, or data of another kind.
        ValueError: for another latent size than 2, shapes that do not fit, NaN.

    Example:
        >>> import vaelib as vl
        >>> pad = LatentPad(vl.mlp_vae((1, 28, 28), latent_dim=2))
        >>> pad.z = [0.5, -1.0]
    """

    def __init__(
        self,
        model: Any,
        data: Any = None,
        *,
        z: Sequence[float] | Tensor | None = None,
        **options: Unpack[Options],
    ):
        super().__init__(subject_of(model, data, latent_dim=2, **options), z=z)

    def _still(self) -> Still:
        fig, (left, right) = figure(2)
        draw_plane(left, self._plane, self.z)
        code = show_code(self.z)
        draw_picture(right, self._decoded(), self._format, code)
        count = len(self._plane.points)
        dots = f" with the codes of {count:,} examples" if count else ""
        return fig, f"The latent plane{dots}, and the picture decoded at {code}"
