"""Wrong answers to the exercises of lesson 06, written as a learner would:
a class for each exercise, a function for each mistake its check knows, and one
named right… for every other way of being right."""

import math
from math import log, pi

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence


def error_of(x, mu, log_var, W, b):
    miss = ((x - (mu @ W.T + b)) ** 2).sum(1)
    return miss + (W**2 @ log_var.exp().T).sum(0)


def kl_of(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(-1)


def put_together(error, kl, D, s2):
    return error, kl, -0.5 * (D * torch.log(2 * pi * s2) + error / s2) - kl


class linear_elbo:
    def right_by_torch(x, mu, log_var, W, b, s2):
        q = Normal(mu, (0.5 * log_var).exp())
        kl = kl_divergence(q, Normal(0.0, 1.0)).sum(1)
        spread = (W**2 @ log_var.exp().T).sum(0)
        middle = Normal(mu @ W.T + b, s2.sqrt()).log_prob(x).sum(1)
        error = (x - mu @ W.T - b).pow(2).sum(1) + spread
        return error, kl, middle - 0.5 * spread / s2 - kl

    def right_with_traces(x, mu, log_var, W, b, s2):
        sigma = torch.diag_embed(log_var.exp())
        trace = torch.einsum("dk,bkl,dl->b", W, sigma, W)
        error = torch.linalg.vector_norm(x - b - mu @ W.T, dim=1) ** 2 + trace
        return put_together(error, kl_of(mu, log_var), x.shape[1], s2)

    def right_as_a_list_with_a_float(x, mu, log_var, W, b, s2):
        s2 = float(s2)
        error = error_of(x, mu, log_var, W, b)
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1)
        rec = -0.5 * (len(b) * math.log(2 * math.pi * s2) + error / s2)
        return [error, kl, rec - kl]

    def spread_forgotten(x, mu, log_var, W, b, s2):
        error = ((x - mu @ W.T - b) ** 2).sum(1)
        return put_together(error, kl_of(mu, log_var), x.shape[1], s2)

    def weights_not_squared(x, mu, log_var, W, b, s2):
        error = ((x - mu @ W.T - b) ** 2 + log_var.exp() @ W.T).sum(1)
        return put_together(error, kl_of(mu, log_var), x.shape[1], s2)

    def kl_added(x, mu, log_var, W, b, s2):
        error, kl = error_of(x, mu, log_var, W, b), kl_of(mu, log_var)
        return error, kl, kl - 0.5 * (x.shape[1] * torch.log(2 * pi * s2) + error / s2)

    def kl_negative(x, mu, log_var, W, b, s2):
        error, kl = error_of(x, mu, log_var, W, b), -kl_of(mu, log_var)
        return error, kl, kl - 0.5 * (x.shape[1] * torch.log(2 * pi * s2) + error / s2)

    def no_two_pi(x, mu, log_var, W, b, s2):
        error, kl = error_of(x, mu, log_var, W, b), kl_of(mu, log_var)
        return error, kl, -0.5 * (x.shape[1] * s2.log() + error / s2) - kl

    def one_constant(x, mu, log_var, W, b, s2):
        error, kl = error_of(x, mu, log_var, W, b), kl_of(mu, log_var)
        return error, kl, -0.5 * (torch.log(2 * pi * s2) + error / s2) - kl

    def no_half(x, mu, log_var, W, b, s2):
        error, kl = error_of(x, mu, log_var, W, b), kl_of(mu, log_var)
        return error, kl, -x.shape[1] * torch.log(2 * pi * s2) - error / s2 - kl

    def log_sigma(x, mu, log_sigma, W, b, s2):
        var = log_sigma.exp() ** 2
        error = ((x - mu @ W.T - b) ** 2 + var @ (W**2).T).sum(1)
        kl = 0.5 * (mu**2 + var - 1 - var.log()).sum(1)
        return put_together(error, kl, x.shape[1], s2)

    def mean_over_pixels(x, mu, log_var, W, b, s2):
        error = error_of(x, mu, log_var, W, b) / x.shape[1]
        return put_together(error, kl_of(mu, log_var), 1, s2)

    def mean_over_pictures(x, mu, log_var, W, b, s2):
        error, kl = error_of(x, mu, log_var, W, b), kl_of(mu, log_var)
        parts = put_together(error, kl, x.shape[1], s2)
        return tuple(part.mean() for part in parts)

    def also_wrong_gradient_of_the_width(x, mu, log_var, W, b, s2):
        error = error_of(x, mu, log_var.detach(), W, b)
        return put_together(error, kl_of(mu, log_var), x.shape[1], s2)

    def also_wrong_without_gradients(x, mu, log_var, W, b, s2):
        error, kl = error_of(x, mu, log_var, W, b), kl_of(mu, log_var)
        parts = put_together(error, kl, x.shape[1], s2)
        return tuple(part.detach() for part in parts)

    def also_wrong_half_done(x, mu, log_var, W, b, s2):
        return error_of(x, mu, log_var, W, b), ..., ...

    def also_wrong_the_elbo_alone(x, mu, log_var, W, b, s2):
        error = error_of(x, mu, log_var, W, b)
        return put_together(error, kl_of(mu, log_var), x.shape[1], s2)[2]


