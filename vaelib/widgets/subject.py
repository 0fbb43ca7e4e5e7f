"""What a widget has to know of a model and its data."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self, TypedDict

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelib.distributions import unchecked
from vaelib.models import VAE, Autoencoder
from vaelib.networks.body import Body
from vaelib.pca import PCA
from vaelib.randomness import seeded
from vaelib.widgets.examples import Examples, examples_of
from vaelib.widgets.pictures import PictureFormat, Shape, format_of, image_shape
from vaelib.widgets.travel import CannotTravel, Packed, evaluating, pack

Where = Literal["page", "kernel"]


class Options(TypedDict, total=False):
    """What every widget with a model takes.

    Keys:
        prefer: ``"page"`` evaluates networks in the page where they can travel
            there, ``"kernel"`` always here.
        image_shape: ``(C, H, W)`` as which an example is drawn. Default: its own
            shape; a vector whose length is a square is drawn as that square.
        seed: of the choice of examples and of all samples.
    """

    prefer: Where
    image_shape: Shape | None
    seed: int


class Normals(NamedTuple):
    """Independent normals, ``(N, Z)`` each."""

    mu: Tensor
    log_var: Tensor


@dataclass(frozen=True, kw_only=True)
class Subject(Examples):
    """A model with data, as a widget sees them; :func:`subject_of` makes one.

    Attributes:
        codes: of the examples, ``(N, Z)``, as the model encoded them then.
        latent_dim, data_shape, image_shape: Z, an example's shape, and the shape
            as which it is drawn.
    """

    model: Any
    seed: int
    prefer: Where
    codes: Tensor
    latent_dim: int
    data_shape: tuple[int, ...]
    image_shape: Shape

    def again(self) -> Self:
        """The same with new codes, for the model may have learned since."""
        return replace(self, codes=_codes(self.model, self.x, self.latent_dim))

    def first(self, count: int) -> Self:
        """The same with fewer examples."""
        names = ["x", "rows", "classes", "codes"]
        names += ["labels"] if self.labels is not None else []
        return replace(self, **{name: getattr(self, name)[:count] for name in names})

    def format(self) -> PictureFormat:
        """How an example becomes a picture."""
        return format_of(self.x, self.image_shape)

    # ------------------------------------------------------------ what it does

    def decode(self, z: Any) -> Tensor:
        """Pictures ``(B, *data_shape)``, float32 on the CPU, of codes ``(B, Z)``."""
        return _ask(self.model, "decode", z)

    def encode(self, x: Any) -> Tensor:
        """Codes ``(B, Z)``, float32 on the CPU, of data ``(B, *data_shape)``."""
        return _ask(self.model, "encode", x)

    def moments(self, x: Any) -> Normals:
        """Mean and log-variance of q(z|x). A model without a posterior is certain:
        its log-variance is minus infinity."""
        if not hasattr(self.model, "posterior"):
            mu = self.encode(x)
            return Normals(mu, torch.full_like(mu, -torch.inf))
        both = _ask(self.model, "posterior", x, lambda q: _moments(q, self.seed))
        return Normals(*both.chunk(2, -1))

    def spread(self) -> Tensor:
        """Draws from the prior where there is one, else codes of the data, else
        of N(0, I): ``(256, Z)``."""
        prior = getattr(self.model, "prior", None)
        with seeded(self.seed), torch.no_grad():
            if isinstance(prior, Distribution):
                return _float(prior.sample((256,)))
            if len(self.codes):
                return self.codes[torch.randint(len(self.codes), (256,))]
            return torch.randn(256, self.latent_dim)

    def aggregate(self) -> Tensor:
        """One draw from q(z|x) for each example: ``(N, Z)``."""
        if not len(self.x) or not hasattr(self.model, "posterior"):
            return self.codes
        with seeded(self.seed):
            return _ask(self.model, "posterior", self.x, lambda q: q.sample())

    def standard_prior(self) -> bool:
        """Whether the prior is N(0, I), so that rings can be drawn."""
        try:
            prior = self.model.prior
            mean, sigma = prior.mean, prior.stddev
        except (AttributeError, NotImplementedError, RuntimeError):
            return False
        return bool((mean == 0).all() and (sigma == 1).all())

    # ---------------------------------------------------------------- travelling

    def packed(self, part: Literal["decoder", "encoder"]) -> dict[str, Any]:
        """A network for the page, or under ``"why"`` what keeps it in the kernel."""
        if self.prefer == "kernel":
            return {"why": "as asked"}
        try:
            return dict(getattr(self, f"pack_{part}")())
        except CannotTravel as reason:
            return {"why": str(reason)}

    def pack_decoder(self) -> Packed:
        """The decoder for the page.

        Raises:
            CannotTravel: as :func:`~vaelib.widgets.travel.pack`.
        """
        decoder = _own(self.model, "decoder", "decode", "likelihood")
        spread = self.spread()
        probe = torch.cat([spread[:64], 3 * torch.sign(spread[:32])])
        return pack(decoder, put(self.model, probe))

    def pack_encoder(self) -> Packed:
        """The encoder for the page; it gives mean and log-variance one after the
        other, or means alone.

        Raises:
            CannotTravel: as :func:`~vaelib.widgets.travel.pack`.
        """
        encoder = _own(self.model, "encoder", "encode", "posterior")
        with seeded(self.seed):
            x = self.x[:64] if len(self.x) else torch.rand(64, *self.data_shape)
        return pack(encoder, put(self.model, x))


def subject_of(
    model: Any,
    data: Any = None,
    *,
    latent_dim: int | None = None,
    prefer: Where = "page",
    image_shape: Shape | None = None,
    seed: int = 0,
) -> Subject:
    """A model with data, as a widget sees them.

    Args:
        model: anything with ``decode(z (B, Z)) -> x (B, *data_shape)``; with data
            or a drawing, ``encode(x) -> z`` too.
        data: a :class:`~vaelib.Dataset`, a tensor or array ``(N, *data_shape)``,
            a pair ``(x, labels)``, or None.
        latent_dim: Z, where only this will do; else the model or the data tell.
        prefer, image_shape, seed: see :class:`Options`.

    Raises:
        TypeError: the model has no ``decode`` (or ``encode``), or data is of no
            kind known here.
        ValueError: shapes that do not fit each other, or NaN.
    """
    if prefer not in ("page", "kernel"):
        raise ValueError(f"prefer: got {prefer!r}, wanted 'page' or 'kernel'")
    _require(model, "decode")
    examples = examples_of(data, seed)
    if len(examples.x):
        # Before encoding: a network given the wrong shape would complain of its
        # layers, not of the data.
        _refuse_shape(examples.x, _in_shape(model))
    told = _ask(model, "encode", examples.x[:1]).shape[-1] if len(examples.x) else None
    size = _latent_dim(told or _told(model), latent_dim)
    # Two: a batch of one hides a decoder that drops the batch.
    shape = tuple(_ask(model, "decode", torch.zeros(2, size)).shape[1:])
    if len(examples.x):
        _refuse_shape(examples.x, shape)
    return Subject(
        **{**vars(examples), "x": examples.x.reshape(-1, *shape)},
        model=model,
        seed=seed,
        prefer=prefer,
        codes=_codes(model, examples.x, size),
        latent_dim=size,
        data_shape=shape,
        image_shape=_drawn_as(shape, image_shape),
    )


_drawn_as = image_shape  # an argument has the function's name


# ------------------------------------------------------------------- the model asked


def _ask(
    model: Any, method: str, given: Any, read: Callable[[Any], Any] = lambda out: out
) -> Tensor:
    """What a method of the model gives for a batch, read from it without gradients,
    noise or memory peaks."""
    _require(model, method)
    given = torch.as_tensor(given, dtype=torch.float32)
    with torch.no_grad(), evaluating(model), unchecked():
        parts = [
            _checked(method, read(getattr(model, method)(put(model, part))), len(part))
            for part in given.split(512)
        ]
    return torch.cat(parts)


def _checked(method: str, out: Any, count: int) -> Tensor:
    if not isinstance(out, Tensor | np.ndarray):
        raise TypeError(
            f"model: {method}() gave {type(out).__name__}, wanted a tensor ({count}, …)"
        )
    tensor = _float(torch.as_tensor(out))
    if tensor.shape[:1] != (count,):
        raise ValueError(
            f"model: {method}() gave shape {tuple(tensor.shape)} for a batch of "
            f"{count}, wanted ({count}, …)"
        )
    return tensor


def put(model: Any, tensor: Tensor) -> Tensor:
    """On the model's device, as numbers of its kind."""
    like = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    return tensor if like is None else tensor.to(like.device, like.dtype)


