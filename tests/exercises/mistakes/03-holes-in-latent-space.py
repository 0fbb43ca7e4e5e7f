"""Wrong answers to the exercises of lesson 03, written as a learner would."""

import numpy as np
import torch
from torch.distributions import MultivariateNormal


class draw_like:
    def right_by_eigenvectors(z, eps):
        values, axes = torch.linalg.eigh(z.T.cov())
        return z.mean(0) + eps @ (axes * values.sqrt()).T

    def right_by_torch(z, eps):
        return MultivariateNormal(z.mean(0), z.T.cov()).sample((len(eps),))

    def standard_normal(z, eps):
        return torch.randn(len(eps), z.shape[1])

    def mean_forgotten(z, eps):
        return (torch.linalg.cholesky(z.T.cov()) @ eps.T).T

    def correlation_forgotten(z, eps):
        return torch.normal(z.mean(0).expand_as(eps), z.std(0).expand_as(eps))

    def covariance_for_root(z, eps):
        return z.mean(0) + (z.T.cov() @ eps.T).T

    def variance_for_sigma(z, eps):
        return z.mean(0) + eps * (z - z.mean(0)).pow(2).mean(0)

    def root_transposed(z, eps):
        return torch.linalg.cholesky(z.T.cov()).T.matmul(eps.T).T + z.mean(0)

    def right_by_numpy(z, eps):
        root = np.linalg.cholesky(np.cov(z.numpy().T))
        return torch.as_tensor(z.numpy().mean(0) + eps.numpy() @ root.T)


def steps(x):
    return (x[1:] - x[:-1]).pow(2).sum((1, 2, 3)).sqrt()


class largest_jump:
    def right_by_hand(x):
        return steps(x).amax() * (len(x) - 1) / steps(x).sum()

    def right_as_a_number(x):
        return (max(steps(x)) / steps(x).mean()).item()

    def squared(x):
        square = (x[1:] - x[:-1]).pow(2).sum((1, 2, 3))
        return square.max() / square.mean()

    def upside_down(x):
        return steps(x).mean() / steps(x).max()

    def from_the_start(x):
        away = (x[1:] - x[0]).flatten(1).norm(dim=1)
        return away.max() / away.mean()

    def per_pixel(x):
        change = (x[1:] - x[:-1]).abs()
        return change.max() / change.mean()

    def not_divided(x):
        return steps(x).max()

    def right_by_numpy(x):
        step = np.linalg.norm(
            np.diff(x.numpy(), axis=0).reshape(len(x) - 1, -1), axis=1
        )
        return float(step.max() / step.mean())

    def also_wrong_first_channel(x):
        return steps(x[:, :1]).max() / steps(x[:, :1]).mean()

    def also_wrong_rows_alone(x):
        step = (x[1:] - x[:-1]).norm(dim=-1).flatten(1).sum(1)
        return step.max() / step.mean()


class walk:
    def right_in_a_loop(encode, decode, a, b, n):
        za, zb = encode(a), encode(b)
        return torch.cat([decode(za + i / (n - 1) * (zb - za)) for i in range(n)])

    def pixels_only(encode, decode, a, b, n):
        return torch.cat([a + i / (n - 1) * (b - a) for i in range(n)])

    def paintings_mixed(encode, decode, a, b, n):
        t = torch.linspace(0, 1, n).view(n, 1, 1, 1)
        return (1 - t) * decode(encode(a)) + t * decode(encode(b))

    def backwards(encode, decode, a, b, n):
        t = torch.linspace(0, 1, n).view(n, 1)
        return decode(t * encode(a) + (1 - t) * encode(b))

    def end_left_out(encode, decode, a, b, n):
        t = torch.arange(n).view(n, 1) / n
        return decode((1 - t) * encode(a) + t * encode(b))

    def codes_only(encode, decode, a, b, n):
        t = torch.linspace(0, 1, n).view(n, 1)
        return (1 - t) * encode(a) + t * encode(b)

    def right_by_lerp(encode, decode, a, b, n):
        t = torch.linspace(0, 1, n)[:, None]
        return decode(torch.lerp(encode(a), encode(b), t))

    def also_wrong_flat_pictures(encode, decode, a, b, n):
        t = torch.linspace(0, 1, n).view(n, 1)
        return decode((1 - t) * encode(a.flatten(1)) + t * encode(b.flatten(1)))

    def also_wrong_axis_too_many(encode, decode, a, b, n):
        t = torch.linspace(0, 1, n).view(n, 1, 1)
        return decode((1 - t) * encode(a) + t * encode(b))
