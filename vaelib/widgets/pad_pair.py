"""Two latent planes side by side, on the same pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.widgets import esm, still
from vaelib.widgets.base import BadCode, Explorer, Numbers, Where
from vaelib.widgets.scene import scene_of
from vaelib.widgets.subject import Subject

EXAMPLES = 1000  # with their pixels they travel; more would make the page slow


class PadPair(Explorer):
    """Two models with two-dimensional codes, and the same pictures in both planes.

    With ``link="example"`` a drag over either plane chooses the nearest picture:
    its code is marked in both planes, and it stands beside what the two models
    rebuild from their codes, with the squared errors. An arrow key goes to the
    nearest picture in its direction, with Shift ten of them on.

    Without a link each point is dragged on its own, as on a
    :class:`~vaelib.widgets.LatentPad`, and below stand the decoded picture and how
    far away the nearest dot is. For comparison: the distance within which 99 % of
    the dots have a neighbour.

    Args:
        model_a, model_b: as for :class:`~vaelib.widgets.LatentPad`; a fitted
            :class:`~vaelib.PCA` will do.
        data: a ``Dataset``, a tensor ``(N, *data_shape)``, or a pair
            ``(x, labels)``. Up to 1,000 of it are shown.
        names: what the two are called.
        link: ``"example"`` or None.
        prefer, image_shape, seed: as for :class:`~vaelib.widgets.LatentPad`.

    Traits:
        z, z_b: the codes now shown, two floats each. With a link they follow
            ``example``.
        example: number of the picture chosen, in ``x``; −1 without a link.

    Attributes:
        x: the pictures that are shown as dots, ``(N, *data_shape)``.
        labels: their classes, ``(N,)``, or None.

    Raises:
        TypeError: for a model without these methods, or data of another kind.
        ValueError: for other latent sizes than 2, shapes that do not fit, NaN, an
            unknown link, or fewer than two pictures.

    Example:
        >>> import torch, vaelib as vl
        >>> models = [vl.mlp_vae((1, 8, 8), 2, (8,), seed=s) for s in (0, 1)]
        >>> pair = PadPair(*models, torch.rand(9, 1, 8, 8), ("a", "b"))
        >>> pair.z_b = [0.5, -1.0]
    """

    kind = "pad-pair"
    _esm = esm.module("pad_pair")
    _css = esm.style() + Path(__file__).with_suffix(".css").read_text("utf-8")
    z_b = Numbers([]).tag(sync=True)
    example = traitlets.Int(-1).tag(sync=True)
    _decoder_b = traitlets.Dict().tag(sync=True)
    _scene = traitlets.Dict().tag(sync=True)
    _scene_b = traitlets.Dict().tag(sync=True)
    _codes: Any = traitlets.List().tag(sync=True)
    _gaps: Any = traitlets.List().tag(sync=True)
    _examples = traitlets.Dict().tag(sync=True)
    _names: Any = traitlets.List().tag(sync=True)
    _linked = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        model_a: Any,
        model_b: Any,
        data: Any,
        names: Sequence[str] = ("autoencoder", "VAE"),
        *,
        link: Literal["example"] | None = None,
        prefer: Where = "page",
        image_shape: tuple[int, int, int] | None = None,
        seed: int = 0,
    ):
        if link not in (None, "example"):
            raise ValueError(f"link: got {link!r}, wanted 'example' or None")
        if isinstance(names, str) or len(names) != 2:
            raise ValueError(f"names: got {names!r}, wanted two")
        first, second = (
            Subject(model, data, latent_dim=2, image_shape=image_shape, seed=seed)
            for model in (model_a, model_b)
        )
        if first.x is None or len(first.x) < 2:
            raise ValueError("data: wanted at least two pictures")
        if first.data_shape != second.data_shape:
            raise ValueError(
                f"model_b: its pictures have shape {second.data_shape}, model_a's "
                f"{first.data_shape}. Give two models of the same data."
            )
        for subject in (first, second):
            _keep(subject, EXAMPLES)
        self.subject_b = second
        self.x, self.labels = first.x, first.labels
        start = {"z": _code(first, 0), "z_b": _code(second, 0)}
        super().__init__(
            first,
            prefer=prefer,
            _names=list(names),
            _linked=link is not None,
            example=0 if link else -1,
            **start,
        )

    def refresh(self) -> None:
        """Read both models again, e.g. after more training."""
        self.subject_b.refresh()
        super().refresh()

    def _read(self) -> None:
        super()._read()
        both = self.subject, self.subject_b
        self._decoder_b = self._travelled(self.subject_b.pack_decoder)
        self._planes = [scene_of(subject) for subject in both]
        self._scene, self._scene_b = (plane.to_page() for plane in self._planes)
        codes = [plane.points for plane in self._planes]
        self._gaps = [_gap(points) for points in codes]
        self._examples = self._originals() if self._linked else {}
        # Last: the page draws all of it anew when these arrive.
        self._codes = [points.numpy().astype("<f4").tobytes() for points in codes]
        if self._linked:
            self._follow()

    def _originals(self) -> dict[str, Any]:
        """The chosen picture's pixels as bytes, and what it is called."""
        low, high = self._format.range
        grey = ((self.x - low) / (high - low)).clamp(0, 1) * 255
        if self.labels is None:
            names = [f"picture {i}" for i in range(len(self.x))]
        else:
            names = [f"picture {i}, a {c}" for i, c in enumerate(self.labels.tolist())]
        return {"names": names, "pixels": grey.round().byte().numpy().tobytes()}

    @traitlets.validate("z_b")
    def _check_z_b(self, proposal: Any) -> list[float]:
        z: list[float] = self._check_z(proposal)
        return z

    @traitlets.validate("example")
    def _check_example(self, proposal: Any) -> int:
        i: int = proposal["value"]
        count = len(self.x)
        if not self._linked and i != -1:
            raise BadCode("example: these planes are not linked; pass link='example'")
        if self._linked and not 0 <= i < count:
            raise BadCode(f"example: got {i}, wanted 0 … {count - 1}")
        return i

    @traitlets.observe("example")
    def _on_example(self, _: Any) -> None:
        # Before the first reading, the codes are those of the start.
        if self._linked and self._codes:
            self._follow()

    def _follow(self) -> None:
        with self.hold_sync():
            self.z = _code(self.subject, self.example)
            self.z_b = _code(self.subject_b, self.example)

    def _evaluate(self, op: str, given: Tensor) -> Tensor:
        if op == "decoder_b":
            return self.subject_b.decode(given[None])[0]
        return super()._evaluate(op, given)

    def _still(self) -> tuple[Figure, str]:
        both = zip(
            self._names,
            (self.subject, self.subject_b),
            self._planes,
            (self.z, self.z_b),
            strict=True,
        )
        fig, axes = still.figure(4 + self._linked, 2.8)
        for i, (name, subject, plane, z) in enumerate(both):
            still.draw_plane(axes[2 * i], plane, z)
            axes[2 * i].set_title(name, fontsize=9)
            picture = subject.decode(torch.tensor([z]))[0]
            still.draw_picture(
                axes[2 * i + 1], picture, self._format, still.show_code(z)
            )
        names = " and ".join(self._names)
        text = (
            f"The latent planes of {names} with the codes of {len(self.x):,} pictures"
        )
        if self._linked:
            still.draw_picture(axes[4], self.x[self.example], self._format, "x")
            text += ", one of these pictures, and what both rebuild of it, decoded at"
        else:
            text += ", and the pictures decoded at"
        return fig, f"{text} {still.show_code(self.z)} and {still.show_code(self.z_b)}"


def _keep(subject: Subject, count: int) -> None:
    """Only the first examples, which were drawn at random."""
    assert subject.x is not None
    assert subject.codes is not None
    subject.x, subject.codes = subject.x[:count], subject.codes[:count]
    if subject.labels is not None:
        subject.labels = subject.labels[:count]


def _code(subject: Subject, i: int) -> list[float]:
    assert subject.codes is not None
    code: list[float] = subject.codes[i].tolist()
    return code


def _gap(points: Tensor) -> float:
    """The distance within which 99 % of the points have another one."""
    apart = torch.cdist(points, points)
    apart.fill_diagonal_(torch.inf)
    return float(apart.amin(1).quantile(0.99))
