"""What a widget has to know of a model and its data, with all questions about
bad input asked in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelib.data import Dataset
from vaelib.distributions import unchecked
from vaelib.models import VAE, Autoencoder
from vaelib.networks.body import Body, device_of
from vaelib.pca import PCA
from vaelib.randomness import seeded
from vaelib.widgets.travel import CannotTravel, Packed, evaluating, pack

MANY = 3000  # points on a plane; more only hide each other


class Subject:
    """A model with data, as a widget sees them.

    Args:
        model: anything with ``decode(z (B, Z)) -> x (B, *data_shape)``; with data
            or a drawing, ``encode(x) -> z`` too.
        data: a :class:`~vaelib.Dataset`, a tensor or array ``(N, *data_shape)``,
            a pair ``(x, labels)``, or None.
        latent_dim: Z, where only this will do; else the model or the data tell.
        image_shape: ``(C, H, W)`` as which an example is drawn. Default: its own
            shape; a vector whose length is a square is drawn as that square.
        seed: of the choice of examples and of all samples.

    Raises:
        TypeError: the model has no ``decode`` (or ``encode``), or data is of no
            kind known here.
        ValueError: shapes that do not fit each other, or NaN.
    """

    def __init__(
        self,
        model: Any,
        data: Any = None,
        *,
        latent_dim: int | None = None,
        image_shape: tuple[int, int, int] | None = None,
        seed: int = 0,
    ):
        _require(model, "decode")
        self.model, self.seed = model, seed
        like = next(model.parameters(), None) if isinstance(model, nn.Module) else None
        self.device = device_of(model) if like is not None else torch.device("cpu")
        self.dtype = torch.float32 if like is None else like.dtype
        self.rows: Tensor | None = None  # which of the data's examples these are
        self.x, self.labels = self._examples(data)
        self._refuse_other_shape()
        self.codes = self._encoded()
        self.latent_dim = self._find_latent_dim(latent_dim)
        self.data_shape = tuple(self.decode(torch.zeros(1, self.latent_dim)).shape[1:])
        self._refuse_misfit()
        self.image_shape = _image_shape(self.data_shape, image_shape)

    def refresh(self) -> None:
        """Encode the data again, for the model may have learned since."""
        self.codes = self._encoded()

    # ------------------------------------------------------------ what it does

    def decode(self, z: Any) -> Tensor:
        """Pictures ``(B, *data_shape)``, float32 on the CPU, of codes ``(B, Z)``."""
        return self._call(self.model.decode, z)

    def encode(self, x: Any) -> Tensor:
        """Codes ``(B, Z)``, float32 on the CPU, of data ``(B, *data_shape)``."""
        _require(self.model, "encode")
        return self._call(self.model.encode, x)

    def moments(self, x: Any) -> Tensor:
        """Mean, then log-variance, of q(z|x) ``(B, 2Z)``. A model without a
        posterior is certain: its log-variance is minus infinity."""
        posterior = getattr(self.model, "posterior", None)
        if posterior is None:
            mu = self.encode(x)
            return torch.cat([mu, torch.full_like(mu, -torch.inf)], -1)
        return self._call(lambda x: _moments(posterior(x)), x)

    def spread(self) -> Tensor:
        """Draws from the prior where there is one, else codes of the data, else
        of N(0, I): ``(256, Z)``."""
        prior = getattr(self.model, "prior", None)
        with seeded(self.seed), torch.no_grad():
            if isinstance(prior, Distribution):
                return _float(prior.sample((256,)))
            if self.codes is not None:
                return self.codes[torch.randint(len(self.codes), (256,))]
            return torch.randn(256, self.latent_dim)

    def aggregate(self) -> Tensor | None:
        """One draw from q(z|x) for each example: ``(N, Z)``, or None."""
        if self.x is None or not hasattr(self.model, "posterior"):
            return self.codes
        with seeded(self.seed):
            return self._call(lambda x: self.model.posterior(x).sample(), self.x)

    def standard_prior(self) -> bool:
        """Whether the prior is N(0, I), so that rings can be drawn."""
        try:
            prior = self.model.prior
            mean, sigma = prior.mean, prior.stddev
        except (AttributeError, NotImplementedError, RuntimeError):
            return False
        return bool((mean == 0).all() and (sigma == 1).all())

    # ---------------------------------------------------------------- travelling

    def pack_decoder(self) -> Packed:
        """The decoder for the page.

        Raises:
            CannotTravel: as :func:`~vaelib.widgets.travel.pack`.
        """
        decoder = self._own("decoder", "decode", "likelihood")
        corners = 3 * torch.sign(self.spread()[:32])
        probe = torch.cat([self.spread()[:64], corners])
        return pack(decoder, self._put(probe))

    def pack_encoder(self) -> Packed:
        """The encoder for the page; it gives what :meth:`moments` does, or
        means alone.

        Raises:
            CannotTravel: as :func:`~vaelib.widgets.travel.pack`.
        """
        encoder = self._own("encoder", "encode", "posterior")
        with seeded(self.seed):
            x = torch.rand(64, *self.data_shape) if self.x is None else self.x[:64]
        return pack(encoder, self._put(x))

    def _own(self, part: str, *methods: str) -> nn.Module:
        """The network behind a method, if it is vaelib's own method."""
        kind = type(self.model)
        for method in methods:
            ours = [getattr(base, method, None) for base in (VAE, Autoencoder, PCA)]
            if method in vars(self.model) or getattr(kind, method, None) not in ours:
                raise CannotTravel(f"{kind.__name__}.{method} is not vaelib's own")
        module: nn.Module = getattr(self.model, part)
        return module

    # ------------------------------------------------------------------ finding

    def _examples(self, data: Any) -> tuple[Tensor | None, Tensor | None]:
        if data is None:
            return None, None
        x, labels = _taken_apart(data)
        if len(x) == 0:
            raise ValueError("data: it is empty; give at least one example")
        if x.isnan().any():
            raise ValueError("data: it holds NaN; fill it first: x.nan_to_num(0)")
        if labels is not None and labels.shape != (len(x),):
            raise ValueError(
                f"data: {len(x)} examples, but labels of shape "
                f"{tuple(labels.shape)}; give one whole number per example"
            )
        generator = torch.Generator().manual_seed(self.seed)
        self.rows = some = torch.randperm(len(x), generator=generator)[:MANY]
        return x[some], None if labels is None else labels[some]

    def _encoded(self) -> Tensor | None:
        if self.x is None:
            return None
        codes = self.encode(self.x)
        if not codes.isfinite().all():
            raise ValueError("model: it encodes this data to NaN or infinity")
        return codes

    def _find_latent_dim(self, wanted: int | None) -> int:
        found = self._told_latent_dim()
        if wanted is not None and found not in (wanted, None):
            raise ValueError(
                f"model: its latent_dim is {found}, and a plane has {wanted}. "
                "Use LatentSliders, which has one slider for each dimension."
            )
        size = wanted or found
        if size is None:
            raise ValueError("model: it does not tell its latent_dim; pass data=, too")
        return size

    def _told_latent_dim(self) -> int | None:
        if self.codes is not None:
            return self.codes.shape[-1]
        try:
            return int(self.model.latent_dim)
        except (AttributeError, RuntimeError):
            pass
        decoder = getattr(self.model, "decoder", None)
        for part in decoder.modules() if isinstance(decoder, nn.Module) else ():
            if isinstance(part, Body):
                return part.in_shape[0]
            if isinstance(part, nn.Linear):
                return part.in_features
        return None

    def _refuse_other_shape(self) -> None:
        # Before encoding: a network given the wrong shape would complain of
        # its layers, not of the data.
        encoder = getattr(self.model, "encoder", None)
        parts = encoder.modules() if isinstance(encoder, nn.Module) else ()
        body = next((p for p in parts if isinstance(p, Body)), None)
        if body is not None and self.x is not None:
            _same_shape(self.x, body.in_shape)

    def _refuse_misfit(self) -> None:
        if self.x is not None:
            _same_shape(self.x, self.data_shape)

    def _call(self, method: Callable[[Tensor], Any], given: Any) -> Tensor:
        """A method of the model without gradients, noise or memory peaks."""
        given = torch.as_tensor(given, dtype=torch.float32)
        with torch.no_grad(), evaluating(self.model), unchecked():
            parts = [_float(method(self._put(part))) for part in given.split(512)]
        return torch.cat(parts)

    def _put(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self.dtype)


