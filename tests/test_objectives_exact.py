"""Bounds without noise: sums over codes, and draws whose average is exact."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    kl_divergence,
)

from vaelib import (
    VAE,
    Chain,
    DiagonalGaussian,
    GaussianHead,
    elbo,
    iwae,
    log_likelihood,
    seeded,
)
from vaelib.distributions import enumeration

F64 = torch.float64
EXACT = {"atol": 1e-10, "rtol": 0}


def table(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=F64, generator=generator)


# ------------------------------------------------- codes that can be listed


class Discrete:
    """x ∈ R³ given a discrete code by a table of means; q's logits are leaves."""

    def __init__(self, kind: str, batch: int = 4) -> None:
        size = {"index": (5,), "one-hot": (5,), "bits": (3,), "grid": (2, 2)}
        size |= {"two one-hots": (2, 3)}
        self.kind, self.own = kind, size[kind]
        self.logits = table(batch, *self.own, seed=1).requires_grad_()
        self.p = table(*self.own, seed=2)
        self.means = table(32, 3, seed=3)

    def distribution(self, logits: Tensor) -> Distribution:
        if self.kind == "index":
            return Categorical(logits=logits)
        if self.kind == "one-hot":
            return OneHotCategorical(logits=logits)
        if self.kind == "two one-hots":
            return Independent(OneHotCategorical(logits=logits), 1)
        return Independent(Bernoulli(logits=logits), len(self.own))

    def posterior(self, x: Tensor) -> Distribution:
        return self.distribution(self.logits[: len(x)])

    @property
    def prior(self) -> Distribution:
        return self.distribution(self.p)

    def number(self, z: Tensor) -> Tensor:
        """Which row of the table: each value of z has its own."""
        if self.kind == "index":
            return z
        if self.kind == "one-hot":
            return z.argmax(-1)
        if self.kind == "two one-hots":
            first, second = z.argmax(-1).unbind(-1)
            return 3 * first + second
        bits = z.flatten(1).long()
        return (bits * 2 ** torch.arange(bits.shape[1])).sum(-1)

    def likelihood(self, z: Tensor) -> Distribution:
        return Independent(Normal(self.means[self.number(z)], 1.0), 1)

    def by_hand(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """E_q[log p(x|z)], KL(q‖p) and log p(x), state by state."""
        states = list(self.states())
        log_q = torch.stack([self.log_prob(self.logits, s) for s in states])
        log_p = torch.stack([self.log_prob(self.p, s) for s in states])[:, None]
        given = torch.stack([self.likelihood(s[None]).log_prob(x) for s in states])
        q = log_q.exp()
        marginal = (given + log_p).logsumexp(0)
        return (q * given).sum(0), (q * (log_q - log_p)).sum(0), marginal

    def states(self):
        if self.kind == "index":
            yield from torch.arange(5)
        elif self.kind == "one-hot":
            yield from torch.eye(5, dtype=F64)
        elif self.kind == "two one-hots":
            for i in range(9):
                yield torch.eye(3, dtype=F64)[[i // 3, i % 3]]
        else:
            n = math.prod(self.own)
            for i in range(2**n):
                bits = [i >> b & 1 for b in range(n)]
                yield torch.tensor(bits, dtype=F64).view(self.own)

    def log_prob(self, logits: Tensor, state: Tensor) -> Tensor:
        if self.kind == "index":
            return logits.log_softmax(-1)[..., state]
        if "one-hot" in self.kind:
            each = logits.log_softmax(-1) * state
            return each.flatten(-len(self.own)).sum(-1)
        signs = 2 * state - 1
        return nn.functional.logsigmoid(signs * logits).flatten(-len(self.own)).sum(-1)


KINDS = ["index", "one-hot", "bits", "grid", "two one-hots"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sum_is_the_sum_by_hand(kind) -> None:
    """Value, both terms and the gradient, to 1e-10, and no sampling noise."""
    model, x = Discrete(kind), table(4, 3, seed=9)
    reconstruction, kl, _ = model.by_hand(x)
    e = elbo(model, x, beta=1.5)
    assert torch.allclose(e.reconstruction, reconstruction, **EXACT)
    assert torch.allclose(e.kl, kl, **EXACT)
    assert torch.allclose(e.value, reconstruction - 1.5 * kl, **EXACT)
    again = elbo(model, x, beta=1.5, samples=7)
    assert torch.equal(e.value, again.value)
    (ours,) = torch.autograd.grad(e.value.sum(), model.logits)
    (theirs,) = torch.autograd.grad((reconstruction - 1.5 * kl).sum(), model.logits)
    assert torch.allclose(ours, theirs, **EXACT)
    assert ours.abs().sum() > 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk", [1, 3, 10_000])
def test_log_likelihood_is_then_exact(kind, chunk) -> None:
    model, x = Discrete(kind), table(4, 3, seed=9)
    *_, marginal = model.by_hand(x)
    assert torch.allclose(log_likelihood(model, x, 1, chunk=chunk), marginal, **EXACT)
    assert (elbo(model, x).value < marginal).all()


def test_a_kl_without_a_closed_form_is_summed_too() -> None:
    class Mixed(Discrete):
        @property
        def prior(self) -> Distribution:
            bits = super().prior  # as a flow is: no KL is registered for it

            class Unknown(Distribution):
                batch_shape, event_shape = bits.batch_shape, bits.event_shape
                log_prob = staticmethod(bits.log_prob)

                def __init__(self) -> None:
                    pass

            return Unknown()

    model, x = Mixed("bits"), table(4, 3, seed=9)
    reconstruction, kl, _ = Discrete("bits").by_hand(x)
    e = elbo(model, x)
    assert torch.allclose(e.kl, kl, **EXACT)
    assert torch.allclose(e.value, reconstruction - kl, **EXACT)


def test_an_impossible_value_counts_for_nothing() -> None:
    """q = 0 where log p(x|z) or log p(z) is −∞: value and gradient stay finite."""
    model, x = Discrete("index"), table(4, 3, seed=9)
    hidden = torch.zeros(5, dtype=F64)
    hidden[2] = -math.inf
    leaf = model.logits
    model.logits = leaf + hidden
    model.means[2] = math.inf
    e = elbo(model, x)
    assert e.reconstruction.isfinite().all()
    (gradient,) = torch.autograd.grad(e.reconstruction.sum(), leaf)
    assert gradient.isfinite().all()


def test_too_many_values() -> None:
    class Many(Discrete):
        def posterior(self, x: Tensor) -> Distribution:
            return Independent(Bernoulli(logits=torch.zeros(len(x), 30)), 1)

        prior = Independent(Bernoulli(logits=torch.zeros(30)), 1)

    with pytest.raises(
        ValueError, match=r"take 1.074e\+09 values, more than the 4,096"
    ):
        elbo(Many("bits"), table(4, 3))

    class Straight(Discrete):
        """Too many to sum, but they can be drawn with a gradient."""

        def posterior(self, x: Tensor) -> Distribution:
            return Independent(OneHotCategoricalStraightThrough(logits=self.big), 1)

        big = table(4, 9, 3, seed=5).requires_grad_()
        prior = Independent(OneHotCategorical(logits=torch.zeros(9, 3, dtype=F64)), 1)

        def likelihood(self, z: Tensor) -> Distribution:
            return Independent(Normal(z.sum(1), 1.0), 1)

    model = Straight("bits")
    elbo(model, table(4, 3)).value.sum().backward()
    assert model.big.grad.abs().sum() > 0
    assert not enumeration.MOST_VALUES > 3**9


def test_few_values_are_summed_even_where_they_could_be_drawn() -> None:
    class Straight(Discrete):
        def posterior(self, x: Tensor) -> Distribution:
            return OneHotCategoricalStraightThrough(logits=table(4, 3, seed=5))

        prior = OneHotCategorical(logits=torch.zeros(3, dtype=F64))

        def likelihood(self, z: Tensor) -> Distribution:
            return Independent(Normal(z, 1.0), 1)

    x = table(4, 3)
    e = elbo(Straight("bits"), x)
    probabilities = table(4, 3, seed=5).softmax(-1)
    given = torch.stack([Normal(v, 1.0).log_prob(x).sum(-1) for v in torch.eye(3)], -1)
    by_hand = (probabilities * given).sum(-1)
    assert torch.allclose(e.reconstruction, by_hand, **EXACT)


def test_what_needs_a_draw_says_so() -> None:
    with pytest.raises(ValueError, match=r"vl\.elbo, which sums"):
        iwae(Discrete("index"), table(4, 3), 2)


def test_a_discrete_vae_wants_a_discrete_prior() -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Distribution:
            return Independent(Bernoulli(logits=self.linear(x)), 1)

    decoder = nn.Sequential(nn.Linear(4, 3), GaussianHead(3))
    x = torch.randn(5, 3)
    with pytest.raises(ValueError, match="codes are discrete"):
        elbo(VAE(Encoder(), decoder), x)
    prior = Independent(Bernoulli(logits=torch.zeros(4)), 1)
    model = VAE(Encoder(), decoder, prior)
    assert torch.equal(elbo(model, x).value, elbo(model, x).value)
    assert model.sample(3, seed=0).shape == (3, 3)
    assert model.latent_dim == 4


# ------------------------------------------------------ two levels of codes


class Sigma(MultivariateNormal):
    """Draws are the 2n points μ ± √n·Lₖ: their average is that of any quadratic
    form, so that a bound on a linear-Gaussian model has no noise."""

    def rsample(self, sample_shape=()) -> Tensor:
        n = self.event_shape[0]
        assert tuple(sample_shape) == (2 * n,)
        columns = n**0.5 * self._unbroadcasted_scale_tril.mT
        shifts = torch.cat([columns, -columns])
        return self.loc + shifts[:, None] if self.batch_shape else self.loc + shifts


class Ladder:
    """z₁ ~ N(0, I₂), z₂|z₁ ~ N(A z₁, ½), x|z ~ N(W z₂, 0.6): linear-Gaussian."""

    a, w = table(2, 2, seed=4), table(3, 2, seed=5)
    s2, sx = 0.5**0.5, 0.6

    def __init__(self, joint: bool) -> None:
        self.joint = joint
        self.mean = table(4, 4, seed=6).requires_grad_()
        self.tril = (0.3 * table(4, 4, seed=7).tril() + 0.4 * torch.eye(4)).double()
        self.tril.requires_grad_()

    def then(self, z1: Tensor) -> Distribution:
        return Independent(Normal(z1 @ self.a.T, self.s2), 1)

    @property
    def prior(self) -> Distribution:
        if not self.joint:
            first = DiagonalGaussian(*torch.zeros(2, 2, dtype=F64))
            return Chain(first, self.then, 2)
        eye = torch.eye(2, dtype=F64)
        cross = self.a  # Cov(z₂, z₁) = A
        lower = self.a @ self.a.T + self.s2**2 * eye
        covariance = torch.cat(
            [torch.cat([eye, cross.T], 1), torch.cat([cross, lower], 1)]
        )
        return MultivariateNormal(torch.zeros(4, dtype=F64), covariance)

    def posterior(self, x: Tensor) -> Sigma:
        return Sigma(self.mean, scale_tril=self.tril.tril())

    def likelihood(self, z: Tensor) -> Distribution:
        return Independent(Normal(z[..., 2:] @ self.w.T, self.sx), 1)

    def exact(self, x: Tensor) -> tuple[Tensor, MultivariateNormal]:
        """log p(x) and p(z|x), by Gaussian algebra."""
        prior = Ladder(joint=True).prior
        wide = torch.cat([torch.zeros(3, 2, dtype=F64), self.w], 1)
        noise = self.sx**2 * torch.eye(3, dtype=F64)
        marginal = wide @ prior.covariance_matrix @ wide.T + noise
        gain = prior.covariance_matrix @ wide.T @ marginal.inverse()
        covariance = prior.covariance_matrix - gain @ wide @ prior.covariance_matrix
        zeros = torch.zeros(3, dtype=F64)
        log_p = MultivariateNormal(zeros, marginal).log_prob(x)
        symmetric = (covariance + covariance.T) / 2
        return log_p, MultivariateNormal(x @ gain.T, symmetric)


@pytest.mark.parametrize("joint", [True, False])
def test_the_gap_of_two_levels_is_the_kl_to_the_posterior(joint) -> None:
    """log p(x) − ELBO = KL(q‖p(z|x)), to 1e-8, whether the prior is one Gaussian or
    a chain of two (whose KL is then estimated, here without noise)."""
    model, x = Ladder(joint), table(4, 3, seed=8)
    e = elbo(model, x, samples=8)
    log_p, posterior = model.exact(x)
    q = MultivariateNormal(model.mean, scale_tril=model.tril.tril())
    gap = kl_divergence(q, posterior)
    assert e.value.shape == (4,)
    assert torch.allclose(log_p - e.value, gap, atol=1e-8, rtol=0)
    assert (gap > 0.5).all()
    for leaf in (model.mean, model.tril):
        (ours,) = torch.autograd.grad(-e.value.sum(), leaf, retain_graph=True)
        (theirs,) = torch.autograd.grad(gap.sum(), leaf, retain_graph=True)
        assert torch.allclose(ours, theirs, atol=1e-8, rtol=0)


def test_the_exact_posterior_of_two_levels_has_no_gap() -> None:
    model, x = Ladder(joint=False), table(4, 3, seed=8)
    log_p, posterior = model.exact(x)
    model.posterior = lambda x: posterior
    for k in (1, 5):
        assert torch.allclose(iwae(model, x, k), log_p, atol=1e-8)
    assert torch.allclose(log_likelihood(model, x, 4, chunk=8), log_p, atol=1e-8)


def test_a_chain_is_its_two_levels() -> None:
    first = Independent(Normal(table(5, 2), 1.0), 1)
    chain = Chain(first, Ladder(joint=False).then, 2)
    assert (chain.batch_shape, chain.event_shape) == ((5,), (4,))
    with seeded(0):
        z = chain.rsample((40_000,))
    joint = MultivariateNormal(
        torch.cat([chain.first.mean, chain.first.mean @ Ladder.a.T], -1),
        Ladder(joint=True).prior.covariance_matrix,
    )
    assert torch.allclose(chain.log_prob(z), joint.log_prob(z), atol=1e-8)
    assert torch.allclose(z.mean(0), joint.mean, atol=0.05)
    covariance = torch.cov(z[:, 0].T)
    assert torch.allclose(covariance, joint.covariance_matrix, atol=0.15)
    assert chain.sample((3,)).shape == (3, 5, 4)
    assert chain.expand((2, 5)).log_prob(z[:2]).shape == (2, 5)
    bits = Independent(Bernoulli(torch.ones(2)), 1)
    assert not Chain(bits, chain.then, 2).has_rsample


def test_both_levels_of_a_chain_pass_gradients() -> None:
    """z₁ = a + ε₁, z₂ = z₁ + b + ε₂: Σ z has slope 2 in each a and 1 in each b."""
    a, b = (torch.zeros(3, 2, requires_grad=True) for _ in range(2))
    first = Independent(Normal(a, 1.0), 1)
    chain = Chain(first, lambda z1: Independent(Normal(z1 + b, 1.0), 1), 2)
    chain.rsample().sum().backward()
    assert (a.grad == 2).all()
    assert (b.grad == 1).all()
    assert not chain.sample().requires_grad


# ------------------------------------------------- gradients of importance weights


@pytest.mark.parametrize("k", [1, 3])
def test_iwaes_gradient_is_that_of_the_exact_posteriors_kl(k) -> None:
    """k = 1: −∇ KL(q‖p(z|x)), exactly, by draws whose average has no noise. k = 3:
    a numerical derivative of the bound written out, with the noise held."""
    model, x = Ladder(joint=True), table(4, 3, seed=8)
    if k == 1:
        z = model.posterior(x).rsample((8,))

        class One(Ladder):
            def posterior(self, x: Tensor) -> Distribution:
                q = super().posterior(x)
                q.rsample = lambda shape: z[self.i : self.i + 1]
                return q

        one = One(joint=True)
        one.mean, one.tril, total = model.mean, model.tril, 0.0
        for one.i in range(8):
            total = total + iwae(one, x, 1).sum() / 8
        _, posterior = model.exact(x)
        q = MultivariateNormal(model.mean, scale_tril=model.tril.tril())
        exact = -kl_divergence(q, posterior).sum()
        for leaf in (model.mean, model.tril):
            (ours,) = torch.autograd.grad(total, leaf, retain_graph=True)
            (theirs,) = torch.autograd.grad(exact, leaf, retain_graph=True)
            assert torch.allclose(ours, theirs, atol=1e-8, rtol=0)
        return

    class Plain(Ladder):
        def posterior(self, x: Tensor) -> MultivariateNormal:
            return MultivariateNormal(self.mean, scale_tril=self.tril.tril())

    model = Plain(joint=True)
    noise = table(k, 4, 4, seed=11)

    def written_out() -> Tensor:
        tril = model.tril.tril()
        z = model.mean + noise @ tril.T
        log_q = -0.5 * noise.square().sum(-1) - tril.diagonal().log().sum()
        log_q = log_q - 2 * math.log(2 * math.pi)
        weights = model.likelihood(z).log_prob(x) + model.prior.log_prob(z) - log_q
        return (weights.exp().mean(0)).log().sum()

    class Held(Plain):
        def posterior(self, x: Tensor) -> MultivariateNormal:
            q = super().posterior(x)
            q.rsample = lambda shape: q.loc + noise @ q._unbroadcasted_scale_tril.T
            return q

    held = Held(joint=True)
    held.mean, held.tril = model.mean, model.tril
    value = iwae(held, x, k).sum()
    assert value.item() == pytest.approx(written_out().item(), abs=1e-9)
    gradients = torch.autograd.grad(value, (model.mean, model.tril))
    for leaf, gradient in zip((model.mean, model.tril), gradients, strict=True):
        for place in [(0, 0), (2, 1), (3, 2), (3, 3)]:
            sides = []
            for step in (1e-6, -1e-6):
                with torch.no_grad():
                    leaf[place] += step
                    sides.append(written_out().item())
                    leaf[place] -= step
            numeric = (sides[0] - sides[1]) / 2e-6
            assert gradient[place].item() == pytest.approx(numeric, abs=1e-6)


# -------------------------------------------------------------------- targets


class Across:
    """Codes of x ∈ R², a decoder of y ∈ R³: y = V z + ε."""

    v = table(3, 2, seed=12)
    prior = DiagonalGaussian(*torch.zeros(2, 2, dtype=F64))

    def posterior(self, x: Tensor) -> Distribution:
        """The exact p(z|y), for a y that x is a map of: x = V⁺ y."""
        precision = torch.eye(2, dtype=F64) + self.v.T @ self.v
        mean = x @ self.v.T @ self.v @ precision.inverse()
        return MultivariateNormal(mean, precision_matrix=precision)

    def likelihood(self, z: Tensor) -> Distribution:
        return Independent(Normal(z @ self.v.T, 1.0), 1)


def test_a_target_is_what_the_likelihood_is_asked_about() -> None:
    model, y = Across(), table(6, 3, seed=13)
    x = y @ torch.linalg.pinv(model.v).T
    eye = torch.eye(3, dtype=F64)
    exact = MultivariateNormal(torch.zeros(3, dtype=F64), model.v @ model.v.T + eye)
    for k in (1, 3):
        bound = iwae(model, x, k, target=y)
        assert torch.allclose(bound, exact.log_prob(y), atol=1e-8)
    many = log_likelihood(model, x, 5, target=y, chunk=4)
    assert torch.allclose(many, exact.log_prob(y), atol=1e-8)
    with seeded(0):
        e = elbo(model, x, target=y, samples=2)
    with seeded(0):
        z = model.posterior(x).rsample((2,))
    log_p = model.likelihood(z).log_prob(y).mean(0)
    assert torch.allclose(e.reconstruction, log_p, **EXACT)


@pytest.mark.parametrize("bound", [elbo, lambda m, x, **k: iwae(m, x, 2, **k)])
def test_bad_targets(bound) -> None:
    model, x = Across(), table(6, 2, seed=13)
    with pytest.raises(ValueError, match=r"got shape \(6, 2\).*over \(B, 3\)"):
        bound(model, x)
    with pytest.raises(ValueError, match="target: got 5 rows for 6 examples"):
        bound(model, x, target=table(5, 3))
    with pytest.raises(ValueError, match="target: 1 of 6 examples hold NaN"):
        bound(model, x, target=table(6, 3).index_fill(0, torch.tensor(2), math.nan))


# ---------------------------------------------------------- codes of any shape


@pytest.mark.parametrize("shape", [(2,), (3, 2), (2, 2, 2)])
def test_codes_may_have_any_shape(shape) -> None:
    class Encoder(nn.Module):
        def forward(self, x: Tensor) -> Distribution:
            mean = x.view(-1, *shape)
            return Independent(Normal(mean, 0.5), len(shape))

    class Decoder(nn.Module):
        def forward(self, z: Tensor) -> Distribution:
            return Independent(Normal(z.flatten(1), 1.0), 1)

    model, x = VAE(Encoder(), Decoder()), table(5, math.prod(shape)).float()
    for samples in (1, 3):
        e = elbo(model, x, samples=samples)
        assert all(part.shape == (5,) for part in e[:3])
        assert e.kl_per_dim.shape == (5, *shape)
        each = 0.5 * (x**2 + 0.25 - 1 - math.log(0.25))
        assert torch.allclose(e.kl, each.sum(1), atol=1e-4)
    floor = elbo(model, x, free_bits=50.0)
    price = floor.reconstruction - floor.value
    assert torch.allclose(price, torch.full((5,), 50.0 * math.prod(shape)))
    assert iwae(model, x, 4).shape == log_likelihood(model, x, 4).shape == (5,)
    assert (model.latent_shape, model.latent_dim) == (shape, math.prod(shape))
    assert model.sample(4, seed=0).shape == (4, math.prod(shape))
    assert model.encode(x).shape == (5, *shape)


# ------------------------------------------------------------------ small things


def test_an_empty_batch_has_no_log_likelihood() -> None:
    empty = log_likelihood(Across(), table(0, 2), 3, target=table(0, 3))
    assert (empty.shape, empty.dtype) == ((0,), F64)


@pytest.mark.parametrize(("rows", "k", "chunk"), [(6, 50, 7), (6, 5, 4), (3, 9, 1)])
def test_log_likelihood_decodes_no_more_than_chunk_at_once(rows, k, chunk) -> None:
    class Watched(Across):
        def likelihood(self, z: Tensor) -> Distribution:
            seen.append(len(z))
            return super().likelihood(z)

    seen: list[int] = []
    log_likelihood(Watched(), table(rows, 2), k, target=table(rows, 3), chunk=chunk)
    assert max(seen) <= chunk
    assert sum(seen) == rows * k
    # And no smaller than it must be: the time goes into calls.
    assert len(seen) <= math.ceil(rows / chunk) * k


def test_log_likelihood_needs_no_gradient_of_the_draws() -> None:
    class Plain(Across):
        def posterior(self, x: Tensor) -> Distribution:
            q = super().posterior(x)

            class Sampled(Distribution):
                batch_shape, event_shape = q.batch_shape, q.event_shape
                sample, log_prob = staticmethod(q.sample), staticmethod(q.log_prob)

                def __init__(self) -> None:
                    pass

            return Sampled()

    y = table(6, 3, seed=13)
    x = y @ torch.linalg.pinv(Across.v).T
    exact = log_likelihood(Across(), x, 3, target=y)
    assert torch.allclose(log_likelihood(Plain(), x, 3, target=y), exact, atol=1e-8)
    with pytest.raises(ValueError, match="no rsample"):
        elbo(Plain(), x, target=y)
