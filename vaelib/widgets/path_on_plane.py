"""A path on the latent plane, and what is decoded along it."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import torch
import traitlets
from torch import Tensor

from vaelib.widgets.base import Planar
from vaelib.widgets.still import Still, draw_plane, draw_sheet, figure
from vaelib.widgets.subject import Options, Subject, subject_of
from vaelib.widgets.traits import BadValue, Real, following


class Points(traitlets.TraitType[list[list[float]], Any]):
    """A list of pairs; tensors and arrays are turned into one."""

    def validate(self, obj: Any, value: Any) -> list[list[float]]:
        return _points(value)


class PathOnPlane(Planar, front="path_on_plane", sheet="walks"):
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

    path = Points([]).tag(sync=True)
    t = Real(1.0, 0, 1)

    def __init__(
        self,
        model: Any,
        data: Any = None,
        *,
        path: Sequence[Sequence[float]] | Tensor | None = None,
        **options: Unpack[Options],
    ):
        subject = subject_of(model, data, latent_dim=2, **options)
        points = _points(_start(subject) if path is None else path)
        super().__init__(subject, z=points[-1], path=points)

    def along(self, n: int) -> Tensor:
        """``n`` codes at equal distances along the path, ``(n, 2)``."""
        return _along(self.path, torch.linspace(0, 1, n).double()).float()

    @following("path", "t")
    def _follow(self) -> None:
        self.z = _along(self.path, torch.tensor([self.t]).double())[0]

    def _still(self) -> Still:
        fig, (left, right) = figure(2)
        draw_plane(left, self._plane, self.z)
        left.plot(*np.array(self.path).T, color="black", linewidth=1.5)
        pictures = self.subject.decode(self.along(9))
        draw_sheet(right, pictures, 3, self._format, "along the path")
        return fig, (
            f"A path of {len(self.path)} points on the latent plane, and nine pictures "
            "decoded along it from start to end"
        )


def _start(subject: Subject) -> Any:
    few = len(subject.codes) < 2
    return [[-2.0, 0.0], [2.0, 0.0]] if few else subject.codes[:2]


def _points(value: Any) -> list[list[float]]:
    wanted = "wanted P ≥ 1 pairs of finite numbers, e.g. [[0, 0], [1, 2]]"
    try:
        points = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise BadValue(f"path: got {value!r}, {wanted}") from None
    if points.dim() != 2 or points.shape[1] != 2 or not len(points):
        raise BadValue(f"path: got shape {tuple(points.shape)}, {wanted}")
    if not points.isfinite().all():
        raise BadValue(f"path: got NaN or infinity, {wanted}")
    listed: list[list[float]] = points.tolist()
    return listed


def _along(path: list[list[float]], t: Tensor) -> Tensor:
    """Places after the shares ``t (n,)`` of a path's length, ``(n, 2)``."""
    points = np.array(path)
    pieces = np.hypot(*np.diff(points, axis=0).T)
    sums = np.concatenate([[0.0], pieces.cumsum()])
    gone = t.numpy() * sums[-1]
    return torch.tensor(np.stack([np.interp(gone, sums, v) for v in points.T], 1))
