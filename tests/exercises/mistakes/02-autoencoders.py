"""Wrong answers to the exercises of lesson 02, written as a learner would."""

import numpy as np
import torch
import torch.nn.functional as F

import vaelib as vl


class training_loop:
    def right_with_two_optimisers(encoder, decoder, batches, lr):
        both = [torch.optim.Adam(m.parameters(), lr) for m in (encoder, decoder)]
        losses = []
        for x in batches:
            x_hat = decoder(encoder(x))
            loss = F.mse_loss(x_hat, x, reduction="sum") / len(x)
            for adam in both:
                adam.zero_grad()
            loss.backward()
            for adam in both:
                adam.step()
            losses.append(loss)
        return losses

    def right_as_one_model(encoder, decoder, batches, lr):
        model = vl.Autoencoder(encoder, decoder)
        adam = torch.optim.Adam(model.parameters(), lr=lr)
        losses = torch.zeros(len(batches))
        for i, x in enumerate(batches):
            loss = (model.reconstruct(x) - x).flatten(1).norm(dim=1).pow(2).mean()
            loss.backward()
            adam.step()
            adam.zero_grad()
            losses[i] = loss.item()
        return losses.double()

    def right_with_gradients_by_autograd(encoder, decoder, batches, lr):
        weights = [*encoder.parameters(), *decoder.parameters()]
        adam = torch.optim.Adam(weights, lr=lr)
        losses = []
        for x in batches:
            loss = 0.0
            for picture in x:
                rebuilt = decoder(encoder(picture[None]))[0]
                loss = loss + ((rebuilt - picture) ** 2).sum() / len(x)
            for p, g in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                p.grad = g
            adam.step()
            losses.append(loss.item())
        return tuple(losses)

    def first_batch_only(encoder, decoder, batches, lr):
        return loop(encoder, decoder, batches[:1], lr)

    def mean_over_pixels(encoder, decoder, batches, lr):
        return loop(encoder, decoder, batches, lr, F.mse_loss)

    def sum_over_the_batch(encoder, decoder, batches, lr):
        return loop(
            encoder,
            decoder,
            batches,
            lr,
            lambda a, b: F.mse_loss(a, b, reduction="sum"),
        )

    def root_taken(encoder, decoder, batches, lr):
        return loop(
            encoder,
            decoder,
            batches,
            lr,
            lambda a, b: (a - b).pow(2).sum((1, 2, 3)).sqrt().mean(),
        )

    def nothing_learnt(encoder, decoder, batches, lr):
        adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr)
        losses = []
        for x in batches:
            loss = error(decoder(encoder(x)), x)
            loss.backward()
            adam.zero_grad()
            adam.step()
            losses.append(loss)
        return losses

    def gradients_add_up(encoder, decoder, batches, lr):
        adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr)
        losses = []
        for x in batches:
            loss = error(decoder(encoder(x)), x)
            loss.backward()
            adam.step()
            losses.append(loss)
        return losses

    def encoder_left_alone(encoder, decoder, batches, lr):
        adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr)
        losses = []
        for x in batches:
            loss = error(decoder(encoder(x).detach()), x)
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss)
        return losses

    def decoder_left_alone(encoder, decoder, batches, lr):
        return loop(encoder, decoder, batches, lr, learnt=encoder.parameters())

    def optimizer_in_the_loop(encoder, decoder, batches, lr):
        return [loop(encoder, decoder, [x], lr)[0] for x in batches]

    def lr_ignored(encoder, decoder, batches, lr):
        return loop(encoder, decoder, batches, 1e-3)

    def plain_gradient_descent(encoder, decoder, batches, lr):
        weights = [*encoder.parameters(), *decoder.parameters()]
        losses = []
        for x in batches:
            loss = error(decoder(encoder(x)), x)
            for p, g in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                p.data -= lr * g
            losses.append(loss.item())
        return losses

    def loss_after_the_step(encoder, decoder, batches, lr):
        adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr)
        losses = []
        for x in batches:
            adam.zero_grad()
            error(decoder(encoder(x)), x).backward()
            adam.step()
            losses.append(error(decoder(encoder(x)), x).item())
        return losses

    def also_wrong_the_reconstruction_encoded_again(encoder, decoder, batches, lr):
        twice = torch.nn.Sequential(encoder, decoder, encoder)
        return loop(twice, decoder, batches, lr, learnt=twice.parameters())

    def also_wrong_no_loss_yet(encoder, decoder, batches, lr):
        losses = []
        for x in batches:
            decoder(encoder(x))
            losses.append(...)
        return losses

    def also_wrong_one_loss_per_picture(encoder, decoder, batches, lr):
        return [(decoder(encoder(x)) - x).pow(2).flatten(1).sum(1) for x in batches]

    def also_wrong_first_channel(encoder, decoder, batches, lr):
        return loop(
            encoder,
            decoder,
            batches,
            lr,
            lambda a, b: (a - b)[:, 0].pow(2).sum((1, 2)).mean(),
        )

    def also_wrong_weight_decay(encoder, decoder, batches, lr):
        weights = [*encoder.parameters(), *decoder.parameters()]
        adam = torch.optim.AdamW(weights, lr=lr)
        losses = []
        for x in batches:
            loss = error(decoder(encoder(x)), x)
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
        return losses


def error(x_hat, x):
    return (x_hat - x).pow(2).flatten(1).sum(1).mean()


def loop(encoder, decoder, batches, lr, loss_of=error, learnt=None):
    if learnt is None:
        learnt = [*encoder.parameters(), *decoder.parameters()]
    adam = torch.optim.Adam(learnt, lr=lr)
    losses = []
    for x in batches:
        loss = loss_of(decoder(encoder(x)), x)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


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

    def also_wrong_both_transposed(W, V, A):
        return torch.stack([A.T @ W, torch.linalg.inv(A) @ V])


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

    def first_batch_only(x, x_hat, batch_size):
        for a, b in batches(x, x_hat, batch_size):
            return (a - b).pow(2).sum() / len(a)
        return None

    def also_wrong_first_batch_undivided(x, x_hat, batch_size):
        a, b = next(batches(x, x_hat, batch_size))
        return (a - b).pow(2).sum() / len(x)

    def right_by_numpy(x, x_hat, batch_size):
        return ((x.numpy() - x_hat.numpy()) ** 2).sum() / len(x)

    def also_wrong_first_channel(x, x_hat, batch_size):
        return (x - x_hat)[:, 0].pow(2).sum() / len(x)

    def also_wrong_square_pictures(x, x_hat, batch_size):
        return (x - x_hat).pow(2).mean() * x.shape[1] * x.shape[2] ** 2


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
