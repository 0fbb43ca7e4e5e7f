"""How many components a picture needs, and what each of them does."""

from typing import Any, Unpack

import torch
import traitlets

from vaelib.pca import PCA
from vaelib.widgets.base import Explorer
from vaelib.widgets.pictures import float32
from vaelib.widgets.scene import slider_ranges
from vaelib.widgets.still import Still, draw_picture, draw_sliders, figure
from vaelib.widgets.subject import Options, subject_of
from vaelib.widgets.traits import Whole, following, refuse_outside

EXAMPLES = 10


class ComponentSliders(Explorer, front="component_sliders"):
    """A picture beside what its first k principal components make of it.

    One slider sets k; above it, the share of all pictures' variance that k
    components keep. A slider for each of the leading components moves the code
    z along it; the small picture beside it is the component, grey where it does
    nothing. Arrow keys move a slider, Shift makes the steps ten times larger,
    Home sets it to 0.

    Args:
        pca: a fitted :class:`~vaelib.PCA`; its size is the largest k.
        data: a ``Dataset``, a tensor ``(N, *data_shape)`` or a pair
            ``(x, labels)``, from which the examples are taken.
        k: how many components are used at first; default 10, or all there are.
        example: which of the examples is shown at first.
        leading: how many components have a slider.
        prefer, image_shape, seed: as for :class:`LatentPad`.

    Traits:
        z: the code, a list of ``pca.k`` numbers; the picture is decoded from the
            first ``k`` of them, the others taken as 0.
        k: how many are used.
        example: the number of the picture shown; setting it sets ``z`` to the
            picture's own code.

    Raises:
        TypeError: for a model of another kind, or without data.
        RuntimeError: if ``pca`` is not fitted.
        ValueError: for shapes that do not fit, NaN, a k or example out of range.

    Example:
        >>> import vaelib as vl
        >>> x = torch.rand(50, 1, 8, 8)
        >>> sliders = ComponentSliders(vl.PCA(20).fit(x), x, k=5)
        >>> len(sliders.z), sliders.k
        (20, 5)
    """

    k = Whole(0, 0, lambda self: self.subject.latent_dim)
    example = Whole(0, 0, lambda self: len(self._x) - 1)
    _parts = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        pca: PCA,
        data: Any,
        *,
        k: int | None = None,
        example: int = 0,
        leading: int = 6,
        **options: Unpack[Options],
    ):
        if not isinstance(pca, PCA):
            raise TypeError(
                f"pca: got {type(pca).__name__}, wanted a fitted vl.PCA, e.g. "
                "vl.PCA(50).fit(data)"
            )
        if data is None:
            raise TypeError("data: got None, wanted the pictures to choose from")
        subject = subject_of(pca, data, **options)
        self._leading = max(1, min(leading, pca.k))
        names = subject.class_names
        one_of_each = 0 < len(names) <= EXAMPLES
        self._x = subject.x[subject.of_each(len(names) if one_of_each else EXAMPLES)]
        named = names if one_of_each else range(1, len(self._x) + 1)
        self._names = [f"example {name}" for name in named]
        self._codes = subject.encode(self._x)
        refuse_outside("example", example, 0, len(self._x) - 1)
        k = min(10, pca.k) if k is None else k
        super().__init__(subject, z=self._codes[example], k=k, example=example)

    def _read(self) -> None:
        super()._read()
        pca: PCA = self.subject.model
        self._codes = self.subject.encode(self._x)
        ranges = slider_ranges(self.subject)
        first = slice(self._leading)
        kept = pca.explained_variance_ratio.double().cumsum(0).cpu()
        pushes = pca.components[first].float().cpu()
        pushes = pushes / pushes.abs().amax(1, keepdim=True)
        self._parts = {
            **{name: ranges[name][first] for name in ("low", "high", "step")},
            "inner": [side[first] for side in ranges["inner"]],
            "share": [0.0, *kept.tolist()],
            "names": self._names,
            "codes": float32(self._codes),
            "pictures": self._x.numpy().astype("<f2").tobytes(),
            "components": pushes.numpy().astype("<f2").tobytes(),
        }

    @following("example")
    def _show_example(self) -> None:
        self.z = self._codes[self.example]

    def _code(self) -> list[float]:
        """The code of the picture shown: z, without what lies beyond k."""
        return [v if i < self.k else 0.0 for i, v in enumerate(self.z)]

    def _still(self) -> Still:
        fig, (left, middle, right) = figure(3)
        made = self.subject.decode(torch.tensor([self._code()]))[0]
        given = self._x[self.example]
        error = (made - given).pow(2).sum().item()
        share = self._parts["share"][self.k]
        draw_sliders(left, self._parts, self._code()[: self._leading])
        draw_picture(middle, given, self._format, "as it is")
        draw_picture(right, made, self._format, f"from {self.k} components")
        return fig, (
            f"A picture, and the same decoded from {self.k} principal components, "
            f"which keep {share:.0%} of the variance; its squared error is {error:.1f}"
        )
