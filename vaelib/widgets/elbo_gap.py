"""One latent dimension: drag q, and see the ELBO, its gap and log p(x)."""

from collections.abc import Callable, Mapping
from math import isfinite, log
from typing import NamedTuple

import torch
import traitlets
from torch import Tensor
from torch.distributions import Normal

from vaelib.widgets.base import Pictured
from vaelib.widgets.pictures import float32
from vaelib.widgets.still import BLUE, Still, figure
from vaelib.widgets.traits import Choice, Real

Decoder = Callable[[Tensor], Tensor]

# Wide enough for the widest q at the edge, fine enough for the narrowest.
_LOW, _HIGH, _STEP = -14.0, 14.0, 0.02
_LEAST, _MOST = (-3.0, 0.2), (3.0, 1.5)  # mu, sigma
_VIEW = {"low": -3.5, "high": 3.5}


class Bounds(NamedTuple):
    """Three numbers in nats; the first two add up to the third."""

    elbo: float
    gap: float
    log_evidence: float


class ElboGap(Pictured, front="elbo_gap"):
    """A Gaussian q(z) dragged over the exact posterior of one number x.

    The model: z ~ N(0, 1), x ~ N(f(z), noise²). Drag the summit of q, or use the
    two sliders: its mean and its width. Beside the curves stand the ELBO and the
    gap KL(q‖p(z|x)), which trade, and log p(x), which stays. "Climb" follows the
    gradient of the ELBO from wherever q is.

    Args:
        decoders: name → f, a function of a tensor z ``(M,)`` that gives the means
            ``(M,)``. Default: linear, and a parabola, whose posterior has two
            modes.
        x: the number seen.
        noise: the standard deviation of x given z.
        mu, sigma: where q starts; −3 to 3, and 0.2 to 1.5.
        decoder: the name of the one that is shown first; default the first.

    Traits:
        mu, sigma, decoder: as now shown; they follow the reader, and move the
            picture when set.

    Raises:
        ValueError: for a mean, width, noise or decoder that cannot be shown.

    Example:
        >>> shown = ElboGap(mu=1.2, sigma=0.2**0.5)
        >>> round(shown.bounds().gap, 6)
        0.0
    """

    mu = Real(0.0, _LEAST[0], _MOST[0])
    sigma = Real(1.0, _LEAST[1], _MOST[1])
    decoder = Choice(lambda self: self._joints)
    _scene = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        decoders: Mapping[str, Decoder] | None = None,
        x: float = 1.5,
        noise: float = 0.5,
        *,
        mu: float = 0.0,
        sigma: float = 1.0,
        decoder: str | None = None,
    ):
        if not (isfinite(noise) and noise > 0):
            raise ValueError(f"noise: got {noise}, wanted a positive number")
        if not isfinite(x):
            raise ValueError(f"x: got {x}, wanted a finite number")
        decoders = _usual() if decoders is None else decoders
        if not decoders:
            raise ValueError("decoders: got none, wanted at least one name and f")
        self.x, self.noise = float(x), float(noise)
        count = round((_HIGH - _LOW) / _STEP) + 1
        self._z = torch.linspace(_LOW, _HIGH, count, dtype=torch.float64)
        self._joints = {name: self._joint(name, f) for name, f in decoders.items()}
        super().__init__(
            mu=mu,
            sigma=sigma,
            decoder=next(iter(decoders)) if decoder is None else decoder,
            _scene={
                "low": _LOW,
                "step": _STEP,
                "view": _VIEW,
                "least": _LEAST,
                "most": _MOST,
                "names": list(decoders),
                "joints": [float32(joint) for joint in self._joints.values()],
            },
        )

    def bounds(self) -> Bounds:
        """ELBO, gap and log p(x) of what is shown, in nats, by sums over a fine
        grid of z in double precision."""
        joint = self._joints[self.decoder]
        evidence = joint.logsumexp(0) + log(_STEP)
        log_q = _normal(self.mu, self.sigma).log_prob(self._z)
        share = log_q.exp() * _STEP
        elbo = (share * (joint - log_q)).sum()
        gap = (share * (log_q - (joint - evidence))).sum()
        return Bounds(elbo.item(), gap.item(), evidence.item())

    def _joint(self, name: str, f: Decoder) -> Tensor:
        """log p(x, z) on the grid, ``(M,)``."""
        mean = f(self._z)
        if not isinstance(mean, Tensor) or mean.shape != self._z.shape:
            got = tuple(mean.shape) if isinstance(mean, Tensor) else type(mean).__name__
            raise ValueError(
                f"decoders: {name!r} gave {got} for z of shape {tuple(self._z.shape)}, "
                "wanted one mean for each z"
            )
        if not mean.isfinite().all():
            raise ValueError(f"decoders: {name!r} is not finite for z from −14 to 14")
        seen = Normal(mean, self.noise).log_prob(torch.tensor(self.x).double())
        joint: Tensor = seen + _normal(0.0, 1.0).log_prob(self._z)
        return joint

    def _still(self) -> Still:
        bounds = self.bounds()
        fig, (left, right) = figure(2)
        seen = (self._z >= _VIEW["low"]) & (self._z <= _VIEW["high"])
        z = self._z[seen]
        posterior = (self._joints[self.decoder] - bounds.log_evidence)[seen].exp()
        left.fill_between(z, posterior, color="#D55E00", alpha=0.2)
        left.plot(z, posterior, color="#D55E00", label="p(z|x)")
        q = _normal(self.mu, self.sigma).log_prob(z).exp()
        left.plot(z, q, color=BLUE, label="q(z)")
        left.set(xlabel="z", yticks=[], ylim=(0, 2))
        left.legend(frameon=False)
        right.bar(["ELBO", "log p(x)"], [bounds.elbo, bounds.log_evidence])
        right.set(ylabel="nats")
        numbers = (
            f"ELBO {bounds.elbo:.2f} nats, gap {bounds.gap:.2f}, "
            f"log p(x) {bounds.log_evidence:.2f}"
        ).replace("-", "−")
        right.set_xlabel(numbers.replace(", gap", ",\ngap"))
        return fig, (
            f"The exact posterior for {self.decoder}, and a Gaussian q with mean "
            f"{self.mu:.2f} and width {self.sigma:.2f}: {numbers}"
        )


def _normal(mu: float, sigma: float) -> Normal:
    """In double precision, which plain numbers would not give."""
    return Normal(*torch.tensor([mu, sigma], dtype=torch.float64))


def _usual() -> dict[str, Decoder]:
    return {"linear: f(z) = z": lambda z: z, "non-linear: f(z) = z²": lambda z: z**2}
