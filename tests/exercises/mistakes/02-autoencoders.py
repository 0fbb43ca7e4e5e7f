"""Wrong answers to the exercises of lesson 02, written as a learner would."""

import numpy as np
import torch
import torch.nn.functional as F


class reencode:
    def right_by_solving(W, V, A):
        return torch.stack([A @ W, torch.linalg.solve(A.T, V)])

    def right_from_the_right(W, V, A):
        return torch.stack([A @ W, (V.T @ A.inverse()).T])

    def same_for_both(W, V, A):
        return A @ torch.stack([W, V])

    def transpose_forgotten(W, V, A):
        return torch.stack([A @ W, A.inverse() @ V])

    def transpose_for_inverse(W, V, A):
        return torch.stack([A @ W, (V.T @ A).T])

    def the_other_way_round(W, V, A):
        return torch.stack([A.inverse() @ W, (V.T @ A).T])

    def decoder_left_alone(W, V, A):
        return torch.stack([torch.einsum("ij,jp->ip", A, W), V])

    def right_by_numpy(W, V, A):
        W, V, A = W.numpy(), V.numpy(), A.numpy()
        return torch.as_tensor(np.stack([A @ W, np.linalg.inv(A).T @ V]))

    def right_without_gradients(W, V, A):
        with torch.no_grad():
            return torch.stack([A @ W, torch.linalg.solve(A.T, V)])


class loss_from_covariance:
    def right_multiplied_out(W, V, S):
        SW = S @ W.T
        return S.trace() - 2 * (V @ SW).trace() + (V @ V.T @ W @ SW).trace()

    def right_as_a_sum(W, V, S):
        R = torch.eye(len(S)).to(S) - V.T @ W
        return ((R @ S) * R).sum()

    def once(W, V, S):
        return (S - V.T @ W @ S).diagonal().sum()

    def wrong_side(W, V, S):
        R = torch.eye(len(S)).to(S) - W.T @ V
        return (R @ S @ R.T).trace()

    def cross_term_forgotten(W, V, S):
        rebuilt = V.T @ W @ S @ W.T @ V
        return (S - rebuilt).trace()

    def mean_over_pixels(W, V, S):
        R = torch.eye(len(S)).to(S) - V.T @ W
        return (R @ S @ R.T).diagonal().mean()

    def no_gradient(W, V, S):
        R = torch.eye(len(S)).to(S) - V.T @ W
        return torch.tensor((R @ S @ R.T).trace().item(), dtype=S.dtype)

    def right_in_place(W, V, S):
        R = torch.eye(len(S), dtype=S.dtype)
        R -= V.T @ W
        return torch.einsum("ij,jk,ik->", R, S, R)

    def right_by_the_root(W, V, S):
        root = torch.linalg.cholesky(S.detach())
        return ((root - V.T @ W @ root) ** 2).sum()

    def also_wrong_gradient_of_the_encoder_alone(W, V, S):
        R = torch.eye(len(S), dtype=S.dtype) - V.T.detach() @ W
        return (R @ S @ R.T).trace()


def batches(x, x_hat, batch_size):
    return zip(x.split(batch_size), x_hat.split(batch_size), strict=True)


class held_out_error:
    def right_without_batches(x, x_hat, batch_size):
        return F.mse_loss(x_hat, x, reduction="sum") / len(x)

    def right_weighted(x, x_hat, batch_size):
        total = 0.0
        for a, b in batches(x, x_hat, batch_size):
            total = total + len(a) * (a - b).pow(2).sum((1, 2, 3)).mean()
        return total / len(x)

    def mean_of_means(x, x_hat, batch_size):
        total, count = 0.0, 0
        for a, b in batches(x, x_hat, batch_size):
            total = total + (a - b).pow(2).sum() / len(a)
            count += 1
        return total / count

    def sum_of_means(x, x_hat, batch_size):
        total = 0.0
        for a, b in batches(x, x_hat, batch_size):
            total = total + (a - b).pow(2).sum() / len(a)
        return total

    def never_divided(x, x_hat, batch_size):
        total = 0.0
        for a, b in batches(x, x_hat, batch_size):
            total = total + (a - b).pow(2).sum()
        return total

    def mean_over_pixels(x, x_hat, batch_size):
        return F.mse_loss(x_hat, x)

    def first_batch_undivided(x, x_hat, batch_size):
        a, b = next(batches(x, x_hat, batch_size))
        return (a - b).pow(2).sum() / len(x)

    def right_by_numpy(x, x_hat, batch_size):
        return ((x.numpy() - x_hat.numpy()) ** 2).sum() / len(x)

    def also_wrong_first_channel(x, x_hat, batch_size):
        return (x - x_hat)[:, 0].pow(2).sum() / len(x)

    def also_wrong_square_pictures(x, x_hat, batch_size):
        return (x - x_hat).pow(2).mean() * x.shape[1] * x.shape[2] ** 2
