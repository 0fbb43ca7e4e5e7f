"""Wrong answers to the exercises of lesson 06, written as a learner would:
a class for each exercise, a function for each mistake its check knows, and one
named right… for every other way of being right."""

import math
from math import log, pi

import numpy as np
import torch
from torch.distributions import Independent, Normal, kl_divergence


class estimate_elbo:
    def right_as_two_means(log_joint, log_q):
        return log_joint.mean(0) - log_q.mean(0)

    def right_in_a_loop(log_joint, log_q):
        total = 0
        for p, q in zip(log_joint, log_q, strict=True):
            total = total + p - q
        return total / len(log_joint)

    def log_of_average(log_joint, log_q):
        return (log_joint - log_q).exp().mean(0).log()

    def flipped(log_joint, log_q):
        return log_q.mean(0) - log_joint.mean(0)

    def sum_over_draws(log_joint, log_q):
        return log_joint.sum(0) - log_q.sum(0)

    def one_number_for_all(log_joint, log_q):
        return torch.mean(log_joint - log_q)

    def over_the_pictures(log_joint, log_q):
        return (log_joint - log_q).mean(-1)

    def q_left_out(log_joint, log_q):
        return log_joint.mean(0)

    def no_gradient(log_joint, log_q):
        return torch.tensor([v.mean().item() for v in (log_joint - log_q).T])


def error_of(x, mu, W, b):
    return ((x - (mu @ W.T + b)) ** 2).sum(1)


def spread_of(log_var, W):
    return (W**2 @ log_var.exp().T).sum(0)


def kl_of(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(-1)


class exact_elbo:
    def right_by_torch(x, mu, log_var, W, b, s2):
        q = Normal(mu, (0.5 * log_var).exp())
        kl = kl_divergence(q, Normal(0.0, 1.0)).sum(1)
        middle = Normal(mu @ W.T + b, s2.sqrt()).log_prob(x).sum(1)
        return middle - 0.5 * spread_of(log_var, W) / s2 - kl

    def right_pixel_by_pixel(x, mu, log_var, W, b, s2):
        miss = (x - mu @ W.T - b) ** 2 + log_var.exp() @ (W**2).T
        pixels = -0.5 * (torch.log(2 * pi * s2) + miss / s2)
        return pixels.sum(1) - kl_of(mu, log_var)

    def spread_forgotten(x, mu, log_var, W, b, s2):
        pixels = Normal(mu @ W.T + b, s2.sqrt()).log_prob(x)
        return pixels.sum(1) - kl_of(mu, log_var)

    def kl_added(x, mu, log_var, W, b, s2):
        miss = error_of(x, mu, W, b) + spread_of(log_var, W)
        constant = x.shape[1] * torch.log(2 * pi * s2)
        return -0.5 * (constant + miss / s2) + kl_of(mu, log_var)

    def no_two_pi(x, mu, log_var, W, b, s2):
        miss = error_of(x, mu, W, b) + spread_of(log_var, W)
        return -0.5 * (x.shape[1] * s2.log() + miss / s2) - kl_of(mu, log_var)

    def one_constant(x, mu, log_var, W, b, s2):
        miss = error_of(x, mu, W, b) + spread_of(log_var, W)
        return -0.5 * (torch.log(2 * pi * s2) + miss / s2) - kl_of(mu, log_var)

    def log_sigma(x, mu, log_sigma, W, b, s2):
        var = log_sigma.exp() ** 2
        miss = error_of(x, mu, W, b) + (W**2 @ var.T).sum(0)
        constant = x.shape[1] * torch.log(2 * pi * s2)
        kl = 0.5 * (mu**2 + var - 1 - var.log()).sum(1)
        return -0.5 * (constant + miss / s2) - kl

    def mean_over_pixels(x, mu, log_var, W, b, s2):
        miss = (x - mu @ W.T - b) ** 2 + log_var.exp() @ (W**2).T
        pixels = -0.5 * (torch.log(2 * pi * s2) + miss / s2)
        return pixels.mean(1) - kl_of(mu, log_var)

    def mean_over_pictures(x, mu, log_var, W, b, s2):
        miss = (x - mu @ W.T - b) ** 2 + log_var.exp() @ (W**2).T
        pixels = -0.5 * (torch.log(2 * pi * s2) + miss / s2)
        return (pixels.sum(1) - kl_of(mu, log_var)).mean()

    def right_with_a_float(x, mu, log_var, W, b, s2):
        constant = math.log(2 * math.pi * s2)
        miss = (x - mu @ W.T - b) ** 2 + log_var.exp() @ (W**2).T
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1)
        return -0.5 * (constant + miss / float(s2)).sum(1) - kl

    def also_wrong_gradient_of_the_width(x, mu, log_var, W, b, s2):
        constant = torch.log(2 * math.pi * s2)
        miss = (x - mu @ W.T - b) ** 2 + log_var.exp().detach() @ (W**2).T
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1)
        return -0.5 * (constant + miss / s2).sum(1) - kl


