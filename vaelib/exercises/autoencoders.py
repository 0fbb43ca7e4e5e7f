"""Checks for lesson 02, *Autoencoders*."""

from __future__ import annotations

import torch
from torch import Tensor

from vaelib.exercises.cases import between, picture_shape
from vaelib.exercises.checking import Case, Exercise, Mistake
from vaelib.exercises.observing import value

__all__ = ["held_out_error", "loss_from_covariance", "reencode"]


# --------------------------------------------------------------------- reencode


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

# --------------------------------------------------------- loss_from_covariance


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

# --------------------------------------------------------------- held_out_error


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
        Mistake("first_batch_only", "", lambda *c: _batch_means(*c)[0], as_given=True),
        Mistake(
            "mean_of_means",
            "All batches are in it now. The last one is smaller, and its pictures "
            "count for more than the others. What should be divided by what, and when?",
            lambda *c: _batch_means(*c).mean(),
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
        Mistake(
            "first_batch_undivided",
            "It still returns inside the loop, after one batch.",
            lambda x, x_hat, batch_size: _errors(x, x_hat)[:batch_size].sum() / len(x),
        ),
    ),
    observe=value,
)
