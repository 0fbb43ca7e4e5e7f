"""A training run, one step at a time."""

import math
from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import Tensor, nn

from vaelib.objectives import Annealed
from vaelib.randomness import Stream, generator
from vaelib.training.divergence import TrainingDiverged, likely_causes
from vaelib.training.history import History
from vaelib.training.objective import Objective, Terms, as_terms, for_model, name_of
from vaelib.training.optimizer import MakeOptimizer, build, fused_adam, lr_shares
from vaelib.training.plan import Plan

# How often weights known to be good are set aside, and how often a GPU is asked
# whether all is still finite (asking makes it wait).
SAFE_EVERY = 50


class Run:
    """A training run, advanced one step at a time. ``fit`` drives it to its end.

    Attributes:
        data: x and what else a batch holds, each ``(N, …)``, on one device.
        step: steps taken so far, of ``total``.
        history: finished epochs.
        stream: its random numbers.
        sums, count: of each term in this epoch as far as gathered, and of how many
            examples.
        hopeless: the mean objective, in nats, below which an epoch has diverged.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Sequence[Tensor],
        objective: Objective,
        plan: Plan,
        optimizer: MakeOptimizer = fused_adam,
    ):
        self.model, self.data, self.plan = model, tuple(data), plan
        self.objective = for_model(objective, model, len(self.data))
        self.name = name_of(objective)
        self.batches = math.ceil(len(self.data[0]) / plan.batch_size)
        self.total = self.batches * plan.epochs
        self.step = 0
        self.history = History()
        self.device = self.data[0].device
        self.stream = Stream(plan.seed, self.device)
        self.optimizer = build(optimizer, model)
        self._lr_shares = lr_shares(self.optimizer)
        self._parameters = [
            p for group in self.optimizer.param_groups for p in group["params"]
        ]
        self._order = (-1, torch.empty(0))  # of which epoch
        self._recent: list[tuple[int, Terms]] = []  # step and terms, not yet summed
        self.sums: dict[str, float] = {}
        self.count = 0
        self.hopeless = -math.inf
        self._check_every = 1 if self.device.type == "cpu" else SAFE_EVERY
        self.set_aside()

    def advance(self) -> None:
        """One step of the optimiser.

        Raises:
            TrainingDiverged: if a term is NaN or infinite.
        """
        lr = self.plan.lr_at(self.step, self.total)
        groups = self.optimizer.param_groups  # others after a restore
        for group, share in zip(groups, self._lr_shares, strict=True):
            group["lr"] = lr * share
        terms = self.terms(self._batch())
        loss = -next(iter(terms.values())).mean()
        self._recent.append((self.step, {k: t.detach() for k, t in terms.items()}))
        if self.step % self._check_every == 0:
            self._check(-loss.item())
        for p in self._parameters:  # what zero_grad() does, with less ado
            p.grad = None
        loss.backward()
        if self.plan.clip is not None:
            nn.utils.clip_grad_norm_(self._parameters, self.plan.clip)
        self.optimizer.step()
        self.step += 1

    def terms(self, batch: Sequence[Tensor]) -> Terms:
        """What the objective makes of a batch, by name, each ``(B,)``."""
        objective = self.objective
        if isinstance(objective, Annealed):
            objective = objective.at(self.step)
        return as_terms(objective(self.model, *batch), self.name)

    def finish_epoch(self) -> None:
        """Write the epoch's means to the history.

        Raises:
            TrainingDiverged: if they are hopelessly worse than at the start.
        """
        self.gather()
        means = self.current
        value = next(iter(means.values()))
        if value < self.hopeless:
            self._give_up(
                f"in epoch {math.ceil(self.step / self.batches)}, whose mean is far "
                "worse than an untrained model's",
                means,
            )
        self.history.append(means)
        self.history.steps = self.step
        self.sums, self.count = {}, 0

    def gather(self) -> None:
        """Add the recent steps' terms to the epoch's sums: one wait for a GPU."""
        if not self._recent:
            return
        recent = [terms for _, terms in self._recent]
        names = list(recent[0])
        if any(list(terms) != names for terms in recent):
            other = next(list(terms) for terms in recent if list(terms) != names)
            raise ValueError(
                f"objective: gave terms named {names}, then {other}; wanted the same "
                "at every step"
            )
        sums = torch.stack([torch.stack([t[k].sum() for k in names]) for t in recent])
        if not sums.isfinite().all():
            self._diagnose()
        # One step after the other, in double precision, so that the sums do not
        # depend on when they were gathered.
        for row in sums.tolist():
            for name, value in zip(names, row, strict=True):
                self.sums[name] = self.sums.get(name, 0.0) + value
        self.count += sum(len(terms[names[0]]) for terms in recent)
        self._recent = []

    @property
    def current(self) -> dict[str, float]:
        """Means of the epoch under way, as far as gathered."""
        return {name: total / self.count for name, total in self.sums.items()}

    def set_aside(self) -> None:
        """Keep the weights of now, to go back to if the next ones are bad."""
        state = self.model.state_dict()
        self._good = (self.step, {k: v.detach().clone() for k, v in state.items()})

    def _check(self, value: float) -> None:
        if not math.isfinite(value):
            self._diagnose()
        if self.step % SAFE_EVERY == 0 and value >= self.hopeless:
            self.set_aside()

    def _batch(self) -> list[Tensor]:
        epoch, batch = divmod(self.step, self.batches)
        if self._order[0] != epoch:
            self._order = (epoch, self.order(epoch))
        start = batch * self.plan.batch_size
        rows = self._order[1][start : start + self.plan.batch_size]
        # Gathering a batch into memory just freed beats a second, shuffled copy of
        # all the data, whose pages the system must first hand out.
        return [tensor.index_select(0, rows) for tensor in self.data]

    def order(self, epoch: int) -> Tensor:
        """The rows of the data as an epoch takes them, ``(N,)``."""
        # From (seed, epoch) alone: a resumed run need not store the order.
        seeds = generator(self.plan.seed, epoch)
        return torch.randperm(len(self.data[0]), generator=seeds).to(self.device)

    def _diagnose(self) -> NoReturn:
        means = [
            (at, {k: t.mean().item() for k, t in terms.items()})
            for at, terms in self._recent
        ]
        bad = (m for m in means if not all(map(math.isfinite, m[1].values())))
        at, values = next(bad)
        epoch = at // self.batches + 1
        self._give_up(
            f"at step {at} of {self.total} (epoch {epoch}), where the batch gave",
            values,
        )

    def _give_up(self, when: str, values: dict[str, float]) -> NoReturn:
        name = type(self.optimizer).__name__
        causes = list(likely_causes(self.model, self.data, self.plan.lr, name))
        good_step, good = self._good
        self.model.load_state_dict(good)
        listed = ", ".join(f"{k} {v:.4g}" for k, v in values.items())
        raise TrainingDiverged(
            f"training diverged {when}: {listed}. Likely causes, first to last: "
            f"{'; '.join(causes)}. The model holds the weights it had at step "
            f"{good_step}.",
            self.history,
        )
