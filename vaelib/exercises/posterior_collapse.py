"""Checks for lesson 14, *Posterior collapse*, and its recorded runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from vaelib.distributions import (
    Autoregressive,
    Bernoulli,
    DiagonalGaussian,
    StandardNormal,
)
from vaelib.exercises.cases import between
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import (
    Function,
    NotStarted,
    Observation,
    Unusable,
    of_shape,
    value,
)
from vaelib.exercises.tables import Row, rows_of
from vaelib.objectives import elbo

__all__ = ["diagnose", "kl_weights", "linear_rate", "recorded"]


def recorded() -> list[Row]:
    """The runs on halved pictures, as ``benchmarks/collapse.py`` wrote them.

    One row per run: ``kind`` (``"noisy"``, ``"deep"``, ``"pixelcnn"``), ``cure``,
    ``seed``; on held-out pictures, in nats, ``elbo``, ``rate``, ``distortion``,
    ``information`` and ``swap``; and the number of active ``units``.
    """
    return rows_of("posterior_collapse.csv", ("kind", "cure"))


# ---------------------------------------------------------------------- diagnose

CAUSES = ("none", "decoder", "optimisation", "objective")
_KL, _SWAP = "KL of each dimension, (Z,), in nats", "loss by the swap, in nats"
_BEYOND = "gain over the mean picture, in nats"
_CAUSE = f"causes, as places in {CAUSES}"


@dataclass(frozen=True)
class _Hidden:
    """A VAE of which nobody says how it was trained: nothing in it is learned.

    Attributes:
        encode: pictures → means and log σ², ``(B, Z)`` each.
        paint: codes → p(x|z).
    """

    encode: Callable[[Tensor], tuple[Tensor, Tensor]]
    paint: Callable[[Tensor], Distribution]
    prior: Distribution

    def posterior(self, x: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(*self.encode(x))

    def likelihood(self, z: Tensor) -> Distribution:
        return self.paint(z)


@dataclass(frozen=True)
class _World:
    """Pictures of one template or its negative, with some pixels turned.

    Attributes:
        x: ``(B, 1, H, W)``, zeros and ones.
        sign: of the template, ``(1, H, W)``, ±1.
        size, dim: Z, and which dimension of a code holds the sign.
        jitter: of the collapsed encoders, ``(B, Z)``.
    """

    x: Tensor
    sign: Tensor
    size: int
    dim: int
    jitter: Tensor

    def side(self, x: Tensor) -> Tensor:
        return ((2 * x - 1) * self.sign).flatten(1).sum(1).sign()

    def at(self, mu: Tensor) -> Tensor:
        return torch.eye(self.size)[self.dim] * mu[:, None]

    def healthy(self, reach: float) -> _Hidden:
        def encode(x: Tensor) -> tuple[Tensor, Tensor]:
            away = torch.eye(self.size)[self.dim].expand(len(x), -1)
            return self.at(reach * self.side(x)), -2.5 * away

        def paint(z: Tensor) -> Distribution:
            logits = 2.5 * z[:, self.dim].tanh()[:, None, None, None] * self.sign
            return Independent(Bernoulli(logits=logits), 3)

        return _Hidden(encode, paint, StandardNormal(self.size))

    def asleep(self, x: Tensor) -> tuple[Tensor, Tensor]:
        jitter = self.jitter[: len(x)]
        return 0.15 * jitter, -0.1 * jitter.abs()

    def beside(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A KL of three nats that says nothing: the same code for all."""
        return self.at(torch.full((len(x),), 2.45)), torch.zeros(len(x), self.size)

    def mean_picture(self, encode: Any) -> _Hidden:
        logits = self.x.mean(0).clamp(0.02, 0.98).logit()

        def paint(z: Tensor) -> Distribution:
            return Independent(Bernoulli(logits=logits.expand(len(z), *x_shape)), 3)

        x_shape = tuple(self.x.shape[1:])
        return _Hidden(encode, paint, StandardNormal(self.size))

    def reader(self, encode: Any, first: float = 0.0) -> _Hidden:
        """A decoder that reads the sign off the first pixel; with ``first``, it has
        the code for that one."""

        def logits(x: Tensor, z: Tensor) -> Tensor:
            own = (2 * x[:, :, :1, :1] - 1) * self.sign[:, :1, :1]
            found = 2.0 * own * self.sign
            told = first * z[:, self.dim].tanh() * self.sign[0, 0, 0]
            found = found.clone()
            found[:, 0, 0, 0] = told
            return found

        shape = tuple(self.x.shape[1:])
        return _Hidden(
            encode,
            lambda z: Autoregressive(logits, z, shape),
            StandardNormal(self.size),
        )


