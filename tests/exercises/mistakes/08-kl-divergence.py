"""Wrong answers to the exercises of lesson 08, written as a learner would:
a class for each exercise, a function for each mistake its check knows, and one
named right… for every other way of being right."""

import math

import torch
from torch.distributions import Normal, kl_divergence


def terms(mu, log_var):
    return -0.5 * (1 + log_var - mu.pow(2) - log_var.exp())


def sigma_of(log_var):
    return torch.exp(log_var / 2)


class kl_diagonal:
    def right_by_torch(mu, log_var):
        return kl_divergence(Normal(mu, sigma_of(log_var)), Normal(0.0, 1.0)).sum(1)

    def right_with_sigma(mu, log_var):
        sigma = sigma_of(log_var)
        return 0.5 * (mu**2 + sigma**2 - 1 - 2 * sigma.log()).sum(1)

    def right_as_the_paper_prints_it(mu, log_var):
        return terms(mu, log_var).sum(-1)

    def right_with_expm1(mu, log_var):
        return (mu.pow(2) + log_var.expm1() - log_var).sum(1) / 2

    def not_added_up(mu, log_var):
        return terms(mu, log_var)

    def mean_over_dimensions(mu, log_var):
        return terms(mu, log_var).mean(1)

    def sum_over_batch(mu, log_var):
        return terms(mu, log_var).sum()

    def flipped(mu, log_var):
        return 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)

    def sigma_for_variance(mu, log_var):
        sigma = sigma_of(log_var)
        return 0.5 * (mu**2 + sigma - 1 - sigma.log()).sum(1)

    def log_sigma_for_log_var(mu, log_var):
        sigma = log_var.exp()
        return 0.5 * (mu**2 + sigma**2 - 1 - (sigma**2).log()).sum(1)

    def variance_beside_log_sigma(mu, log_var):
        sigma = sigma_of(log_var)
        return 0.5 * (mu**2 + sigma**2 - 1 - sigma.log()).sum(1)

    def half_forgotten(mu, log_var):
        return (mu**2 + log_var.exp() - 1 - log_var).sum(1)

    def second_moment_of_q_mean(mu, log_var):
        return 0.5 * (mu**2 + log_var.exp() - log_var).sum(1)

    def also_wrong_sum_over_dimension_0(mu, log_var):
        return terms(mu, log_var).sum(0)

    def also_wrong_clamped(mu, log_var):
        return terms(mu, log_var).clamp(min=0.1).sum(1)

    def also_wrong_no_gradient(mu, log_var):
        return terms(mu, log_var.detach()).sum(1)

    def also_wrong_other_direction(mu, log_var):
        p = Normal(torch.zeros_like(mu), torch.ones_like(mu))
        return kl_divergence(p, Normal(mu, sigma_of(log_var))).sum(1)


