"""How many components a picture needs, and what each of them does."""

from pathlib import Path
from typing import Any

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.pca import PCA
from vaelib.widgets import esm, still
from vaelib.widgets.base import BadCode, Explorer, Where
from vaelib.widgets.scene import slider_ranges
from vaelib.widgets.subject import Subject
from vaelib.widgets.travel import CannotTravel, pack

EXAMPLES = 10


class ComponentSliders(Explorer):
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

    kind = "component-sliders"
    _esm = esm.module("component_sliders")
    _css = esm.style() + Path(__file__).with_suffix(".css").read_text("utf-8")
    k = traitlets.Int(0).tag(sync=True)
    example = traitlets.Int(0).tag(sync=True)
    _parts = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        pca: PCA,
        data: Any,
        *,
        k: int | None = None,
        example: int = 0,
        leading: int = 6,
        prefer: Where = "page",
        image_shape: tuple[int, int, int] | None = None,
        seed: int = 0,
    ):
        if not isinstance(pca, PCA):
            raise TypeError(
                f"pca: got {type(pca).__name__}, wanted a fitted vl.PCA, e.g. "
                "vl.PCA(50).fit(data)"
            )
        if data is None:
            raise TypeError("data: got None, wanted the pictures to choose from")
        subject = Subject(pca, data, image_shape=image_shape, seed=seed)
        self._leading = max(1, min(leading, pca.k))
        self._x, self._names = _examples(subject)
        self._codes = subject.encode(self._x)
        start = self._codes[self._checked("example", example, len(self._x) - 1)]
        super().__init__(subject, z=start, prefer=prefer)
        with self.hold_trait_notifications():
            self.k = min(10, pca.k) if k is None else k
            self.example = example

    def _read(self) -> None:
        super()._read()
        pca: PCA = self.subject.model
        self._codes = self.subject.encode(self._x)
        ranges = slider_ranges(self.subject)
        first = slice(self._leading)
        inner = [side[first] for side in ranges["inner"]]
        kept = pca.explained_variance_ratio.double().cumsum(0).cpu()
        pushes = pca.components[first].float().cpu()
        self._parts = {
            **{name: ranges[name][first] for name in ("low", "high", "step")},
            "inner": inner,
            "share": [0.0, *kept.tolist()],
            "names": self._names,
            "codes": self._codes.numpy().astype("<f4").tobytes(),
            "pictures": self._x.numpy().astype("<f2").tobytes(),
            "components": (pushes / pushes.abs().amax(1, keepdim=True))
            .numpy()
            .astype("<f2")
            .tobytes(),
        }

    def _travelled(self, pack_: Any) -> dict[str, Any]:
        return super()._travelled(self._pack)

    def _pack(self) -> Any:
        """The decoder for the page: one linear map."""
        decoder = self.subject.model.decoder
        if "decode" in vars(self.subject.model) or type(self.subject.model) is not PCA:
            raise CannotTravel("its decode is not vaelib's own")
        return pack(decoder, self._codes.to(self.subject.device, self.subject.dtype))

    @traitlets.validate("k", "example")
    def _check_whole(self, proposal: Any) -> int:
        name = proposal["trait"].name
        most = self.subject.latent_dim if name == "k" else len(self._x) - 1
        return self._checked(name, proposal["value"], most)

    @staticmethod
    def _checked(name: str, value: int, most: int) -> int:
        if not 0 <= value <= most:
            raise BadCode(f"{name}: got {value}, wanted a whole number 0 … {most}")
        return value

    @traitlets.observe("example")
    def _show_example(self, change: Any) -> None:
        if not self._from_page:
            self.z = self._codes[change["new"]]

    _from_page = False

    def set_state(self, sync_data: Any) -> None:
        """What the page says: there the example's code is set, too."""
        self._from_page = True
        try:
            super().set_state(sync_data)
        finally:
            self._from_page = False

    def _code(self) -> list[float]:
        """The code of the picture shown: z, without what lies beyond k."""
        return [v if i < self.k else 0.0 for i, v in enumerate(self.z)]

    def _still(self) -> tuple[Figure, str]:
        fig, (left, middle, right) = still.figure(3)
        made = self.subject.decode(torch.tensor([self._code()]))[0]
        given = self._x[self.example]
        error = (made - given).pow(2).sum().item()
        share = self._parts["share"][self.k]
        still.draw_sliders(left, self._parts, self._code()[: self._leading])
        still.draw_picture(middle, given, self._format, "as it is")
        caption = f"from {self.k} components"
        still.draw_picture(right, made, self._format, caption)
        words = (
            f"A picture, and the same decoded from {self.k} principal components, "
            f"which keep {share:.0%} of the variance; its squared error is {error:.1f}"
        )
        return fig, words


def _examples(subject: Subject) -> tuple[Tensor, list[str]]:
    """Ten pictures ``(n, *data_shape)`` with names: one of each class, where
    there are as many classes or fewer."""
    assert subject.x is not None
    labels = subject.labels
    classes = [] if labels is None else labels.unique().tolist()
    if labels is None or len(classes) > EXAMPLES:
        x = subject.x[:EXAMPLES]
        return x, [f"example {i + 1}" for i in range(len(x))]
    rows = [int((labels == c).nonzero()[0]) for c in classes]
    return subject.x[rows], [f"example {c}" for c in classes]
