"""Wrong answers to the exercises of lesson 04, written as a learner would."""

import math

import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal


def log_lik_of(x, mu, sigma):
    return Normal(mu, sigma).log_prob(x.unsqueeze(1))


class log_density:
    def right_by_torch(x, pi, mu, sigma):
        return MixtureSameFamily(Categorical(pi), Normal(mu, sigma)).log_prob(x)

    def right_one_by_one(x, pi, mu, sigma):
        total = torch.full_like(x, -math.inf)
        for m in range(len(pi)):
            error = ((x - mu[m]) / sigma[m]) ** 2
            part = -0.5 * error - 0.5 * math.log(2 * math.pi * sigma[m] ** 2)
            total = torch.logaddexp(total, part + math.log(pi[m]))
        return total

    def underflow(x, pi, mu, sigma):
        return torch.log((log_lik_of(x, mu, sigma).exp() * pi).sum(-1))

    def mean_of_logs(x, pi, mu, sigma):
        return log_lik_of(x, mu, sigma) @ pi

    def pi_forgotten(x, pi, mu, sigma):
        return torch.logsumexp(log_lik_of(x, mu, sigma), -1)

    def pi_not_logged(x, pi, mu, sigma):
        return torch.logsumexp(log_lik_of(x, mu, sigma) + pi, 1)

    def equal_weights(x, pi, mu, sigma):
        log_lik = log_lik_of(x, mu, sigma)
        return log_lik.logsumexp(1) - math.log(log_lik.shape[1])

    def sigma_dropped(x, pi, mu, sigma):
        error = (x[:, None] - mu) ** 2 / sigma**2
        log_lik = -0.5 * (error + math.log(2 * math.pi))
        return (pi.log() + log_lik).logsumexp(1)

    def constant_dropped(x, pi, mu, sigma):
        log_lik = -0.5 * (x[:, None] - mu) ** 2 / sigma**2 - sigma.log()
        return (pi.log() + log_lik).logsumexp(1)

    def sigma_for_variance(x, pi, mu, sigma):
        error = (x[:, None] - mu) ** 2 / sigma
        log_lik = -0.5 * (error + math.log(2 * math.pi)) - sigma.log()
        return (pi.log() + log_lik).logsumexp(1)

    def one_for_all(x, pi, mu, sigma):
        return (pi.log() + log_lik_of(x, mu, sigma)).logsumexp(1).sum()

    def also_wrong_variance(x, pi, mu, sigma):
        return (pi.log() + Normal(mu, sigma.sqrt()).log_prob(x[:, None])).logsumexp(1)

    def also_wrong_one_gaussian(x, pi, mu, sigma):
        mean = (pi * mu).sum()
        variance = (pi * (sigma**2 + mu**2)).sum() - mean**2
        return Normal(mean, variance.sqrt()).log_prob(x)

    def also_wrong_largest_alone(x, pi, mu, sigma):
        return (pi.log() + Normal(mu, sigma).log_prob(x[:, None])).amax(1)

    def also_wrong_propped_up(x, pi, mu, sigma):
        each = pi * Normal(mu, sigma).log_prob(x[:, None]).exp()
        return (each.sum(1) + 1e-12).log()


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


class who_was_it:
    def right_normalised_again(x, pi, mu, sigma):
        r = (log_lik_of(x, mu, sigma)).double().softmax(1) * pi
        return r / r.sum(1, keepdim=True)

    def right_by_logsumexp(x, pi, mu, sigma):
        joint = pi.log() + log_lik_of(x, mu, sigma)
        return (joint - joint.logsumexp(1, keepdim=True)).exp()

    def pi_forgotten(x, pi, mu, sigma):
        return torch.softmax(log_lik_of(x, mu, sigma), dim=-1)

    def pi_not_logged(x, pi, mu, sigma):
        return torch.softmax(log_lik_of(x, mu, sigma) + pi, dim=1)

    def over_the_numbers(x, pi, mu, sigma):
        return torch.softmax(log_lik_of(x, mu, sigma) + pi.log(), dim=0)

    def not_normalised(x, pi, mu, sigma):
        return pi * log_lik_of(x, mu, sigma).exp()

    def still_logarithms(x, pi, mu, sigma):
        joint = pi.log() + log_lik_of(x, mu, sigma)
        return joint - joint.logsumexp(1, keepdim=True)

    def underflow(x, pi, mu, sigma):
        joint = pi * log_lik_of(x, mu, sigma).exp()
        return joint / joint.sum(1)[:, None]

    def also_wrong_all_or_nothing(x, pi, mu, sigma):
        joint = pi.log() + Normal(mu, sigma).log_prob(x[:, None])
        return (joint == joint.amax(1, keepdim=True)).float()

    def also_wrong_over_the_data(x, pi, mu, sigma):
        return (pi.log() + Normal(mu, sigma).log_prob(x[:, None])).softmax(0)
