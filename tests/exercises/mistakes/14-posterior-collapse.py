"""Wrong answers to the exercises of lesson 14, written as a learner would."""

import torch
from torch.nn.functional import binary_cross_entropy

import vaelib as vl


def _numbers(model, x):
    q = model.posterior(x)
    kl = vl.kl_standard_normal(q.mu, q.log_var, per_dim=True).mean(0)
    own = model.likelihood(q.mu).log_prob(x)
    other = model.likelihood(q.mu.roll(1, 0)).log_prob(x)
    p = x.mean(0).clamp(0.001, 0.999)
    flat = (x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1)
    return kl, (own - other).mean(), (own - flat).mean()


def _bound(model, x):
    with torch.no_grad():
        return vl.elbo(model, x, samples=30).value.mean()


def _named(swap, beyond, model, x, again):
    if swap > 1:
        return "none"
    if beyond > 1:
        return "decoder"
    better = _bound(again, x) > _bound(model, x) + 1
    return "optimisation" if better else "objective"


def _with(change):
    def run(model, x, again):
        kl, swap, beyond = _numbers(model, x)
        cause = _named(swap, beyond, model, x, again)
        return change(model, x, again, kl, swap, beyond, cause)

    return run


class diagnose:
    def right_by_torch(model, x, again):
        q = model.posterior(x)
        one = torch.distributions.Normal(q.mean, q.stddev)
        zero = torch.distributions.Normal(0.0, 1.0)
        kl = torch.distributions.kl_divergence(one, zero).mean(0)
        own = model.likelihood(q.mean).log_prob(x).mean()
        swap = own - model.likelihood(q.mean.roll(1, 0)).log_prob(x).mean()
        p = x.mean(0).clamp(0.001, 0.999).expand_as(x)
        flat = -binary_cross_entropy(p, x, reduction="none").flatten(1).sum(1)
        beyond = own - flat.mean()
        return kl, swap, beyond, _named(swap, beyond, model, x, again)

    def right_with_iwae_s_k_of_one(model, x, again):
        kl, swap, beyond = _numbers(model, x)
        gain = vl.iwae(again, x, 1).mean() - vl.iwae(model, x, 1).mean()
        cause = (
            "none"
            if swap > 1
            else "decoder"
            if beyond > 1
            else ("optimisation" if gain > 1 else "objective")
        )
        return kl, swap, beyond, cause

    kl_summed_over_pictures = _with(lambda m, x, a, k, s, b, c: (k * len(x), s, b, c))

    def sigma_for_variance(model, x, again):
        _, swap, beyond = _numbers(model, x)
        q = model.posterior(x)
        kl = 0.5 * (q.mu**2 + q.stddev - 1 - q.log_var)
        cause = _named(swap, beyond, model, x, again)
        return kl.mean(0), swap, beyond, cause

    swap_flipped = _with(lambda m, x, a, k, s, b, c: (k, -s, b, c))

    def half_for_the_mean_picture(model, x, again):
        kl, swap, _ = _numbers(model, x)
        own = model.likelihood(model.posterior(x).mu).log_prob(x)
        beyond = own.mean() + x[0].numel() * torch.tensor(2.0).log()
        return kl, swap, beyond, _named(swap, beyond, model, x, again)

    kl_for_alive = _with(
        lambda m, x, a, k, s, b, c: (
            k, s, b, "none" if k.sum() > 0.9 else _named(0, b, m, x, a)
        )
    )  # fmt: skip

    def decoder_last(model, x, again):
        kl, swap, beyond = _numbers(model, x)
        cause = "none"
        if swap <= 1:
            if _bound(again, x) > _bound(model, x) + 1:
                cause = "optimisation"
            else:
                cause = "decoder" if beyond > 1 else "objective"
        return kl, swap, beyond, cause

    def reconstruction_for_elbo(model, x, again):
        kl, swap, beyond = _numbers(model, x)
        cause = _named(swap, beyond, model, x, again)
        if cause in ("optimisation", "objective"):
            a, b = (vl.elbo(m, x, samples=30) for m in (model, again))
            better = (b.reconstruction - a.reconstruction).mean() > 1
            cause = "optimisation" if better else "objective"
        return kl, swap, beyond, cause

    causes_swapped = _with(
        lambda m, x, a, k, s, b, c: (
            k, s, b,
            {"objective": "optimisation", "optimisation": "objective"}.get(c, c),
        )
    )  # fmt: skip
    also_wrong_always_alive = _with(lambda m, x, a, k, s, b, c: (k, s, b, "none"))
    also_wrong_other_word = _with(lambda m, x, a, k, s, b, c: (k, s, b, "bad luck"))
    also_wrong_three_things = _with(lambda m, x, a, k, s, b, c: (k, s, b))
    also_wrong_total_kl = _with(lambda m, x, a, k, s, b, c: (k.sum(), s, b, c))


