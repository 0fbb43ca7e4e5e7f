"""What all widgets share: the code ``z``, the decoder's journey, the kernel's
answers, and the still picture."""

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any, Literal

import anywidget
import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.widgets import still
from vaelib.widgets.subject import Subject, picture_format
from vaelib.widgets.travel import CannotTravel, Packed

Where = Literal["page", "kernel"]


class BadCode(traitlets.TraitError, ValueError):
    """A code that does not fit; traitlets undoes the assignment."""


class Numbers(traitlets.TraitType[list[float], Any]):
    """A list of floats; tensors and arrays are turned into one."""

    info_text = "a list of numbers"

    def validate(self, obj: Any, value: Any) -> list[float]:
        if isinstance(value, Tensor | np.ndarray):
            value = value.tolist()
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            self.error(obj, value)
        numbers = [v if isinstance(v, bool) else _number(v) for v in value]
        if any(v is None or isinstance(v, bool) for v in numbers):
            self.error(obj, value)
        return [v for v in numbers if v is not None]


class Pictured(anywidget.AnyWidget):
    """A widget with a still picture for where nothing moves. One that shows no
    model builds on this; one that decodes, on :class:`Explorer`.
    """

    kind = ""

    def _still(self) -> tuple[Figure, str]:
        """A figure like the widget, and its alternative text."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown = super()._repr_mimebundle_(**kwargs)
        if shown is None:
            return None
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        try:
            images, texts = still.bundle(*self._still())
        except Exception:  # the model's own, which the live widget shows
            return data, metadata
        return {**data, **images}, {**metadata, **texts}


class Explorer(Pictured):
    """A widget that shows what a model makes of a code.

    Traits:
        z: the code now shown, a list of Z floats. It follows what the reader
            does, and moves the picture when set from Python. Assign a whole
            list: ``widget.z = [0.5, -1]``.
    """

    z = Numbers([]).tag(sync=True)
    _decoder = traitlets.Dict().tag(sync=True)
    _picture = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        subject: Subject,
        *,
        z: Sequence[float] | Tensor | None = None,
        prefer: Where = "page",
        **traits: Any,
    ):
        if prefer not in ("page", "kernel"):
            raise ValueError(f"prefer: got {prefer!r}, wanted 'page' or 'kernel'")
        self.subject, self.prefer = subject, prefer
        self._format = picture_format(subject)
        start = [0.0] * subject.latent_dim if z is None else z
        super().__init__(z=start, _picture=asdict(self._format), **traits)
        self._read()
        self.on_msg(self._answer)

    def refresh(self) -> None:
        """Read the model again, e.g. after more training."""
        self.subject.refresh()
        with self.hold_sync():
            self._read()

    def _read(self) -> None:
        """Everything the page needs of model and data, into traits."""
        self._decoder = self._travelled(self.subject.pack_decoder)

    def _travelled(self, pack: Any) -> dict[str, Any]:
        """The network for the page, or why it stays in the kernel."""
        if self.prefer == "kernel":
            return {"why": "as asked"}
        try:
            packed: Packed = pack()
        except CannotTravel as reason:
            return {"why": str(reason)}
        return dict(packed)

    @traitlets.validate("z")
    def _check_z(self, proposal: Any) -> list[float]:
        z: list[float] = proposal["value"]
        wanted = self.subject.latent_dim
        if len(z) != wanted:
            raise BadCode(
                f"z: got {len(z)} numbers, this model's latent_dim is {wanted}. "
                f"Assign a list of {wanted}."
            )
        if not all(isfinite(v) for v in z):
            raise BadCode(f"z: got {z}, wanted finite numbers")
        return z

    # -------------------------------------------------------- the kernel's answers

    def _answer(self, _: Any, question: Any, buffers: Sequence[Any]) -> None:
        """Evaluate for the page what cannot travel. An error goes to the page:
        nobody would see it here."""
        if not isinstance(question, dict) or "op" not in question:
            return
        reply = {k: question.get(k) for k in ("view", "id")}
        try:
            given = torch.tensor(np.frombuffer(buffers[0], dtype="<f4").copy())
            out = self._evaluate(question["op"], given)
        except (Exception, KeyboardInterrupt) as error:
            self.send({**reply, "error": f"{type(error).__name__}: {error}"})
        else:
            self.send(reply, [out.numpy().astype("<f4").tobytes()])

    def _evaluate(self, op: str, given: Tensor) -> Tensor:
        if op == "decoder":  # one code, or several in a row
            return self.subject.decode(given.view(-1, self.subject.latent_dim))
        raise ValueError(f"op: got {op!r}, wanted 'decoder'")

    def _decoded(self) -> Tensor:
        return self.subject.decode(torch.tensor([self.z]))[0]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
