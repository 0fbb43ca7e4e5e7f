"""A run that was watched, to be watched again: frames, and the page that shows them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import traitlets
from matplotlib.axes import Axes
from torch import Tensor

from vaelib.storage import read_safetensors, write_safetensors
from vaelib.widgets.base import Pictured
from vaelib.widgets.still import BLUE, Still, draw_codes, draw_grey, figure

KEPT_POINTS = 500  # dots on the plane, in a recording


@dataclass(frozen=True)
class Frame:
    """What is seen at one step.

    Attributes:
        about: step, β, learning rate, half the plane's width, both terms.
        codes: ``(N, 2)`` uint16, from corner to corner of the plane.
        pixels: uint8, the reconstructions side by side, ``(C, H, K·W)``.
    """

    about: dict[str, float | None]
    codes: bytes
    pixels: bytes


class Watched(Pictured, front="live_training"):
    """What a live run and its recording share: the page, and frames to show."""

    _live = traitlets.Bool(False).tag(sync=True)
    _page = traitlets.Dict().tag(sync=True)
    _frames: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    _codes = traitlets.Bytes(b"").tag(sync=True)
    _pixels = traitlets.Bytes(b"").tag(sync=True)
    _curve = traitlets.Bytes(b"").tag(sync=True)

    def _set_frames(self, frames: list[Frame], curve: np.ndarray) -> None:
        with self.hold_sync():
            self._frames = [frame.about for frame in frames]
            self._codes = b"".join(frame.codes for frame in frames)
            self._pixels = b"".join(frame.pixels for frame in frames)
            self._curve = curve.tobytes()

    def _still(self) -> Still:
        """The last frame."""
        page, about = self._page, self._frames[-1]
        fig, (left, middle, right) = figure(3)
        seen = _bars(left, about) if "units" in about else self._plane(left)
        pair = [_strip(pixels, page) for pixels in (page["originals"], self._pixels)]
        draw_grey(middle, torch.cat(pair, 1), "above x, below its reconstruction")
        curve = np.frombuffer(self._curve, "<f4").reshape(-1, 4)
        trained = len(curve) > 1
        if trained:
            right.plot(curve[:, 0], curve[:, 2], color=BLUE)
            right.set(xlabel="step", ylabel="KL in nats")
        else:
            right.set_axis_off()
        return fig, (
            f"A model in training, at step {about['step']} with β = {about['beta']:g}: "
            f"{seen}, {page['count']} examples and their reconstructions"
            f"{', and the KL against the steps' * trained}. {_say_terms(about)}"
        )

    def _plane(self, ax: Axes) -> str:
        """The latent plane; what it shows, in words."""
        half, count = self._frames[-1]["half"], len(self._frames)
        codes = np.frombuffer(self._codes, "<u2").reshape(count, -1, 2)[-1]
        classes = np.frombuffer(self._page["classes"], "u1")[: len(codes)]
        draw_codes(ax, (codes / 65535 * 2 - 1) * half, classes)
        edge = (-half, half)
        ax.set(xlim=edge, ylim=edge, aspect="equal", xlabel="$z_1$", ylabel="$z_2$")
        return f"its latent plane with the codes of {len(codes):,} examples"


class Recording(Watched):
    """A recorded run, to be scrubbed through. It needs no kernel.

    ``LiveTraining``'s ``record`` and ``recorded`` make one.

    Example:
        >>> import vaelib as vl
        >>> model = vl.mlp_vae((1, 8, 8), latent_dim=2, hidden=(16,))
        >>> live = vl.widgets.LiveTraining(model, vl.load("digits"))
        >>> len(live.record(40, frames=4))
        5
    """

    def __init__(self, page: dict[str, Any], frames: list[Frame], curve: np.ndarray):
        super().__init__(_page=page)
        self._set_frames([_thinned(frame) for frame in frames], curve)

    def __len__(self) -> int:
        """How many pictures it holds."""
        return len(self._frames)

    def save(self, path: str | Path) -> None:
        """Write it to a file, by custom ``….safetensors``."""
        names = ("_codes", "_pixels", "_curve")
        tensors = {name: _as_bytes(getattr(self, name)) for name in names}
        page = dict(self._page)
        for name in ("classes", "originals"):
            tensors[name] = _as_bytes(page.pop(name))
        notes = {"kind": "live-training", "page": page, "frames": self._frames}
        write_safetensors(path, tensors, notes)

    @classmethod
    def load(cls, path: str | Path) -> "Recording":
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: if the file holds no recording.
        """
        tensors, notes = read_safetensors(path)
        if notes.get("kind") != "live-training":
            raise ValueError(f"path: {path} holds no recording of a run")
        parts = {name: value.numpy().tobytes() for name, value in tensors.items()}
        made = cls.__new__(cls)
        page = {k: parts.pop(k) for k in ("classes", "originals")}
        Watched.__init__(
            made, _page={**notes["page"], **page}, _frames=notes["frames"], **parts
        )
        return made


def _bars(ax: Axes, about: dict[str, Any]) -> str:
    """The KL of each dimension; what it shows, in words."""
    units = about["units"]
    ax.bar(range(1, len(units) + 1), units, color=BLUE)
    ax.axhline(about["free_bits"], color="#333333", lw=1, ls="--")
    ax.set(xlabel="latent dimension", ylabel="KL in nats", ylim=(0, max(1.0, *units)))
    ax.set_xticks(range(1, len(units) + 1))
    told = ", ".join(f"{v:.2f}" for v in units)
    return f"the KL of each latent dimension ({told} nats)"


def _strip(pixels: bytes, page: dict[str, Any]) -> Tensor:
    """The last strip, ``(C, H, K·W)``."""
    size = int(np.prod(page["shape"]))
    return torch.tensor(np.frombuffer(pixels[-size:], "u1")).reshape(page["shape"])


def _say_terms(about: dict[str, Any]) -> str:
    if about["kl"] is None:
        return "Nothing was learned yet."
    return (
        f"The reconstruction term is {about['reconstruction']:.1f} nats, the KL "
        f"{about['kl']:.2f} nats."
    )


def _as_bytes(data: bytes) -> Tensor:
    return torch.tensor(list(data), dtype=torch.uint8)


def _thinned(frame: Frame) -> Frame:
    return Frame(frame.about, frame.codes[: 4 * KEPT_POINTS], frame.pixels)