def _hidden_models(g: torch.Generator) -> Case:
    """Six trials (model, x, again), in any order."""
    batch, size = between(40, 60, g), between(2, 4, g)
    shape = (1, between(4, 6, g), between(4, 6, g))
    sign = 2.0 * torch.randint(2, shape, generator=g) - 1
    side = 2.0 * (torch.randperm(batch, generator=g) % 2) - 1
    turned = torch.rand(batch, *shape, generator=g) < 0.1
    x = (1 + side[:, None, None, None] * sign * (1 - 2.0 * turned)) / 2
    w = _World(
        x, sign, size, between(0, size - 1, g), torch.randn(batch, size, generator=g)
    )
    healthy, lost = w.healthy(2.0), w.mean_picture(w.asleep)
    trials = [
        (healthy, x, w.healthy(1.5)),
        (lost, x, healthy),  # another start finds the code
        (w.mean_picture(w.beside), x, healthy),
        (lost, x, w.mean_picture(w.asleep)),
        (lost, x, w.healthy(30.0)),  # it paints better, and its KL is hundreds
        (w.reader(w.asleep), x, w.reader(healthy.encode, 2.5)),
        (w.reader(w.beside), x, w.reader(w.asleep)),
    ]
    return ([trials[i] for i in torch.randperm(len(trials), generator=g)],)


def _as_diagnoses(function: Function, case: Case) -> Observation:
    rows = [_one(function, *trial) for trial in case[0]]
    return {key: torch.stack([row[key] for row in rows]) for key in rows[0]}


def _one(function: Function, model: Any, x: Tensor, again: Any) -> Observation:
    found = function(model, x.clone(), again)
    if found is ...:
        raise NotStarted
    if not isinstance(found, tuple) or len(found) != 4:
        raise Unusable(
            "your function gave something else than four things.",
            "Return kl, swap, beyond, cause, in this order.",
        )
    *numbers, cause = found
    if any(number is ... for number in numbers) or cause is ...:
        raise NotStarted
    size = model.prior.event_shape[0]
    kl = of_shape(
        numbers[0], (size,), "kl is", "One number for each latent dimension, (Z,)."
    )
    swap, beyond = (
        of_shape(n, (), f"{name} is", "One number: the mean over the pictures.")
        for n, name in zip(numbers[1:], ("swap", "beyond"), strict=True)
    )
    if cause not in CAUSES:
        raise Unusable(
            f"your cause is {cause!r}.", f"It is one of these words: {CAUSES}."
        )
    return {
        _KL: kl.detach(),
        _SWAP: swap.detach(),
        _BEYOND: beyond.detach(),
        _CAUSE: torch.tensor(float(CAUSES.index(cause))),
    }


