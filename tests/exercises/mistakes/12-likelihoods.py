"""Wrong answers to the exercises of lesson 12, written as a learner would."""

import math

import torch
from torch import nn
from torch.distributions import Independent, Normal


class _Head(nn.Module):
    def __init__(self, data_shape):
        super().__init__()
        self.data_shape = data_shape
        self.log_var = nn.Parameter(torch.tensor(0.0))

    def forward(self, mean):
        return Independent(Normal(mean, self.sigma()), len(self.data_shape))

    def sigma(self):
        return torch.exp(self.log_var / 2)


class GaussianHead:
    class right_by_square_root(_Head):
        def sigma(self):
            return self.log_var.exp().sqrt()

    class right_with_all_axes_but_one(_Head):
        def forward(self, mean):
            wide = self.sigma().expand_as(mean)
            return Independent(Normal(mean, wide), mean.dim() - 1)

    class no_parameter(_Head):
        def __init__(self, data_shape):
            nn.Module.__init__(self)
            self.data_shape = data_shape
            self.log_var = torch.tensor(0.0, requires_grad=True)

    class one_per_pixel(_Head):
        def __init__(self, data_shape):
            super().__init__(data_shape)
            self.log_var = nn.Parameter(torch.zeros(*data_shape))

    class starts_elsewhere(_Head):
        def __init__(self, data_shape):
            super().__init__(data_shape)
            self.log_var = nn.Parameter(torch.tensor(1.0))

    class variance_for_sigma(_Head):
        def sigma(self):
            return self.log_var.exp()

    class twice_for_half(_Head):
        def sigma(self):
            return self.log_var.exp() ** 2

    class log_var_without_gradient(_Head):
        def sigma(self):
            return math.exp(self.log_var.item() / 2)

    class mean_without_gradient(_Head):
        def forward(self, mean):
            return super().forward(mean.data)

    class bounded_mean(_Head):
        def forward(self, mean):
            return super().forward(mean.sigmoid())

    class also_wrong_not_independent(_Head):
        def forward(self, mean):
            return Normal(mean, self.sigma())

    class also_wrong_one_axis(_Head):
        def forward(self, mean):
            return Independent(Normal(mean, self.sigma()), 1)

    class also_wrong_gives_the_mean(_Head):
        def forward(self, mean):
            return mean

    def also_wrong_no_module(data_shape):
        return Normal(torch.zeros(data_shape), 1.0)


def _exact(x, mean, kl, sigma):
    p = Normal(mean, sigma)
    return -p.log_prob(x).sum((1, 2, 3)) + kl


def _beta(x, sigma):
    return x[0].numel() / 2 / sigma**2


def _error(x, mean):
    return (x - mean).pow(2).sum((1, 2, 3))


def _log(sigma):
    return math.log(sigma * math.sqrt(2 * math.pi))


class gaussian_loss:
    def right_by_hand(x, mean, kl, sigma):
        fit = _error(x, mean) / (2 * sigma * sigma) + x[0].numel() * _log(sigma)
        return torch.mean(fit + kl), torch.tensor(_beta(x, sigma))

    def right_term_by_term(x, mean, kl, sigma):
        nll = -Normal(mean, sigma).log_prob(x)
        return nll.sum() / len(x) + kl.mean(), _beta(x, sigma)

    def beta_left_at_one(x, mean, kl, sigma):
        return _exact(x, mean, kl, sigma).mean(), 1.0

    def loss_left_as_it_was(x, mean, kl, sigma):
        return ((x - mean) ** 2).mean() + kl.mean(), _beta(x, sigma)

    def sigma_ignored(x, mean, kl, sigma):
        return (_error(x, mean) + kl).mean(), _beta(x, sigma)

    def constants_dropped(x, mean, kl, sigma):
        return (_error(x, mean) / (2 * sigma**2) + kl).mean(), _beta(x, sigma)

    def constant_once(x, mean, kl, sigma):
        fit = _error(x, mean) / (2 * sigma**2) + _log(sigma)
        return (fit + kl).mean(), _beta(x, sigma)

    def half_forgotten(x, mean, kl, sigma):
        fit = _error(x, mean) / sigma**2 + x[0].numel() * _log(sigma)
        return (fit + kl).mean(), _beta(x, sigma)

    def sigma_for_variance(x, mean, kl, sigma):
        fit = _error(x, mean) / sigma + x[0].numel() * math.log(2 * math.pi * sigma)
        return (0.5 * fit + kl).mean(), _beta(x, sigma)

    def mean_over_pixels(x, mean, kl, sigma):
        return (-Normal(mean, sigma).log_prob(x).mean() + kl.mean()), _beta(x, sigma)

    def sum_over_batch(x, mean, kl, sigma):
        return _exact(x, mean, kl, sigma).sum(), _beta(x, sigma)

    def flipped_kl(x, mean, kl, sigma):
        return _exact(x, mean, -kl, sigma).mean(), _beta(x, sigma)

    def beta_inverted(x, mean, kl, sigma):
        return _exact(x, mean, kl, sigma).mean(), 1 / _beta(x, sigma)

    def beta_without_sigma(x, mean, kl, sigma):
        return _exact(x, mean, kl, sigma).mean(), x[0].numel()

    def beta_without_half(x, mean, kl, sigma):
        return _exact(x, mean, kl, sigma).mean(), 2 * _beta(x, sigma)

    def beta_with_the_batch(x, mean, kl, sigma):
        return _exact(x, mean, kl, sigma).mean(), x.numel() / (2 * sigma**2)

    def also_wrong_no_beta(x, mean, kl, sigma):
        return _exact(x, mean, kl, sigma).mean()

    def also_wrong_no_gradient(x, mean, kl, sigma):
        return _exact(x, mean.detach(), kl, sigma).mean(), _beta(x, sigma)


def _with(correction, nats, pixels):
    return (nats / pixels + correction) / math.log(2)


class bits_per_dim:
    def right_by_log2(nats, pixels, levels, width):
        return nats / pixels / math.log(2) + math.log2(levels / width)

    def right_rescaled_first(nats, pixels, levels, width):
        on_unit = nats - pixels * math.log(width)
        return (on_unit + pixels * math.log(levels)) / (pixels * math.log(2))

    def width_the_other_way(nats, pixels, levels, width):
        return _with(math.log(levels * width), nats, pixels)

    def flipped_sign(nats, pixels, levels, width):
        return _with(-math.log(levels / width), nats, pixels)

    def steps_for_cells(nats, pixels, levels, width):
        return _with(math.log((levels - 1) / width), nats, pixels)

    def nats_for_bits(nats, pixels, levels, width):
        return nats / pixels + math.log(levels / width)

    def per_picture(nats, pixels, levels, width):
        return pixels * _with(math.log(levels / width), nats, pixels)

    def no_cell(nats, pixels, levels, width):
        return _with(0.0, nats, pixels)

    def also_wrong_log_ten(nats, pixels, levels, width):
        return (nats / pixels + math.log(levels / width)) / math.log(10)
