"""Wrong answers to the exercises of lesson 11, written as a learner would."""

import numpy as np
import torch
from sklearn.metrics import mutual_info_score


def _table(bins, v, score):
    return torch.tensor([[score(a, b) for b in bins.T] for a in v.T]).double()


def _share(a, b):
    counts = np.histogram2d(a, b, bins=(int(max(a)) + 1, int(max(b)) + 1))[0]
    return counts / counts.sum()


def _entropy(v):
    return torch.tensor([mutual_info_score(a, a) for a in v.T])


def _parts(bins, v):
    table = _table(bins, v, mutual_info_score)
    return table, _entropy(v), table.topk(2, dim=1).values


def _with(score):
    def run(bins, v):
        table = _table(bins, v, score)
        entropy = torch.tensor([score(a, a) for a in v.T]).double()
        best = table.topk(2, dim=1).values
        return table, entropy, ((best[:, 0] - best[:, 1]) / entropy).mean()

    return run


def _ratio(p):
    apart = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    return p / np.maximum(apart, 1e-12)


class mig_in_parts:
    def right_by_sklearn(bins, v):
        table, entropy, best = _parts(bins, v)
        return table, entropy, ((best[:, 0] - best[:, 1]) / entropy).mean()

    def right_by_entropies(bins, v):
        def H(*columns):
            p = torch.stack(columns).unique(dim=1, return_counts=True)[1] / len(v)
            return -(p * p.log()).sum()

        rows = [[H(a) + H(b) - H(a, b) for b in bins.T] for a in v.T]
        table = torch.tensor(rows)
        entropy = torch.stack([H(a) for a in v.T])
        ranked = table.sort(dim=1, descending=True).values
        gap = (ranked[:, 0] / entropy - ranked[:, 1] / entropy).mean().item()
        return table, entropy, gap

    def zero_times_log_zero(bins, v):
        def score(a, b):
            p = torch.tensor(_share(a, b))
            return (p * (p / p.sum(1, True) / p.sum(0, True)).log()).sum()

        return _with(score)(bins, v)

    def joint_entropy(bins, v):
        def score(a, b):
            p = _share(a, b)
            return (p[p > 0] * np.log(p[p > 0])).sum()

        return _with(score)(bins, v)

    def bits(bins, v):
        def score(a, b):
            p = _share(a, b)
            return (p[p > 0] * np.log2(_ratio(p)[p > 0])).sum()

        return _with(score)(bins, v)

    def not_weighted(bins, v):
        def score(a, b):
            p = _share(a, b)
            return np.log(_ratio(p)[p > 0]).sum()

        return _with(score)(bins, v)

    def even_entropy(bins, v):
        table, _, best = _parts(bins, v)
        entropy = (v.amax(0) + 1).double().log()
        return table, entropy, ((best[:, 0] - best[:, 1]) / entropy).mean()

    def best_alone(bins, v):
        table, entropy, best = _parts(bins, v)
        return table, entropy, (best[:, 0] / entropy).mean()

    def not_divided(bins, v):
        table, entropy, best = _parts(bins, v)
        return table, entropy, (best[:, 0] - best[:, 1]).mean()

    def over_the_worst(bins, v):
        table, entropy, _ = _parts(bins, v)
        lead = (table.max(1).values - table.min(1).values) / entropy
        return table, entropy, lead.mean()

    def divided_after_the_mean(bins, v):
        table, entropy, best = _parts(bins, v)
        return table, entropy, (best[:, 0] - best[:, 1]).sum() / entropy.sum()

    def over_factors(bins, v):
        table, entropy, _ = _parts(bins, v)
        best = table.topk(2, dim=0).values
        return table, entropy, (best[0] - best[1]).mean() / entropy.mean()

    def sum_for_mean(bins, v):
        table, entropy, best = _parts(bins, v)
        return table, entropy, ((best[:, 0] - best[:, 1]) / entropy).sum()

    def also_wrong_by_the_codes_entropy(bins, v):
        table, entropy, best = _parts(bins, v)
        return table, _entropy(bins)[: len(entropy)], best.mean()

    def also_wrong_transposed_table(bins, v):
        table, entropy, best = _parts(bins, v)
        return table.T, entropy, ((best[:, 0] - best[:, 1]) / entropy).mean()

    def also_wrong_gap_alone(bins, v):
        _, entropy, best = _parts(bins, v)
        return ((best[:, 0] - best[:, 1]) / entropy).mean()


