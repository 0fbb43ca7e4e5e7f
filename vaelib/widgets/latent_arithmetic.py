"""A weighted sum of three codes, decoded."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.widgets import esm, still
from vaelib.widgets.base import BadCode, Explorer, Numbers, Where
from vaelib.widgets.path_on_plane import STYLE
from vaelib.widgets.subject import Subject

EXAMPLES = 20


class LatentArithmetic(Explorer):
    """a − b + c with codes: three choices, a weight for each, and the sum decoded.

    To choose from are your own codes, the mean code of each class, and the codes
    of single pictures. All are shown decoded. Home sets a weight to 0.

    Args:
        model: a VAE, an Autoencoder, or anything with ``decode(z)`` and
            ``encode(x)``; any latent size.
        data: a ``Dataset``, a tensor ``(N, *data_shape)``, or a pair
            ``(x, labels)``.
        codes: codes of your own by name, each of shape ``(Z,)``; they come first.
        terms: what a, b, c are at the start: names, or numbers of the list
            ``names``.
        weights: theirs.
        prefer, image_shape, seed: as for :class:`~vaelib.widgets.LatentPad`.

    Traits:
        terms: numbers of a, b, c in ``names``.
        weights: three floats.
        z: the sum's code. It follows the two others.

    Attributes:
        names: what can be chosen.
        codes: their codes, ``(K, Z)``.

    Raises:
        TypeError: for a model without these methods, or data of another kind.
        ValueError: without data, for an unknown name, and for shapes that do not
            fit, or NaN.

    Example:
        >>> import torch, vaelib as vl
        >>> model = vl.mlp_vae((1, 8, 8), 3, (8,))
        >>> sums = LatentArithmetic(model, torch.rand(9, 1, 8, 8))
        >>> sums.weights = [1, -1, 0.5]
    """

    kind = "latent-arithmetic"
    _esm = esm.module("latent_arithmetic")
    _css = esm.style() + STYLE
    terms = traitlets.List(traitlets.Int()).tag(sync=True)
    weights = Numbers([]).tag(sync=True)
    _bank = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any,
        *,
        codes: Mapping[str, Sequence[float] | Tensor] | None = None,
        terms: Sequence[str | int] = (0, 1, 2),
        weights: Sequence[float] = (1.0, -1.0, 1.0),
        prefer: Where = "page",
        image_shape: tuple[int, int, int] | None = None,
        seed: int = 0,
    ):
        subject = Subject(model, data, image_shape=image_shape, seed=seed)
        if subject.codes is None:
            raise ValueError("data: got None, wanted pictures whose codes are added")
        self._own = {
            name: _own_code(name, code, subject.latent_dim)
            for name, code in (codes or {}).items()
        }
        self.names, self.codes = _choices(subject, self._own)
        numbers = [self._number(term) for term in terms]
        zero = [0.0] * subject.latent_dim
        bank = self._to_page()
        super().__init__(
            subject, z=zero, prefer=prefer, terms=numbers, weights=weights, **bank
        )
        self._follow(None)

    def refresh(self) -> None:
        """Read the model again, e.g. after more training."""
        super().refresh()
        self.names, self.codes = _choices(self.subject, self._own)
        self._bank = self._to_page()["_bank"]
        self._follow(None)

    def _to_page(self) -> dict[str, Any]:
        codes = self.codes.numpy().astype("<f4").tobytes()
        return {"_bank": {"codes": codes, "names": self.names}}

    def _number(self, term: str | int) -> int:
        if isinstance(term, int):
            return term
        if term not in self.names:
            raise ValueError(f"terms: got {term!r}, wanted some of {self.names}")
        return self.names.index(term)

    @traitlets.validate("terms")
    def _check_terms(self, proposal: Any) -> list[int]:
        terms: list[int] = proposal["value"]
        last = len(self.names) - 1
        if len(terms) != 3 or not all(0 <= i <= last for i in terms):
            raise BadCode(f"terms: got {terms}, wanted three numbers 0 … {last}")
        return terms

    @traitlets.validate("weights")
    def _check_weights(self, proposal: Any) -> list[float]:
        weights: list[float] = proposal["value"]
        if len(weights) != 3 or not all(isfinite(w) for w in weights):
            raise BadCode(f"weights: got {weights}, wanted three finite numbers")
        return weights

    @traitlets.observe("terms", "weights")
    def _follow(self, _: Any) -> None:
        if len(self.terms) != 3 or len(self.weights) != 3:
            return
        z = torch.tensor(self.weights) @ self.codes[self.terms]
        if not torch.allclose(z, torch.tensor(self.z), atol=1e-5):
            self.z = z

    def _still(self) -> tuple[Figure, str]:
        fig, axes = still.figure(4, 2.8)
        pictures = self.subject.decode(self.codes[self.terms])
        for k, ax in enumerate(axes[:3]):
            name = f"{self.weights[k]:+.2f} × {self.names[self.terms[k]]}"
            still.draw_picture(ax, pictures[k], self._format, name)
        still.draw_picture(axes[3], self._decoded(), self._format, "the sum")
        parts = [
            f"{w:+.2f} times {self.names[i]}"
            for w, i in zip(self.weights, self.terms, strict=True)
        ]
        return fig, f"Arithmetic with codes: {', '.join(parts)}, and the sum, decoded"


def _own_code(name: str, code: Any, size: int) -> Tensor:
    made = torch.as_tensor(code).detach().float().cpu()
    if made.shape != (size,) or not made.isfinite().all():
        raise ValueError(
            f"codes[{name!r}]: got shape {tuple(made.shape)}, wanted ({size},) and "
            "finite numbers"
        )
    return made


def _choices(subject: Subject, own: dict[str, Tensor]) -> tuple[list[str], Tensor]:
    """Names and codes of all that can be chosen."""
    assert subject.codes is not None
    names, codes = list(own), list(own.values())
    labels = subject.labels
    if labels is not None and len(labels.unique()) <= 40:
        for c in labels.unique().tolist():
            names.append(f"mean of all {c}s")
            codes.append(subject.codes[labels == c].mean(0))
    for i, code in enumerate(subject.codes[:EXAMPLES]):
        names.append(f"picture {i}" + ("" if labels is None else f", a {labels[i]}"))
        codes.append(code)
    if len(codes) < 3:
        names, codes = names + names[-1:] * 2, codes + codes[-1:] * 2
    return names, torch.stack(codes)
