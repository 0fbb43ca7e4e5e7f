"""A training run, one step at a time."""

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from vaelib.objectives import Elbo
from vaelib.training.divergence import TrainingDiverged, likely_causes
from vaelib.training.history import History
from vaelib.training.plan import Plan
from vaelib.training.terms import Terms, as_terms, name_of, named

Objective = Callable[[Any, Tensor], Elbo | Tensor]

# How often weights known to be good are set aside, and how often a GPU is asked
# whether all is still finite (asking makes it wait).
SAFE_EVERY = 50


class Run:
    """A training run, advanced one step at a time. ``fit`` drives it to its end.

    Attributes:
        step: steps taken so far, of ``total``.
        history: finished epochs.
    """

    def __init__(self, model: nn.Module, x: Tensor, objective: Objective, plan: Plan):
        self.model, self.x, self.objective, self.plan = model, x, objective, plan
        self.batches = math.ceil(len(x) / plan.batch_size)
        self.total = self.batches * plan.epochs
        self.step = 0
        self.history = History()
        self.parameters = list(model.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=plan.lr, fused=True)
        self.name = name_of(objective)
        self._order = (-1, torch.empty(0))  # of which epoch
        self._recent: list[tuple[int, Terms]] = []  # step and terms, not yet summed
        self.sums: list[float] = []  # of this epoch, one per term
        self.count = 0  # examples in them
        self._check_every = 1 if x.device.type == "cpu" else SAFE_EVERY
        self.set_aside()

    def advance(self) -> None:
        """One step of the optimiser.

        Raises:
            TrainingDiverged: if a term is NaN or infinite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.lr_at(self.step, self.total)
        terms = as_terms(self.objective(self.model, self._batch()))
        loss = -terms[0].mean()
        self._recent.append((self.step, tuple(t.detach() for t in terms)))
        if self.step % self._check_every == 0 and not math.isfinite(loss.item()):
            self._diagnose()
        if self.step % SAFE_EVERY == 0:
            self.set_aside()
        for p in self.parameters:  # what zero_grad() does, with less ado
            p.grad = None
        loss.backward()
        self.optimizer.step()
        self.step += 1

    def finish_epoch(self) -> None:
        """Write the epoch's means to the history."""
        self.gather()
        means = [s / self.count for s in self.sums]
        self.history.append(named(means, self.name))
        self.history.steps = self.step
        self.sums, self.count = [], 0

    def gather(self) -> None:
        """Add the recent steps' terms to the epoch's sums: one wait for a GPU."""
        if not self._recent:
            return
        recent = [terms for _, terms in self._recent]
        sums = torch.stack([torch.stack([t.sum() for t in terms]) for terms in recent])
        if not sums.isfinite().all():
            self._diagnose()
        # One step after the other, in double precision, so that the sums do not
        # depend on when they were gathered.
        self.sums = self.sums or [0.0] * sums.shape[1]
        for row in sums.tolist():
            self.sums = [a + b for a, b in zip(self.sums, row, strict=True)]
        self.count += sum(len(terms[0]) for terms in recent)
        self._recent = []

    @property
    def current(self) -> dict[str, float]:
        """Means of the epoch under way, as far as gathered."""
        if not self.count:
            return {}
        return named([s / self.count for s in self.sums], self.name)

    def _batch(self) -> Tensor:
        epoch, batch = divmod(self.step, self.batches)
        if self._order[0] != epoch:
            self._order = (epoch, self._shuffle(epoch))
        start = batch * self.plan.batch_size
        rows = self._order[1][start : start + self.plan.batch_size]
        # Gathering a batch into memory just freed beats a second, shuffled copy of
        # all the data, whose pages the system must first hand out.
        return self.x.index_select(0, rows)

    def _shuffle(self, epoch: int) -> Tensor:
        # From (seed, epoch) alone: a resumed run need not store the order.
        state = np.random.SeedSequence([self.plan.seed, epoch]).generate_state(1)
        generator = torch.Generator().manual_seed(int(state[0]))
        return torch.randperm(len(self.x), generator=generator).to(self.x.device)

    def set_aside(self) -> None:
        """Keep the weights of now, to go back to if the next ones are bad."""
        state = self.model.state_dict()
        self._good = (self.step, {k: v.detach().clone() for k, v in state.items()})

    def _diagnose(self) -> NoReturn:
        means = [(at, [t.mean().item() for t in terms]) for at, terms in self._recent]
        at, bad = next(m for m in means if not all(map(math.isfinite, m[1])))
        parameters = self.model.named_parameters()
        broken = [name for name, p in parameters if not p.isfinite().all()]
        low, high = (v.item() for v in self.x.aminmax())
        good_step, good = self._good
        self.model.load_state_dict(good)
        causes = list(likely_causes(self.plan.lr, low, high, broken))
        listed = ", ".join(f"{k} {v:.4g}" for k, v in named(bad, self.name).items())
        reasons = "; ".join(causes)
        raise TrainingDiverged(
            f"training diverged at step {at} of {self.total} (epoch "
            f"{at // self.batches + 1}), where the batch gave: {listed}. Likely "
            f"causes, first to last: {reasons}. The model holds the weights it had at "
            f"step {good_step}.",
            self.history,
        )
