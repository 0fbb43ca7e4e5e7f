"""Wrong answers to the exercises of lesson 04, written as a learner would."""

import math

import numpy as np
import torch
from torch.distributions import Categorical, MultivariateNormal, Normal


class draw_from_mixture:
    def right_by_hand(pi, mu, sigma, n):
        m = (torch.rand(n, 1) > pi.cumsum(0)[:-1]).sum(1)
        return mu[m] + sigma[m] * torch.randn(n)

    def right_by_choosing_afterwards(pi, mu, sigma, n):
        each = Normal(mu, sigma).sample((n,))
        m = torch.multinomial(pi, n, replacement=True)
        return each[torch.arange(n), m]

    def average_of_kinds(pi, mu, sigma, n):
        return (pi * Normal(mu, sigma).sample((n,))).sum(1)

    def one_gaussian(pi, mu, sigma, n):
        mean = (pi * mu).sum()
        var = (pi * sigma**2).sum() + (pi * (mu - mean) ** 2).sum()
        return torch.normal(mean.item(), math.sqrt(var), (n,))

    def pi_forgotten(pi, mu, sigma, n):
        m = torch.randint(len(mu), (n,))
        return Normal(mu[m], sigma[m]).sample()

    def variance_for_sigma(pi, mu, sigma, n):
        m = Categorical(pi).sample((n,))
        return Normal(mu[m], sigma[m] ** 2).sample()

    def no_noise(pi, mu, sigma, n):
        return mu[Categorical(pi).sample((n,))]

    def in_blocks(pi, mu, sigma, n):
        counts = (pi * n).round().int()
        counts[-1] = n - counts[:-1].sum()
        m = torch.repeat_interleave(torch.arange(len(pi)), counts)
        return Normal(mu[m], sigma[m]).sample()

    def right_by_cumulated_weights(pi, mu, sigma, n):
        m = (torch.rand(n)[:, None] > pi.cumsum(0)[:-1]).sum(1)
        return mu[m] + sigma[m] * torch.randn(n)

    def right_by_numpy(pi, mu, sigma, n):
        m = torch.multinomial(pi, n, True).numpy()
        eps = torch.randn(n).numpy()
        return torch.as_tensor(mu.numpy()[m] + sigma.numpy()[m] * eps)

    def right_all_kinds_and_a_choice(pi, mu, sigma, n):
        each = mu + sigma * torch.randn(n, len(mu))
        return each.gather(1, torch.multinomial(pi, n, True)[:, None])[:, 0]

    def also_wrong_three_kinds(pi, mu, sigma, n):
        m = torch.multinomial(pi[:3], n, True).clamp(max=len(mu) - 1)
        m = torch.where(torch.rand(n) < 0.5, m, torch.randint(3, (n,)) % len(mu))
        return mu[m] + sigma[m] * torch.randn(n)

    def also_wrong_seed_of_its_own(pi, mu, sigma, n):
        g = torch.Generator().manual_seed(0)
        m = torch.multinomial(pi, n, True, generator=g)
        return mu[m] + sigma[m] * torch.randn(n, generator=g)

    def also_wrong_each_twice(pi, mu, sigma, n):
        m = torch.multinomial(pi, n // 2 + 1, True)
        x = mu[m] + sigma[m] * torch.randn(len(m))
        return x.repeat(2)[:n]


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
