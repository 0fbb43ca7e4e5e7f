"""Which models are trained by one ``fit``, and what they share there."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from vaelib.objectives import Elbo, elbo
from vaelib.randomness import seeded
from vaelib.stacking import CannotStack, StackedVAE
from vaelib.sweep.table import Cell, Model
from vaelib.training import fit

Build = Callable[[int], Model]
Together = bool | Literal["auto"]

# Weights per model up to which training together was measured to be faster.
STACK_BELOW = 150_000


class Job(NamedTuple):
    """Models of one seed, trained at once if ``stack`` holds them side by side."""

    seed: int
    betas: tuple[float, ...]
    models: list[Any]
    stack: StackedVAE | None
    objective: Callable[..., Elbo]

    @property
    def cells(self) -> dict[Cell, Model]:
        """The models by (β, seed)."""
        keys = ((beta, self.seed) for beta in self.betas)
        return dict(zip(keys, self.models, strict=True))

    def train(
        self, data: Any, where: torch.device, folder: Path | None, **settings: Any
    ) -> bool:
        """Whether they were trained to the end; if not, they are as far as they
        came."""
        if folder is not None:
            settings["checkpoint"] = folder / self._file
        settings |= {"seed": self.seed, "device": where}
        if self.stack is None:
            (model,), (beta,) = self.models, self.betas
            history = fit(model, data, partial(self.objective, beta=beta), **settings)
        else:
            together = partial(sum_of_elbos, betas=self.betas)
            history = fit(self.stack, data, together, **settings)
            self.stack.unstack()
        for model in self.models:
            model.to(where).eval()
        return not history.interrupted

    @property
    def _file(self) -> str:
        if self.stack is None:
            return f"beta-{self.betas[0]}-seed-{self.seed}.safetensors"
        which = hashlib.sha256(repr(self.betas).encode()).hexdigest()[:8]
        return f"seed-{self.seed}-together-{which}.safetensors"


def jobs(
    build: Build,
    betas: tuple[float, ...],
    seed: int,
    objective: Callable[..., Elbo],
    together: Together,
) -> Iterator[Job]:
    """The jobs of one seed: one for all β, or one for each."""
    if together is True or (together == "auto" and len(betas) > 1):
        group = [built(build, seed) for _ in betas]
        stack = _stack(group, objective, together)
        if stack is not None:
            yield Job(seed, betas, group, stack, objective)
            return
    for beta in betas:
        yield Job(seed, (beta,), [built(build, seed)], None, objective)


def built(build: Build, seed: int) -> Model:
    """A fresh model. Layers put together by hand draw from the seed as well."""
    with seeded(seed):
        return build(seed)


def sum_of_elbos(stack: StackedVAE, x: Tensor, *, betas: Sequence[float]) -> Tensor:
    """The sum of K models' objectives: each has its own gradient, as if alone."""
    k = len(betas)
    e = elbo(stack, x.repeat(k, *[1] * (x.dim() - 1)))
    weight = torch.tensor(betas).to(x).repeat_interleave(len(x))
    return (e.reconstruction - weight * e.kl).view(k, -1).sum(0)


def _stack(
    models: list[Any], objective: Callable[..., Elbo], together: Together
) -> StackedVAE | None:
    size = sum(p.numel() for p in models[0].parameters())
    if together == "auto" and size > STACK_BELOW:
        return None
    try:
        if objective is not elbo:
            raise CannotStack("objective: only vaelib.elbo")
        return StackedVAE(models)
    except CannotStack as error:
        if together is True:
            raise ValueError(
                f"together: these models cannot be trained at once ({error}). Use "
                "together='auto' or False."
            ) from None
        return None
