"""Checks for lesson 02, *Autoencoders*."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call

from vaelib.exercises.cases import between, picture_shape
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import (
    Function,
    NotStarted,
    Observation,
    Unusable,
    as_tensor,
    value,
)

__all__ = ["held_out_error", "loss_from_covariance", "reencode", "training_loop"]


# ----------------------------------------------------------------------- train

_EPSILON = 1e-8  # Adam's, as torch has it


def _networks_and_batches(g: torch.Generator) -> Case:
    """Two small networks in double precision, batches of unequal size, a step size
    that is not Adam's own."""
    shape, k = picture_shape(g), between(1, 3, g)
    pixels, wide = shape[0] * shape[1] * shape[2], between(4, 6, g)
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, wide), nn.Tanh(), nn.Linear(wide, k)
    )
    decoder = nn.Sequential(
        nn.Linear(k, wide), nn.Tanh(), nn.Linear(wide, pixels), nn.Unflatten(1, shape)
    )
    for p in [*encoder.parameters(), *decoder.parameters()]:
        p.data = 0.5 * torch.randn(p.shape, generator=g)
    sizes = torch.randperm(5, generator=g)[: between(3, 4, g)] + 2
    batches = [torch.rand(int(n), *shape, generator=g).double() for n in sizes]
    lr = 0.01 + 0.03 * float(torch.rand((), generator=g))
    return encoder.double(), decoder.double(), batches, lr


_FIRST, _LOSSES = "the first batch's loss", "the losses, one for each batch"
_ENCODER, _DECODER = "the encoder's weights afterwards", "the decoder's, afterwards"


def _weights(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def _as_training(function: Function, case: Case) -> Observation:
    """Losses and weights, each by itself."""
    encoder, decoder, batches, lr = deepcopy(case)
    seen: list[Tensor] = []
    decoder.register_forward_hook(lambda _, __, out: seen.append(out.detach().clone()))
    given = function(encoder, decoder, batches, lr)
    losses = _losses(given, seen, case)
    return {
        _FIRST: losses[:1],
        _LOSSES: losses,
        _ENCODER: _weights(encoder),
        _DECODER: _weights(decoder),
    }


def _losses(given: object, seen: Sequence[Tensor], case: Case) -> Tensor:
    """What came back, as one tensor; or how far the learner has come."""
    if given is ... or (given is None and not seen):
        raise NotStarted
    if isinstance(given, Tensor):
        given = list(given) if given.ndim else [given]
    if not isinstance(given, Iterable):
        raise Unusable(
            f"your function gave {type(given).__name__}, wanted a list of losses.",
            "Append each batch's loss to losses, and end with return losses.",
        )
    given = list(given)
    if ... in [g for g in given if not isinstance(g, Tensor)]:
        _stop_at_the_loss(seen, case)
    found = [as_tensor(loss).detach().double() for loss in given]
    if any(loss.numel() != 1 for loss in found):
        shape = next(tuple(loss.shape) for loss in found if loss.numel() != 1)
        raise Unusable(
            f"a loss of shape {shape}; each must be one number.",
            "Add up over the pixels of a picture, then average over the pictures.",
        )
    return torch.stack([loss.reshape(()) for loss in found] or [torch.tensor(0.0)])


def _stop_at_the_loss(seen: Sequence[Tensor], case: Case) -> None:
    """The loss is still missing: say whether x_hat is right."""
    if not seen:
        raise NotStarted
    encoder, decoder, batches, _ = case
    with torch.no_grad():
        wanted = decoder(encoder(batches[0]))
    if seen[0].shape != wanted.shape or not torch.allclose(seen[0], wanted):
        raise Unusable(
            "x_hat is not right yet, and the loss is still missing.",
            "x_hat is what the decoder makes of the code, and the code is what the "
            "encoder makes of x.",
        )
    raise Unusable(
        "right so far: x_hat. Still missing: the loss.",
        "The squared error of each picture, its pixels added up, and then the mean "
        "over the batch.",
    )


def _adam(
    encoder: nn.Module,
    decoder: nn.Module,
    batches: Sequence[Tensor],
    lr: float,
    *,
    skip: str = "",
    anew: bool = False,
    adds_up: bool = False,
) -> list[Tensor]:
    """Kingma & Ba (2015), Algorithm 1, written out; ``skip`` names a network that
    is left alone."""
    both = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
    learnt = {k: p for k, p in both.named_parameters() if not skip or skip not in k}
    zeros = {k: torch.zeros_like(p) for k, p in learnt.items()}
    m, v, total, t, losses = dict(zeros), dict(zeros), dict(zeros), 0, []
    for x in batches:
        loss = _squared_error(x, encoder, decoder)
        found = torch.autograd.grad(loss, list(learnt.values()))
        if anew:
            m, v, t = dict(zeros), dict(zeros), 0
        t += 1
        for (name, p), new in zip(learnt.items(), found, strict=True):
            total[name] = g = total[name] + new if adds_up else new
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.999 * v[name] + 0.001 * g**2
            width = (v[name] / (1 - 0.999**t)).sqrt() + _EPSILON
            p.data = p.data - lr * m[name] / (1 - 0.9**t) / width
        losses.append(loss.detach())
    return losses


def _squared_error(x: Tensor, encoder: nn.Module, decoder: nn.Module) -> Tensor:
    z = functional_call(encoder, dict(encoder.named_parameters()), (x,))
    x_hat = functional_call(decoder, dict(decoder.named_parameters()), (z,))
    return torch.stack(
        [((a - b) ** 2).sum() for a, b in zip(x, x_hat, strict=True)]
    ).mean()


def _by_hand(
    encoder: nn.Module, decoder: nn.Module, batches: Sequence[Tensor], lr: float
) -> list[Tensor]:
    return _adam(encoder, decoder, batches, lr)


def _with(loss_of: Function, optimizer: Function = torch.optim.Adam) -> Function:
    """The same loop with another loss, or another optimiser."""

    def loop(
        encoder: nn.Module, decoder: nn.Module, batches: object, lr: float
    ) -> object:
        chosen = optimizer([*encoder.parameters(), *decoder.parameters()], lr=lr)
        losses = []
        for x in batches:  # type: ignore[attr-defined]
            loss = loss_of(x, decoder(encoder(x)))
            chosen.zero_grad()
            loss.backward()
            chosen.step()
            losses.append(loss.item())
        return losses

    return loop


def _mean_error(x: Tensor, x_hat: Tensor) -> Tensor:
    return (x - x_hat).pow(2).flatten(1).sum(1).mean()


def _untrained(
    encoder: nn.Module, decoder: nn.Module, batches: Sequence[Tensor]
) -> list[Tensor]:
    with torch.no_grad():
        return [_mean_error(x, decoder(encoder(x))) for x in batches]


def _after_the_step(
    encoder: nn.Module, decoder: nn.Module, batches: Sequence[Tensor], lr: float
) -> list[Tensor]:
    losses = []
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=lr)
    for x in batches:
        adam.zero_grad()
        _mean_error(x, decoder(encoder(x))).backward()
        adam.step()
        losses += _untrained(encoder, decoder, [x])
    return losses


