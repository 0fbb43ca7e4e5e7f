"""Wrong answers to the exercises of lesson 07, written as a learner would:
a class for each exercise, a function for each mistake its check knows, and one
named right… for every other way of being right."""

import torch
from torch.distributions import Normal


def _sigma(log_var):
    return torch.exp(log_var / 2)


def _slope(f, z):
    z = z.detach().requires_grad_()
    f(z).sum().backward()
    return z.grad


class score_draws:
    def right_by_autograd_of_log_prob(f, mu, log_var, eps):
        sigma = (0.5 * log_var).exp()
        z = mu + sigma * eps
        m = mu.expand_as(eps).clone().requires_grad_()
        v = log_var.expand_as(eps).clone().requires_grad_()
        log_q = Normal(m, (0.5 * v).exp()).log_prob(z).sum(1)
        (f(z).detach() * log_q).sum().backward()
        return m.grad, v.grad

    def right_from_z(f, mu, log_var, eps):
        z = mu + log_var.exp().sqrt() * eps
        worth = f(z).unsqueeze(-1)
        var = log_var.exp()
        return worth * (z - mu) / var, worth * ((z - mu) ** 2 / var - 1) / 2

    def right_as_a_list(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)
        push, square = eps / _sigma(log_var), 0.5 * eps**2 - 0.5
        return [torch.einsum("n,nz->nz", w, part) for part in (push, square)]

    def only_mu(f, mu, log_var, eps):
        return f(mu + _sigma(log_var) * eps)[:, None] * eps / _sigma(log_var), ...

    def sigma_forgotten(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return w * eps, w * (eps**2 - 1) / 2

    def divided_by_variance(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return w * eps / log_var.exp(), w * (eps**2 - 1) / 2

    def half_forgotten(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return w * eps / _sigma(log_var), w * (eps**2 - 1)

    def one_forgotten(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return w * eps / _sigma(log_var), w * eps**2 / 2

    def along_sigma(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return w * eps / _sigma(log_var), w * (eps**2 - 1) / _sigma(log_var)

    def along_variance(f, mu, log_var, eps):
        z, var = mu + _sigma(log_var) * eps, log_var.exp()
        w = f(z)[:, None]
        return w * (z - mu) / var, w * 0.5 * ((z - mu) ** 2 / var**2 - 1 / var)

    def flipped_sign(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return -w * eps / _sigma(log_var), w * (1 - eps**2) / 2

    def variance_for_sigma(f, mu, log_var, eps):
        sigma = log_var.exp()
        w = f(mu + sigma * eps)[:, None]
        return w * eps / sigma, w * 0.5 * (eps**2 - 1)

    def slope_of_f(f, mu, log_var, eps):
        slope = _slope(f, mu + _sigma(log_var) * eps)
        return slope, slope * 0.5 * _sigma(log_var) * eps

    def also_wrong_averaged(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return (w * eps / _sigma(log_var)).mean(0), (w * (eps**2 - 1) / 2).mean(0)

    def also_wrong_one_result(f, mu, log_var, eps):
        return f(mu + _sigma(log_var) * eps)[:, None] * eps / _sigma(log_var)

    def also_wrong_mean_worth(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps).mean()
        return w * eps / _sigma(log_var), w * (eps**2 - 1) / 2

    def also_wrong_both_signs(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return w * eps / _sigma(log_var), w * (1 - eps**2) / 2

    def also_wrong_other_noise(f, mu, log_var, eps):
        eps = torch.randn_like(eps)
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return w * eps / _sigma(log_var), w * (eps**2 - 1) / 2


class path_draws:
    def right_by_the_chain_of_autograd(f, mu, log_var, eps):
        m = mu.expand_as(eps).clone().requires_grad_()
        v = log_var.expand_as(eps).clone().requires_grad_()
        return torch.autograd.grad(f(m + (0.5 * v).exp() * eps).sum(), (m, v))

    def right_by_backward(f, mu, log_var, eps):
        sigma = _sigma(log_var)
        slope = _slope(f, mu + sigma * eps)
        return slope, torch.einsum("nz,z,nz->nz", slope, sigma / 2, eps)

    def right_by_func(f, mu, log_var, eps):
        z = mu + log_var.exp().sqrt() * eps
        slope = torch.func.vmap(torch.func.grad(lambda row: f(row[None])[0]))(z)
        return slope, slope * (z - mu) / 2

    def only_mu(f, mu, log_var, eps):
        return _slope(f, mu + _sigma(log_var) * eps), ...

    def along_sigma(f, mu, log_var, eps):
        slope = _slope(f, mu + _sigma(log_var) * eps)
        return slope, slope * eps

    def half_forgotten(f, mu, log_var, eps):
        z = mu + _sigma(log_var) * eps
        return _slope(f, z), _slope(f, z) * (z - mu)

    def noise_forgotten(f, mu, log_var, eps):
        slope = _slope(f, mu + _sigma(log_var) * eps)
        return slope, slope * 0.5 * _sigma(log_var)

    def variance_in_the_chain(f, mu, log_var, eps):
        slope = _slope(f, mu + _sigma(log_var) * eps)
        return slope, slope * 0.5 * log_var.exp() * eps

    def variance_for_sigma(f, mu, log_var, eps):
        sigma = log_var.exp()
        slope = _slope(f, mu + sigma * eps)
        return slope, slope * 0.5 * sigma * eps

    def slope_along_noise(f, mu, log_var, eps):
        leaf, sigma = eps.clone().requires_grad_(), _sigma(log_var)
        (slope,) = torch.autograd.grad(f(mu + sigma * leaf).sum(), leaf)
        return slope, slope * 0.5 * eps

    def slope_at_mu(f, mu, log_var, eps):
        slope = _slope(f, mu[None]).expand_as(eps)
        return slope, slope * 0.5 * _sigma(log_var) * eps

    def value_for_slope(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None].expand_as(eps)
        return w, w * 0.5 * _sigma(log_var) * eps

    def score_again(f, mu, log_var, eps):
        w = f(mu + _sigma(log_var) * eps)[:, None]
        return w * eps / _sigma(log_var), w * 0.5 * (eps**2 - 1)

    def also_wrong_averaged(f, mu, log_var, eps):
        slope = _slope(f, mu + _sigma(log_var) * eps)
        return slope.mean(0), (slope * 0.5 * _sigma(log_var) * eps).mean(0)

    def also_wrong_sign(f, mu, log_var, eps):
        slope = _slope(f, mu + _sigma(log_var) * eps)
        return slope, -slope * 0.5 * _sigma(log_var) * eps

    def also_wrong_mean_of_f(f, mu, log_var, eps):
        slope = _slope(f, mu + _sigma(log_var) * eps) / len(eps)
        return slope, slope * 0.5 * _sigma(log_var) * eps

    def also_wrong_one_result(f, mu, log_var, eps):
        return _slope(f, mu + _sigma(log_var) * eps)


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

    def right_as_one_mean(f, eps, sigma):
        lead = (f - f.mean(0))[..., None]
        return (lead * eps / sigma).sum(0) / (len(f) - 1)

    def also_wrong_one_mean_for_all(f, eps, sigma):
        return ((f - f.mean())[..., None] * eps / sigma).mean(0)

    def also_wrong_times_sigma(f, eps, sigma):
        others = (f.sum(0) - f) / (len(f) - 1)
        return ((f - others)[..., None] * eps * sigma).mean(0)


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
