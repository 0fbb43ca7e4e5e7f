"""Draw a picture, and see what the model makes of it."""

from math import prod
from typing import Any, Unpack

import numpy as np
import torch
import traitlets
from torch import Tensor

from vaelib.widgets.base import Planar
from vaelib.widgets.pictures import float32
from vaelib.widgets.still import (
    Still,
    draw_picture,
    draw_plane,
    draw_posterior,
    figure,
    show_code,
)
from vaelib.widgets.subject import Options, Subject, subject_of
from vaelib.widgets.traits import Numbers

EXAMPLES = 20


class DrawAndEncode(Planar, front="draw_and_encode"):
    """A drawing, its posterior q(z|x) on the latent plane, and the decoding.

    Draw with mouse or finger, or choose an example. The drawing is prepared as
    MNIST was: scaled until its longer side fills the box that the data fills
    (20 of 28 pixels where there is no data), its centre of mass in the middle,
    the pen as wide as the data's strokes. On the plane: the mean as a cross,
    ellipses at 1σ and 2σ, and the code that is decoded – the mean, or a sample
    (each press of "Sample" draws another). With more than two latent dimensions
    the plane shows the first two and says so.

    Args:
        model: a VAE, an Autoencoder (one code, no ellipse), or anything with
            ``encode(x)`` and ``decode(z)``, for pictures.
        data: a ``Dataset``, a tensor ``(N, *data_shape)``, a pair
            ``(x, labels)``, or None: then the examples are invented by the
            model.
        center: ``False`` leaves the drawing where and as large as it was made.
        prefer, image_shape, seed: as for :class:`LatentPad`.

    Traits:
        mu, sigma: mean and standard deviation of q(z|x), lists of Z floats.
        z: the code now decoded.

    Raises:
        TypeError: for a model without these methods, or data of another kind.
        ValueError: for shapes that do not fit, or NaN.
    """

    mu = Numbers()
    sigma = Numbers()
    # From the page comes a view of the message, which outlives it only as bytes.
    # Unechoed: the page knows what was drawn on it.
    _x = traitlets.Bytes(b"").tag(
        sync=True, echo_update=False, from_json=lambda v, _: bytes(v)
    )
    _encoder = traitlets.Dict().tag(sync=True)
    _ink = traitlets.Dict().tag(sync=True)
    _examples = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any = None,
        *,
        center: bool = True,
        **options: Unpack[Options],
    ):
        self._center = center
        super().__init__(subject_of(model, data, **options))
        self.x = self._pictures[0]

    @property
    def x(self) -> Tensor:
        """The picture that was encoded, as the encoder sees it, ``data_shape``.
        Assign one to put it on the canvas.

        Raises:
            ValueError: when a picture of another shape, or NaN, is assigned.
        """
        numbers = np.frombuffer(self._x, dtype="<f4").copy()
        return torch.from_numpy(numbers).reshape(self.subject.data_shape)

    @x.setter
    def x(self, value: Any) -> None:
        x = torch.as_tensor(value, dtype=torch.float32).detach().cpu()
        shape = self.subject.data_shape
        if x.numel() != prod(shape):
            raise ValueError(f"x: got shape {tuple(x.shape)}, wanted {shape}")
        if not x.isfinite().all():
            raise ValueError("x: it holds NaN or infinity")
        mu, log_var = self.subject.moments(x.reshape(1, *shape))
        with self.hold_sync():
            self._x = float32(x)
            self.mu, self.sigma = mu[0], (0.5 * log_var[0]).exp()
            self.z = mu[0]

    def _read(self) -> None:
        super()._read()
        self._encoder = self.subject.packed("encoder")
        box = {} if self._center else {"box": None}
        self._ink = {**_strokes(self.subject), **box}
        self._pictures, names = _examples(self.subject)
        grey = self._format.grey(self._pictures)
        self._examples = {"names": names, "pixels": grey.numpy().tobytes()}

    def _evaluate(self, op: str, given: Tensor) -> Tensor:
        if op == "encoder":
            x = given.reshape(1, *self.subject.data_shape)
            return torch.cat(self.subject.moments(x), -1)[0]
        return super()._evaluate(op, given)

    def _still(self) -> Still:
        fig, (left, middle, right) = figure(3)
        draw_picture(left, self.x, self._format, "x")
        draw_plane(middle, self._plane, self.z)
        draw_posterior(middle, self.mu, self.sigma)
        code = show_code(self.z)
        draw_picture(right, self._decoded(), self._format, code)
        words = "A drawing, its posterior on the latent plane, and the picture decoded"
        return fig, f"{words} at {code}"


def _examples(subject: Subject) -> tuple[Tensor, list[str]]:
    """Up to twenty pictures ``(n, *data_shape)`` with names: the data's, in the
    order of their classes; without data, inventions of the model."""
    if not len(subject.x):
        pictures = subject.decode(subject.spread()[:EXAMPLES])
        return pictures, [f"invented {i + 1}" for i in range(len(pictures))]
    rows = subject.of_each(EXAMPLES)
    if not subject.class_names:
        return subject.x[rows], [f"example {i + 1}" for i in range(len(rows))]
    rows.sort(key=lambda i: int(subject.classes[i]))
    classes = [subject.class_names[subject.classes[i]] for i in rows]
    names = [f"{c} ({classes[:k].count(c) + 1})" for k, c in enumerate(classes)]
    return subject.x[rows], names


def _strokes(subject: Subject) -> dict[str, float]:
    """How wide the data's strokes are, and how large its drawings, in pixels."""
    _, height, width = subject.image_shape
    side = max(height, width)
    if not len(subject.x):
        return {"pen": side * 2.4 / 28, "box": side * 20 / 28}
    x = subject.x.reshape(len(subject.x), -1, height, width).amax(1)
    x = (x - x.amin()) / (x.amax() - x.amin()).clamp(min=1e-6)
    # A strip of length L and width w has the area L·w and the outline 2·L.
    down, across = torch.gradient(x, dim=(1, 2))
    outline = (down**2 + across**2).sqrt().sum((1, 2))
    pen = float((2 * x.sum((1, 2)) / outline.clamp(min=1e-6)).median())
    sides = [_extent(x.amax(axis) > 0.25) for axis in (1, 2)]
    box = float(torch.maximum(*sides).median())
    return {"pen": min(max(pen, 1.0), side / 4), "box": max(box, side / 4)}


def _extent(inked: Tensor) -> Tensor:
    """From first to last inked column, ``(N, W)`` bool → ``(N,)`` pixels."""
    place = torch.arange(1, inked.shape[1] + 1)
    last = (inked * place).amax(1)
    first = (inked * place.flip(0)).amax(1)
    return (last + first - inked.shape[1]).clamp(min=0).float()
