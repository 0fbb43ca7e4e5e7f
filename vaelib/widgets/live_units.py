"""A model in training, seen by its latent dimensions: which are alive, which died."""

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import Any, cast

import torch
import traitlets
from torch import Tensor, nn

from vaelib.objectives import Elbo, LatentModel, elbo
from vaelib.objectives.kl import closed_kl
from vaelib.widgets.live_training import LiveTraining
from vaelib.widgets.recording import Frame
from vaelib.widgets.traits import BadValue

MOST_FREE = 2.0  # nats, at the slider's end


class LiveUnits(LiveTraining):
    """:class:`LiveTraining` with a bar for each latent dimension, its mean KL, in
    place of the plane, and with free bits in place of the learning rate.

    Args:
        build_or_model, data: as for :class:`LiveTraining`; the posterior's KL must be
            a sum over dimensions.
        free_bits: nats of each dimension that cost nothing, at the start.
        options: as for :class:`LiveTraining`: ``beta``, ``lr``, ``seed`` …

    Traits:
        beta, free_bits: what the sliders show; setting them moves the sliders.

    Raises:
        TypeError, ValueError: as for :class:`LiveTraining`.

    Example:
        >>> import vaelib as vl
        >>> model = vl.mlp_vae((1, 8, 8), latent_dim=4, hidden=(16,))
        >>> live = LiveUnits(model, vl.load("digits"), free_bits=0.1)
        >>> len(live.record(20, frames=2))
        3
    """

    free_bits = traitlets.Float(0.0).tag(sync=True)

    def __init__(
        self,
        build_or_model: nn.Module | Callable[[int], nn.Module],
        data: Any,
        *,
        free_bits: float = 0.0,
        **options: Any,
    ):
        super().__init__(build_or_model, data, **options)
        self.free_bits = float(free_bits)
        sliders = {
            "beta": self._page["sliders"]["beta"],
            "free_bits": [0.0, MOST_FREE, self.free_bits],
        }
        self._page = {**self._page, "sliders": sliders, "units": self.model.latent_dim}
        self._restart()

    def _objective(self, model: Any, x: Tensor) -> Elbo:
        return elbo(model, x, beta=self.beta, free_bits=self.free_bits)

    def _picture(self) -> Frame:
        frame, model = super()._picture(), cast(LatentModel, self.model)
        with self._drive.slices.looking(), torch.no_grad():
            kl = closed_kl(model.posterior(self._camera.shown), model.prior)
        if kl is None or kl[1] is None:
            raise ValueError(
                "build_or_model: this posterior's KL is not a sum over dimensions, so "
                "there is no bar for each. Use a diagonal Gaussian."
            )
        units = [round(v, 4) for v in kl[1].flatten(1).mean(0).tolist()]
        about: dict[str, Any] = {"free_bits": self.free_bits, "units": units}
        return replace(frame, about={**frame.about, **about}, codes=b"")

    @traitlets.validate("free_bits")
    def _check_free(self, proposal: Any) -> float:
        value = proposal["value"]
        if not isfinite(value) or value < 0:
            raise BadValue(f"free_bits: got {value}, wanted nats ≥ 0")
        return float(value)