@dataclass(frozen=True)
class PictureFormat:
    """How numbers become a picture: ``(C, H, W)``, and which are black and white."""

    shape: tuple[int, int, int]
    range: tuple[float, float]


def picture_format(subject: Subject) -> PictureFormat:
    """Grey values in [0, 1]; where the data leaves that range, its own range."""
    low, high = 0.0, 1.0
    if subject.x is not None:
        least, most = subject.x.min().item(), subject.x.max().item()
        if least < -0.01 or most > 1.01:
            low, high = least, most
    return PictureFormat(subject.image_shape, (low, high))


def _float(tensor: Tensor) -> Tensor:
    return tensor.detach().float().cpu()


def _moments(q: Distribution) -> Tensor:
    try:
        mu, sigma = q.mean, q.stddev
    except NotImplementedError:  # a flow, for one, knows only its samples
        z = q.sample((1000,))
        mu, sigma = z.mean(0), z.std(0)
    return torch.cat([mu, 2 * sigma.log()], -1)


def _require(model: Any, method: str) -> None:
    if not callable(getattr(model, method, None)):
        raise TypeError(
            f"model: {type(model).__name__} has no method {method}(); give a "
            "vl.VAE, a vl.Autoencoder, or anything with encode(x) and decode(z)"
        )


def _same_shape(x: Tensor, wanted: tuple[int, ...]) -> None:
    if tuple(x.shape[1:]) != wanted:
        raise ValueError(
            f"data: its examples have shape {tuple(x.shape[1:])}, the model's have "
            f"{wanted}. Give the data it was trained on."
        )


def _taken_apart(data: Any) -> tuple[Tensor, Tensor | None]:
    if isinstance(data, Dataset):
        x, labels = data.x, data.labels
    elif isinstance(data, tuple | list) and len(data) == 2:
        x, labels = data
    else:
        x, labels = data, None
    if not isinstance(x, Tensor | np.ndarray):
        raise TypeError(
            f"data: got {type(data).__name__}, wanted a Dataset, a tensor "
            "(N, *data_shape), or a pair (x, labels)"
        )
    return _float(torch.as_tensor(x)), (
        None if labels is None else torch.as_tensor(labels).cpu()
    )


def _image_shape(
    data_shape: tuple[int, ...], wanted: tuple[int, int, int] | None
) -> tuple[int, int, int]:
    count = int(np.prod(data_shape))
    if wanted is not None:
        shape = tuple(wanted)
        if len(shape) != 3 or np.prod(shape) != count:
            raise ValueError(
                f"image_shape: got {wanted!r}, wanted (C, H, W) with C·H·W = {count}"
            )
        return shape
    match data_shape:
        case (channels, height, width):
            return channels, height, width
        case (height, width):
            return 1, height, width
    side = isqrt(count)
    return (1, side, side) if side * side == count else (1, 1, count)
