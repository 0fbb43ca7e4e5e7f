"""What all widgets share: the front end, the still picture, the code ``z``, and the
kernel's answers."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from torch import Tensor

from vaelib.widgets.esm import module, style
from vaelib.widgets.pictures import float32
from vaelib.widgets.scene import scene_of
from vaelib.widgets.still import Still, bundle
from vaelib.widgets.subject import Subject
from vaelib.widgets.traits import Numbers


class Pictured(anywidget.AnyWidget):
    """A widget with a front end, and a still picture for where nothing moves. One
    that shows no model builds on this; one that decodes, on :class:`Explorer`.

    Args (of the class):
        front: the ES module beside the class, without ``.js``.
        sheet: a style sheet it shares with others, without ``.css``.
    """

    kind = ""
    _from_page = False

    def __init_subclass__(cls, front: str = "", sheet: str = "", **more: Any) -> None:
        if front:
            cls.kind = front.replace("_", "-")
            cls._esm, cls._css = module(front), style(front, sheet)
        super().__init_subclass__(**more)

    def set_state(self, sync_data: Any) -> None:
        """What the page says; see :func:`~vaelib.widgets.traits.following`."""
        self._from_page = True
        try:
            super().set_state(sync_data)
        finally:
            self._from_page = False

    def _still(self) -> Still:
        """A figure like the widget, and its alternative text."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown = super()._repr_mimebundle_(**kwargs)
        if shown is None:
            return None
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        try:
            images, texts = bundle(*self._still())
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

    z = Numbers(lambda self: self.subject.latent_dim, "latent dimension")
    _decoder = traitlets.Dict().tag(sync=True)
    _picture = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        subject: Subject,
        *,
        z: Sequence[float] | Tensor | None = None,
        **traits: Any,
    ):
        self.subject = subject
        self._format = subject.format()
        start = [0.0] * subject.latent_dim if z is None else z
        super().__init__(z=start, _picture=asdict(self._format), **traits)
        self._read()
        self.on_msg(self._answer)

    def refresh(self) -> None:
        """Read the model again, e.g. after more training."""
        self.subject = self.subject.again()
        with self.hold_sync():
            self._read()

    def _read(self) -> None:
        """Everything the page needs of model and data, into traits."""
        self._decoder = self.subject.packed("decoder")

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
            self.send(reply, [float32(out)])

    def _evaluate(self, op: str, given: Tensor) -> Tensor:
        if op == "decoder":  # one code, or several in a row
            return self.subject.decode(given.view(-1, self.subject.latent_dim))
        raise ValueError(f"op: got {op!r}, wanted 'decoder'")

    def _decoded(self) -> Tensor:
        return self.subject.decode(torch.tensor([self.z]))[0]


class Planar(Explorer):
    """One that shows the plane of the first two latent dimensions."""

    _scene = traitlets.Dict().tag(sync=True)

    def _read(self) -> None:
        super()._read()
        self._plane = scene_of(self.subject)
        self._scene = self._plane.to_page()
