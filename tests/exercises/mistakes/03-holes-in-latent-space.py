"""Wrong answers to the exercises of lesson 03, written as a learner would."""

import numpy as np
import torch
from torch.distributions import MultivariateNormal


def away(z, codes):
    return (z[:, None] - codes).pow(2).sum(2).sqrt().min(1).values


class hole_share:
    def right_by_sorting(codes, held_out, asked):
        usual = away(held_out, codes).sort().values
        return (away(asked, codes) > usual[int(0.99 * len(usual))]).float().mean()

    def right_by_kthvalue(codes, held_out, asked):
        usual = away(held_out, codes).kthvalue(round(0.99 * (len(held_out) - 1)) + 1)
        return (away(asked, codes) >= usual.values).double().mean()

    def right_by_squares(codes, held_out, asked):
        usual = torch.cdist(held_out, codes).pow(2).amin(1).quantile(0.99)
        return (torch.cdist(asked, codes).pow(2).amin(1) > usual).float().mean()

    def right_as_a_number(codes, held_out, asked):
        limit = torch.cdist(codes, held_out).amin(0).quantile(0.99)
        return (torch.cdist(codes, asked).amin(0) > limit).float().mean().item()

    def right_in_a_loop(codes, held_out, asked):
        limit = torch.stack([away(z[None], codes)[0] for z in held_out]).quantile(0.99)
        return sum(bool(away(z[None], codes) > limit) for z in asked) / len(asked)

    def right_by_numpy(codes, held_out, asked):
        c, h, a = (t.numpy() for t in (codes, held_out, asked))
        usual, far = (np.linalg.norm(z[:, None] - c, axis=-1).min(1) for z in (h, a))
        return float((far > np.percentile(usual, 99)).mean())

    def share_inside(codes, held_out, asked):
        limit = away(held_out, codes).quantile(0.99)
        return (away(asked, codes) <= limit).float().mean()

    def counted(codes, held_out, asked):
        limit = away(held_out, codes).quantile(0.99)
        return (away(asked, codes) > limit).sum()

    def largest(codes, held_out, asked):
        return (away(asked, codes) > away(held_out, codes).max()).float().mean()

    def one_percent(codes, held_out, asked):
        usual = away(held_out, codes).sort().values
        limit = usual[round(0.01 * (len(usual) - 1))]
        return (away(asked, codes) > limit).float().mean()

    def yardstick_of_the_codes(codes, held_out, asked):
        limit = away(codes, codes).quantile(0.99)
        return (away(asked, codes) > limit).float().mean()

    def yardstick_of_the_asked(codes, held_out, asked):
        found = away(asked, codes)
        return (found > found.quantile(0.99)).float().mean()

    def mean_distance(codes, held_out, asked):
        limit = torch.cdist(held_out, codes).mean(1).quantile(0.99)
        return (torch.cdist(asked, codes).mean(1) > limit).float().mean()

    def from_the_middle(codes, held_out, asked):
        middle = codes.mean(0)
        limit = (held_out - middle).norm(dim=1).quantile(0.99)
        return ((asked - middle).norm(dim=1) > limit).float().mean()

    def wrong_axis(codes, held_out, asked):
        limit = torch.cdist(held_out, codes).amin(0).quantile(0.99)
        return (torch.cdist(asked, codes).amin(0) > limit).float().mean()

    def yes_or_no(codes, held_out, asked):
        limit = away(held_out, codes).quantile(0.99)
        return (away(asked, codes) > limit).float()

    def also_wrong_median(codes, held_out, asked):
        limit = away(held_out, codes).median()
        return (away(asked, codes) > limit).float().mean()

    def also_wrong_held_out_as_codes(codes, held_out, asked):
        limit = away(held_out, codes).quantile(0.99)
        return (away(asked, held_out) > limit).float().mean()

    def also_wrong_first_dimension(codes, held_out, asked):
        limit = away(held_out[:, :1], codes[:, :1]).quantile(0.99)
        return (away(asked[:, :1], codes[:, :1]) > limit).float().mean()

    def also_wrong_city_blocks(codes, held_out, asked):
        limit = torch.cdist(held_out, codes, p=1).amin(1).quantile(0.99)
        return (torch.cdist(asked, codes, p=1).amin(1) > limit).float().mean()


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

    def also_wrong_about_the_origin(z, eps):
        return z.mean(0) + eps @ torch.linalg.cholesky(z.T @ z / len(z)).T

    def also_wrong_each_dimension_alone(z, eps):
        return z.mean(0) + eps * z.std(0)


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