training_loop = Exercise(
    "training_loop",
    "The losses, and both networks' weights after the last step,",
    _networks_and_batches,
    _by_hand,
    (
        Mistake(
            "first_batch_only",
            "It returns after the first batch. How far is your return indented?",
            lambda e, d, batches, lr: _adam(e, d, batches[:1], lr),
        ),
        Mistake(
            "mean_over_pixels",
            "That loss is per pixel. Add up the pixels of a picture, and average over "
            "the pictures only: the loss of the text, and what PCA is measured by.",
            _with(lambda x, x_hat: (x - x_hat).pow(2).mean()),
        ),
        Mistake(
            "sum_over_the_batch",
            "That is the error of all pictures of the batch together: a larger batch "
            "would be worse. Average over the pictures.",
            _with(lambda x, x_hat: (x - x_hat).pow(2).sum()),
        ),
        Mistake(
            "root_taken",
            "You average the distances. The loss averages their squares.",
            _with(lambda x, x_hat: (x - x_hat).flatten(1).norm(dim=1).mean()),
        ),
        Mistake(
            "nothing_learnt",
            "The first loss is right, but the weights are what they were. Is there a "
            "backward() and a step(), and is the gradient still there when step() "
            "comes?",
            lambda e, d, batches, lr: _untrained(e, d, batches),
        ),
        Mistake(
            "gradients_add_up",
            "The first step is right, the second is not: backward() adds to the "
            "gradient that is there already. Who sets it back to zero?",
            lambda e, d, batches, lr: _adam(e, d, batches, lr, adds_up=True),
        ),
        Mistake(
            "encoder_left_alone",
            "Only the decoder learns. Which parameters does your optimiser know, and "
            "does the gradient pass the code on its way back?",
            lambda e, d, batches, lr: _adam(e, d, batches, lr, skip="encoder"),
        ),
        Mistake(
            "decoder_left_alone",
            "Only the encoder learns. Which parameters does your optimiser know?",
            lambda e, d, batches, lr: _adam(e, d, batches, lr, skip="decoder"),
        ),
        Mistake(
            "optimizer_in_the_loop",
            "Adam keeps averages over the steps, and you make a new Adam for every "
            "batch, which has forgotten them. Make one, before the loop.",
            lambda e, d, batches, lr: _adam(e, d, batches, lr, anew=True),
        ),
        Mistake(
            "lr_ignored",
            "Your steps have Adam's own length, 0.001. Where does lr come in?",
            lambda e, d, batches, lr: _adam(e, d, batches, 1e-3),
        ),
        Mistake(
            "plain_gradient_descent",
            "Those are steps of plain gradient descent (SGD). The text asks for Adam.",
            _with(_mean_error, torch.optim.SGD),
        ),
        Mistake(
            "loss_after_the_step",
            "You note the loss after the step. Note the one whose gradient it was.",
            _after_the_step,
        ),
    ),
    observe=_as_training,
    tolerance=1e-6,
)