def _float(tensor: Tensor) -> Tensor:
    return tensor.detach().float().cpu()


def _moments(q: Distribution, seed: int) -> Tensor:
    try:
        mu, sigma = q.mean, q.stddev
    except NotImplementedError:  # a flow, for one, knows only its samples
        with seeded(seed):
            z = q.sample((1000,))
        mu, sigma = z.mean(0), z.std(0)
    return torch.cat([mu, 2 * sigma.log()], -1)


def _codes(model: Any, x: Tensor, latent_dim: int) -> Tensor:
    if not len(x):
        return torch.zeros(0, latent_dim)
    codes = _ask(model, "encode", x)
    if not codes.isfinite().all():
        raise ValueError("model: it encodes this data to NaN or infinity")
    return codes


def _own(model: Any, part: str, *methods: str) -> nn.Module:
    """The network behind a method, if it is vaelib's own method."""
    kind = type(model)
    for method in methods:
        ours = [getattr(base, method, None) for base in (VAE, Autoencoder, PCA)]
        if method in vars(model) or getattr(kind, method, None) not in ours:
            raise CannotTravel(f"{kind.__name__}.{method} is not vaelib's own")
    network: nn.Module = getattr(model, part)
    return network


def _require(model: Any, method: str) -> None:
    if not callable(getattr(model, method, None)):
        raise TypeError(
            f"model: {type(model).__name__} has no method {method}(); give a "
            "vl.VAE, a vl.Autoencoder, or anything with encode(x) and decode(z)"
        )


