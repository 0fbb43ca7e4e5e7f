"""One slider for each latent dimension."""

from collections.abc import Sequence
from typing import Any

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.widgets import esm, still
from vaelib.widgets.base import Explorer, Where
from vaelib.widgets.scene import nice
from vaelib.widgets.subject import Subject


class LatentSliders(Explorer):
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

    kind = "latent-sliders"
    _esm = esm.module("latent_sliders")
    _css = esm.style()
    _ranges = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any = None,
        *,
        z: Sequence[float] | Tensor | None = None,
        prefer: Where = "page",
        image_shape: tuple[int, int, int] | None = None,
        seed: int = 0,
    ):
        subject = Subject(model, data, image_shape=image_shape, seed=seed)
        super().__init__(subject, z=z, prefer=prefer)

    def _read(self) -> None:
        super()._read()
        self._ranges = _ranges(self.subject)

    def _still(self) -> tuple[Figure, str]:
        fig, (left, right) = still.figure(2)
        still.draw_sliders(left, self._ranges, self.z)
        code = still.show_code(self.z)
        still.draw_picture(right, self._decoded(), self._format, code)
        return fig, f"{len(self.z)} latent sliders, and the picture decoded at {code}"


def _ranges(subject: Subject) -> dict[str, Any]:
    """Limits, middle and step of each slider, and codes to jump to."""
    size = subject.latent_dim
    codes = subject.aggregate()
    low, high = torch.full((size,), -3.0), torch.full((size,), 3.0)
    # The middle 80 % of N(0, 1) where there is no data.
    inner = torch.tensor([[-1.2816], [1.2816]]).expand(2, size)
    if codes is not None:
        outer = codes.quantile(torch.tensor([0.003, 0.997]), dim=0)
        inner = codes.quantile(torch.tensor([0.1, 0.9]), dim=0)
        room = (0.1 * (outer[1] - outer[0])).clamp(min=1e-3)
        # The origin is always within reach: Home goes there.
        low = (outer[0] - room).clamp(max=0)
        high = (outer[1] + room).clamp(min=0)
    return {
        "low": low.tolist(),
        "high": high.tolist(),
        "inner": inner.tolist(),
        "step": [nice(v / 120) for v in (high - low).tolist()],
        "bank": subject.spread().numpy().astype("<f4").tobytes(),
    }
