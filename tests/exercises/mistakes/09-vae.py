"""Wrong answers to the exercises of lesson 09, written as a learner would."""

import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence


class direction:
    def right_with_weights(z, has):
        w = has.float() / has.sum() - (~has).float() / (~has).sum()
        return w @ z

    def backwards(z, has):
        return z[~has].mean(0) - z[has].mean(0)

    def from_the_mean_of_all(z, has):
        return (z[has] - z.mean(0)).mean(0)

    def sum_for_mean(z, has):
        return torch.where(has[:, None], z, -z).sum(0)

    def mean_with_only(z, has):
        return z[has].sum(0) / has.sum()

    def one_number(z, has):
        return z[has].mean() - z[~has].mean()

    def right_by_numpy(z, has):
        z, has = z.numpy(), has.numpy()
        return torch.as_tensor(z[has].mean(0) - z[~has].mean(0))

    def right_in_place(z, has):
        z -= z[~has].mean(0)
        return z[has].mean(0)


def nats(x, logits):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none")


def kl_terms(mu, log_var):
    return -0.5 * (1 + log_var - mu.pow(2) - log_var.exp())


class minus_elbo:
    def right_by_torch(x, mu, log_var, W, eps):
        sigma = torch.exp(log_var / 2)
        kl = kl_divergence(Normal(mu, sigma), Normal(0.0, 1.0)).sum(1)
        return nats(x, (mu + sigma * eps) @ W).sum(1).mean() + kl.mean()

    def right_by_hand(x, mu, log_var, W, eps):
        logits = (mu + log_var.exp().sqrt() * eps) @ W
        surprise = F.softplus(logits) - x * logits
        return (surprise.sum() + kl_terms(mu, log_var).sum()) / len(x)

    def no_gradient(x, mu, log_var, W, eps):
        with torch.no_grad():
            z = mu + torch.exp(0.5 * log_var) * eps
        return (nats(x, z @ W).sum() + kl_terms(mu, log_var).sum()) / len(x)

    def variance_for_sigma(x, mu, log_var, W, eps):
        z = mu + torch.exp(log_var) * eps
        return (nats(x, z @ W).sum() + kl_terms(mu, log_var).sum()) / len(x)

    def no_noise(x, mu, log_var, W, eps):
        return (nats(x, mu @ W).sum() + kl_terms(mu, log_var).sum()) / len(x)

    def flipped_kl(x, mu, log_var, W, eps):
        z = mu + torch.exp(0.5 * log_var) * eps
        return (nats(x, z @ W).sum() - kl_terms(mu, log_var).sum()) / len(x)

    def mean_over_pixels(x, mu, log_var, W, eps):
        z = mu + torch.exp(0.5 * log_var) * eps
        return nats(x, z @ W).mean() + kl_terms(mu, log_var).sum() / len(x)

    def mean_over_dimensions(x, mu, log_var, W, eps):
        z = mu + torch.exp(0.5 * log_var) * eps
        return nats(x, z @ W).sum() / len(x) + kl_terms(mu, log_var).mean()

    def sum_over_batch(x, mu, log_var, W, eps):
        z = mu + torch.exp(0.5 * log_var) * eps
        return nats(x, z @ W).sum() + kl_terms(mu, log_var).sum()

    def right_noise_is_data(x, mu, log_var, W, eps):
        z = mu + log_var.exp().sqrt() * eps.detach()
        bce = torch.nn.functional.binary_cross_entropy_with_logits
        surprise = bce(z @ W, x.detach(), reduction="sum") / len(x)
        return surprise + 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum() / len(x)


def square(x, x_hat):
    return F.mse_loss(x_hat, x, reduction="sum") / len(x)


class notes_loss:
    def right_by_torch(x, x_hat, mu, log_var, beta):
        q = Normal(mu, torch.exp(0.5 * log_var))
        kl = kl_divergence(q, Normal(0.0, 1.0)).sum(1).mean()
        return 0.5 * square(x, x_hat) + beta * kl

    def sign_alone(x, x_hat, mu, log_var, beta):
        return F.mse_loss(x_hat, x) + beta * kl_terms(mu, log_var).sum(1).mean()

    def sum_alone(x, x_hat, mu, log_var, beta):
        kl = 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1).mean()
        return 0.5 * square(x, x_hat) + beta * kl

    def half_forgotten(x, x_hat, mu, log_var, beta):
        return square(x, x_hat) + beta * kl_terms(mu, log_var).sum(1).mean()

    def sum_over_batch(x, x_hat, mu, log_var, beta):
        return 0.5 * F.mse_loss(x_hat, x, reduction="sum") + beta * (
            kl_terms(mu, log_var).sum()
        )

    def mean_over_dimensions(x, x_hat, mu, log_var, beta):
        return 0.5 * square(x, x_hat) + beta * kl_terms(mu, log_var).mean()

    def log_sigma_for_log_var(x, x_hat, mu, log_sigma, beta):
        var = torch.exp(log_sigma) ** 2
        kl = 0.5 * (mu**2 + var - 1 - 2 * log_sigma).sum(1).mean()
        return 0.5 * square(x, x_hat) + beta * kl

    def beta_lost(x, x_hat, mu, log_var, beta):
        return 0.5 * square(x, x_hat) + kl_terms(mu, log_var).sum(1).mean()

    def also_wrong_first_channel(x, x_hat, mu, log_var, beta):
        half = 0.5 * ((x - x_hat)[:, 0] ** 2).flatten(1).sum(1)
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1)
        return (half + beta * kl).mean()

    def also_wrong_square_pictures(x, x_hat, mu, log_var, beta):
        pixels = x.shape[1] * x.shape[-1] ** 2
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1)
        return 0.5 * ((x - x_hat) ** 2).mean() * pixels + beta * kl.mean()
