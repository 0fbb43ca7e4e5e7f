"""Checks for lesson 10, *β-VAE*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from vaelib.exercises.cases import between, picture_shape
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import Function, Observation, Unusable, of_shape, value

__all__ = ["LinearVAE", "beta_sweep", "held_out_loss", "pytorch_vae_loss"]


class LinearVAE(nn.Module):
    """The VAE whose optimum is known for every β: each number of ``x`` ``(B, D)``
    has a latent dimension of its own, with linear encoder and decoder and fixed
    Gaussian noise. Both terms are exact, nothing is sampled.

    Args:
        D: numbers per example.
        sigma: standard deviation of the noise.
    """

    def __init__(self, D: int, sigma: float):
        super().__init__()
        self.sigma = sigma
        self.encode, self.decode, self.log_var = (
            nn.Parameter(torch.full((D,), at, dtype=torch.float64))
            for at in (0.5, 1.0, -1.0)
        )

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """E log p(x|z) and KL(q(z|x)‖p(z)), each ``(B,)``, in nats."""
        mu, var = self.encode * x, self.log_var.exp()
        error = (x - self.decode * mu) ** 2 + self.decode**2 * var
        noise = torch.tensor(2 * torch.pi * self.sigma**2).double()
        reconstruction = -0.5 * (error / self.sigma**2 + noise.log()).sum(1)
        kl = 0.5 * (mu**2 + var - 1 - self.log_var).sum(1)
        return reconstruction, kl


# ------------------------------------------------------------------- beta_sweep

_RATE, _DISTORTION = "rate at each β, in nats", "distortion at each β, in nats"
_COUNT, _AGAIN = "models trained", "models trained a second time"
_WEIGHTS = "weights of the two terms in each objective"
_STEPS, _LR = 4, 0.2

Objective = Callable[[Any, Tensor], Tensor]


def _a_world(g: torch.Generator) -> Case:
    """A model, its training, two sets of numbers and some weights, in no order."""
    D = between(2, 3, g)
    sigma = 0.6 + 0.3 * torch.rand((), generator=g).item()
    width = torch.tensor([1.6, 0.8, 2.2], dtype=torch.float64)[:D]
    train, test = (
        width * torch.randn(n, D, generator=g, dtype=torch.float64) * more
        for n, more in ((40, 1.0), (between(20, 30, g), 1.3))
    )
    betas = (0.4 + torch.rand(4, generator=g)) * torch.tensor([0.6, 2.0, 4.0, 8.0])
    betas = betas[torch.randperm(4, generator=g)][: between(2, 4, g)]
    return lambda: LinearVAE(D, sigma), _train, train, test, betas.tolist()


def _train(model: LinearVAE, x: Tensor, objective: Objective) -> None:
    """Some steps uphill, the same for everybody."""
    weights = list(model.parameters())
    for _ in range(_STEPS):
        found = torch.autograd.grad(objective(model, x).mean(), weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, found, strict=True):
                weight.add_(_LR * gradient.tanh())  # bounded, whatever it climbs


class _Watched:
    """``fit`` as the learner gets it; what was asked of it is noted."""

    def __init__(self) -> None:
        self.models: list[Any] = []
        self.weights: list[Tensor] = []

    def __call__(self, model: Any, x: Tensor, objective: Objective) -> None:
        if not isinstance(model, LinearVAE) or not callable(objective):
            raise Unusable(
                "fit was called with something else than a model and an objective.",
                "fit(model, x, objective): the model comes from build(), and the "
                "objective is a function of model and x.",
            )
        given = of_shape(
            objective(model, x),
            (len(x),),
            "objective gives a result",
            "One number for each picture, as from model.terms; fit takes the mean.",
        )
        # Both terms vary from picture to picture: so their weights can be read off.
        parts = torch.stack(model.terms(x), 1).detach()
        solved = torch.linalg.lstsq(parts, given.detach().to(parts)[:, None])
        self.weights.append(solved.solution[:, 0])
        self.models.append(model)
        _train(model, x, objective)


def _as_sweep(function: Function, case: Case) -> Observation:
    """The curve, and before it what each model was trained for."""
    build, _, train, test, betas = case
    fit = _Watched()
    given = of_shape(
        function(build, fit, train.clone(), test.clone(), list(betas)),
        (2, len(betas)),
        "curve is",
        "Two rows, the rates and the distortions, with one column for each β.",
    ).detach()
    rows = [w.tolist() for w in fit.weights[: len(betas)]]
    rows.sort(key=lambda row: row[0] - row[1])  # whatever order they came in
    blank = [[0.0, 0.0]] * (len(betas) - len(rows))
    return {
        _COUNT: torch.tensor(float(len(fit.models))),
        _AGAIN: torch.tensor(float(len(fit.models) - len(set(map(id, fit.models))))),
        _WEIGHTS: torch.tensor(rows + blank),
        _RATE: given[0],
        _DISTORTION: given[1],
    }


def _by_torch(
    build: Any, fit: Any, train: Tensor, test: Tensor, betas: list[float]
) -> Tensor:
    """Both terms by ``torch.distributions``. The reconstruction is quadratic in z,
    so its mean over q is the mean over the two codes μ ± σ, exactly."""

    def terms(model: LinearVAE, x: Tensor) -> tuple[Tensor, Tensor]:
        q = Normal(model.encode * x, (0.5 * model.log_var).exp().expand_as(x))
        z = torch.stack([q.mean + q.stddev, q.mean - q.stddev])
        log_p = Normal(model.decode * z, model.sigma).log_prob(x).mean(0)
        return log_p.sum(1), kl_divergence(q, Normal(0.0, 1.0)).sum(1)

    def weighted(beta: float) -> Objective:
        return lambda model, x: (terms(model, x)[0] / beta - terms(model, x)[1]) * beta

    models = [build() for _ in betas]
    for model, beta in zip(models, betas, strict=True):
        fit(model, train, weighted(beta))
    both = torch.stack([torch.stack(terms(m, test)).mean(1) for m in models], 1)
    return both.flip(0) * torch.tensor([[1.0], [-1.0]])


def _sweep(
    objective: Callable[[Tensor, Tensor, float], Tensor] = lambda r, k, beta: (
        r - beta * k
    ),
    result: Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]] = lambda r, k, _: (
        k.mean(),
        -r.mean(),
    ),
    *,
    on_train: bool = False,
    one_model: bool = False,
    weights: Callable[[list[float]], list[float]] = lambda betas: betas,
    first: bool = False,
) -> Function:
    """The right sweep with one part replaced."""

    def run(build: Any, fit: Any, train: Any, test: Any, betas: list[float]) -> Tensor:
        points = []
        model = build()
        for beta, weight in zip(betas, weights(betas), strict=True):
            model = model if one_model else build()

            def asked(model: Any, x: Tensor, weight: float = weight) -> Tensor:
                reconstruction, kl = model.terms(x)
                return objective(reconstruction, kl, weight)

            if not first:
                fit(model, train, asked)
            reconstruction, kl = model.terms(train if on_train else test)
            points.append(torch.stack(result(reconstruction, kl, beta)))
            if first:
                fit(model, train, asked)
        return torch.stack(points, 1)

    return run


beta_sweep = Exercise(
    "beta_sweep",
    "The models' objectives, rates and distortions",
    _a_world,
    _by_torch,
    (
        Mistake(
            "beta_forgotten",
            "Every model is trained on the plain ELBO. Where does β come in?",
            _sweep(lambda r, k, beta: r - k),
        ),
        Mistake(
            "flipped_kl",
            "Your objective rewards a large KL: fit climbs what it is given. Which "
            "sign has the rate in it?",
            _sweep(lambda r, k, beta: r + beta * k),
        ),
        Mistake(
            "loss_for_objective",
            "That is the loss D + βR, and fit climbs it. Hand over its negative.",
            _sweep(lambda r, k, beta: beta * k - r),
        ),
        Mistake(
            "beta_on_reconstruction",
            "β stands before the wrong term.",
            _sweep(lambda r, k, beta: beta * r - k),
        ),
        Mistake(
            "one_model",
            "Each model goes on from where the one before it ended. Each β needs a "
            "fresh one: where is build() called?",
            _sweep(one_model=True),
        ),
        Mistake(
            "late_binding",
            "All your models were trained with the last β: a function that was made "
            "in a loop looks its β up when it is called. Train inside the loop, or "
            "hand β over as an argument.",
            _sweep(weights=lambda betas: betas[-1:] * len(betas)),
        ),
        Mistake(
            "measured_on_train",
            "The training is right. Rate and distortion are asked for on pictures "
            "that were not trained on.",
            _sweep(on_train=True),
        ),
        Mistake(
            "measured_before_training",
            "You measure each model before it has learned anything.",
            _sweep(first=True),
        ),
        Mistake(
            "weighted_rate",
            "The rate itself is asked for. β has done its work in training, and does "
            "not belong into what is measured.",
            _sweep(result=lambda r, k, beta: (beta * k.mean(), -r.mean())),
        ),
        Mistake(
            "flipped_distortion",
            "The distortion is minus the mean reconstruction term: less is better.",
            _sweep(result=lambda r, k, _: (k.mean(), r.mean())),
        ),
        Mistake(
            "elbo_for_distortion",
            "Your second row is −ELBO, which holds the rate as well.",
            _sweep(result=lambda r, k, _: (k.mean(), (k - r).mean())),
        ),
        Mistake(
            "rows_swapped",
            "Both rows are right and stand in the other order: the rate comes first.",
            _sweep(result=lambda r, k, _: (-r.mean(), k.mean())),
        ),
        Mistake(
            "sum_for_mean",
            "With twice the pictures your numbers would be twice as large. Nats per "
            "picture are asked for.",
            _sweep(result=lambda r, k, _: (k.sum(), -r.sum())),
        ),
    ),
    observe=_as_sweep,
    advice={
        _COUNT: "fit is called once for each β.",
        _AGAIN: "Each β needs a fresh model: where is build() called?",
        _WEIGHTS: "The objective is reconstruction − β·KL of each picture, with the "
        "model's own terms.",
    },
    cases=2,
)

# ------------------------------------------------------------- pytorch_vae_loss


def _a_batch(g: torch.Generator) -> Case:
    batch, shape = between(3, 6, g), picture_shape(g)
    x, painted = torch.rand(2, batch, *shape, generator=g)
    kl = 1 + 4 * torch.rand(batch, generator=g)
    beta = 1.5 + 2 * torch.rand((), generator=g).item()
    return x, painted, kl, beta, between(20, 60, g)


def _picture_by_picture(
    x: Tensor, painted: Tensor, kl: Tensor, beta: float, dataset_size: int
) -> Tensor:
    """By the density: −log N(x; x̂, ½) without the constant that no network moves."""
    p = Normal(painted.double(), 0.5**0.5)
    off = (p.log_prob(p.mean) - p.log_prob(x.double())).flatten(1).sum(1)
    total: Tensor = sum(
        (a + beta * b for a, b in zip(off, kl.double(), strict=True)), torch.zeros(())
    )
    return (total / len(x)).float()


def _error(x: Tensor, painted: Tensor) -> Tensor:
    return ((x - painted) ** 2).flatten(1).sum(1)


pytorch_vae_loss = Exercise(
    "pytorch_vae_loss",
    "Value and gradients, in nats per picture,",
    _a_batch,
    _picture_by_picture,
    (
        Mistake(
            "as_given",
            "",
            lambda x, y, kl, beta, n: (
                ((x - y) ** 2).mean() + beta * len(x) / n * kl.mean()
            ),
            as_given=True,
        ),
        Mistake(
            "share_of_the_data",
            "The error is summed now. But the weight of the KL still depends on how "
            "many pictures the batch holds. Why should one picture's code weigh less "
            "in a larger data set?",
            lambda x, y, kl, beta, n: (
                _error(x, y).mean() + beta * len(x) / n * kl.mean()
            ),
        ),
        Mistake(
            "mean_over_pixels",
            "The weight no longer depends on the batch. It now depends on the number "
            "of pixels: the error is a mean over them, the KL is a sum.",
            lambda x, y, kl, beta, n: ((x - y) ** 2).mean() + beta * kl.mean(),
        ),
        Mistake(
            "same_unit",
            "The balance of the two terms is right. The unit is not: these are nats "
            "per pixel.",
            lambda x, y, kl, beta, n: (
                ((x - y) ** 2).mean() + beta * kl.mean() / x[0].numel()
            ),
        ),
        Mistake(
            "sum_over_batch",
            "Twice the pictures now give twice the loss. Which mean has to stay?",
            lambda x, y, kl, beta, n: _error(x, y).sum() + beta * kl.sum(),
        ),
        Mistake(
            "half_the_error",
            "With ½ before the error the noise has σ² = 1. The task says σ² = ½.",
            lambda x, y, kl, beta, n: 0.5 * _error(x, y).mean() + beta * kl.mean(),
        ),
        Mistake(
            "beta_lost",
            "That is right at β = 1 only. Where has beta gone?",
            lambda x, y, kl, beta, n: _error(x, y).mean() + kl.mean(),
        ),
        Mistake(
            "flipped_kl",
            "A loss is minimised: with this sign a larger KL is a gain.",
            lambda x, y, kl, beta, n: _error(x, y).mean() - beta * kl.mean(),
        ),
    ),
    wrt=("painted", "kl"),
)

# ---------------------------------------------------------------- held_out_loss


def _a_table(g: torch.Generator) -> Case:
    rows, seeds = between(4, 6, g), between(2, 3, g)
    betas = (0.5 + torch.rand(rows, generator=g)).cumsum(0)
    kl = 8 / betas[:, None] + torch.rand(rows, seeds, generator=g)
    reconstruction = -90 - 2 * betas[:, None] - 5 * torch.rand(rows, seeds, generator=g)
    return betas, reconstruction, kl


def _row_by_row(betas: Tensor, reconstruction: Tensor, kl: Tensor) -> Tensor:
    rows = []
    for r, k in zip(reconstruction, kl, strict=True):
        each = [(b - a).item() for a, b in zip(r, k, strict=True)]
        rows.append(sum(each) / len(each))
    return torch.tensor(rows)


held_out_loss = Exercise(
    "held_out_loss",
    "Values",
    _a_table,
    _row_by_row,
    (
        Mistake(
            "as_given",
            "",
            lambda betas, r, k: (betas[:, None] * k - r).mean(1),
            as_given=True,
        ),
        Mistake(
            "rate_forgotten",
            "By the distortion alone the smallest β wins again: nothing asks how much "
            "the codes had to say.",
            lambda betas, r, k: -r.mean(1),
        ),
        Mistake(
            "divided_by_beta",
            "Divided by β it is still another yardstick for each row. Which number "
            "means the same for all of them?",
            lambda betas, r, k: (k - r / betas[:, None]).mean(1),
        ),
        Mistake(
            "elbo_for_loss",
            "That is the ELBO, of which more is better. A loss is asked for.",
            lambda betas, r, k: (r - k).mean(1),
        ),
        Mistake(
            "luckiest_seed",
            "You take the best seed of each row. The mean over the seeds is asked for.",
            lambda betas, r, k: (k - r).amin(1),
        ),
        Mistake(
            "sum_for_mean",
            "That is the sum over the seeds, and their number is nobody's merit.",
            lambda betas, r, k: (k - r).sum(1),
        ),
        Mistake(
            "mean_over_betas",
            "You average over the weights and keep the seeds. It is the weights that "
            "are to be compared: which axis are they?",
            lambda betas, r, k: (k - r).mean(0),
        ),
    ),
    observe=value,
)
