"""Two ways to sample z in a VAE: where the gradient flows, and where it stops."""

from __future__ import annotations

from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from torch import Tensor

from vaelib.distributions import DiagonalGaussian
from vaelib.plots.anatomy import Machine
from vaelib.plots.figures import COLOURS, Picture, bare, figure, style, titled
from vaelib.randomness import seeded

TWO_GRAPHS_WORDS = {
    "encoder": "encoder",
    "decoder": "decoder",
    "mu": "$\\mu$",
    "log_var": "$\\log\\sigma^2$",
    "noise": "$\\varepsilon \\sim \\mathcal{N}(0, I)$",
    "worth": "$\\log p(x|z)$",
    "sampled": "$z \\sim \\mathcal{N}(\\mu, \\sigma^2)$",
    "moved": "$z = \\mu + \\sigma \\odot \\varepsilon$",
    "stops": "stops here",
    "none": "no gradient",
    "above": "z is sampled",
    "below": "ε is sampled, z is computed",
    "forward": "forward",
    "backward": "backward, with the gradient's length",
    "title": "",
    "alt": (
        "Two graphs from an encoder by way of μ, log σ² and a code z to a decoder and "
        "log p(x|z). In the upper one z is sampled: the gradient comes back from "
        "log p(x|z) to z with length {upper[z]:.1f} and stops there; μ and log σ² get "
        "none. In the lower one noise ε enters from the side and z = μ + σ ⊙ ε: the "
        "gradient, {lower[z]:.1f} long at z, goes on to μ with {lower[mu]:.1f} and to "
        "log σ² with {lower[log_var]:.1f}, and so to the encoder."
    ),
}

Lengths = dict[str, float | None]


class _Node(NamedTuple):
    x: float
    y: float
    wide: float


# Places as shares of a graph's axes.
_NODES = {
    "encoder": _Node(0.06, 0.5, 0.13),
    "mu": _Node(0.29, 0.82, 0.07),
    "log_var": _Node(0.29, 0.18, 0.1),
    "z": _Node(0.535, 0.5, 0.17),
    "decoder": _Node(0.765, 0.5, 0.13),
    "worth": _Node(0.93, 0.5, 0.12),
    "noise": _Node(0.535, 1.02, 0.17),
}
_HIGH = 0.24
_EDGES = (
    ("encoder", "mu"),
    ("encoder", "log_var"),
    ("mu", "z"),
    ("log_var", "z"),
    ("z", "decoder"),
    ("decoder", "worth"),
)


def two_graphs(
    model: Machine,
    x: Tensor,
    *,
    seed: int = 0,
    words: dict[str, str] | None = None,
) -> Picture:
    """What PyTorch's gradient of log p(x|z) reaches, if z is sampled, and if noise
    is sampled and z computed from it: the lengths of the gradients that arrive.

    Args:
        model: with vaelib's diagonal Gaussian as posterior.
        x: one example, ``(1, *data_shape)``.
        seed: of the noise; z is the same in both.
        words: other labels, for a translation; the keys are ``TWO_GRAPHS_WORDS``'s.

    Raises:
        ValueError: for more than one example, or another posterior.
    """
    say = TWO_GRAPHS_WORDS | (words or {})
    if len(x) != 1:
        raise ValueError(f"x: got {len(x)} examples, wanted one: x[:1]")
    upper, lower = (_lengths(model, x, path, seed) for path in (False, True))
    fig, axes = figure(2, 1, size=(10.0, 5.8))
    _draw(axes[0], upper, say, say["above"], say["sampled"])
    _draw(axes[1], lower, say, say["below"], say["moved"])
    with style():
        for name, line in (("forward", _FORWARD), ("backward", _BACKWARD)):
            colour, dashes = line["color"], line["ls"]
            axes[1].plot([], [], color=colour, ls=dashes, label=say[name])
        handles = axes[1].get_legend_handles_labels()
        fig.legend(*handles, loc="outside lower center", ncols=2)
    return titled(fig, say["title"], say["alt"].format(upper=upper, lower=lower))


