"""Two latent planes side by side, on the same pictures."""

from collections.abc import Sequence
from typing import Any, Literal, Unpack

import torch
import traitlets
from torch import Tensor

from vaelib.widgets.base import Explorer
from vaelib.widgets.pictures import float32
from vaelib.widgets.scene import scene_of
from vaelib.widgets.still import Still, draw_picture, draw_plane, figure, show_code
from vaelib.widgets.subject import Options, subject_of
from vaelib.widgets.traits import BadValue, Numbers, following, refuse_outside

EXAMPLES = 1000  # with their pixels they travel; more would make the page slow


class PadPair(Explorer, front="pad_pair"):
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

    z_b = Numbers(lambda self: 2, "latent dimension")
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
        **options: Unpack[Options],
    ):
        if link not in (None, "example"):
            raise ValueError(f"link: got {link!r}, wanted 'example' or None")
        if isinstance(names, str) or len(names) != 2:
            raise ValueError(f"names: got {names!r}, wanted two")
        first, second = (
            subject_of(model, data, latent_dim=2, **options).first(EXAMPLES)
            for model in (model_a, model_b)
        )
        if len(first.x) < 2:
            raise ValueError("data: wanted at least two pictures")
        if first.data_shape != second.data_shape:
            raise ValueError(
                f"model_b: its pictures have shape {second.data_shape}, model_a's "
                f"{first.data_shape}. Give two models of the same data."
            )
        self.subject_b = second
        self.x, self.labels = first.x, first.labels
        super().__init__(
            first,
            z=first.codes[0],
            z_b=second.codes[0],
            _names=list(names),
            _linked=link is not None,
            example=0 if link else -1,
        )

    def refresh(self) -> None:
        """Read both models again, e.g. after more training."""
        self.subject_b = self.subject_b.again()
        super().refresh()

    def _read(self) -> None:
        super()._read()
        both = self.subject, self.subject_b
        self._decoder_b = self.subject_b.packed("decoder")
        self._planes = [scene_of(subject) for subject in both]
        self._scene, self._scene_b = (plane.to_page() for plane in self._planes)
        self._gaps = [_gap(subject.codes) for subject in both]
        self._examples = self._originals() if self._linked else {}
        # Last: the page draws all of it anew when these arrive.
        self._codes = [float32(subject.codes) for subject in both]
        self._follow()

    def _originals(self) -> dict[str, Any]:
        """The chosen picture's pixels as bytes, and what it is called."""
        names = [self.subject.name(i) for i in range(len(self.x))]
        return {"names": names, "pixels": self._format.grey(self.x).numpy().tobytes()}

    @traitlets.validate("example")
    def _check_example(self, proposal: Any) -> int:
        i: int = proposal["value"]
        if self._linked:
            refuse_outside("example", i, 0, len(self.x) - 1)
        elif i != -1:
            raise BadValue("example: these planes are not linked; pass link='example'")
        return i

    @following("example")
    def _follow(self) -> None:
        if self._linked:
            with self.hold_sync():
                self.z = self.subject.codes[self.example]
                self.z_b = self.subject_b.codes[self.example]

    def _evaluate(self, op: str, given: Tensor) -> Tensor:
        if op == "decoder_b":
            return self.subject_b.decode(given[None])[0]
        return super()._evaluate(op, given)

    def _still(self) -> Still:
        fig, axes = figure(4 + self._linked, 2.8)
        subjects, codes = (self.subject, self.subject_b), (self.z, self.z_b)
        for i, (subject, z) in enumerate(zip(subjects, codes, strict=True)):
            draw_plane(axes[2 * i], self._planes[i], z)
            axes[2 * i].set_title(self._names[i], fontsize=9)
            picture = subject.decode(torch.tensor([z]))[0]
            draw_picture(axes[2 * i + 1], picture, self._format, show_code(z))
        names = " and ".join(self._names)
        text = (
            f"The latent planes of {names} with the codes of {len(self.x):,} pictures"
        )
        if self._linked:
            draw_picture(axes[4], self.x[self.example], self._format, "x")
            text += ", one of these pictures, and what both rebuild of it, decoded at"
        else:
            text += ", and the pictures decoded at"
        return fig, f"{text} {show_code(self.z)} and {show_code(self.z_b)}"


def _gap(points: Tensor) -> float:
    """The distance within which 99 % of the points have another one."""
    apart = torch.cdist(points, points)
    apart.fill_diagonal_(torch.inf)
    return float(apart.amin(1).quantile(0.99))
