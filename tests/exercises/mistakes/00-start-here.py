"""Wrong answers to the exercises of lesson 00, written as a learner would."""

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Laplace, Normal, kl_divergence


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

    def right_by_numpy(a, b, n):
        t = np.linspace(0, 1, n)[:, None]
        return torch.as_tensor((1 - t) * a.numpy() + t * b.numpy())

    def right_in_place(a, b, n):
        b -= a
        return torch.outer(torch.linspace(0, 1, n), b).add_(a)

    def also_wrong_always_five(a, b, n):
        return a + torch.linspace(0, 1, 5)[:, None] * (b - a)

    def also_wrong_complex(a, b, n):
        return (a + torch.linspace(0, 1, n)[:, None] * (b - a)).to(torch.complex64)


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

    def right_in_place(mu, log_var, n):
        log_var /= 2
        return torch.randn(n, *mu.shape) * log_var.exp() + mu

    def also_wrong_uniform_of_width_one(mu, log_var, n):
        eps = (torch.rand(n, *mu.shape) - 0.5) * 12**0.5
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_signs(mu, log_var, n):
        eps = torch.randn(n, *mu.shape).sign()
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_laplace(mu, log_var, n):
        eps = Laplace(0.0, 0.5**0.5).sample((n, *mu.shape))
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_clamped(mu, log_var, n):
        eps = torch.randn(n, *mu.shape).clamp(-2, 2)
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_clamped_at_three(mu, log_var, n):
        eps = torch.randn(n, *mu.shape).clamp(-3, 3)
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_seed_of_its_own(mu, log_var, n):
        g = torch.Generator().manual_seed(3)
        eps = torch.randn(n, *mu.shape, generator=g)
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_each_twice(mu, log_var, n):
        eps = torch.randn(n // 2 + 1, *mu.shape).repeat_interleave(2, 0)[:n]
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_all_twice(mu, log_var, n):
        eps = torch.randn(n // 2 + 1, *mu.shape).repeat(2, 1, 1)[:n]
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_mirrored_pairs(mu, log_var, n):
        eps = torch.randn(n // 2 + 1, *mu.shape)
        return mu + (0.5 * log_var).exp() * torch.cat([eps, -eps])[:n]

    def also_wrong_sorted(mu, log_var, n):
        eps = torch.randn(n, *mu.shape).sort(0).values
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_one_noise_for_all_pictures(mu, log_var, n):
        eps = torch.randn(n, 1, mu.shape[1])
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_no_gradient_to_the_width(mu, log_var, n):
        return mu + (0.5 * log_var).exp().detach() * torch.randn(n, *mu.shape)


def bce(x, logits, reduction):
    return F.binary_cross_entropy_with_logits(logits, x, reduction=reduction)


def kl_terms(mu, log_var):
    return -0.5 * (1 + log_var - mu.pow(2) - log_var.exp())


def parts(x, decode, mu, log_var, eps):
    z = mu + torch.exp(log_var / 2) * eps
    distortion = bce(x, decode(z), "none").sum((1, 2, 3))
    return distortion, kl_terms(mu, log_var).sum(1)


class picture_loss:
    def also_wrong_few_widths(x, decode, mu, log_var, eps):
        z = mu + (0.5 * log_var).exp() * eps
        few = log_var.clamp(-4, 2)
        kl = 0.5 * (mu**2 + few.exp() - 1 - few).sum(1)
        return bce(x, decode(z), "none").flatten(1).sum(1) + kl

    def right_by_torch(x, decode, mu, log_var, eps):
        q = Normal(mu, torch.exp(0.5 * log_var))
        p = Bernoulli(logits=decode(q.loc + q.scale * eps), validate_args=False)
        kl = kl_divergence(q, Normal(0.0, 1.0)).sum(1)
        return -p.log_prob(x).sum((1, 2, 3)) + kl

    def right_by_hand(x, decode, mu, log_var, eps):
        logits = decode(mu + log_var.exp().sqrt() * eps)
        distortion = (F.softplus(logits) - x * logits).flatten(1).sum(1)
        return distortion - 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)

    def right_in_place(x, decode, mu, log_var, eps):
        eps *= torch.exp(0.5 * log_var)
        eps += mu
        distortion = bce(x, decode(eps), "none").sum((1, 2, 3))
        return distortion + kl_terms(mu, log_var).sum(1)

    def no_noise(x, decode, mu, log_var, eps):
        return sum(parts(x, decode, mu, log_var, 0 * eps))

    def variance_for_sigma(x, decode, mu, log_var, eps):
        distortion = bce(x, decode(mu + log_var.exp() * eps), "none")
        return distortion.flatten(1).sum(-1) + kl_terms(mu, log_var).sum(-1)

    def rate_forgotten(x, decode, mu, log_var, eps):
        return parts(x, decode, mu, log_var, eps)[0]

    def flipped_rate(x, decode, mu, log_var, eps):
        distortion, _ = parts(x, decode, mu, log_var, eps)
        return distortion + 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)

    def mean_over_pixels(x, decode, mu, log_var, eps):
        distortion, rate = parts(x, decode, mu, log_var, eps)
        return distortion / x[0].numel() + rate

    def mean_over_dimensions(x, decode, mu, log_var, eps):
        distortion, rate = parts(x, decode, mu, log_var, eps)
        return distortion + rate / mu.shape[1]

    def one_number_for_all(x, decode, mu, log_var, eps):
        distortion, rate = parts(x, decode, mu, log_var, eps)
        return distortion.mean() + rate.mean()

    def probabilities_for_logits(x, decode, mu, log_var, eps):
        z = mu + torch.exp(0.5 * log_var) * eps
        painted = torch.sigmoid(decode(z))
        distortion = bce(x, painted, "none").sum((1, 2, 3))
        return distortion + kl_terms(mu, log_var).sum(1)

    def gradient_cut(x, decode, mu, log_var, eps):
        distortion, rate = parts(x, decode, mu.detach(), log_var.detach(), eps)
        return distortion + rate + kl_terms(mu, log_var).sum(1) - rate

    def also_wrong_whole_batch(x, decode, mu, log_var, eps):
        distortion, rate = parts(x, decode, mu, log_var, eps)
        return distortion.sum() + rate

    def also_wrong_noise_of_its_own(x, decode, mu, log_var, eps):
        return sum(parts(x, decode, mu, log_var, torch.randn_like(mu)))

    def also_wrong_clamped(x, decode, mu, log_var, eps):
        distortion, rate = parts(x, decode, mu, log_var, eps)
        return distortion + rate.clamp(max=40)

    def also_wrong_log_sigma(x, decode, mu, log_var, eps):
        return sum(parts(x, decode, mu, 2 * log_var, eps))

    def also_wrong_batch_as_pixels(x, decode, mu, log_var, eps):
        distortion, rate = parts(x, decode, mu, log_var, eps)
        return distortion.mean() + rate


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

    def one_loss_each(x, logits, mu, log_var):
        return bce(x, logits, "none").sum((1, 2, 3)) + kl_terms(mu, log_var).sum(1)

    def flipped_kl(x, logits, mu, log_var):
        kl = 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)
        return bce(x, logits, "sum") / len(x) + kl.mean()

    def log_sigma_for_log_var(x, logits, mu, log_sigma):
        var = log_sigma.exp() ** 2
        kl = 0.5 * (mu**2 + var - 1 - var.log()).sum(1)
        return bce(x, logits, "sum") / len(x) + kl.mean()

    def right_x_is_data(x, logits, mu, log_var):
        surprise = F.binary_cross_entropy_with_logits(
            logits, x.detach(), reduction="none"
        )
        kl = kl_divergence(Normal(mu, (0.5 * log_var).exp()), Normal(0.0, 1.0))
        return (surprise.sum((1, 2, 3)) + kl.sum(1)).mean()

    def also_wrong_first_channel(x, logits, mu, log_var):
        surprise = bce(x[:, 0], logits[:, 0], "none").sum((1, 2))
        return (surprise + kl_terms(mu, log_var).sum(1)).mean()

    def also_wrong_square_pictures(x, logits, mu, log_var):
        pixels = x.shape[1] * x.shape[2] ** 2
        return bce(x, logits, "mean") * pixels + kl_terms(mu, log_var).sum(1).mean()

    def also_wrong_free_nats(x, logits, mu, log_var):
        surprise = bce(x, logits, "sum") / len(x)
        return surprise + kl_terms(mu, log_var).clamp(min=0.05).sum(1).mean()

    def also_wrong_clamped_kl(x, logits, mu, log_var):
        surprise = bce(x, logits, "sum") / len(x)
        return surprise + kl_terms(mu, log_var).sum(1).clamp(max=40).mean()
