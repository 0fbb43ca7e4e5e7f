"""Wrong answers to the exercises of lesson 00, written as a learner would."""

import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence


class interpolate:
    def right_in_a_loop(a, b, n):
        return torch.stack([torch.lerp(a, b, i / (n - 1)) for i in range(n)])

    def right_as_weights(a, b, n):
        t = torch.arange(n).unsqueeze(1) / (n - 1)
        return (1 - t) * a + t * b

    def end_left_out(a, b, n):
        return torch.stack([a + (b - a) * i / n for i in range(n)])

    def backwards(a, b, n):
        t = torch.linspace(0, 1, n)[:, None]
        return t * a + (1 - t) * b

    def adds_b(a, b, n):
        return a + torch.outer(torch.linspace(0, 1, n), b)

    def rows_are_dimensions(a, b, n):
        t = torch.linspace(0, 1, n)
        return a[:, None] + t * (b - a)[:, None]


class sample_codes:
    def right_by_torch(mu, log_var, n):
        return Normal(mu, (0.5 * log_var).exp()).rsample((n,))

    def right_by_root(mu, log_var, n):
        return mu - log_var.exp().sqrt() * torch.randn(n, *mu.shape)

    def no_gradient(mu, log_var, n):
        sigma = torch.exp(log_var / 2)
        return torch.stack([torch.normal(mu, sigma).detach() for _ in range(n)])

    def variance_for_sigma(mu, log_var, n):
        return Normal(mu, log_var.exp()).rsample((n,))

    def sigma_is_one(mu, log_var, n):
        return torch.randn(n, *mu.shape) + mu

    def no_noise(mu, log_var, n):
        return mu.repeat(n, 1, 1)

    def one_noise_for_all_draws(mu, log_var, n):
        z = Normal(mu, (0.5 * log_var).exp()).rsample()
        return z.repeat(n, 1, 1)

    def uniform_noise(mu, log_var, n):
        eps = torch.rand(n, *mu.shape)
        return eps * torch.exp(0.5 * log_var) + mu


def bce(x, logits, reduction):
    return F.binary_cross_entropy_with_logits(logits, x, reduction=reduction)


def kl_terms(mu, log_var):
    return -0.5 * (1 + log_var - mu.pow(2) - log_var.exp())


class vae_loss:
    def right_by_torch(x, logits, mu, log_var):
        q = Normal(mu, torch.exp(0.5 * log_var))
        kl = kl_divergence(q, Normal(0.0, 1.0)).sum(-1)
        return (bce(x, logits, "none").sum((1, 2, 3)) + kl).mean()

    def right_by_hand(x, logits, mu, log_var):
        surprise = F.softplus(logits) - x * logits
        return (surprise.sum() + kl_terms(mu, log_var).sum()) / x.shape[0]

    def mean_over_pixels(x, logits, mu, log_var):
        return bce(x, logits, "mean") + kl_terms(mu, log_var).sum() / len(x)

    def mean_over_dimensions(x, logits, mu, log_var):
        return bce(x, logits, "sum") / len(x) + kl_terms(mu, log_var).mean()

    def sum_over_batch(x, logits, mu, log_var):
        return bce(x, logits, "sum") + kl_terms(mu, log_var).sum()

    def one_price_each(x, logits, mu, log_var):
        return bce(x, logits, "none").sum((1, 2, 3)) + kl_terms(mu, log_var).sum(1)

    def flipped_kl(x, logits, mu, log_var):
        kl = 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)
        return bce(x, logits, "sum") / len(x) + kl.mean()

    def log_sigma_for_log_var(x, logits, mu, log_sigma):
        var = log_sigma.exp() ** 2
        kl = 0.5 * (mu**2 + var - 1 - var.log()).sum(1)
        return bce(x, logits, "sum") / len(x) + kl.mean()
