"""Checks for lesson 09, *The VAE*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from vaelib.exercises.cases import (
    ADVICE,
    LAW,
    bce,
    between,
    cloud,
    codes,
    kl,
    pathwise_draws,
    picture_shape,
    prior,
    sigma,
    some_log_var,
)
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import (
    Function,
    Observation,
    Unusable,
    as_tensor,
    value,
)

__all__ = [
    "descend",
    "direction",
    "encode_sample_decode",
    "minus_elbo",
    "printed_loss",
]

# --------------------------------------------------------- encode_sample_decode

Net = Callable[[Tensor], Tensor]
Way = tuple[Tensor, Tensor, Tensor]
_MEAN, _LOG_VAR = "your second result, mu", "your third result, log_var"


def _many_codes(g: torch.Generator) -> Case:
    count, size = between(10_000, 11_000, g), between(2, 4, g)
    log_var = some_log_var(size, g=g).expand(count, size).clone()
    shift = 1 + torch.rand((), generator=g).item()
    return torch.randn(count, size, generator=g), log_var, shift


def _machine(function: Function, case: Case) -> Observation:
    """The encoder reads mu and log σ² off the picture; the decoder's results tell
    which codes it was given."""
    mu, log_var, shift = case

    def through(mu: Tensor, log_var: Tensor) -> Way:
        x = torch.stack([mu, log_var], 1)[:, None]  # (B, 1, 2, Z)
        found = function(lambda x: x.flatten(1), lambda z: 2 * z + shift, x)
        if found is ...:
            as_tensor(found)
        if not isinstance(found, tuple | list) or len(found) != 3:
            raise Unusable(
                "your function gave something else than three tensors.",
                "Return the decoder's result, mu and log_var, in this order.",
            )
        return found[0], found[1], found[2]

    with torch.no_grad():
        _, *given = through(mu.clone(), log_var.clone())
    told = dict(zip((_MEAN, _LOG_VAR), map(as_tensor, given), strict=True))
    drawn = pathwise_draws(
        lambda m, v: (as_tensor(through(m, v)[0]) - shift) / 2,
        mu,
        log_var,
        tuple(mu.shape),
        "One code for each picture: z has the shape of mu.",
    )
    return told | drawn


def _with_codes(
    code: Callable[[Tensor, Tensor], Tensor], encoder: Net, decoder: Net, x: Tensor
) -> Way:
    mu, log_var = encoder(x).chunk(2, dim=1)
    return decoder(code(mu, log_var)), mu, log_var


def _wrong_codes(code: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Way]:
    return lambda encoder, decoder, x: _with_codes(code, encoder, decoder, x)


def _by_rsample(encoder: Net, decoder: Net, x: Tensor) -> Way:
    return _with_codes(
        lambda mu, log_var: Normal(mu, sigma(log_var)).rsample(), encoder, decoder, x
    )


def _swapped(encoder: Net, decoder: Net, x: Tensor) -> Way:
    log_var, mu = encoder(x).chunk(2, dim=1)
    return decoder(mu + sigma(log_var) * torch.randn_like(mu)), mu, log_var


def _not_decoded(encoder: Net, decoder: Net, x: Tensor) -> Way:
    return _with_codes(lambda mu, v: Normal(mu, sigma(v)).rsample(), encoder, _same, x)


def _same(z: Tensor) -> Tensor:
    return z


encode_sample_decode = Exercise(
    "encode_sample_decode",
    "Codes, the law of their noise and both gradients",
    _many_codes,
    _by_rsample,
    (
        Mistake(
            "no_gradient",
            "The codes are right, and no gradient comes back through them to the "
            "encoder: the sample cuts it. Lesson 07 is about this.",
            _wrong_codes(lambda mu, v: Normal(mu, sigma(v)).sample()),
        ),
        Mistake(
            "variance_for_sigma",
            "You stretch the noise by σ². Halve log_var before you exponentiate.",
            _wrong_codes(lambda mu, v: mu + v.exp() * torch.randn_like(mu)),
        ),
        Mistake(
            "no_noise",
            "You decode mu itself: nothing is sampled, and this is an autoencoder.",
            _wrong_codes(lambda mu, v: mu + 0 * v),
        ),
        Mistake(
            "noise_shared_by_the_batch",
            "All pictures got the same ε. What shape must it have?",
            _wrong_codes(lambda mu, v: mu + sigma(v) * torch.randn(mu.shape[1])),
        ),
        Mistake(
            "halves_swapped",
            "Your mean is the encoder's second half, and your log σ² its first. Which "
            "comes first on this page?",
            _swapped,
        ),
        Mistake(
            "never_decoded",
            "Your first result is the code. What does the decoder do with it?",
            _not_decoded,
        ),
    ),
    observe=_machine,
    tolerance=1e-3,
    loose=LAW,
    advice=ADVICE,
)

# ------------------------------------------------------------------- minus_elbo


def _batch(g: torch.Generator) -> Case:
    batch, size = between(3, 6, g), between(2, 4, g)
    shape = batch, *picture_shape(g)
    x, logits = torch.rand(shape, generator=g), torch.randn(shape, generator=g)
    return x, logits, *codes(batch, size, g)


def _by_distributions(x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    p = Independent(Bernoulli(logits=logits, validate_args=False), 3)
    nats: Tensor = kl_divergence(cloud(mu, log_var), prior(mu)) - p.log_prob(x)
    return nats.mean()


def _pixels(x: Tensor, logits: Tensor) -> Tensor:
    return bce(x, logits).flatten(1).sum(1)


minus_elbo = Exercise(
    "minus_elbo",
    "Value and gradients, in nats per picture,",
    _batch,
    _by_distributions,
    (
        Mistake(
            "flipped_kl",
            "Your KL enters with the wrong sign: codes are rewarded for being far from "
            "the prior. Is it part of the bound or of its negative?",
            lambda x, logits, mu, log_var: (
                _pixels(x, logits) - kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "mean_over_pixels",
            "Your reconstruction is averaged over the pixels, and the KL is not. The "
            "log-probability of a picture is the sum over all of its pixels.",
            lambda x, logits, mu, log_var: (
                bce(x, logits).mean() + kl(mu, log_var).sum(1).mean()
            ),
        ),
        Mistake(
            "mean_over_dimensions",
            "Your KL is averaged over the latent dimensions, and the pixels are "
            "summed. The KL of a code is the sum over all of its dimensions.",
            lambda x, logits, mu, log_var: (
                _pixels(x, logits) + kl(mu, log_var).mean(1)
            ).mean(),
        ),
        Mistake(
            "sum_over_batch",
            "That is the loss of the whole batch, and it doubles with the batch. "
            "Average over the pictures.",
            lambda x, logits, mu, log_var: (
                _pixels(x, logits) + kl(mu, log_var).sum(1)
            ).sum(),
        ),
        Mistake(
            "log_sigma_for_log_var",
            "Your σ² is exp(2 log_var): log_var was read as log σ. It is log σ².",
            lambda x, logits, mu, log_var: (
                _pixels(x, logits) + kl(mu, 2 * log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "probabilities_for_logits",
            "The decoder's numbers are squashed twice: by your sigmoid, and by the "
            "function whose name ends in with_logits.",
            lambda x, logits, mu, log_var: (
                _pixels(x, logits.sigmoid()) + kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "bound_itself",
            "That is the bound, which should grow. Its negative is what gradient "
            "descent needs.",
            lambda x, logits, mu, log_var: (
                -_pixels(x, logits) - kl(mu, log_var).sum(1)
            ).mean(),
        ),
    ),
    wrt=("logits", "mu", "log_var"),
)

# ---------------------------------------------------------------------- descend


def _descents(g: torch.Generator) -> Case:
    """A model of five numbers whose two terms pull differently."""
    steps, batch = between(4, 7, g), between(3, 5, g)
    start = torch.randn(5, generator=g).double()
    batches = torch.randn(steps, batch, 5, generator=g).double()
    return start, batches, 0.05 + 0.2 * torch.rand((), generator=g).item()


def _watched(function: Function, case: Case) -> Observation:
    """The record, and where the parameters are afterwards."""
    start, batches, lr = case
    parameters = [start[:2].clone(), start[2:].clone()]
    for p in parameters:
        p.requires_grad_()

    def terms(x: Tensor) -> tuple[Tensor, Tensor]:
        theta = torch.cat(parameters)
        return ((x - theta) ** 2).sum(1).mean(), (theta**2 * x.abs()).sum(1).mean()

    record = as_tensor(function(terms, parameters, list(batches), lr)).detach()
    after = torch.cat(parameters).detach().clone()
    return {"record": record.double(), "parameters afterwards": after}


Terms = Callable[[Tensor], tuple[Tensor, Tensor]]


def _adam(
    terms: Terms, parameters: Sequence[Tensor], batches: Sequence[Tensor], lr: float
) -> Tensor:
    """Adam as Kingma & Ba (2015, algorithm 1) write it."""
    first, second = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    record = []
    for t, x in enumerate(batches, 1):
        both = terms(x)
        slopes = torch.autograd.grad(both[0] + both[1], list(parameters))
        for p, g, m, v in zip(parameters, slopes, first, second, strict=True):
            m.mul_(0.9).add_(0.1 * g)
            v.mul_(0.999).add_(0.001 * g**2)
            size = (v / (1 - 0.999**t)).sqrt() + 1e-8
            p.data -= lr * m / (1 - 0.9**t) / size
        record.append([both[0].item(), both[1].item()])
    return torch.tensor(record, dtype=torch.float64)


def _loop(
    step: Callable[[torch.optim.Optimizer, Tensor, Tensor], Any],
    fresh: bool = False,
    after: bool = False,
) -> Callable[..., Tensor]:
    """The loop with another step; with a fresh Adam each time; noting the terms
    after the step."""

    def descend(terms: Any, parameters: Any, batches: Any, lr: float) -> Tensor:
        adam = torch.optim.Adam(parameters, lr=lr)
        record = []
        for x in batches:
            if fresh:
                adam = torch.optim.Adam(parameters, lr=lr)
                adam.zero_grad()
            both = terms(x)
            step(adam, *both)
            told = terms(x) if after else both
            record.append([told[0].item(), told[1].item()])
        return torch.tensor(record)

    return descend


def _step(adam: torch.optim.Optimizer, loss: Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    adam.step()


def _accumulates(adam: torch.optim.Optimizer, a: Tensor, b: Tensor) -> None:
    (a + b).backward()
    adam.step()


def _one_late(adam: torch.optim.Optimizer, a: Tensor, b: Tensor) -> None:
    adam.step()
    adam.zero_grad()
    (a + b).backward()


def _last_only(terms: Any, parameters: Any, batches: Any, lr: float) -> Tensor:
    record = _loop(lambda adam, a, b: _step(adam, a + b))
    return record(terms, parameters, batches, lr)[-1]


descend = Exercise(
    "descend",
    "The record and the parameters after training",
    _descents,
    _adam,
    (
        Mistake(
            "gradients_pile_up",
            "Each backward adds to the gradients of all steps before. What empties "
            "them?",
            _loop(_accumulates),
        ),
        Mistake(
            "step_before_backward",
            "Adam steps before it has this batch's gradients, so each step uses those "
            "of the batch before. In which order do the three calls come?",
            _loop(_one_late),
        ),
        Mistake(
            "no_step",
            "The gradients are computed, and the parameters stay where they were.",
            _loop(lambda adam, a, b: None),
        ),
        Mistake(
            "first_term_alone",
            "The KL is noted and has no gradient: only the first term is minimised.",
            _loop(lambda adam, a, b: _step(adam, a)),
        ),
        Mistake(
            "kl_subtracted",
            "You minimise the first term minus the KL. Both are parts of the loss.",
            _loop(lambda adam, a, b: _step(adam, a - b)),
        ),
        Mistake(
            "optimiser_made_anew",
            "Adam remembers the mean and the size of past gradients. A new one for "
            "each batch has forgotten them.",
            _loop(lambda adam, a, b: _step(adam, a + b), fresh=True),
        ),
        Mistake(
            "noted_after_the_step",
            "Your record holds the terms after each step. Asked is what the step "
            "was computed from.",
            _loop(lambda adam, a, b: _step(adam, a + b), after=True),
        ),
        Mistake(
            "last_batch_alone",
            "Your record has one line. A curve needs one for each batch.",
            _last_only,
        ),
    ),
    observe=_watched,
)

# ----------------------------------------------------------------- printed_loss


def _rebuilt(g: torch.Generator) -> Case:
    batch, size = between(3, 6, g), between(2, 4, g)
    x, x_hat = torch.rand(2, batch, *picture_shape(g), generator=g)
    beta = 1.5 + 2 * torch.rand((), generator=g).item()
    return x, x_hat, *codes(batch, size, g), beta


def _half_square(x: Tensor, x_hat: Tensor) -> Tensor:
    return 0.5 * ((x - x_hat) ** 2).flatten(1).sum(1)


def _by_gaussians(
    x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor, beta: float
) -> Tensor:
    """Two log-probabilities subtracted: the constant falls out."""
    p = Independent(Normal(x_hat, torch.ones_like(x)), 3)
    constant = Independent(Normal(x, torch.ones_like(x)), 3).log_prob(x)
    rate = kl_divergence(cloud(mu, log_var), prior(mu))
    nats: Tensor = constant - p.log_prob(x) + beta * rate
    return nats.mean()


printed_loss = Exercise(
    "printed_loss",
    "Value and gradients, in nats per picture,",
    _rebuilt,
    _by_gaussians,
    (
        Mistake(
            "as_printed",
            "",
            lambda x, x_hat, mu, log_var, beta: (
                2 * _half_square(x, x_hat) - beta * kl(mu, log_var).sum(1)
            ).mean(),
            as_given=True,
        ),
        Mistake(
            "half_forgotten",
            "The second line is right now. The log-density of a Gaussian of width 1 "
            "has a ½ before the square, and without it the KL weighs half.",
            lambda x, x_hat, mu, log_var, beta: (
                2 * _half_square(x, x_hat) + beta * kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "sign_left",
            "The first line is right now. Put mu = 3 into the second: can a KL be "
            "negative?",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) - beta * kl(mu, log_var).sum(1)
            ).mean(),
        ),
        Mistake(
            "mean_over_pixels",
            "The sum over the pixels was right as it stood: averaged, they weigh "
            "hundreds of times less than the KL.",
            lambda x, x_hat, mu, log_var, beta: (
                0.5 * ((x - x_hat) ** 2).mean() + beta * kl(mu, log_var).sum(1).mean()
            ),
        ),
        Mistake(
            "sum_over_batch",
            "Now a batch of twice the size has twice the loss. Over what should the "
            "last mean be taken?",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + beta * kl(mu, log_var).sum(1)
            ).sum(),
        ),
        Mistake(
            "mean_over_dimensions",
            "The KL is averaged over the latent dimensions. It is their sum.",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + beta * kl(mu, log_var).mean(1)
            ).mean(),
        ),
        Mistake(
            "beta_lost",
            "All right at β = 1. What does your function do with beta?",
            lambda x, x_hat, mu, log_var, beta: (
                _half_square(x, x_hat) + kl(mu, log_var).sum(1)
            ).mean(),
        ),
    ),
    wrt=("x_hat", "mu", "log_var"),
)

# -------------------------------------------------------------------- direction


def _with_and_without(g: torch.Generator) -> Case:
    count, size = between(8, 14, g), between(2, 5, g)
    # More without than with: else halves of a sum could be mistaken for means.
    has = torch.randperm(count, generator=g) < between(2, 3, g)
    z = torch.randn(count, size, generator=g) + 2 * has[:, None] + 1
    return z, has


def _slope(z: Tensor, has: Tensor) -> Tensor:
    """The regression of z on having it: the difference of the two means."""
    one = has.to(z.dtype) - has.to(z.dtype).mean()
    return (one[:, None] * z).sum(0) / (one**2).sum()


direction = Exercise(
    "direction",
    "Values",
    _with_and_without,
    _slope,
    (
        Mistake(
            "backwards",
            "Your arrow points away from what you asked for: adding it takes the "
            "property away. Which of the two means is subtracted?",
            lambda z, has: -_slope(z, has),
        ),
        Mistake(
            "from_the_mean_of_all",
            "You subtract the mean of all codes. Those that have it are among them, "
            "and pull your arrow short. What does ~has select?",
            lambda z, has: z[has].mean(0) - z.mean(0),
        ),
        Mistake(
            "sum_for_mean",
            "You subtract one sum from another. Where one group is larger, its size "
            "decides, not where it lies.",
            lambda z, has: z[has].sum(0) - z[~has].sum(0),
        ),
        Mistake(
            "mean_with_only",
            "That is where the codes with the property lie, counted from the origin. "
            "What do they have that the others have not?",
            lambda z, has: z[has].mean(0),
        ),
        Mistake(
            "one_number",
            "You have averaged over the dimensions, too. A direction has one number "
            "for each of them, (Z,).",
            lambda z, has: z[has].mean() - z[~has].mean(),
        ),
    ),
    observe=value,
)
