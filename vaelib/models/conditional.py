"""A condition is a partial application: with c fixed, a model is an ordinary one."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from vaelib.distributions.fixed import Fixed
from vaelib.models.vae import VAE, Latent
from vaelib.randomness import seeded

Condition = Tensor | tuple[Tensor, ...]


class ConditionalVAE(Latent):
    """A conditional VAE (Sohn et al. 2015): each part is told c, too.

    Args:
        encoder: any module ``(x, c)`` → q(z|x, c), batch ``(B,)``.
        decoder: any module ``(z, c)`` → p(x|z, c), batch ``(B,)``.
        prior: a ``Distribution`` over z, moved with the model, or a module
            ``(c)`` → p(z|c), trained with it. Default: N(0, I) of the encoder's
            event shape.

    c has one row for each example: a tensor ``(B, …)``, or a tuple of such, which
    the parts then get as a tuple.

    Example::

        vl.fit(model, (x, c))
        vl.elbo(model.given(c), x)
        model.given(c).reconstruct(x)  # as any VAE
        model.sample(c, seed=0)
    """

    def __getattr__(self, name: str) -> Any:
        if name in ("posterior", "prior", "likelihood", "encode", "reconstruct"):
            raise AttributeError(
                f"model: a ConditionalVAE has no {name} before it knows its condition. "
                f"Fix it first: model.given(c), which is a VAE and has one."
            )
        return super().__getattr__(name)

    def given(self, c: Condition) -> "Given":
        """The VAE with c fixed; it has the same weights.

        Args:
            c: ``(B, …)`` for B examples; one row serves any number of them.
        """
        return Given(self, c)

    def sample(self, c: Condition, *, seed: int | None = None) -> Tensor:
        """One new example for each row of c, ``(B, *data_shape)``: z from the
        prior, then the likelihood's mean."""
        return self.given(c).sample(1, seed=seed)


class Given(VAE):
    """A :class:`ConditionalVAE` whose c is fixed; made by its ``given``."""

    def __init__(self, model: ConditionalVAE, c: Condition):
        nn.Module.__init__(self)
        _check(c)
        self.c = c
        self.encoder = _With(model.encoder, c)
        self.decoder = _With(model.decoder, c)
        own = model._prior
        self._prior = own if own is None or isinstance(own, Fixed) else _Of(own, c)
        self._standard = model._standard
        self._model = [model]  # in a list: a module of its own would count twice
        self.training = model.training

    @torch.no_grad()
    def sample(self, n: int, *, seed: int | None = None) -> Tensor:
        """``n`` new examples for each of c's B rows, ``(n·B, *data_shape)``: one for
        every row, then one for every row again."""
        with seeded(seed):
            prior = self.prior
            rows = () if prior.batch_shape else (_rows(self.c),)
            z = prior.sample(torch.Size((n, *rows)))
            return self.decode(z.flatten(0, 1))

    def rows(self, index: slice) -> "Given":
        """The same for some of c's rows."""
        return Given(self._model[0], _map(self.c, lambda part: part[index]))


class _With(nn.Module):
    """A module whose second argument is c, repeated for ``(L·B, …)`` codes."""

    def __init__(self, module: nn.Module, c: Condition):
        super().__init__()
        self.module, self.c = module, c

    def forward(self, first: Tensor) -> Any:
        rows, count = _rows(self.c), len(first)
        if count == rows:
            return self.module(first, self.c)
        if count % rows:
            raise ValueError(
                f"c: got {rows} rows for a batch of {count}, wanted one for each "
                "example, or one for all"
            )
        return self.module(first, _map(self.c, lambda part: _repeat(part, count)))


class _Of(nn.Module):
    """A module whose only argument is c."""

    def __init__(self, module: nn.Module, c: Condition):
        super().__init__()
        self.module, self.c = module, c

    def forward(self) -> Any:
        return self.module(self.c)


def in_parts(
    model: Any, size: int, x: Tensor, *others: Tensor
) -> Iterator[tuple[Any, ...]]:
    """The model and its data, ``size`` examples at a time, to bound memory.

    A model with c fixed is cut as its data are.
    """
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        cut = isinstance(model, Given) and _rows(model.c) == len(x)
        yield (model.rows(part) if cut else model, x[part], *(t[part] for t in others))


def _repeat(part: Tensor, count: int) -> Tensor:
    """``(B, …)`` → ``(count, …)``, all B rows, then all again: as codes ``(L, B, Z)``
    are flattened."""
    return part.expand(count // len(part), *part.shape).flatten(0, 1)


def _map(c: Condition, change: Any) -> Condition:
    return change(c) if isinstance(c, Tensor) else tuple(map(change, c))


def _rows(c: Condition) -> int:
    return len(c if isinstance(c, Tensor) else c[0])


def _check(c: Condition) -> None:
    parts = (c,) if isinstance(c, Tensor) else c
    shapes = [tuple(p.shape) if isinstance(p, Tensor) else type(p) for p in parts]
    rows = {s[:1] if isinstance(s, tuple) else () for s in shapes}
    if len(rows) != 1 or () in rows or (0,) in rows:
        raise ValueError(
            f"c: got {', '.join(map(str, shapes)) or 'nothing'}, wanted a tensor "
            "(B, …) with one row for each example, or a tuple of such of equal length"
        )