class picked:
    def right_by_t(samples, which):
        return samples.index_select(0, which).t()

    def right_by_indexing(samples, which):
        return samples.T[:, which]

    def right_by_numpy(samples, which):
        return torch.from_numpy(samples.numpy()[which.numpy()].transpose())

    def not_transposed(samples, which):
        return samples.index_select(0, which)

    def first_ones(samples, which):
        return samples.T[:, : len(which)]

    def view_before_picking(samples, which):
        turned = samples.view(samples.shape[1], samples.shape[0])
        return turned.index_select(1, which)

    def also_wrong_sorted(samples, which):
        return samples[which.sort().values].T


class shared_average:
    def right_by_logsumexp(mu, log_var, shared):
        log_mean = log_var.logsumexp(0) - torch.tensor(2.0).log()
        return torch.stack(
            [
                torch.where(shared, mu.mean(0), mu),
                torch.where(shared, log_mean, log_var),
            ]
        )

    def log_var_averaged(mu, log_var, shared):
        both = torch.stack([mu, log_var])
        return torch.where(shared, both.mean(1, keepdim=True), both)

    def sigma_averaged(mu, log_var, shared):
        sigma = torch.exp(log_var / 2).mean(0)
        return torch.stack(
            [
                torch.where(shared, mu.mean(0), mu),
                torch.where(shared, torch.log(sigma**2), log_var),
            ]
        )

    def variance_left(mu, log_var, shared):
        return torch.stack(
            [
                torch.where(shared, mu.mean(0), mu),
                torch.where(shared, log_var.exp().mean(0), log_var),
            ]
        )

    def sum_for_mean(mu, log_var, shared):
        return torch.stack(
            [
                torch.where(shared, mu[0] + mu[1], mu),
                torch.where(shared, log_var.logsumexp(0), log_var),
            ]
        )

    def means_left(mu, log_var, shared):
        mean_var = log_var.exp().mean(0).log()
        return torch.stack([mu, torch.where(shared, mean_var, log_var)])

    def the_other_ones(mu, log_var, shared):
        mean_var = log_var.exp().mean(0).log()
        return torch.stack(
            [
                torch.where(shared, mu, mu.mean(0)),
                torch.where(shared, log_var, mean_var),
            ]
        )

    def no_gradient(mu, log_var, shared):
        with torch.no_grad():
            mean_var = log_var.exp().mean(0).log()
            return torch.stack(
                [
                    torch.where(shared, mu.mean(0), mu),
                    torch.where(shared, mean_var, log_var),
                ]
            )

    def right_by_indices(mu, log_var, shared):
        new_mu, new_log_var = mu.clone(), log_var.clone()
        new_mu[:, shared] = mu[:, shared].mean(0)
        new_log_var[:, shared] = log_var[:, shared].exp().mean(0).log()
        return torch.stack([new_mu, new_log_var])

    def also_wrong_first_for_both(mu, log_var, shared):
        pairs = [torch.where(shared, one[0], one) for one in (mu, log_var)]
        return torch.stack(pairs)

    def also_wrong_product_of_gaussians(mu, log_var, shared):
        w = (-log_var).exp()
        new_mu = torch.where(shared, (w * mu).sum(0) / w.sum(0), mu)
        return torch.stack([new_mu, torch.where(shared, -w.mean(0).log(), log_var)])

    def also_wrong_variance_of_the_mixture(mu, log_var, shared):
        var = log_var.exp().mean(0) + mu.var(0, correction=0)
        new_mu = torch.where(shared, mu.mean(0), mu)
        return torch.stack([new_mu, torch.where(shared, var.log(), log_var)])
