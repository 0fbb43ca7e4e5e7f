"""Wrong answers to the exercises of lesson 07, written as a learner would:
a class for each exercise, a function for each mistake its check knows, and one
named right… for every other way of being right."""

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

    def right_cosine(z):
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
        return torch.sin(2.5 * z)
