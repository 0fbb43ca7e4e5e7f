"""A wall of pictures decoded from draws of the prior."""

from typing import Any, Unpack

import torch
import traitlets
from torch import Tensor
from torch.distributions import Distribution

from vaelib.distributions import mean_of
from vaelib.randomness import seeded
from vaelib.widgets.base import Explorer
from vaelib.widgets.pictures import float32
from vaelib.widgets.still import Still, draw_picture, draw_sheet, figure
from vaelib.widgets.subject import Options, Subject, subject_of
from vaelib.widgets.traits import Real, Whole, following, refuse_outside

WALLS = 50  # then the draws come round again


class SamplesWall(Explorer, front="samples_wall", sheet="walks"):
    """Pictures decoded from draws of the prior, and a button for new ones.

    The temperature scales the draws about the prior's mean: 1 is the prior, 0
    its mean, above 1 lie codes that it hardly ever gives. A click, or the arrow
    keys, choose a picture that is shown enlarged.

    Args:
        model: a VAE, an Autoencoder, or anything with ``decode(z)`` (and
            ``encode(x)`` when there is data); any latent size. Without a prior,
            draws come from the Gaussian with mean and covariance of the data's
            codes, or from N(0, I) where there is no data.
        data, prefer, image_shape: as for :class:`~vaelib.widgets.LatentPad`.
        count: pictures on a wall, at most 100.
        columns: pictures in a row.
        seed: of the draws.

    Traits:
        wall: which wall is shown; the button adds one.
        temperature: between 0 and 3.
        tile: number of the chosen picture, from 0.
        z: its code. It follows the three others.

    Raises:
        TypeError: for a model without these methods, or data of another kind.
        ValueError: for shapes that do not fit, NaN, or a count out of range.

    Example:
        >>> import vaelib as vl
        >>> wall = SamplesWall(vl.mlp_vae((1, 8, 8), 10, (8,)))
        >>> wall.codes().shape
        torch.Size([40, 10])
    """

    wall = Whole(0, 0, WALLS - 1)
    temperature = Real(1.0, 0, 3)
    tile = Whole(0, 0, lambda self: self.count - 1)
    _bank = traitlets.Dict().tag(sync=True)
    _wall = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any = None,
        *,
        count: int = 40,
        columns: int = 8,
        **options: Unpack[Options],
    ):
        refuse_outside("count", count, 1, 100)
        refuse_outside("columns", columns, 1, count)
        self.count, self.columns = count, columns
        super().__init__(subject_of(model, data, **options))

    def codes(self) -> Tensor:
        """The codes on the wall now shown, ``(count, Z)``."""
        draws = self._draws[self.wall * self.count :][: self.count]
        codes: Tensor = self._middle + self.temperature * (draws - self._middle)
        return codes

    def _read(self) -> None:
        super()._read()
        self._draws, self._middle, words = _draws(self.subject, WALLS * self.count)
        self._wall = {
            "count": self.count,
            "columns": self.columns,
            "walls": WALLS,
            "words": words,
        }
        self._bank = {"bank": float32(self._draws), "middle": float32(self._middle)}
        self._follow()

    @following("wall", "temperature", "tile")
    def _follow(self) -> None:
        self.z = self.codes()[self.tile]

    def _still(self) -> Still:
        fig, (left, right) = figure(2)
        pictures = self.subject.decode(self.codes())
        heat = f"temperature {self.temperature:.2f}"
        title = f"{self.count} draws, {heat}"
        draw_sheet(left, pictures, self.columns, self._format, title)
        name = f"picture {self.tile + 1}"
        draw_picture(right, self._decoded(), self._format, name)
        return fig, (
            f"A wall of {self.count} pictures decoded from draws of the prior at "
            f"{heat}, and one of them enlarged"
        )


def _draws(subject: Subject, n: int) -> tuple[Tensor, Tensor, str]:
    """Draws ``(n, Z)``, their middle ``(Z,)``, and where they come from."""
    prior = getattr(subject.model, "prior", None)
    with seeded(subject.seed), torch.no_grad():
        if isinstance(prior, Distribution):
            z = prior.sample((n,)).float().cpu()
            return (
                z,
                mean_of(prior, seed=subject.seed).float().cpu(),
                "decoded draws from the prior",
            )
        eps = torch.randn(n, subject.latent_dim)
        if len(subject.codes) < 2:
            return eps, torch.zeros(subject.latent_dim), "decoded draws from N(0, I)"
        codes = subject.codes.double()
        mean, cov = codes.mean(0), codes.T.cov().reshape(2 * [codes.shape[1]])
        values, vectors = torch.linalg.eigh(cov)
        root = vectors * values.clamp(min=0).sqrt()
        z = (mean + eps.double() @ root.T).float()
        return z, mean.float(), "decoded draws from a Gaussian fitted to the codes"