# ---------------------------------------------------------------------- its shapes


def _latent_dim(found: int | None, wanted: int | None) -> int:
    if wanted is not None and found not in (wanted, None):
        raise ValueError(
            f"model: its latent_dim is {found}, and a plane has {wanted}. "
            "Use LatentSliders, which has one slider for each dimension."
        )
    size = wanted or found
    if size is None:
        raise ValueError("model: it does not tell its latent_dim; pass data=, too")
    return size


def _told(model: Any) -> int | None:
    try:
        return int(model.latent_dim)
    except (AttributeError, RuntimeError):
        pass
    for part in _parts(model, "decoder"):
        if isinstance(part, Body):
            return part.in_shape[0]
        if isinstance(part, nn.Linear):
            return part.in_features
    return None


def _in_shape(model: Any) -> tuple[int, ...] | None:
    body = (p.in_shape for p in _parts(model, "encoder") if isinstance(p, Body))
    return next(body, None)


def _parts(model: Any, name: str) -> list[nn.Module]:
    network = getattr(model, name, None)
    return list(network.modules()) if isinstance(network, nn.Module) else []


def _refuse_shape(x: Tensor, wanted: tuple[int, ...] | None) -> None:
    if wanted is not None and tuple(x.shape[1:]) != wanted:
        raise ValueError(
            f"data: its examples have shape {tuple(x.shape[1:])}, the model's have "
            f"{wanted}. Give the data it was trained on."
        )
