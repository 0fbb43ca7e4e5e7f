"""Grey pixels with a density on [0, 1]: the continuous Bernoulli."""

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

_NEAR = 0.25  # closer to logit 0 the closed forms lose their digits


class ContinuousBernoulli(Distribution):
    """The density on [0, 1] that is proportional to λˣ(1−λ)¹⁻ˣ, by its logit l of λ
    (Loaiza-Ganem & Cunningham 2019, §3).

    log p(x) = x·l − A(l) with A(l) = log((eˡ − 1)/l): minus the binary
    cross-entropy, plus the constant that it lacks, log C(λ). The mean is A′(l)
    and the variance A″(l); neither is λ or λ(1−λ).

    ``torch.distributions.ContinuousBernoulli`` is the same by probabilities. In
    float32 these end at logit 16, where its log-density is off by up to log l and
    its gradient by 1/l, and near λ = ½ its variance has no correct digit. Here
    no λ is ever formed.

    Args:
        logits: log(λ/(1−λ)), ``(...)``; 0 is the uniform density.

    Shapes:
        batch ``(...)``, event ``()``.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 - as torch's
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, *, logits: Tensor):
        self.logits = logits
        super().__init__(logits.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        near, far, size = _pieces(self.logits)
        upper = -1 / (-size).expm1() - 1 / size
        series = 0.5 + near * (1 / 12 - near**2 / 720 + near**4 / 30240)
        return torch.where(far, torch.where(self.logits > 0, upper, 1 - upper), series)

    @property
    def variance(self) -> Tensor:
        near, far, size = _pieces(self.logits)
        exact = size**-2 - (-size).exp() / (-size).expm1() ** 2
        series = 1 / 12 - near**2 / 240 + near**4 / 6048 - near**6 / 172800
        return torch.where(far, exact, series)

    @property
    def log_norm(self) -> Tensor:
        """A(l) = log ∫₀¹ exp(x·l) dx, one number for each pixel."""
        near, far, size = _pieces(self.logits)
        exact = self.logits.relu() + (-(-size).expm1() / size).log()
        even = near**2 / 24 - near**4 / 2880 + near**6 / 181440
        return torch.where(far, exact, near / 2 + even)

    def log_prob(self, value: Tensor) -> Tensor:
        return value * self.logits - self.log_norm

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = torch.Size(sample_shape) + self.batch_shape
        u = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
        # The inverse of the distribution function, from the end that is likelier:
        # there no digit of a small distance is lost.
        upper, size = self.logits > 0, self.logits.abs().clamp(min=1e-4)
        part = torch.where(upper, 1 - u, u)
        near = -(part * (-size).expm1()).log1p() / size
        return torch.where(upper, 1 - near, near).clamp(0, 1)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "ContinuousBernoulli":
        return ContinuousBernoulli(logits=self.logits.expand(torch.Size(batch_shape)))


def _pieces(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a series about 0 is given, where it is not meant, and what a closed form.

    Each is kept away from the other's numbers: what is not finite there would
    reach the gradient as a product with 0.
    """
    far = logits.abs() > _NEAR
    near = torch.where(far, torch.zeros_like(logits), logits)
    return near, far, torch.where(far, logits.abs(), torch.ones_like(logits))