def _rates(eigenvalues, level):
    return (eigenvalues / level).log() / 2


class linear_rate:
    def right_by_a_mask(eigenvalues, sigma, beta):
        active = eigenvalues[eigenvalues > beta * sigma**2]
        rate = 0.5 * (active / (beta * sigma**2)).log().sum()
        return torch.tensor([float(len(active)), float(rate)])

    def beta_forgotten(eigenvalues, sigma, beta):
        rates = _rates(eigenvalues, sigma**2).clamp(min=0)
        return torch.stack([(rates > 0).sum(), rates.sum()])

    def sigma_for_variance(eigenvalues, sigma, beta):
        rates = _rates(eigenvalues, beta * sigma).clamp(min=0)
        return torch.stack([(rates > 0).sum(), rates.sum()])

    def silent_dimensions_counted(eigenvalues, sigma, beta):
        rates = _rates(eigenvalues, beta * sigma**2)
        return torch.stack([(rates > 0).sum(), rates.sum()])

    def half_forgotten(eigenvalues, sigma, beta):
        rates = _rates(eigenvalues, beta * sigma**2).clamp(min=0)
        return torch.stack([(rates > 0).sum(), 2 * rates.sum()])

    def weighted_rate(eigenvalues, sigma, beta):
        rates = _rates(eigenvalues, beta * sigma**2).clamp(min=0)
        return torch.stack([(rates > 0).sum(), beta * rates.sum()])

    def beta_squared(eigenvalues, sigma, beta):
        rates = _rates(eigenvalues, (beta * sigma) ** 2).clamp(min=0)
        return torch.stack([(rates > 0).sum(), rates.sum()])

    def also_wrong_all_units(eigenvalues, sigma, beta):
        rates = _rates(eigenvalues, beta * sigma**2).clamp(min=0)
        return torch.stack([torch.tensor(float(len(rates))), rates.sum()])


def _run(epochs, batches, cycle, warm_up, start, restart, begin=None):
    weight, used = start, []
    for epoch in range(epochs):
        for batch in range(batches):
            if restart(epoch, batch, cycle):
                weight = start if begin is None else begin
            weight = min(1.0, weight + (1 - start) / (warm_up * batches))
            used.append(weight)
    return torch.tensor(used)


class kl_weights:
    def right_in_the_inner_loop(epochs, batches, cycle, warm_up, start):
        return _run(
            epochs, batches, cycle, warm_up, start,
            lambda e, b, c: b == 0 and e % c == 1 % c,
        )  # fmt: skip

    def no_restart(epochs, batches, cycle, warm_up, start):
        steps = torch.arange(1, epochs * batches + 1)
        return (start + (1 - start) * steps / (warm_up * batches)).clamp(max=1)

    def one_batch_late(epochs, batches, cycle, warm_up, start):
        weight, used = start, []
        for epoch in range(epochs):
            for batch in range(batches):
                weight = min(1.0, weight + (1 - start) / (warm_up * batches))
                if batch == 0 and (epoch - 1) % cycle == 0:
                    weight = start
                used.append(weight)
        return torch.tensor(used)

    def still_every_batch(epochs, batches, cycle, warm_up, start):
        return _run(
            epochs, batches, cycle, warm_up, start, lambda e, b, c: (e - 1) % c == 0
        )

    def other_epochs(epochs, batches, cycle, warm_up, start):
        return _run(
            epochs, batches, cycle, warm_up, start,
            lambda e, b, c: b == 0 and e % c == 0,
        )  # fmt: skip

    def back_to_zero(epochs, batches, cycle, warm_up, start):
        return _run(
            epochs, batches, cycle, warm_up, start,
            lambda e, b, c: b == 0 and (e - 1) % c == 0, 0.0,
        )  # fmt: skip

    def also_wrong_no_cap(epochs, batches, cycle, warm_up, start):
        steps = torch.arange(1, epochs * batches + 1)
        return start + 2 * (1 - start) * steps / (warm_up * batches)
