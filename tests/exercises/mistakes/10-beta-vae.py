"""Wrong answers to the exercises of lesson 10, written as a learner would."""

from functools import partial

import numpy as np
import torch


def _weighted(beta, model, x):
    reconstruction, kl = model.terms(x)
    return reconstruction - beta * kl


def _trained(build, fit, train, betas, objective=_weighted):
    models = []
    for beta in betas:
        models.append(build())
        fit(models[-1], train, partial(objective, beta))
    return models


def _points(models, test):
    with torch.no_grad():
        terms = [model.terms(test) for model in models]
    return torch.tensor([[k.mean(), -r.mean()] for r, k in terms]).T


def _with(objective):
    def run(build, fit, train, test, betas):
        return _points(_trained(build, fit, train, betas, objective), test)

    return run


def _then(change):
    def run(build, fit, train, test, betas):
        points = _points(_trained(build, fit, train, betas), test)
        return change(points, torch.tensor(betas), len(test))

    return run


class beta_sweep:
    def right_all_models_first(build, fit, train, test, betas):
        models = [build() for _ in betas]
        for model, beta in zip(models, betas, strict=True):
            fit(model, train, partial(_weighted, beta))
        return _points(models, test)

    def right_backwards(build, fit, train, test, betas):
        models = _trained(build, fit, train, betas[::-1])
        return _points(models[::-1], test)

    def right_as_numbers(build, fit, train, test, betas):
        rows = [[], []]
        for beta in betas:
            model = build()
            fit(model, train, lambda m, x, b=beta: -(b * m.terms(x)[1] - m.terms(x)[0]))
            r, k = model.terms(test)
            rows[0].append(k.mean().item())
            rows[1].append(-r.mean().item())
        return torch.tensor(rows)

    beta_forgotten = _with(lambda beta, m, x: m.terms(x)[0] - m.terms(x)[1])
    flipped_kl = _with(lambda beta, m, x: m.terms(x)[0] + beta * m.terms(x)[1])
    loss_for_objective = _with(lambda beta, m, x: -_weighted(beta, m, x))
    beta_on_reconstruction = _with(
        lambda beta, m, x: beta * m.terms(x)[0] - m.terms(x)[1]
    )

    def one_model(build, fit, train, test, betas):
        model, points = build(), []
        for beta in betas:
            fit(model, train, partial(_weighted, beta))
            points.append(_points([model], test))
        return torch.cat(points, 1)

    def late_binding(build, fit, train, test, betas):
        objectives = []
        for beta in betas:
            objectives.append(lambda m, x: _weighted(beta, m, x))  # noqa: B023
        models = [build() for _ in betas]
        for model, objective in zip(models, objectives, strict=True):
            fit(model, train, objective)
        return _points(models, test)

    def measured_on_train(build, fit, train, test, betas):
        return _points(_trained(build, fit, train, betas), train)

    def measured_before_training(build, fit, train, test, betas):
        models = [build() for _ in betas]
        points = _points(models, test)
        for model, beta in zip(models, betas, strict=True):
            fit(model, train, partial(_weighted, beta))
        return points

    weighted_rate = _then(lambda p, betas, n: torch.stack([betas * p[0], p[1]]))
    flipped_distortion = _then(lambda p, betas, n: torch.stack([p[0], -p[1]]))
    elbo_for_distortion = _then(lambda p, betas, n: torch.stack([p[0], p.sum(0)]))
    rows_swapped = _then(lambda p, betas, n: p.flip(0))
    sum_for_mean = _then(lambda p, betas, n: n * p)
    also_wrong_points_as_rows = _then(lambda p, betas, n: torch.cat([p, p], 1).T)

    def also_wrong_only_one_is_trained(build, fit, train, test, betas):
        models = [build() for _ in betas]
        fit(models[0], train, partial(_weighted, betas[0]))
        return _points(models, test)

    also_wrong_mean_in_the_objective = _with(
        lambda beta, m, x: _weighted(beta, m, x).mean()
    )
    also_wrong_beta_squared = _with(lambda beta, m, x: _weighted(beta**2, m, x))

    def also_wrong_nothing_is_trained(build, fit, train, test, betas):
        return _points([build() for _ in betas], test)


class pytorch_vae_loss:
    def right_by_flattening(x, painted, kl, beta, dataset_size):
        off = (x - painted).flatten(1)
        return ((off * off).sum(1) + beta * kl).mean()

    def right_by_sums(x, painted, kl, beta, dataset_size):
        return ((x - painted).pow(2).sum() + beta * kl.sum()) / x.shape[0]

    def right_by_the_mean(x, painted, kl, beta, dataset_size):
        P = x[0].numel()
        return P * (torch.nn.functional.mse_loss(painted, x) + beta / P * kl.mean())

    def share_of_the_data(x, painted, kl, beta, dataset_size):
        weight = len(x) / dataset_size
        error = ((x - painted) ** 2).sum((1, 2, 3))
        return (error + weight * beta * kl).mean()

    def mean_over_pixels(x, painted, kl, beta, dataset_size):
        return torch.nn.functional.mse_loss(painted, x) + beta * kl.mean()

    def same_unit(x, painted, kl, beta, dataset_size):
        error = ((x - painted) ** 2).sum((1, 2, 3))
        return (error + beta * kl).mean() / x[0].numel()

    def sum_over_batch(x, painted, kl, beta, dataset_size):
        return ((x - painted) ** 2).sum() + beta * kl.sum()

    def half_the_error(x, painted, kl, beta, dataset_size):
        error = ((x - painted) ** 2).sum((1, 2, 3)) / 2
        return (error + beta * kl).mean()

    def beta_lost(x, painted, kl, beta, dataset_size):
        return (((x - painted) ** 2).sum((1, 2, 3)) + kl).mean()

    def flipped_kl(x, painted, kl, beta, dataset_size):
        return (((x - painted) ** 2).sum((1, 2, 3)) - beta * kl).mean()

    def also_wrong_mean_over_columns(x, painted, kl, beta, dataset_size):
        return (((x - painted) ** 2).mean(3).sum((1, 2)) + beta * kl).mean()

    def also_wrong_detached(x, painted, kl, beta, dataset_size):
        return (((x - painted) ** 2).sum((1, 2, 3)) + beta * kl.detach()).mean()


class held_out_loss:
    def right_by_the_elbo(betas, reconstruction, kl):
        return -(reconstruction - kl).mean(1)

    def right_in_two_means(betas, reconstruction, kl):
        return kl.mean(1) - reconstruction.mean(1)

    def right_by_numpy(betas, reconstruction, kl):
        return torch.from_numpy(np.mean(kl.numpy() - reconstruction.numpy(), axis=1))

    def rate_forgotten(betas, reconstruction, kl):
        return (-reconstruction).mean(dim=1)

    def divided_by_beta(betas, reconstruction, kl):
        loss = -reconstruction + betas[:, None] * kl
        return (loss / betas[:, None]).mean(1)

    def elbo_for_loss(betas, reconstruction, kl):
        return reconstruction.mean(1) - kl.mean(1)

    def luckiest_seed(betas, reconstruction, kl):
        return (kl - reconstruction).min(1).values

    def sum_for_mean(betas, reconstruction, kl):
        return kl.sum(1) - reconstruction.sum(1)

    def mean_over_betas(betas, reconstruction, kl):
        return kl.mean(0) - reconstruction.mean(0)

    def also_wrong_the_rate_alone(betas, reconstruction, kl):
        return kl.mean(1)