def _by_distributions(model: Any, x: Tensor, again: Any) -> tuple[Any, ...]:
    """By torch's own distributions, picture by picture."""
    q = model.posterior(x)
    normal = Normal(q.mean.double(), q.variance.double().sqrt())
    kl = kl_divergence(normal, Normal(0.0, 1.0)).mean(0)
    z = q.mean
    own = model.likelihood(z).log_prob(x)
    other = model.likelihood(torch.cat([z[-1:], z[:-1]])).log_prob(x)
    share = x.double().mean(0).clamp(0.001, 0.999)
    flat = torch.distributions.Bernoulli(probs=share).log_prob(x.double())
    swap, beyond = (
        (own - other).mean(),
        own.double().mean() - flat.sum((1, 2, 3)).mean(),
    )
    better = (
        elbo(again, x, samples=50).value.mean()
        - elbo(model, x, samples=50).value.mean()
    )
    if swap > 1:
        cause = "none"
    elif beyond > 1:
        cause = "decoder"
    else:
        cause = "optimisation" if better > 1 else "objective"
    return kl, swap, beyond, cause


def _diagnosis(
    *,
    kl: Callable[[Any], Tensor] = lambda q: (
        0.5 * (q.mu**2 + q.log_var.exp() - 1 - q.log_var)
    ).mean(0),
    sign: float = 1.0,
    baseline: Callable[[Tensor], Tensor] = lambda x: x.mean(0).clamp(0.001, 0.999),
    alive: Callable[[Tensor, Tensor], Any] = lambda kl, swap: swap > 1,
    order: tuple[str, ...] = ("decoder", "optimisation"),
    value_of: Callable[[Any], Tensor] = lambda e: e.value,
    names: tuple[str, str] = ("optimisation", "objective"),
) -> Function:
    """The right diagnosis with one part replaced."""

    def run(model: Any, x: Tensor, again: Any) -> tuple[Any, ...]:
        q = model.posterior(x)
        own = model.likelihood(q.mean).log_prob(x)
        other = model.likelihood(q.mean.roll(1, 0)).log_prob(x)
        p = baseline(x)
        flat = x * p.log() + (1 - x) * (1 - p).log()
        each, swap = kl(q), sign * (own - other).mean()
        beyond = (own - flat.flatten(1).sum(1)).mean()
        gain = value_of(elbo(again, x, samples=20)) - value_of(
            elbo(model, x, samples=20)
        )
        found = {"decoder": beyond > 1, "optimisation": gain.mean() > 1}
        cause = next((name for name in order if found[name]), "objective")
        renamed = dict(zip(("optimisation", "objective"), names, strict=True))
        cause = renamed.get(cause, cause)
        return each, swap, beyond, "none" if alive(each, swap) else cause

    return run


diagnose = Exercise(
    "diagnose",
    "KL, swap, gain over the mean picture, and the cause",
    _hidden_models,
    _by_distributions,
    (
        Mistake(
            "kl_summed_over_pictures",
            "Your KL grows with the number of pictures. Its mean over them is asked "
            "for.",
            _diagnosis(
                kl=lambda q: (0.5 * (q.mu**2 + q.log_var.exp() - 1 - q.log_var)).sum(0)
            ),
        ),
        Mistake(
            "sigma_for_variance",
            "Your KL holds σ where σ² belongs: log_var is log σ², and its exp is the "
            "variance.",
            _diagnosis(
                kl=lambda q: (
                    0.5 * (q.mu**2 + (0.5 * q.log_var).exp() - 1 - q.log_var)
                ).mean(0)
            ),
        ),
        Mistake(
            "swap_flipped",
            "Who reads its own code should do better than who reads another's: your "
            "swap has the other sign.",
            _diagnosis(sign=-1.0, alive=lambda kl, swap: swap < -1),
        ),
        Mistake(
            "half_for_the_mean_picture",
            "Your rival gives every pixel the probability ½. The mean picture knows "
            "how often each of them is on.",
            _diagnosis(baseline=lambda x: torch.full_like(x[0], 0.5)),
        ),
        Mistake(
            "kl_for_alive",
            "All numbers are right. But you take a model for alive because of its KL. "
            "One of the hidden ones gives the same code to all pictures, at three "
            "nats each. Which of your numbers notices?",
            _diagnosis(alive=lambda kl, swap: kl.sum() > 1),
        ),
        Mistake(
            "decoder_last",
            "All numbers are right, the order of the questions is not. A decoder that "
            "does without the code is asked about first.",
            _diagnosis(order=("optimisation", "decoder")),
        ),
        Mistake(
            "reconstruction_for_elbo",
            "You compare how well the two runs reconstruct. A run may reconstruct "
            "better and pay hundreds of nats of KL: which number did both maximise?",
            _diagnosis(value_of=lambda e: e.reconstruction),
        ),
        Mistake(
            "causes_swapped",
            "If another start finds a better value of the same objective, is it the "
            "objective that wants the collapse?",
            _diagnosis(names=("objective", "optimisation")),
        ),
    ),
    observe=_as_diagnoses,
    tolerance=1e-3,
    advice={
        _KL: "½ (μ² + σ² − 1 − log σ²) of each dimension, averaged over the pictures.",
        _SWAP: "Codes are the posterior's means; the other code is that of the picture "
        "before, z.roll(1, 0).",
        _BEYOND: "log p(x|z) with a picture's own code, minus the log-probability of x "
        "when each pixel is on as often as in x.mean(0).",
        _CAUSE: "In this order: swap above one nat, beyond above one nat, and then the "
        "ELBO of the second run against that of the first.",
    },
    cases=2,
)

