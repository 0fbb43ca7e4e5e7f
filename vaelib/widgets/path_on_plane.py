"""A path on the latent plane, and what is decoded along it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.widgets import esm, still
from vaelib.widgets.base import BadCode, Explorer, Where
from vaelib.widgets.scene import scene_of
from vaelib.widgets.subject import Subject

STYLE = Path(__file__).with_name("walks.css").read_text("utf-8")


class Points(traitlets.TraitType[list[list[float]], Any]):
    """A list of pairs; tensors and arrays are turned into one."""

    def validate(self, obj: Any, value: Any) -> list[list[float]]:
        return _points(value)


class PathOnPlane(Explorer):
    """A path over the latent plane of a two-dimensional model, and its pictures.

    Draw it with mouse or finger; a scrubber runs along it, and a strip shows
    twelve pictures at equal distances. With the keyboard: arrow keys move the
    last point, Shift makes the steps ten times larger, Enter adds a point,
    Backspace removes it.

    Args:
        model, data, prefer, image_shape, seed: as for
            :class:`~vaelib.widgets.LatentPad`.
        path: points ``(P, 2)`` that straight pieces join; by default from the
            code of the first picture to that of the second, without data from
            (−2, 0) to (2, 0).

    Traits:
        path: the points, a list of P pairs.
        t: the scrubber's place, a share of the path's length in [0, 1].
        z: the code there. It follows ``path`` and ``t``.

    Raises:
        TypeError: for a model without these methods, or data of another kind.
        ValueError: for another latent size than 2, shapes that do not fit, NaN.

    Example:
        >>> import vaelib as vl
        >>> walk = PathOnPlane(vl.mlp_vae((1, 8, 8), 2, (8,)), path=[[0, 0], [1, 0]])
        >>> walk.along(3).tolist()
        [[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]]
    """

    kind = "path-on-plane"
    _esm = esm.module("path_on_plane")
    _css = esm.style() + STYLE
    path = Points([]).tag(sync=True)
    t = traitlets.Float(1.0).tag(sync=True)
    _scene = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any = None,
        *,
        path: Sequence[Sequence[float]] | Tensor | None = None,
        prefer: Where = "page",
        image_shape: tuple[int, int, int] | None = None,
        seed: int = 0,
    ):
        subject = Subject(model, data, latent_dim=2, image_shape=image_shape, seed=seed)
        points = _points(_start(subject) if path is None else path)
        super().__init__(subject, z=points[-1], prefer=prefer, path=points)

    def along(self, n: int) -> Tensor:
        """``n`` codes at equal distances along the path, ``(n, 2)``."""
        return _along(self.path, torch.linspace(0, 1, n).double()).float()

    def _read(self) -> None:
        super()._read()
        self._plane = scene_of(self.subject)
        self._scene = self._plane.to_page()

    @traitlets.validate("t")
    def _check_t(self, proposal: Any) -> float:
        t: float = proposal["value"]
        if not 0 <= t <= 1:
            raise BadCode(f"t: got {t}, wanted a share of the path, 0 … 1")
        return t

    @traitlets.observe("path", "t")
    def _follow(self, _: Any) -> None:
        place = _along(self.path, torch.tensor([self.t]).double())[0]
        if not np.allclose(place, self.z, atol=6e-4):  # else it is the page's own
            self.z = place

    def _still(self) -> tuple[Figure, str]:
        fig, (left, right) = still.figure(2)
        still.draw_plane(left, self._plane, self.z)
        left.plot(*np.array(self.path).T, color="black", linewidth=1.5)
        pictures = self.subject.decode(self.along(9))
        sheet = still.sheet(pictures, 3, self._format)
        still.draw_picture(right, *sheet, "along the path")
        return fig, (
            f"A path of {len(self.path)} points on the latent plane, and nine pictures "
            "decoded along it from start to end"
        )


def _start(subject: Subject) -> Any:
    if subject.codes is None or len(subject.codes) < 2:
        return [[-2.0, 0.0], [2.0, 0.0]]
    return subject.codes[:2]


def _points(value: Any) -> list[list[float]]:
    wanted = "wanted P ≥ 1 pairs of finite numbers, e.g. [[0, 0], [1, 2]]"
    try:
        points = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise BadCode(f"path: got {value!r}, {wanted}") from None
    if points.dim() != 2 or points.shape[1] != 2 or not len(points):
        raise BadCode(f"path: got shape {tuple(points.shape)}, {wanted}")
    if not points.isfinite().all():
        raise BadCode(f"path: got NaN or infinity, {wanted}")
    listed: list[list[float]] = points.tolist()
    return listed


def _along(path: list[list[float]], t: Tensor) -> Tensor:
    """Places after the shares ``t (n,)`` of a path's length, ``(n, 2)``."""
    points = np.array(path)
    pieces = np.hypot(*np.diff(points, axis=0).T)
    sums = np.concatenate([[0.0], pieces.cumsum()])
    gone = t.numpy() * sums[-1]
    return torch.tensor(np.stack([np.interp(gone, sums, v) for v in points.T], 1))