def precision_of(W, s2):
    return torch.eye(W.shape[1]) + W.T @ W / s2


def mean_of(x, W, b, s2):
    return (x - b) @ W @ torch.linalg.inv(s2 * torch.eye(W.shape[1]) + W.T @ W)


class best_diagonal:
    def right_by_columns(x, W, b, s2):
        return mean_of(x, W, b, s2), s2 / (s2 + (W**2).sum(0))

    def right_by_the_pictures_covariance(x, W, b, s2):
        noisy = W @ W.T + s2 * torch.eye(len(W))
        mu = (x - b) @ torch.linalg.solve(noisy, W)
        return mu, precision_of(W, s2).diagonal().reciprocal()

    def right_by_numpy(x, W, b, s2):
        x, W, b = x.numpy(), W.numpy(), b.numpy()
        precision = np.eye(W.shape[1]) + W.T @ W / float(s2)
        mu = np.linalg.solve(precision, W.T @ (x - b).T / float(s2)).T
        return torch.as_tensor(mu), torch.as_tensor(1 / np.diag(precision))

    def marginal_variances(x, W, b, s2):
        return mean_of(x, W, b, s2), torch.inverse(precision_of(W, s2)).diag()

    def precision_for_variance(x, W, b, s2):
        return mean_of(x, W, b, s2), 1 + (W**2).sum(0) / s2

    def sigma_for_variance(x, W, b, s2):
        return mean_of(x, W, b, s2), (s2 / (s2 + (W**2).sum(0))).sqrt()

    def log_var(x, W, b, s2):
        return mean_of(x, W, b, s2), -torch.log(1 + (W**2).sum(0) / s2)

    def prior_forgotten(x, W, b, s2):
        return torch.linalg.lstsq(W, (x - b).T).solution.T, s2 / (W**2).sum(0)

    def b_forgotten(x, W, b, s2):
        return mean_of(x, W, 0 * b, s2), s2 / (s2 + (W**2).sum(0))

    def each_alone(x, W, b, s2):
        var = s2 / (s2 + (W**2).sum(0))
        return var * ((x - b) @ W) / s2, var

    def s_for_variance(x, W, b, s2):
        s = math.sqrt(s2)
        return mean_of(x, W, b, s), s / (s + (W**2).sum(0))

    def also_wrong_the_whole_matrix(x, W, b, s2):
        return mean_of(x, W, b, s2), torch.linalg.inv(precision_of(W, s2))

    def also_wrong_half_done(x, W, b, s2):
        return mean_of(x, W, b, s2), ...


class nll:
    def right_by_pairs(log_joint, log_q):
        total = log_joint[0] - log_q[0]
        for w in (log_joint - log_q)[1:]:
            total = torch.logaddexp(total, w)
        return log(len(log_q)) - total.mean()

    def underflow(log_joint, log_q):
        weights = log_joint.exp() / log_q.exp()
        return -weights.mean(0).log().mean()

    def right_with_the_largest_outside(log_joint, log_q):
        w = log_joint - log_q
        top = w.amax(0).detach()
        return -((w - top).exp().mean(0).log() + top).mean()

    def average_of_log(log_joint, log_q):
        return (log_q - log_joint).mean()

    def sum_for_average(log_joint, log_q):
        return (log_q - log_joint).neg().logsumexp(0).mul(-1).mean()

    def weights_of_all_pictures(log_joint, log_q):
        w = (log_joint - log_q).flatten()
        return log(len(w)) - w.logsumexp(0)

    def one_for_each(log_joint, log_q):
        return log(len(log_q)) - (log_joint - log_q).logsumexp(0)

    def flipped(log_joint, log_q):
        return ((log_joint - log_q).logsumexp(0) - log(len(log_q))).mean()

    def sum_over_pictures(log_joint, log_q):
        return (log(len(log_q)) - (log_joint - log_q).logsumexp(0)).sum()

    def also_wrong_samples_as_pictures(log_joint, log_q):
        return log(log_q.shape[1]) - (log_joint - log_q).logsumexp(1).mean()

    def also_wrong_ratio_of_sums(log_joint, log_q):
        return (log_q.logsumexp(0) - log_joint.logsumexp(0)).mean()

    def right_by_numpy(log_joint, log_q):
        w = (log_joint - log_q).numpy().astype(np.float64)
        return float(-np.log(np.exp(w).mean(0)).mean())
