"""Wrong answers to the exercises of lesson 09, written as a learner would."""

import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence


def halves(encoder, x):
    out = encoder(x)
    return out[:, : out.shape[1] // 2], out[:, out.shape[1] // 2 :]


class encode_sample_decode:
    def right_by_torch(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        return decoder(Normal(mu, torch.exp(log_var / 2)).rsample()), mu, log_var

    def right_as_a_list(encoder, decoder, x):
        mu, log_var = encoder(x).chunk(2, dim=-1)
        z = torch.addcmul(mu, log_var.exp().sqrt(), torch.randn(mu.shape))
        return [decoder(z), mu, log_var]

    def right_noise_in_another_order(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        eps = torch.randn(mu.shape[1], len(mu)).T
        return decoder(mu + torch.exp(0.5 * log_var) * eps), mu, log_var

    def no_gradient(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        return decoder(torch.normal(mu, torch.exp(0.5 * log_var)).detach()), mu, log_var

    def variance_for_sigma(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        return decoder(mu + torch.exp(log_var) * torch.randn_like(mu)), mu, log_var

    def no_noise(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        return decoder(mu), mu, log_var

    def noise_shared_by_the_batch(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        return (
            decoder(mu + log_var.exp().sqrt() * torch.randn_like(mu[:1])),
            mu,
            log_var,
        )

    def halves_swapped(encoder, decoder, x):
        log_var, mu = halves(encoder, x)
        return decoder(Normal(mu, torch.exp(log_var / 2)).rsample()), mu, log_var

    def never_decoded(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        return mu + torch.exp(0.5 * log_var) * torch.randn_like(mu), mu, log_var

    def also_wrong_logits_alone(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        return decoder(mu + torch.exp(0.5 * log_var) * torch.randn_like(mu))

    def also_wrong_sigma_for_log_var(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        sigma = torch.exp(0.5 * log_var)
        return decoder(mu + sigma * torch.randn_like(mu)), mu, sigma

    def also_wrong_seeded(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        eps = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
        return decoder(mu + torch.exp(0.5 * log_var) * eps), mu, log_var

    def also_wrong_uniform(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        eps = 3**0.5 * (2 * torch.rand_like(mu) - 1)
        return decoder(mu + torch.exp(0.5 * log_var) * eps), mu, log_var

    def also_wrong_codes_beside(encoder, decoder, x):
        mu, log_var = halves(encoder, x)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        return decoder(z), z, log_var


def nats(x, logits):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none")


def kl_terms(mu, log_var):
    return -0.5 * (1 + log_var - mu.pow(2) - log_var.exp())


class minus_elbo:
    def right_by_torch(x, logits, mu, log_var):
        kl = kl_divergence(Normal(mu, torch.exp(log_var / 2)), Normal(0.0, 1.0))
        return nats(x, logits).sum((1, 2, 3)).mean() + kl.sum(1).mean()

    def right_by_hand(x, logits, mu, log_var):
        pixels = F.softplus(logits) - x * logits
        return (pixels.sum() + kl_terms(mu, log_var).sum()) / len(x)

    def right_by_reduction(x, logits, mu, log_var):
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return (bce + 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum()) / len(x)

    def flipped_kl(x, logits, mu, log_var):
        return (nats(x, logits).sum() - kl_terms(mu, log_var).sum()) / len(x)

    def mean_over_pixels(x, logits, mu, log_var):
        bce = F.binary_cross_entropy_with_logits(logits, x)
        return bce + kl_terms(mu, log_var).sum() / len(x)

    def mean_over_dimensions(x, logits, mu, log_var):
        return nats(x, logits).sum() / len(x) + kl_terms(mu, log_var).mean()

    def sum_over_batch(x, logits, mu, log_var):
        return nats(x, logits).sum() + kl_terms(mu, log_var).sum()

    def log_sigma_for_log_var(x, logits, mu, log_sigma):
        var = torch.exp(log_sigma) ** 2
        kl = 0.5 * (mu**2 + var - 1 - 2 * log_sigma).sum(1)
        return nats(x, logits).sum() / len(x) + kl.mean()

    def probabilities_for_logits(x, logits, mu, log_var):
        pixels = nats(x, torch.sigmoid(logits))
        return (pixels.sum() + kl_terms(mu, log_var).sum()) / len(x)

    def bound_itself(x, logits, mu, log_var):
        return -(nats(x, logits).sum() + kl_terms(mu, log_var).sum()) / len(x)

    def also_wrong_first_channel(x, logits, mu, log_var):
        pixels = nats(x, logits)[:, 0].sum((1, 2))
        return (pixels + kl_terms(mu, log_var).sum(1)).mean()

    def also_wrong_clamped(x, logits, mu, log_var):
        kl = kl_terms(mu, log_var).sum(1).clamp(max=20)
        return (nats(x, logits).flatten(1).sum(1) + kl).mean()

    def also_wrong_detached(x, logits, mu, log_var):
        kl = kl_terms(mu, log_var.detach()).sum(1)
        return (nats(x, logits).flatten(1).sum(1) + kl).mean()


def record_of(rows):
    return torch.tensor(rows, dtype=torch.float64)


class descend:
    def right_usual(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        rows = []
        for x in batches:
            adam.zero_grad()
            a, b = terms(x)
            (a + b).backward()
            adam.step()
            rows.append((a.item(), b.item()))
        return torch.tensor(rows)

    def right_emptied_last(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        rows = []
        for x in batches:
            both = torch.stack(terms(x))
            both.sum().backward()
            adam.step()
            adam.zero_grad()
            rows.append(both.detach())
        return torch.stack(rows)

    def right_two_backwards(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        record = torch.zeros(len(batches), 2)
        for i, x in enumerate(batches):
            a, b = terms(x)
            adam.zero_grad(set_to_none=False)
            a.backward(retain_graph=True)
            b.backward()
            adam.step()
            record[i, 0], record[i, 1] = a.item(), b.item()
        return record

    def gradients_pile_up(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        rows = []
        for x in batches:
            a, b = terms(x)
            (a + b).backward()
            adam.step()
            rows.append((a.item(), b.item()))
        return record_of(rows)

    def step_before_backward(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        rows = []
        for x in batches:
            a, b = terms(x)
            adam.step()
            adam.zero_grad()
            (a + b).backward()
            rows.append((a.item(), b.item()))
        return record_of(rows)

    def no_step(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        rows = []
        for x in batches:
            a, b = terms(x)
            adam.zero_grad()
            (a + b).backward()
            rows.append((a.item(), b.item()))
        return record_of(rows)

    def first_term_alone(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        rows = []
        for x in batches:
            a, b = terms(x)
            adam.zero_grad()
            (a + b.detach()).backward()
            adam.step()
            rows.append((a.item(), b.item()))
        return record_of(rows)

    def kl_subtracted(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        rows = []
        for x in batches:
            a, b = terms(x)
            adam.zero_grad()
            (a - b).backward()
            adam.step()
            rows.append((a.item(), b.item()))
        return record_of(rows)

    def optimiser_made_anew(terms, parameters, batches, lr):
        rows = []
        for x in batches:
            adam = torch.optim.Adam(parameters, lr=lr)
            a, b = terms(x)
            adam.zero_grad()
            (a + b).backward()
            adam.step()
            rows.append((a.item(), b.item()))
        return record_of(rows)

    def noted_after_the_step(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        rows = []
        for x in batches:
            adam.zero_grad()
            sum(terms(x)).backward()
            adam.step()
            rows.append([t.item() for t in terms(x)])
        return record_of(rows)

    def last_batch_alone(terms, parameters, batches, lr):
        adam = torch.optim.Adam(parameters, lr=lr)
        for x in batches:
            a, b = terms(x)
            adam.zero_grad()
            (a + b).backward()
            adam.step()
        return record_of([a.item(), b.item()])

    def also_wrong_plain_gradient(terms, parameters, batches, lr):
        sgd = torch.optim.SGD(parameters, lr=lr)
        rows = []
        for x in batches:
            a, b = terms(x)
            sgd.zero_grad()
            (a + b).backward()
            sgd.step()
            rows.append((a.item(), b.item()))
        return record_of(rows)

    def also_wrong_own_rate(terms, parameters, batches, lr):
        return descend.right_usual(terms, parameters, batches, 1e-3)

    def also_wrong_columns_swapped(terms, parameters, batches, lr):
        return descend.right_usual(terms, parameters, batches, lr).flip(1)

    def also_wrong_total(terms, parameters, batches, lr):
        return descend.right_usual(terms, parameters, batches, lr).sum(1)

    def also_wrong_first_parameter(terms, parameters, batches, lr):
        return descend.right_usual(terms, parameters[:1], batches, lr)


def square(x, x_hat):
    return F.mse_loss(x_hat, x, reduction="sum") / len(x)


class printed_loss:
    def right_by_torch(x, x_hat, mu, log_var, beta):
        q = Normal(mu, torch.exp(0.5 * log_var))
        kl = kl_divergence(q, Normal(0.0, 1.0)).sum(1).mean()
        return 0.5 * square(x, x_hat) + beta * kl

    def right_in_parts(x, x_hat, mu, log_var, beta):
        each = 0.5 * (x - x_hat).pow(2).sum((1, 2, 3))
        return (each + beta * kl_terms(mu, log_var).sum(1)).mean()

    def half_forgotten(x, x_hat, mu, log_var, beta):
        return square(x, x_hat) + beta * kl_terms(mu, log_var).sum(1).mean()

    def sign_left(x, x_hat, mu, log_var, beta):
        kl = 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1).mean()
        return 0.5 * square(x, x_hat) + beta * kl

    def mean_over_pixels(x, x_hat, mu, log_var, beta):
        kl = kl_terms(mu, log_var).sum(1).mean()
        return 0.5 * F.mse_loss(x_hat, x) + beta * kl

    def sum_over_batch(x, x_hat, mu, log_var, beta):
        return 0.5 * F.mse_loss(x_hat, x, reduction="sum") + beta * (
            kl_terms(mu, log_var).sum()
        )

    def mean_over_dimensions(x, x_hat, mu, log_var, beta):
        return 0.5 * square(x, x_hat) + beta * kl_terms(mu, log_var).mean()

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

    def also_wrong_log_sigma_for_log_var(x, x_hat, mu, log_sigma, beta):
        var = torch.exp(log_sigma) ** 2
        kl = 0.5 * (mu**2 + var - 1 - 2 * log_sigma).sum(1).mean()
        return 0.5 * square(x, x_hat) + beta * kl


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

    def also_wrong_medians(z, has):
        return z[has].median(0).values - z[~has].median(0).values

    def also_wrong_from_all(z, has):
        return z[has].mean(0) - z.mean(0)
