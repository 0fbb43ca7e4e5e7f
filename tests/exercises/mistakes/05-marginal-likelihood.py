"""Wrong answers to the exercises of lesson 05, written as a learner would."""

import math

import numpy as np
import torch
from torch.distributions import MultivariateNormal, Normal


def each_of(x, decode, sigma, z):
    return Normal(decode(z), sigma).log_prob(x.unsqueeze(1))


class naive_log_p:
    def right_by_hand(x, decode, sigma, Z, K):
        mean = decode(torch.randn(K, Z))
        square = ((x[:, None] - mean) / sigma).pow(2).sum(-1)
        constant = x.shape[1] * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
        log_lik = -0.5 * square - constant
        top = log_lik.max(1, keepdim=True).values
        return (log_lik - top).exp().mean(1).log() + top[:, 0]

    def right_in_pieces(x, decode, sigma, Z, K):
        parts = [
            each_of(x, decode, sigma, z).sum(-1).logsumexp(1)
            for z in torch.randn(K, Z).split(1000)
        ]
        return torch.stack(parts).logsumexp(0) - math.log(K)

    def mean_of_logs(x, decode, sigma, Z, K):
        return each_of(x, decode, sigma, torch.randn(K, Z)).sum(2).mean(1)

    def underflow(x, decode, sigma, Z, K):
        log_lik = each_of(x, decode, sigma, torch.randn(K, Z)).sum(2)
        return torch.log(torch.exp(log_lik).mean(1))

    def log_k_forgotten(x, decode, sigma, Z, K):
        log_lik = each_of(x, decode, sigma, torch.randn(K, Z)).sum(2)
        return torch.logsumexp(log_lik, 1)

    def mean_over_dimensions(x, decode, sigma, Z, K):
        log_lik = each_of(x, decode, sigma, torch.randn(K, Z)).mean(2)
        return torch.logsumexp(log_lik, 1) - math.log(K)

    def uniform_codes(x, decode, sigma, Z, K):
        log_lik = each_of(x, decode, sigma, torch.rand(K, Z)).sum(2)
        return torch.logsumexp(log_lik, 1) - math.log(K)

    def one_code(x, decode, sigma, Z, K):
        return each_of(x, decode, sigma, torch.randn(1, Z)).sum(2).logsumexp(1)

    def the_same_noise(x, decode, sigma, Z, K):
        g = torch.Generator().manual_seed(7)
        log_lik = each_of(x, decode, sigma, torch.randn(K, Z, generator=g)).sum(2)
        return torch.logsumexp(log_lik, 1) - math.log(K)

    def right_codes_for_each_row(x, decode, sigma, Z, K):
        each = [
            Normal(decode(torch.randn(K, Z)), sigma).log_prob(row).sum(1) for row in x
        ]
        return torch.stack(each).logsumexp(1) - math.log(K)

    def also_wrong_best_code(x, decode, sigma, Z, K):
        return each_of(x, decode, sigma, torch.randn(K, Z)).sum(-1).amax(1)

    def also_wrong_variance(x, decode, sigma, Z, K):
        log_lik = each_of(x, decode, sigma**0.5, torch.randn(K, Z)).sum(-1)
        return log_lik.logsumexp(1) - math.log(K)

    def also_wrong_prior_twice_as_wide(x, decode, sigma, Z, K):
        log_lik = each_of(x, decode, sigma, 2 * torch.randn(K, Z)).sum(-1)
        return log_lik.logsumexp(1) - math.log(K)

    def also_wrong_half_of_the_codes(x, decode, sigma, Z, K):
        log_lik = each_of(x, decode, sigma, torch.randn(K // 2, Z)).sum(-1)
        return log_lik.logsumexp(1) - math.log(K // 2)


class posterior_mean:
    def right_in_double(log_lik, log_prior, z):
        joint = (log_lik + log_prior).double().exp()
        return (joint * z).sum(1) / joint.sum(1)

    def right_by_logsumexp(log_lik, log_prior, z):
        joint = log_lik + log_prior
        return ((joint - joint.logsumexp(1, keepdim=True)).exp() * z).sum(1)

    def underflow(log_lik, log_prior, z):
        joint = log_lik.exp() * log_prior.exp()
        posterior = joint / joint.sum(1, keepdim=True)
        return posterior @ z

    def prior_forgotten(log_lik, log_prior, z):
        return torch.softmax(log_lik, -1) @ z

    def not_normalised(log_lik, log_prior, z):
        return (torch.exp(log_lik + log_prior) * z).sum(1)

    def over_the_batch(log_lik, log_prior, z):
        return (torch.softmax(log_lik + log_prior, 0) * z).sum(1)

    def mode_for_mean(log_lik, log_prior, z):
        return z[(log_lik + log_prior).max(1).indices]

    def mean_for_sum(log_lik, log_prior, z):
        return (z * (log_lik + log_prior).softmax(-1)).mean(-1)

    def right_by_numpy(log_lik, log_prior, z):
        log_p = (log_lik + log_prior).numpy()
        p = np.exp(log_p - log_p.max(1, keepdims=True))
        return torch.as_tensor((p * z.numpy()).sum(1) / p.sum(1))

    def also_wrong_always_the_standard_normal(log_lik, log_prior, z):
        return (log_lik - 0.5 * z**2).softmax(1) @ z

    def also_wrong_grid_from_minus_three_to_three(log_lik, log_prior, z):
        return (log_lik + log_prior).softmax(1) @ torch.linspace(-3, 3, len(z))


def log_lik_of(x, mean, log_var):
    return Normal(mean, (0.5 * log_var).exp()).log_prob(x.unsqueeze(1)).sum(-1)


class estimate_log_p:
    def right_by_torch(x, mean, log_var):
        return log_lik_of(x, mean, log_var).logsumexp(1) - math.log(len(mean))

    def right_with_weights(x, mean, log_var):
        cov = log_var.exp() * torch.eye(x.shape[1])
        each = MultivariateNormal(mean, cov).log_prob(x[:, None])
        weight = torch.tensor(1 / len(mean))
        return torch.logsumexp(weight.log() + each, 1)

    def mean_of_logs(x, mean, log_var):
        return log_lik_of(x, mean, log_var).mean(1)

    def constant_dropped(x, mean, log_var):
        error = (x[:, None] - mean) ** 2 / log_var.exp()
        log_lik = -0.5 * (error + log_var).sum(-1)
        return log_lik.logsumexp(1) - math.log(len(mean))

    def constant_once(x, mean, log_var):
        error = (x[:, None] - mean) ** 2 / log_var.exp()
        log_lik = -0.5 * ((error + log_var).sum(-1) + math.log(2 * math.pi))
        return log_lik.logsumexp(1) - math.log(len(mean))

    def log_k_forgotten(x, mean, log_var):
        return torch.logsumexp(log_lik_of(x, mean, log_var), 1)

    def underflow(x, mean, log_var):
        return torch.log(log_lik_of(x, mean, log_var).exp().mean(1))

    def mean_for_sum(x, mean, log_var):
        each = Normal(mean, (0.5 * log_var).exp()).log_prob(x.unsqueeze(1))
        return each.mean(-1).logsumexp(1) - math.log(len(mean))

    def sigma_for_variance(x, mean, log_var):
        error = (x[:, None] - mean) ** 2 / log_var.exp().sqrt()
        log_lik = -0.5 * (error + log_var + math.log(2 * math.pi)).sum(-1)
        return log_lik.logsumexp(1) - math.log(len(mean))

    def log_sigma_for_log_var(x, mean, log_sigma):
        log_lik = Normal(mean, log_sigma.exp()).log_prob(x[:, None]).sum(-1)
        return log_lik.logsumexp(1) - math.log(len(mean))

    def one_for_all(x, mean, log_var):
        each = log_lik_of(x, mean, log_var).logsumexp(1) - math.log(len(mean))
        return each.mean()
