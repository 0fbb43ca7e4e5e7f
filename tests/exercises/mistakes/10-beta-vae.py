"""Wrong answers to the exercises of lesson 10, written as a learner would."""

import numpy as np
import torch


class weight:
    def right_in_another_order(beta, P, Z):
        return Z * (beta / P)

    def upside_down(beta, P, Z):
        return (P / Z) * beta

    def only_pixels(beta, P, Z):
        return beta * (1 / P)

    def only_dimensions(beta, P, Z):
        return Z * beta

    def beta_alone(beta, P, Z):
        return +beta

    def both_divided(beta, P, Z):
        return beta / P / Z

    def right_as_a_float(beta, P, Z):
        return float(beta) * Z / P


class beta_loss:
    def right_by_sums(surprise, price, beta):
        return (surprise.sum() + beta * price.sum()) / len(price)

    def right_by_means(surprise, price, beta):
        P, Z = surprise.shape[1], price.shape[1]
        return P * (surprise.mean() + beta * Z / P * price.mean())

    def mean_over_dimensions(surprise, price, beta):
        return (surprise.sum(1) + beta * price.mean(1)).mean()

    def mean_over_pixels(surprise, price, beta):
        return (surprise.mean(1) + beta * price.sum(1)).mean()

    def sum_over_batch(surprise, price, beta):
        return (surprise.sum(1) + beta * price.sum(1)).sum()

    def same_unit(surprise, price, beta):
        return (surprise.sum(1) + beta * price.sum(1)).mean() / surprise[0].numel()

    def flipped_kl(surprise, price, beta):
        return surprise.sum(1).mean() - beta * price.sum(1).mean()

    def beta_on_surprise(surprise, price, beta):
        return beta * surprise.sum(1).mean() + price.sum(1).mean()

    def beta_lost(surprise, price, beta):
        return surprise.sum(1).mean() + price.sum(1).mean()


class gap_of:
    def right_by_sorting(told, entropy):
        ranked = told.sort(dim=1, descending=True).values
        return (ranked[:, 0] / entropy - ranked[:, 1] / entropy).mean()

    def best_alone(told, entropy):
        return (told.max(dim=1).values / entropy).mean()

    def not_divided(told, entropy):
        ranked = told.sort(dim=1, descending=True).values
        return (ranked[:, 0] - ranked[:, 1]).mean()

    def over_the_worst(told, entropy):
        ranked = told.sort(dim=1, descending=True).values
        return ((ranked[:, 0] - ranked[:, -1]) / entropy).mean()

    def divided_after_the_mean(told, entropy):
        ranked = told.sort(dim=1, descending=True).values
        return (ranked[:, 0] - ranked[:, 1]).sum() / entropy.sum()

    def over_factors(told, entropy):
        ranked = told.sort(dim=0, descending=True).values
        return (ranked[0] - ranked[1]).mean() / entropy.mean()

    def sum_for_mean(told, entropy):
        ranked = told.sort(dim=1, descending=True).values
        return ((ranked[:, 0] - ranked[:, 1]) / entropy).sum()

    def view_for_transpose(told, entropy):
        turned = told.view(told.shape[1], told.shape[0])
        ranked = turned.sort(dim=0, descending=True).values
        return ((ranked[0] - ranked[1]) / entropy).mean()

    def right_by_numpy(told, entropy):
        ranked = np.sort(told.numpy(), axis=1)
        return float(((ranked[:, -1] - ranked[:, -2]) / entropy.numpy()).mean())


class one_cloud:
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