# -------------------------------------------------------------------- reencode
def _linear_pair(g: torch.Generator) -> Case:
    k, size = between(2, 4, g), between(5, 8, g)
    W, V = torch.randn(2, k, size, generator=g).double()
    return W, V, _invertible(k, g)


def _invertible(k: int, g: torch.Generator) -> Tensor:
    """Well-conditioned, and neither symmetric nor a rotation."""
    lower = 0.5 * torch.randn(k, k, generator=g).tril(-1) + torch.eye(k)
    upper = 0.5 * torch.randn(k, k, generator=g).triu(1) + torch.eye(k)
    stretch = 0.5 + 1.5 * torch.rand(k, generator=g)
    return (lower @ (stretch[:, None] * upper)).double()


def _reencoded(W: Tensor, V: Tensor, A: Tensor) -> Tensor:
    # V'ᵀA = Vᵀ, solved and not inverted.
    return torch.stack([A @ W, torch.linalg.solve(A.T, V)])


reencode = Exercise(
    "reencode",
    "Encoder and decoder",
    _linear_pair,
    _reencoded,
    (
        Mistake(
            "same_for_both",
            "Your decoder is multiplied by A as well. Then A acts twice: what has "
            "to happen to z' before the old decoder may see it?",
            lambda W, V, A: torch.stack([A @ W, A @ V]),
        ),
        Mistake(
            "transpose_forgotten",
            "Nearly: V'ᵀ = Vᵀ A⁻¹ is what you want. Which matrix stands in front of "
            "V once both sides are transposed?",
            lambda W, V, A: torch.stack([A @ W, torch.linalg.inv(A) @ V]),
        ),
        Mistake(
            "transpose_for_inverse",
            "Aᵀ undoes A only if A turns and does not stretch. This A does both.",
            lambda W, V, A: torch.stack([A @ W, A.T @ V]),
        ),
        Mistake(
            "the_other_way_round",
            "The pictures stay, but your codes are multiplied by A⁻¹. Which of W and "
            "V makes the code?",
            lambda W, V, A: torch.stack([torch.linalg.solve(A, W), A.T @ V]),
        ),
        Mistake(
            "decoder_left_alone",
            "The codes are right. The old decoder reads them as if nothing had "
            "happened.",
            lambda W, V, A: torch.stack([A @ W, V]),
        ),
    ),
    observe=value,
)


# -------------------------------------------------------------- held_out_error
def _pictures_in_batches(g: torch.Generator) -> Case:
    """The last batch is a small one, and its pictures are rebuilt badly: as if
    the file were sorted."""
    batch, full, rest = between(4, 6, g), between(2, 3, g), between(1, 2, g)
    x, x_hat = torch.rand(2, batch * full + rest, *picture_shape(g), generator=g)
    x_hat[:batch] = x[:batch] + 0.2 * (x_hat[:batch] - x[:batch])
    return x, x_hat, batch


def _errors(x: Tensor, x_hat: Tensor) -> Tensor:
    return (x - x_hat).pow(2).flatten(1).sum(1)


def _batch_means(x: Tensor, x_hat: Tensor, batch_size: int) -> Tensor:
    return torch.stack([e.mean() for e in _errors(x, x_hat).split(batch_size)])