class kl_by_draws:
    def right_by_torch(mu, log_var, n):
        q, p = Normal(mu, sigma_of(log_var)), Normal(0.0, 1.0)
        z = q.rsample((n,))
        return (q.log_prob(z) - p.log_prob(z)).sum(2).mean(0)

    def right_by_noise(mu, log_var, n):
        eps = torch.randn(n, *mu.shape)
        z = mu + sigma_of(log_var) * eps
        return 0.5 * (z**2 - eps**2 - log_var).mean(0).sum(1)

    def closed_form(mu, log_var, n):
        return (0.5 * (mu**2 + log_var.exp() - 1 - log_var)).sum(1)

    def no_gradient(mu, log_var, n):
        q, p = Normal(mu, sigma_of(log_var)), Normal(0.0, 1.0)
        z = q.sample((n,))
        return (q.log_prob(z) - p.log_prob(z)).sum(2).mean(0)

    def flipped(mu, log_var, n):
        q, p = Normal(mu, sigma_of(log_var)), Normal(0.0, 1.0)
        z = q.rsample((n,))
        return (p.log_prob(z) - q.log_prob(z)).sum(2).mean(0)

    def mean_over_dimensions(mu, log_var, n):
        q, p = Normal(mu, sigma_of(log_var)), Normal(0.0, 1.0)
        z = q.rsample((n,))
        return (q.log_prob(z) - p.log_prob(z)).mean(2).mean(0)

    def variance_for_sigma(mu, log_var, n):
        q, p = Normal(mu, sigma_of(log_var)), Normal(0.0, 1.0)
        z = mu + log_var.exp() * torch.randn(n, *mu.shape)
        return (q.log_prob(z) - p.log_prob(z)).sum(2).mean(0)

    def drawn_from_the_prior(mu, log_var, n):
        q, p = Normal(mu, sigma_of(log_var)), Normal(0.0, 1.0)
        z = torch.randn(n, *mu.shape)
        return (q.log_prob(z) - p.log_prob(z)).sum(2).mean(0)

    def right_one_by_one(mu, log_var, n):
        q = Normal(mu, sigma_of(log_var))
        p = Normal(0.0, 1.0)
        total = 0.0
        for part in (n // 2, n - n // 2):
            z = q.rsample((part,))
            total = total + (q.log_prob(z) - p.log_prob(z)).sum((0, 2))
        return total / n

    def also_wrong_one_draw(mu, log_var, n):
        q, p = Normal(mu, sigma_of(log_var)), Normal(0.0, 1.0)
        z = q.rsample()
        return (q.log_prob(z) - p.log_prob(z)).sum(1)

    def also_wrong_always_many(mu, log_var, n):
        q, p = Normal(mu, sigma_of(log_var)), Normal(0.0, 1.0)
        z = q.rsample((10_000,))
        return (q.log_prob(z) - p.log_prob(z)).sum(2).mean(0)

    def also_wrong_seed_of_its_own(mu, log_var, n):
        g = torch.Generator().manual_seed(0)
        eps = torch.randn(n, *mu.shape, generator=g)
        z = mu + sigma_of(log_var) * eps
        return 0.5 * (z**2 - eps**2 - log_var).mean(0).sum(1)


class kl_of_logstd:
    def right_by_torch(mean, logstd):
        return kl_divergence(Normal(mean, logstd.exp()), Normal(0.0, 1.0)).sum(1)

    def right_as_the_first_comment_says(mean, logstd):
        return -0.5 * (1 + 2 * logstd - mean**2 - torch.exp(logstd) ** 2).sum(1)

    def sigma_in_both(mean, logstd):
        return -0.5 * (1 + logstd - mean**2 - torch.exp(logstd)).sum(1)

    def square_of_log(mean, logstd):
        return 0.5 * (torch.exp(2 * logstd) + mean**2 - 1 - logstd.pow(2)).sum(1)

    def exp_of_square(mean, logstd):
        return -0.5 * (1 + 2 * logstd - mean**2 - torch.exp(logstd**2)).sum(1)

    def only_one_log(mean, logstd):
        return 0.5 * (mean**2 + logstd.exp() ** 2 - 1 - logstd).sum(1)

    def plus_log(mean, logstd):
        return 0.5 * (torch.exp(2 * logstd) + mean**2 - 1 + 2 * logstd).sum(1)

    def flipped(mean, logstd):
        return 0.5 * (1 + 2 * logstd - mean**2 - torch.exp(logstd) ** 2).sum(1)

    def mean_over_dimensions(mean, logstd):
        return terms(mean, 2 * logstd).mean(1)

    def also_wrong_as_log_var(mean, logstd):
        return 0.5 * (mean**2 + (4 * logstd).exp() - 1 - 4 * logstd).sum(1)

    def also_wrong_clamped(mean, logstd):
        return terms(mean, 2 * logstd).sum(1).clamp(min=1)


class kl_between:
    def right_by_torch(mu_q, log_var_q, mu_p, log_var_p):
        q = Normal(mu_q, sigma_of(log_var_q))
        return kl_divergence(q, Normal(mu_p, sigma_of(log_var_p))).sum(1)

    def right_written_out(mu_q, log_var_q, mu_p, log_var_p):
        square = (mu_q - mu_p) ** 2 + log_var_q.exp()
        each = log_var_p - log_var_q + square / log_var_p.exp() - 1
        return each.sum(1) / 2

    def other_way_round(mu_q, log_var_q, mu_p, log_var_p):
        square = (mu_q - mu_p) ** 2 + log_var_p.exp()
        each = log_var_q - log_var_p + square / log_var_q.exp() - 1
        return each.sum(1) / 2

    def distance_without_unit(mu_q, log_var_q, mu_p, log_var_p):
        ratio = log_var_q - log_var_p
        return 0.5 * ((mu_q - mu_p) ** 2 + ratio.exp() - 1 - ratio).sum(1)

    def variance_as_unit(mu_q, log_var_q, mu_p, log_var_p):
        return terms((mu_q - mu_p) / log_var_p.exp(), log_var_q - log_var_p).sum(1)

    def flipped(mu_q, log_var_q, mu_p, log_var_p):
        square = (mu_q - mu_p) ** 2 + log_var_q.exp()
        each = log_var_p - log_var_q + square / log_var_p.exp() - 1
        return each.sum(1) / -2

    def mean_over_dimensions(mu_q, log_var_q, mu_p, log_var_p):
        q = Normal(mu_q, sigma_of(log_var_q))
        return kl_divergence(q, Normal(mu_p, sigma_of(log_var_p))).mean(1)

    def prior_forgotten(mu_q, log_var_q, mu_p, log_var_p):
        return terms(mu_q, log_var_q).sum(1)

    def also_wrong_distance_in_no_width(mu_q, log_var_q, mu_p, log_var_p):
        ratio = (log_var_q - log_var_p).exp()
        square = (mu_q - mu_p) ** 2
        return 0.5 * (ratio + square - 1 - log_var_q + log_var_p).sum(1)


def narrow(nats):
    """log σ² < 0 with ½(σ² − 1 − log σ²) = nats, by Newton's method."""
    log_var = -1.0 - 2 * nats
    for _ in range(60):
        part = 0.5 * (math.exp(log_var) - 1 - log_var)
        log_var -= (part - nats) / (0.5 * (math.exp(log_var) - 1))
    return log_var


class spend:
    def right_the_other_way(nats):
        return torch.tensor([-(nats**0.5), narrow(nats / 2)])

    def right_and_wide(nats):
        log_var = 3.0
        for _ in range(60):
            part = 0.5 * (math.exp(log_var) - 1 - log_var)
            log_var -= (part - nats / 2) / (0.5 * (math.exp(log_var) - 1))
        return torch.tensor([nats**0.5, log_var])

    def all_on_the_mean(nats):
        return torch.tensor([(2 * nats) ** 0.5, 0.0])

    def all_on_the_width(nats):
        return torch.tensor([0.0, narrow(nats)])

    def each_has_all(nats):
        return torch.tensor([(2 * nats) ** 0.5, narrow(nats)])

    def sigma_given(nats):
        return torch.tensor([nats**0.5, math.exp(narrow(nats / 2) / 2)])

    def log_sigma_given(nats):
        return torch.tensor([nats**0.5, narrow(nats / 2) / 2])

    def half_forgotten(nats):
        return torch.tensor([(nats / 2) ** 0.5, narrow(nats / 2)])

    def right_by_newton(nats):
        v = -nats - 1.0
        for _ in range(100):
            v -= (math.expm1(v) - v - nats) / math.expm1(v)
        return torch.tensor([-(nats**0.5), v])

    def also_wrong_twice_as_much(nats):
        v = -2 * nats - 1.0
        for _ in range(100):
            v -= (math.expm1(v) - v - 2 * nats) / math.expm1(v)
        return torch.tensor([(2 * nats) ** 0.5, v])