# ------------------------------------------------------------------- linear_rate


def _a_spectrum(g: torch.Generator) -> Case:
    count, beta = between(5, 8, g), 1.5 + 1.5 * torch.rand((), generator=g).item()
    sigma = 0.5 + 0.4 * torch.rand((), generator=g).item()
    # Some above βσ², one between σ² and βσ², some below.
    level = beta * sigma**2
    high = level * (1.3 + 6 * torch.rand(count - 3, generator=g))
    between_both = torch.tensor([sigma**2 * (1 + 0.5 * (beta - 1))])
    low = sigma**2 * torch.tensor([0.5, 0.2])
    values = torch.cat([high.sort(descending=True).values, between_both, low])
    return values.double(), sigma, beta


def _by_search(eigenvalues: Tensor, sigma: float, beta: float) -> Tensor:
    """Each dimension's rate R ≥ 0 by bisection on the slope of λ e^(−2R)/(2σ²) + βR."""
    found = []
    for variance in eigenvalues.tolist():
        low, high = 0.0, 20.0
        for _ in range(80):
            middle = (low + high) / 2
            slope = beta - variance / sigma**2 * float(
                torch.tensor(-2 * middle).double().exp()
            )
            low, high = (low, middle) if slope > 0 else (middle, high)
        found.append(low)
    rates = torch.tensor(found, dtype=torch.float64)
    return torch.stack([(rates > 1e-9).double().sum(), rates.sum()])


def _linear(
    level: Callable[[float, float], float] = lambda sigma, beta: beta * sigma**2,
    total: Callable[[Tensor, float], Tensor] = lambda log_ratio, beta: (
        log_ratio.clamp(min=0).sum() / 2
    ),
) -> Function:
    def run(eigenvalues: Tensor, sigma: float, beta: float) -> Tensor:
        ratio = eigenvalues / level(sigma, beta)
        return torch.stack([(ratio > 1).double().sum(), total(ratio.log(), beta)])

    return run


