"""One code, decoded under several likelihoods at once."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import torch
import traitlets
from matplotlib.axes import Axes
from torch import Tensor, nn

from vaelib.distributions import (
    BernoulliHead,
    CategoricalHead,
    ContinuousBernoulliHead,
    GaussianHead,
    smooth_bound,
)
from vaelib.models import VAE
from vaelib.networks.beside import Beside
from vaelib.randomness import seeded
from vaelib.widgets.base import Planar
from vaelib.widgets.pictures import PictureFormat, float32
from vaelib.widgets.still import Still, draw_picture, draw_plane, figure, show_code
from vaelib.widgets.subject import Options, put, subject_of
from vaelib.widgets.traits import Whole
from vaelib.widgets.travel import CannotTravel, pack

DRAWS = 20  # then the noise comes round again


class LikelihoodPad(Planar, front="likelihood_pad"):
    """A latent plane, and what several likelihoods say of the point on it: for each
    its mean, one sample and its σ, pixel by pixel, with the mean σ in numbers.

    Drag the point, or use the arrow keys. All samples are drawn with the same
    noise, which stays while the point moves; "New sample" draws another. In the
    σ maps black is 0 and white ½, the most that a pixel in [0, 1] can have.

    Args:
        models: name → VAE with two latent dimensions. They share their codes, so
            that one point means the same picture to all; each decoder is
            ``nn.Sequential(body, head)`` with one of vaelib's heads.
        data: as for :class:`~vaelib.widgets.LatentPad`; its codes are those of
            the first model.
        z: where the point starts, two numbers; default the origin.
        prefer, image_shape, seed: as for :class:`~vaelib.widgets.LatentPad`; the
            seed is that of the noise, too.

    Traits:
        z: the code now shown.
        draw: which noise the samples have, from 0 to 19.

    Raises:
        TypeError: for a model without a decoder of this form.
        ValueError: as for :class:`~vaelib.widgets.LatentPad`, or for no models.

    Example:
        >>> import vaelib as vl
        >>> kinds = ("bernoulli", "continuous-bernoulli")
        >>> models = {k: vl.mlp_vae((1, 8, 8), 2, (9,), k) for k in kinds}
        >>> LikelihoodPad(models).z
        [0.0, 0.0]
    """

    draw = Whole(0, 0, DRAWS - 1)
    _heads: Any = traitlets.List().tag(sync=True)
    _noise = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        models: Mapping[str, VAE],
        data: Any = None,
        *,
        z: Sequence[float] | Tensor | None = None,
        **options: Unpack[Options],
    ):
        if not models:
            raise ValueError("models: got none, wanted one or more")
        self.models = dict(models)
        parts = [_body_and_head(name, model) for name, model in models.items()]
        self._bodies = Beside(*(body for body, _ in parts))
        first = next(iter(self.models.values()))
        super().__init__(subject_of(first, data, latent_dim=2, **options), z=z)
        self._heads = [
            {"name": name, **_described(head)}
            for name, (_, head) in zip(models, parts, strict=True)
        ]
        shape = (DRAWS, 2, self._pixels())
        with seeded(self.subject.seed):
            self._noise = float32(torch.rand(shape))

    def _pixels(self) -> int:
        return torch.Size(self.subject.data_shape).numel()

    def _read(self) -> None:
        super()._read()
        # What the page wants is not the first model's mean but all models' features.
        if "weights" in self._decoder:
            probe = put(self.subject.model, self.subject.spread()[:96])
            try:
                self._decoder = dict(pack(self._bodies, probe))
            except CannotTravel as reason:
                self._decoder = {"why": str(reason)}

    def _evaluate(self, op: str, given: Tensor) -> Tensor:
        with torch.no_grad():
            features: Tensor = self._bodies(put(self.subject.model, given[None]))
        return features[0].float().cpu()

    def _still(self) -> Still:
        fig, axes = figure(1 + len(self.models))
        fig.set_size_inches(1.9 * len(axes), 3)
        draw_plane(axes[0], self._plane, self.z)
        code = put(self.subject.model, torch.tensor([self.z]))
        for ax, (name, model) in zip(axes[1:], self.models.items(), strict=True):
            with torch.no_grad(), seeded(self.subject.seed):
                p = model.likelihood(code)
                three = p.mean, p.sample(), 2 * p.stddev
            _column(ax, [t[0].float().cpu() for t in three], self._format, name)
        return fig, (
            f"The latent plane, and at {show_code(self.z)} the mean, a sample and the "
            f"σ of every pixel under {', '.join(self.models)}"
        )


def _column(ax: Axes, three: list[Tensor], format: PictureFormat, name: str) -> None:
    """Mean, sample and σ below each other."""
    channels, height, width = format.shape
    tall = PictureFormat((channels, 3 * height, width), format.range)
    parts = [t.reshape(format.shape) for t in three]
    draw_picture(ax, torch.cat(parts, 1), tall, name)


def _body_and_head(name: str, model: Any) -> tuple[nn.Module, nn.Module]:
    decoder = getattr(model, "decoder", None)
    if (
        not (isinstance(decoder, nn.Sequential) and len(decoder) == 2)
        or type(decoder[1]) not in _DESCRIBED
    ):
        raise TypeError(
            f"models: {name!r} has no decoder nn.Sequential(body, head) with one of "
            f"{', '.join(kind.__name__ for kind in _DESCRIBED)}"
        )
    return decoder[0], decoder[1]


def _gaussian(head: GaussianHead) -> dict[str, Any]:
    shared = head.log_var
    log_var = None if shared is None else float(smooth_bound(shared.detach()))
    return {"kind": "gaussian", "log_var": log_var, "floor": head.floor}


# What a page has to know of a head to draw from it.
_DESCRIBED: dict[type[nn.Module], Any] = {
    GaussianHead: _gaussian,
    BernoulliHead: lambda _: {"kind": "bernoulli"},
    ContinuousBernoulliHead: lambda _: {"kind": "continuous"},
    CategoricalHead: lambda head: {"kind": "levels", "levels": head.levels},
}


def _described(head: nn.Module) -> dict[str, Any]:
    told: dict[str, Any] = _DESCRIBED[type(head)](head)
    return told