class bound:
    def right_by_torch(x, mean, log_s2, mu, log_var):
        pixels = Normal(mean, (0.5 * log_s2).exp()).log_prob(x).sum(1)
        return pixels - kl_of(mu, log_var)

    def right_constant_outside(x, mean, log_s2, mu, log_var):
        miss = ((x - mean) ** 2 / log_s2.exp()).sum(1)
        constant = x.shape[1] * (log_s2 + log(2 * pi))
        return -0.5 * (miss + constant) - kl_of(mu, log_var)

    def constant_added(x, mean, log_s2, mu, log_var):
        miss = (x - mean) ** 2 / log_s2.exp() + log_s2 - log(2 * pi)
        return -0.5 * miss.sum(1) - kl_of(mu, log_var)

    def once_for_all_pixels(x, mean, log_s2, mu, log_var):
        miss = ((x - mean) ** 2 / log_s2.exp() + log_s2).sum(1)
        return -0.5 * (miss + log(2 * pi)) - kl_of(mu, log_var)

    def without_the_half(x, mean, log_s2, mu, log_var):
        miss = 0.5 * ((x - mean) ** 2 / log_s2.exp() + log_s2) + log(2 * pi)
        return -miss.sum(1) - kl_of(mu, log_var)

    def mean_over_pixels(x, mean, log_s2, mu, log_var):
        miss = (x - mean) ** 2 / log_s2.exp() + log_s2 + log(2 * pi)
        return -0.5 * miss.mean(1) - kl_of(mu, log_var)

    def loss_for_bound(x, mean, log_s2, mu, log_var):
        p = Independent(Normal(mean, (0.5 * log_s2).exp()), 1)
        return kl_of(mu, log_var) - p.log_prob(x)

    def right_with_a_float(x, mean, log_s2, mu, log_var):
        s2 = math.exp(log_s2)
        miss = (x - mean) ** 2 / s2 + math.log(2 * math.pi * s2)
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1)
        return -0.5 * miss.sum(1) - kl


class nll:
    def right_by_exp(log_joint, log_q):
        return -(log_joint - log_q).exp().mean(0).log().mean()

    def right_with_the_largest_outside(log_joint, log_q):
        w = log_joint - log_q
        top = w.amax(0).detach()
        return -((w - top).exp().mean(0).log() + top).mean()

    def average_of_log(log_joint, log_q):
        return (log_q - log_joint).mean()

    def sum_for_average(log_joint, log_q):
        return -(log_joint - log_q).exp().sum(0).log().mean()

    def weights_of_all_pictures(log_joint, log_q):
        w = (log_joint - log_q).flatten()
        return log(len(w)) - w.logsumexp(0)

    def one_for_each(log_joint, log_q):
        return log(len(log_q)) - (log_joint - log_q).logsumexp(0)

    def flipped(log_joint, log_q):
        return ((log_joint - log_q).logsumexp(0) - log(len(log_q))).mean()

    def sum_over_pictures(log_joint, log_q):
        return -(log_joint - log_q).exp().mean(0).log().sum()

    def right_by_numpy(log_joint, log_q):
        w = (log_joint - log_q).numpy().astype(np.float64)
        return float(-np.log(np.exp(w).mean(0)).mean())
