"""A weighted sum of three codes, decoded."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import torch
import traitlets
from torch import Tensor

from vaelib.widgets.base import Explorer
from vaelib.widgets.pictures import float32
from vaelib.widgets.still import Still, draw_picture, figure
from vaelib.widgets.subject import Options, Subject, subject_of
from vaelib.widgets.traits import BadValue, Numbers, following

EXAMPLES = 20


class LatentArithmetic(Explorer, front="latent_arithmetic", sheet="walks"):
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

    terms = traitlets.List(traitlets.Int()).tag(sync=True)
    weights = Numbers(lambda self: 3, "term")
    _bank = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        data: Any,
        *,
        codes: Mapping[str, Sequence[float] | Tensor] | None = None,
        terms: Sequence[str | int] = (0, 1, 2),
        weights: Sequence[float] = (1.0, -1.0, 1.0),
        **options: Unpack[Options],
    ):
        if data is None:
            raise ValueError("data: got None, wanted pictures whose codes are added")
        subject = subject_of(model, data, **options)
        self._own = {
            name: _own_code(name, code, subject.latent_dim)
            for name, code in (codes or {}).items()
        }
        self.names, self.codes = _choices(subject, self._own)
        numbers = [self._number(term) for term in terms]
        super().__init__(subject, terms=numbers, weights=weights)

    def _read(self) -> None:
        super()._read()
        self.names, self.codes = _choices(self.subject, self._own)
        self._bank = {"codes": float32(self.codes), "names": self.names}
        self._follow()

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
            raise BadValue(f"terms: got {terms}, wanted three numbers 0 … {last}")
        return terms

    @following("terms", "weights")
    def _follow(self) -> None:
        self.z = torch.tensor(self.weights) @ self.codes[self.terms]

    def _still(self) -> Still:
        fig, axes = figure(4, 2.8)
        pictures = self.subject.decode(self.codes[self.terms])
        parts = list(zip(self.weights, self.terms, strict=True))
        for ax, picture, (w, i) in zip(axes, pictures, parts, strict=False):
            draw_picture(ax, picture, self._format, f"{w:+.2f} × {self.names[i]}")
        draw_picture(axes[3], self._decoded(), self._format, "the sum")
        words = ", ".join(f"{w:+.2f} times {self.names[i]}" for w, i in parts)
        return fig, f"Arithmetic with codes: {words}, and the sum, decoded"


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
    names, codes = list(own), list(own.values())
    kinds = subject.class_names
    for c, kind in enumerate(kinds if len(kinds) <= 40 else ()):
        names.append(f"mean of all {kind}s")
        codes.append(subject.codes[subject.classes == c].mean(0))
    for i, code in enumerate(subject.codes[:EXAMPLES]):
        names.append(subject.name(i))
        codes.append(code)
    if len(codes) < 3:
        names, codes = names + names[-1:] * 2, codes + codes[-1:] * 2
    return names, torch.stack(codes)
