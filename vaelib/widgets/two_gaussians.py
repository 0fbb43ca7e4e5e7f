"""Two Gaussians to drag, and the KL divergence between them each way."""

from collections.abc import Sequence
from typing import Any

import torch
import traitlets
from matplotlib.axes import Axes
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from vaelib.widgets.base import Pictured
from vaelib.widgets.still import Still, figure
from vaelib.widgets.traits import Numbers, refuse_outside

MEANS, WIDTHS = (-4.0, 4.0), (0.2, 3.0)
_Q, _P = "#2a8ad4", "#e06a1b"


class TwoGaussians(Pictured, front="two_gaussians"):
    """Two Gaussians q and p, and KL(q‖p) and KL(p‖q) with their integrands.

    Drag a top to move a curve, the hollow mark beside it to widen it; or use the
    four sliders (arrow keys, Shift for larger steps, Home for mean 0 or width
    1). Beside the curves stands a(z) log a(z)/b(z), what each place adds to
    KL(a‖b): what adds is filled, what takes away is hatched. Everything is
    computed in the page.

    Args:
        q, p: mean and width σ of each.

    Traits:
        q, p: the same, lists of two floats; they follow what the reader does.

    Raises:
        ValueError: for anything but two numbers, a mean outside [-4, 4], or a
            width outside [0.2, 3].

    Example:
        >>> two = TwoGaussians(q=(1.0, 1.0))
        >>> two.kl
        (0.5, 0.5)
    """

    q = Numbers(lambda self: 2, "mean and width σ")
    p = Numbers(lambda self: 2, "mean and width σ")

    def __init__(
        self,
        q: Sequence[float] | Tensor = (1.5, 0.5),
        p: Sequence[float] | Tensor = (0.0, 1.0),
    ):
        super().__init__(q=q, p=p)

    @property
    def kl(self) -> tuple[float, float]:
        """KL(q‖p) and KL(p‖q), in nats."""
        q, p = self._normals()
        return float(kl_divergence(q, p)), float(kl_divergence(p, q))

    @traitlets.validate("q", "p")
    def _check(self, proposal: Any) -> list[float]:
        name, pair = proposal["trait"].name, proposal["value"]
        refuse_outside(f"{name}: its mean", pair[0], *MEANS)
        refuse_outside(f"{name}: its width", pair[1], *WIDTHS)
        return list(pair)

    def _normals(self) -> tuple[Normal, Normal]:
        q, p = (torch.tensor(g, dtype=torch.float64) for g in (self.q, self.p))
        return Normal(*q), Normal(*p)

    def _still(self) -> Still:
        fig, axes = figure(3)
        z = torch.linspace(-6, 6, 601, dtype=torch.float64)
        (q, p), (kl_qp, kl_pq) = self._normals(), self.kl
        _bells(axes[0], z, q, p)
        _areas(axes[1], z, q, p, _Q, f"KL(q‖p) = {kl_qp:.2f} nats")
        _areas(axes[2], z, p, q, _P, f"KL(p‖q) = {kl_pq:.2f} nats")
        gaussians = (
            f"q with mean {self.q[0]:.2f} and width {self.q[1]:.2f}, p with mean "
            f"{self.p[0]:.2f} and width {self.p[1]:.2f}"
        )
        return fig, (
            f"Two Gaussians, {gaussians}. KL(q‖p) is {kl_qp:.2f} nats and KL(p‖q) "
            f"is {kl_pq:.2f} nats, each with the curve whose area it is."
        )


def _bells(ax: Axes, z: Tensor, q: Normal, p: Normal) -> None:
    for g, colour, dashes, name in ((q, _Q, "-", "q"), (p, _P, "--", "p")):
        ax.plot(z, g.log_prob(z).exp(), dashes, color=colour, label=name)
    ax.set(xlabel="z", ylim=(0, None))
    ax.legend(frameon=False)


def _areas(ax: Axes, z: Tensor, a: Normal, b: Normal, colour: str, title: str) -> None:
    """a(z) log a(z)/b(z); filled above zero, hatched below."""
    curve = a.log_prob(z).exp() * (a.log_prob(z) - b.log_prob(z))
    ax.fill_between(z, curve.clamp(min=0), color=colour, alpha=0.5)
    ax.fill_between(z, curve.clamp(max=0), facecolor="white", hatch="////")
    ax.axhline(0, color="#444444", linewidth=0.8)
    ax.set(xlabel="z")
    ax.set_title(title, fontsize=10)
