"""Curves of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vaelib.plots.figures import COLOURS, Picture, figure, style, titled


def history(history: Mapping[str, Sequence[float]]) -> Picture:
    """Curves of training against epochs, in nats per example.

    Args:
        history: what ``vl.fit`` returned, or any mapping with a list of one mean
            per epoch. Shown are ``"elbo"``, ``"reconstruction"`` and ``"kl"``;
            where there is no ``"elbo"``, everything in it.

    Raises:
        ValueError: if it holds no epoch.
    """
    names = _TERMS if "elbo" in history else history
    curves = {_TERMS.get(k, k): history[k] for k in names if history.get(k)}
    if not curves:
        raise ValueError("history: holds no epoch yet; train for one at least")
    # The KL is a tenth of the rest and would be a flat line beside it.
    panels = 1 + ("KL" in curves)
    fig, axes = figure(1, panels, size=(5.0 * panels, 3.6))
    with style():
        for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
            ax = np.atleast_1d(axes)[int(name == "KL")]
            epochs = range(1, len(values) + 1)
            ax.plot(epochs, values, label=name, color=colour, marker=".")
            ax.set(xlabel="epoch", ylabel="nats per example")
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.legend()
    ends = [f"{k} from {v[0]:.1f} to {v[-1]:.1f}" for k, v in curves.items()]
    count = len(next(iter(curves.values())))
    text = f"Training over {count} epochs, in nats: {', '.join(ends)}."
    return titled(fig, "Training, in nats per example", text)


_TERMS = {"elbo": "ELBO", "reconstruction": "reconstruction", "kl": "KL"}
