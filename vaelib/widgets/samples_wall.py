"""A wall of pictures decoded from draws of the prior."""

from typing import Any

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor
from torch.distributions import Distribution

from vaelib.randomness import seeded
from vaelib.widgets import esm, still
from vaelib.widgets.base import BadCode, Explorer, Where
from vaelib.widgets.path_on_plane import STYLE
from vaelib.widgets.subject import Subject

WALLS = 50  # then the draws come round again


class SamplesWall(Explorer):
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

    kind = "samples-wall"
    _esm = esm.module("samples_wall")
    _css = esm.style() + STYLE
    wall = traitlets.Int(0).tag(sync=True)
    temperature = traitlets.Float(1.0).tag(sync=True)
    tile = traitlets.Int(0).tag(sync=True)
    _bank = traitlets.Dict().tag(sync=True)
    _wall = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any = None,
        *,
        count: int = 40,
        columns: int = 8,
        prefer: Where = "page",
        image_shape: tuple[int, int, int] | None = None,
        seed: int = 0,
    ):
        if not 1 <= count <= 100:
            raise ValueError(f"count: got {count}, wanted 1 … 100")
        if not 1 <= columns <= count:
            raise ValueError(f"columns: got {columns}, wanted 1 … {count}")
        subject = Subject(model, data, image_shape=image_shape, seed=seed)
        self.count, self.columns = count, columns
        self._draws, self._middle, words = _draws(subject, WALLS * count)
        shape = {"count": count, "columns": columns, "walls": WALLS, "words": words}
        super().__init__(
            subject, z=self._draws[0], prefer=prefer, _wall=shape, **self._to_page()
        )

    def codes(self) -> Tensor:
        """The codes on the wall now shown, ``(count, Z)``."""
        draws = self._draws[self.wall * self.count :][: self.count]
        return self._middle + self.temperature * (draws - self._middle)

    def refresh(self) -> None:
        """Read the model again, e.g. after more training."""
        super().refresh()
        self._draws, self._middle, _ = _draws(self.subject, WALLS * self.count)
        self._bank = self._to_page()["_bank"]
        self._follow(None)

    def _to_page(self) -> dict[str, Any]:
        parts = {"bank": self._draws, "middle": self._middle}
        return {
            "_bank": {k: v.numpy().astype("<f4").tobytes() for k, v in parts.items()}
        }

    @traitlets.validate("wall", "temperature", "tile")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        most = {"wall": WALLS - 1, "temperature": 3, "tile": self.count - 1}[name]
        if not 0 <= value <= most:
            raise BadCode(f"{name}: got {value}, wanted 0 … {most}")
        return value

    @traitlets.observe("wall", "temperature", "tile")
    def _follow(self, _: Any) -> None:
        z = self.codes()[self.tile]
        if not torch.allclose(z, torch.tensor(self.z), atol=1e-5):
            self.z = z

    def _still(self) -> tuple[Figure, str]:
        fig, (left, right) = still.figure(2)
        pictures = self.subject.decode(self.codes())
        heat = f"temperature {self.temperature:.2f}"
        sheet = still.sheet(pictures, self.columns, self._format)
        still.draw_picture(left, *sheet, f"{self.count} draws, {heat}")
        name = f"picture {self.tile + 1}"
        still.draw_picture(right, self._decoded(), self._format, name)
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
            return z, _mean_of(prior, z), "decoded draws from the prior"
        eps = torch.randn(n, subject.latent_dim)
        if subject.codes is None or len(subject.codes) < 2:
            return eps, torch.zeros(subject.latent_dim), "decoded draws from N(0, I)"
        codes = subject.codes.double()
        mean, cov = codes.mean(0), codes.T.cov().reshape(2 * [codes.shape[1]])
        values, vectors = torch.linalg.eigh(cov)
        root = vectors * values.clamp(min=0).sqrt()
        z = (mean + eps.double() @ root.T).float()
        return z, mean.float(), "decoded draws from a Gaussian fitted to the codes"


def _mean_of(prior: Distribution, draws: Tensor) -> Tensor:
    try:
        return prior.mean.detach().float().cpu()
    except NotImplementedError:  # a flow, for one, knows only its samples
        return draws.mean(0)
