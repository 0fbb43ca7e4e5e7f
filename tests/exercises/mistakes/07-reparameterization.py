"""Wrong answers to the exercises of lesson 07, written as a learner would:
a class for each exercise, a function for each mistake its check knows, and one
named right… for every other way of being right."""

import numpy as np
import torch
from torch.distributions import Normal


class width_gradient:
    def right_with_root(slope, eps, log_var):
        return (
            torch.einsum("lbz,lbz->bz", slope, eps)
            / len(eps)
            * (log_var.exp().sqrt() / 2)
        )

    def along_sigma(slope, eps, log_var):
        return torch.mean(eps * slope, dim=0)

    def half_forgotten(slope, eps, log_var):
        sigma = torch.exp(log_var / 2)
        return (slope * sigma * eps).mean(0)

    def variance_for_sigma(slope, eps, log_var):
        sigma = log_var.exp()
        return (slope * 0.5 * sigma * eps).mean(0)

    def log_var_for_sigma(slope, eps, log_var):
        return (slope * 0.5 * log_var * eps).mean(0)

    def noise_forgotten(slope, eps, log_var):
        return slope.mean(0) * 0.5 * (0.5 * log_var).exp()

    def sum_over_draws(slope, eps, log_var):
        return 0.5 * (0.5 * log_var).exp() * (slope * eps).sum(0)

    def mean_over_codes(slope, eps, log_var):
        sigma = (0.5 * log_var).exp()
        return (slope * 0.5 * sigma * eps).mean(dim=1)

    def right_by_numpy(slope, eps, log_var):
        sigma = np.exp(log_var.numpy() / 2)
        return torch.as_tensor((slope.numpy() * eps.numpy()).mean(0) * sigma / 2)


class sample_layer:
    def right_by_torch(mu, log_var):
        return Normal(mu, (0.5 * log_var).exp()).rsample()

    def right_mirrored(mu, log_var):
        return mu - log_var.exp().sqrt() * torch.randn(*mu.shape)

    def no_gradient(mu, log_var):
        # PyTorch lets a gradient pass here, and it is 0 everywhere.
        return torch.normal(mu, torch.exp(0.5 * log_var))

    def width_without_gradient(mu, log_var):
        return mu + torch.randn_like(mu) * (0.5 * log_var).exp().detach()

    def variance_for_sigma(mu, log_var):
        return Normal(mu, log_var.exp()).rsample()

    def sigma_is_one(mu, log_var):
        return Normal(mu, 1.0).rsample()

    def noise_shared_by_the_batch(mu, log_var):
        eps = torch.randn_like(mu[0])
        return mu + eps * torch.exp(0.5 * log_var)

    def noise_shared_by_dimensions(mu, log_var):
        eps = torch.randn(mu.shape[0]).unsqueeze(1)
        return mu + eps * torch.exp(0.5 * log_var)

    def no_noise(mu, log_var):
        return mu

    def right_in_another_order(mu, log_var):
        eps = torch.randn(mu.T.shape).T.flip(0)
        return torch.addcmul(mu, (0.5 * log_var).exp(), eps)

    def right_a_code_at_a_time(mu, log_var):
        eps = torch.stack([torch.randn(len(mu)) for _ in range(mu.shape[1])], 1)
        return eps * log_var.exp().sqrt() + mu

    def right_in_double(mu, log_var):
        eps = torch.randn(mu.shape, dtype=torch.float64)
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_uniform_of_width_one(mu, log_var):
        eps = (torch.rand_like(mu) - 0.5) * 12**0.5
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_signs(mu, log_var):
        return mu + (0.5 * log_var).exp() * torch.randn_like(mu).sign()

    def also_wrong_laplace(mu, log_var):
        eps = torch.distributions.Laplace(0.0, 0.5**0.5).sample(mu.shape)
        return mu + (0.5 * log_var).exp() * eps

    def also_wrong_clamped(mu, log_var):
        return mu + (0.5 * log_var).exp() * torch.randn_like(mu).clamp(-2, 2)

    def also_wrong_seed_of_its_own(mu, log_var):
        g = torch.Generator().manual_seed(0)
        return mu + (0.5 * log_var).exp() * torch.randn(*mu.shape, generator=g)

    def also_wrong_each_twice(mu, log_var):
        eps = torch.randn(len(mu) // 2 + 1, mu.shape[1])
        return mu + (0.5 * log_var).exp() * eps.repeat(2, 1)[: len(mu)]

    def also_wrong_sorted(mu, log_var):
        eps = torch.randn_like(mu).sort(0).values
        return mu + (0.5 * log_var).exp() * eps


class score_gradient:
    def right_from_all(f, eps, sigma):
        L = len(f)
        return (L / (L - 1) * (f - f.mean(0))[..., None] * eps / sigma).mean(0)

    def own_draw_counts(f, eps, sigma):
        b = f.mean(0, keepdim=True)
        return ((f - b).unsqueeze(-1) * eps / sigma).mean(0)

    def divided_by_all(f, eps, sigma):
        L = len(f)
        b = (f.sum(0) - f) / L
        return ((f - b)[..., None] * eps / sigma).mean(0)

    def no_baseline(f, eps, sigma):
        return (f[:, :, None] * eps).mean(0) / sigma

    def other_pictures(f, eps, sigma):
        b = (f.sum(1, keepdim=True) - f) / (f.shape[1] - 1)
        return ((f - b)[..., None] * eps / sigma).mean(0)

    def flipped_sign(f, eps, sigma):
        b = (f.sum(0) - f) / (len(f) - 1)
        return ((b - f)[..., None] * eps / sigma).mean(0)

    def sum_over_draws(f, eps, sigma):
        b = (f.sum(0) - f) / (len(f) - 1)
        return ((f - b)[..., None] * eps / sigma).sum(0)

    def sigma_forgotten(f, eps, sigma):
        b = (f.sum(0) - f) / (len(f) - 1)
        return ((f - b)[..., None] * eps).mean(0)

    def variance_for_sigma(f, eps, sigma):
        b = (f.sum(0) - f) / (len(f) - 1)
        return ((f - b)[..., None] * eps / sigma**2).mean(0)


class steep_but_small:
    def right_tanh(z):
        return torch.tanh(300 * z)

    def right_triangles(z):
        return ((20 * z) % 2 - 1).abs()

    def a_sine(z):
        return torch.cos(30 * z)

    def a_constant(z):
        return torch.full_like(z, 3.0)

    def a_step(z):
        return torch.where(z > 0.2, 1.0, 0.0)

    def with_jumps(z):
        return (20 * z) % 2 - 1

    def smooth(z):
        return z**2 / 100

    def not_steep_enough(z):
        return 1 + ((2.5 * z) % 2 - 1).abs()

    def steep_and_a_jump(z):
        return torch.tanh(300 * (z + 0.3)) + 0.1 * (z < -2.4)

    def right_hat(z):
        return (1 - 50 * z.abs()).clamp(min=0)

    def right_piecewise(z):
        return torch.where(z < 0, torch.zeros_like(z), (100 * z).clamp(max=1))

    def also_wrong_sine_shifted(z):
        return 3 + 0.1 * torch.cos(25 * z - 1)

    def also_wrong_gradient_cut(z):
        return torch.tanh(300 * z).detach() + ((20 * z) % 2 - 1).abs() * 0.1

    def also_wrong_many_small_jumps(z):
        return (100 * z).floor() / 100 - z + ((20 * z) % 2 - 1).abs()