linear_rate = Exercise(
    "linear_rate",
    "Number of active units and rate",
    _a_spectrum,
    _by_search,
    (
        Mistake(
            "beta_forgotten",
            "That is right at β = 1. A nat of rate now has to save β nats.",
            _linear(level=lambda sigma, beta: sigma**2),
        ),
        Mistake(
            "sigma_for_variance",
            "Eigenvalues are variances. With which power of σ are they compared?",
            _linear(level=lambda sigma, beta: beta * sigma),
        ),
        Mistake(
            "silent_dimensions_counted",
            "Your sum holds negative rates: a dimension below the level is silent, "
            "its rate is 0.",
            _linear(total=lambda log_ratio, beta: log_ratio.sum() / 2),
        ),
        Mistake(
            "half_forgotten",
            "The count is right, the rate is twice too large: standard deviations, "
            "not variances, count in nats.",
            _linear(total=lambda log_ratio, beta: log_ratio.clamp(min=0).sum()),
        ),
        Mistake(
            "weighted_rate",
            "You give β·R. The rate itself is asked for.",
            _linear(total=lambda lr, beta: beta * lr.clamp(min=0).sum() / 2),
        ),
        Mistake(
            "beta_squared",
            "β weighs a term of the objective, as 1/σ² does, and not a length.",
            _linear(level=lambda sigma, beta: (beta * sigma) ** 2),
        ),
    ),
    observe=value,
)

# -------------------------------------------------------------------- kl_weights


def _a_plan(g: torch.Generator) -> Case:
    cycle = between(2, 4, g)
    epochs, batches = cycle * 2 + between(1, 3, g), between(4, 7, g)
    start = 0.05 * between(1, 4, g)
    return epochs, batches, cycle, cycle + between(0, 1, g), start


def _epoch_by_epoch(
    epochs: int, batches: int, cycle: int, warm_up: int, start: float
) -> Tensor:
    """Without a loop over batches: steps since the last restart, in closed form."""
    step = torch.arange(epochs * batches, dtype=torch.float64)
    epoch = (step / batches).floor()
    begun = torch.where(epoch < 1, 0, 1 + ((epoch - 1) / cycle).floor() * cycle)
    since = step - begun * batches + 1
    return (start + (1 - start) * since / (warm_up * batches)).clamp(max=1)


def _weights(
    restart: Callable[[int, int, int, int], bool] = lambda e, b, cycle, n: (
        b == 0 and (e - 1) % cycle == 0
    ),
    *,
    late: bool = False,
    rate: Callable[[float, int, int], float] = lambda start, warm_up, n: (
        (1 - start) / (warm_up * n)
    ),
    back_to: Callable[[float], float] = lambda start: start,
) -> Function:
    def run(
        epochs: int, batches: int, cycle: int, warm_up: int, start: float
    ) -> Tensor:
        weight, used = start, []
        for e in range(epochs):
            for b in range(batches):
                again = restart(e, b, cycle, batches)
                weight = back_to(start) if again and not late else weight
                weight = min(1.0, weight + rate(start, warm_up, batches))
                weight = start if again and late else weight
                used.append(weight)
        return torch.tensor(used)

    return run


kl_weights = Exercise(
    "kl_weights",
    "The weights of all batches",
    _a_plan,
    _epoch_by_epoch,
    (
        Mistake(
            "as_given",
            "",
            _weights(lambda e, b, cycle, n: (e - 1) % cycle == 0, late=True),
            as_given=True,
        ),
        Mistake(
            "no_restart",
            "Now it reaches 1, and never begins anew: nothing of the cycle is left.",
            _weights(lambda e, b, cycle, n: False),
        ),
        Mistake(
            "one_batch_late",
            "Nearly: the first weight after a restart is start itself, while at the "
            "very beginning it is one step above. Restart before the step.",
            _weights(late=True),
        ),
        Mistake(
            "still_every_batch",
            "The restart comes before the step now, and still in every batch of its "
            "epoch. How often should it happen?",
            _weights(lambda e, b, cycle, n: (e - 1) % cycle == 0),
        ),
        Mistake(
            "other_epochs",
            "One restart a cycle, in other epochs than before: they are to stay those "
            "with (epoch − 1) % cycle == 0.",
            _weights(lambda e, b, cycle, n: b == 0 and e % cycle == 0),
        ),
        Mistake(
            "back_to_zero",
            "After a restart you begin at 0, and at the very beginning at start.",
            _weights(back_to=lambda start: 0.0),
        ),
    ),
    observe=value,
)
