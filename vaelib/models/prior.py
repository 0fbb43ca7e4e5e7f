"""p(z) where nothing else was asked for: N(0, I), where the model is now."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaelib.distributions.enumeration import listable
from vaelib.distributions.fixed import Fixed
from vaelib.distributions.gaussian import StandardNormal


class StandardPrior:
    """N(0, I) over codes of the shape the encoder gives.

    Attributes:
        shape: of one code; None until an encoder has told it.
    """

    def __init__(self, encoder: nn.Module):
        self.shape = _event_shape(encoder)
        self._discrete = False
        self._kept: tuple[object, Distribution] = (None, StandardNormal(1))

    def learn(self, q: Distribution) -> None:
        """Take the shape of the codes from a posterior."""
        self.shape, self._discrete = tuple(q.event_shape), listable(q)

    def at(self, shape: tuple[int, ...], like: Tensor | None) -> Distribution:
        """The prior for codes of this shape, batch ``()``, on the device and of the
        type of ``like``; made once, since every step asks for it."""
        like = torch.zeros(()) if like is None else like
        key = (shape, self._discrete, like.device, like.dtype)
        if self._kept[0] != key:
            with torch.inference_mode(False):  # it outlives the mode it is made in
                self._kept = (key, self._made(shape, like))
        return self._kept[1]

    def _made(self, shape: tuple[int, ...], like: Tensor) -> Distribution:
        if self._discrete:
            raise ValueError(
                "prior: this encoder's codes are discrete, so N(0, I) is none for "
                "them. Pass prior=, e.g. torch.distributions.Independent("
                "torch.distributions.Bernoulli(logits=torch.zeros(Z)), 1)."
            )
        if len(shape) == 1:
            return StandardNormal(shape[0], device=like.device, dtype=like.dtype)
        zeros = torch.zeros(shape, device=like.device, dtype=like.dtype)
        each = Normal(zeros, torch.ones_like(zeros), validate_args=False)
        return Independent(each, len(shape), validate_args=False)


def as_prior(prior: object) -> nn.Module | None:
    """A prior of one's own as a module, so that it moves with the model.

    Raises:
        TypeError: for anything but a distribution, a module or None.
    """
    if isinstance(prior, Distribution):
        return Fixed(prior)
    if prior is None or isinstance(prior, nn.Module):
        return prior
    raise TypeError(
        f"prior: got {type(prior).__name__}, wanted a torch Distribution over "
        "z, a module that returns one, or None for N(0, I)"
    )


def _event_shape(encoder: nn.Module) -> tuple[int, ...] | None:
    """A code's shape, where the encoder's last head tells it."""
    for module in reversed(list(encoder.modules())):
        event = getattr(module, "event_shape", None)
        if isinstance(event, tuple):
            return tuple(map(int, event))
    return None