@torch.enable_grad()
def _lengths(model: Machine, x: Tensor, path: bool, seed: int) -> Lengths:
    """Of the gradients that reach z, μ and log σ²; None where none arrives."""
    q = model.posterior(x)
    if not isinstance(q, DiagonalGaussian):
        raise ValueError(
            f"model: its posterior is a {type(q).__name__}, wanted a diagonal Gaussian"
        )
    with seeded(seed):
        z = q.rsample() if path else q.sample().requires_grad_()
    worth = model.likelihood(z).log_prob(x).sum()
    at = (z, q.mu, q.log_var)
    found = torch.autograd.grad(worth, at, allow_unused=True)
    lengths = [None if g is None else float(g.norm()) for g in found]
    return dict(zip(("z", "mu", "log_var"), lengths, strict=True))


# --------------------------------------------------------------------- drawing

_FORWARD = {"arrowstyle": "-|>", "color": "#555555", "lw": 1.4, "ls": "-"}
_BACKWARD = {"arrowstyle": "-|>", "color": COLOURS[1], "lw": 2.4, "ls": "--"}


def _draw(ax: Axes, found: Lengths, say: dict[str, str], title: str, z: str) -> None:
    """One graph: nodes, arrows forward, and arrows back as far as they come."""
    bare(ax)
    flows = found["mu"] is not None
    with style():
        ax.set_title(title, loc="left", fontsize=12)
        ax.set(xlim=(0, 1), ylim=(-0.12, 1.17))
    for name, node in _NODES.items():
        if name != "noise" or flows:
            random = name == ("noise" if flows else "z")
            _box(ax, node, z if name == "z" else say[name], random)
    for start, end in _EDGES:
        # Forward outside, backward inside: no two arrows cross.
        side = -1 if "log_var" in (start, end) else 1
        _arrow(ax, start, end, 0.07 * side, 0.07 * side, _FORWARD)
        if flows or start in ("z", "decoder"):
            straight = start in ("z", "decoder")
            middle = -0.07 if straight else 0.02 * side
            corner = -0.07 if straight else -0.08 * side
            _arrow(ax, end, start, middle, corner, _BACKWARD)
    if flows:
        top, node = _NODES["noise"], _NODES["z"]
        ends = (node.x, node.y + _HIGH / 2), (top.x, top.y - _HIGH / 2)
        ax.annotate("", *ends, arrowprops=_FORWARD)
    else:
        ax.plot(0.425, 0.5, "X", color=COLOURS[1], ms=14, mec="white")
        _write(ax, 0.345, 0.5, say["stops"])
    _write(ax, _NODES["z"].x, 0.24, _length(found["z"], say))
    _write(ax, _NODES["mu"].x, 1.04, _length(found["mu"], say))
    _write(ax, _NODES["log_var"].x, -0.06, _length(found["log_var"], say))


def _length(length: float | None, say: dict[str, str]) -> str:
    return say["none"] if length is None else f"{length:.1f}"


def _write(ax: Axes, x: float, y: float, text: str) -> None:
    ax.text(
        x, y, text, color=COLOURS[1], ha="center", va="center", weight="bold", size=12
    )


def _box(ax: Axes, node: _Node, text: str, random: bool) -> None:
    shape = {"boxstyle": "round,pad=0.4", "fc": "white", "ec": "#222222", "lw": 1.4}
    if random:  # what chance decides has a dashed rim and a shade
        shape |= {"ls": "--", "fc": "#dbe9f4"}
    ax.text(node.x, node.y, text, ha="center", va="center", size=13, bbox=shape)


def _arrow(
    ax: Axes,
    start: str,
    end: str,
    middle: float,
    corner: float,
    line: dict[str, object],
) -> None:
    """Between two nodes; its end is higher by ``middle`` at a node of the middle
    row, by ``corner`` at μ and log σ²."""
    a, b = _NODES[start], _NODES[end]
    sign = 1 if b.x > a.x else -1
    high = [middle if node.y == 0.5 else corner for node in (a, b)]
    begin = a.x + sign * a.wide / 2, a.y + high[0]
    finish = b.x - sign * b.wide / 2, b.y + high[1]
    ax.annotate("", finish, begin, arrowprops=line)