held_out_error = Exercise(
    "held_out_error",
    "Values, whatever the last batch's size,",
    _pictures_in_batches,
    lambda x, x_hat, batch_size: _errors(x, x_hat).mean(),
    (
        Mistake(
            "divided_twice",
            "",
            lambda x, x_hat, batch_size: (
                _batch_means(x, x_hat, batch_size).sum() / len(x)
            ),
            as_given=True,
        ),
        Mistake(
            "mean_of_means",
            "Much nearer: that is how the tutorial was mended. The last batch is "
            "smaller, and its pictures count for more than the others. What should be "
            "divided by what, and when?",
            lambda *c: _batch_means(*c).mean(),
        ),
        Mistake(
            "first_batch_only",
            "It returns inside the loop, after one batch.",
            lambda *c: _batch_means(*c)[0],
        ),
        Mistake(
            "sum_of_means",
            "You add up one mean per batch: more batches, more error. The number of "
            "batches should not matter.",
            lambda *c: _batch_means(*c).sum(),
        ),
        Mistake(
            "never_divided",
            "That is the error of all pictures together. Twice as many pictures "
            "would be twice as bad: divide by their number.",
            lambda x, x_hat, batch_size: _errors(x, x_hat).sum(),
        ),
        Mistake(
            "mean_over_pixels",
            "That is the error per pixel, hundreds of times smaller. Add up the "
            "pixels of a picture, and average over pictures only.",
            lambda x, x_hat, batch_size: (x - x_hat).pow(2).mean(),
        ),
    ),
    observe=value,
)


# -------------------------------------------------------- loss_from_covariance
def _maps_and_covariance(g: torch.Generator) -> Case:
    k, size = between(2, 3, g), between(5, 8, g)
    W, V = 0.7 * torch.randn(2, k, size, generator=g).double()
    half = torch.randn(size + 3, size, generator=g).double()
    return W, V, half.T @ half / len(half)


def _loss_over_pictures(W: Tensor, V: Tensor, S: Tensor) -> Tensor:
    """Pictures that have exactly the covariance S, and their loss one by one."""
    size = len(S)
    X = size**0.5 * torch.linalg.cholesky(S).T  # XᵀX / P = S
    each = [((x - V.T @ (W @ x)) ** 2).sum() for x in X]
    return torch.stack(each).sum() / size


def _left_over(W: Tensor, V: Tensor, S: Tensor) -> Tensor:
    return torch.eye(len(S), dtype=S.dtype) - V.T @ W


def _no_cross_term(W: Tensor, V: Tensor, S: Tensor) -> Tensor:
    B = V.T @ W
    return S.trace() - (B @ S @ B.T).trace()


def _wrong_side(W: Tensor, V: Tensor, S: Tensor) -> Tensor:
    R = _left_over(W, V, S)
    return (R.T @ S @ R).trace()


def _once(W: Tensor, V: Tensor, S: Tensor) -> Tensor:
    return (_left_over(W, V, S) @ S).trace()


def _over_pixels(W: Tensor, V: Tensor, S: Tensor) -> Tensor:
    return _loss_over_pictures(W, V, S) / len(S)


def _no_gradient(W: Tensor, V: Tensor, S: Tensor) -> Tensor:
    return _loss_over_pictures(W.detach(), V.detach(), S.detach())


loss_from_covariance = Exercise(
    "loss_from_covariance",
    "Value and both gradients",
    _maps_and_covariance,
    _loss_over_pictures,
    (
        Mistake(
            "once",
            "That is tr(R S): the error enters squared, so R must enter twice. It is "
            "right only for a projection, and W and V are any matrices.",
            _once,
        ),
        Mistake(
            "wrong_side",
            "R acts on a picture from the left: R y, so the average of R y yᵀ Rᵀ is "
            "R S Rᵀ. Which side did your transpose end up on?",
            _wrong_side,
        ),
        Mistake(
            "cross_term_forgotten",
            "You took what was rebuilt from what was there: tr S − tr(B S Bᵀ). "
            "That holds at right angles only. Multiply out ‖y − B y‖², all of it.",
            _no_cross_term,
        ),
        Mistake(
            "mean_over_pixels",
            "That is the error per pixel. A picture's error is the sum over its "
            "pixels: trace, not mean.",
            _over_pixels,
        ),
        Mistake(
            "no_gradient",
            "The value is right, but nothing can be trained with it: no gradient "
            "reaches W and V. Is there a .detach() or .item()?",
            _no_gradient,
        ),
    ),
    wrt=("W", "V"),
)
