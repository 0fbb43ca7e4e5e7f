"""Autoregressive pictures: they are a distribution, and no pixel sees the future."""

import itertools

import pytest
import torch

import vaelib as vl

SHAPE = (1, 3, 3)


def network(shape=SHAPE, seed: int = 0, **options) -> vl.PixelCNN:
    with vl.seeded(seed):
        made = vl.PixelCNN(shape, 2, 4, 3, **options).double()
        for p in made.parameters():
            torch.nn.init.normal_(p, std=0.7)
    return made


def codes(n: int) -> torch.Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(1)).double()


def all_pictures() -> torch.Tensor:
    bits = list(itertools.product((0.0, 1.0), repeat=9))
    return torch.tensor(bits, dtype=torch.float64).view(-1, *SHAPE)


@pytest.mark.parametrize("options", [{}, {"skip": True}, {"places": True}, {"size": 5}])
def test_all_pictures_together_have_probability_one(options) -> None:
    z = codes(2)
    p = vl.AutoregressiveHead(network(**options))(z)
    each = p.log_prob(all_pictures()[:, None])  # (512, 2)
    assert each.shape == (512, 2)
    total = each.exp().sum(0)
    assert (total - 1).abs().max() < 1e-10
    assert (each[:, 0] - each[:, 1]).abs().max() > 0.1  # the code matters


def test_only_the_first_layer_must_not_see_the_pixel_itself() -> None:
    first, *others = network().see
    assert first.mask.flatten().tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert all(m.mask.flatten().tolist() == [1] * 5 + [0] * 4 for m in others)


@pytest.mark.parametrize("skip", [False, True])
def test_no_pixel_sees_itself_or_a_later_one(skip) -> None:
    shape = (2, 5, 4)
    made, x, z = network(shape, skip=skip), torch.rand(1, *shape).double(), codes(1)
    x.requires_grad_()
    logits = made(x, z)[0].flatten(1)  # (C, 20)
    seen = torch.stack([
        torch.autograd.grad(logits[:, i].sum(), x, retain_graph=True)[0][0]
        .flatten(1).abs().sum(0)
        for i in range(20)
    ])  # fmt: skip
    assert (seen.triu() == 0).all()
    near = [(i, i - 1) for i in range(1, 20) if i % 4] + [
        (i, i - 4) for i in range(4, 20)
    ]
    assert all(seen[i, j] > 0 for i, j in near)


def test_log_prob_is_the_sum_of_conditionals_one_pixel_at_a_time() -> None:
    made, z = network(), codes(4)
    x = all_pictures()[[3, 77, 200, 511]]
    total = torch.zeros(4, dtype=torch.float64)
    for i in range(9):
        known = x.clone().flatten(1)
        known[:, i:] = 0
        logit = made(known.view_as(x), z).flatten(1)[:, i]
        on = x.flatten(1)[:, i]
        total += torch.distributions.Bernoulli(logits=logit).log_prob(on)
    found = vl.AutoregressiveHead(made)(z).log_prob(x)
    assert torch.allclose(found, total, atol=1e-12)


def test_samples_have_the_probabilities_that_log_prob_says() -> None:
    p = vl.AutoregressiveHead(network())(codes(1))
    n = 20_000
    with vl.seeded(0):
        drawn = p.sample((n,))
    assert drawn.shape == (n, 1, *SHAPE)
    powers = 2 ** torch.arange(8, -1, -1)
    counts = (drawn.flatten(1).long() @ powers).bincount(minlength=512)
    wanted = n * p.log_prob(all_pictures()[:, None])[:, 0].exp()
    often = wanted > 20
    chi2 = ((counts - wanted) ** 2 / wanted)[often].sum() / often.sum()
    assert often.sum() > 20
    assert 0.5 < chi2 < 1.6


def test_what_is_known_stays_and_the_rest_is_drawn() -> None:
    p = vl.AutoregressiveHead(network())(codes(300))
    x = torch.ones(300, *SHAPE).double()
    with vl.seeded(0):
        made = p.complete(x, 5).flatten(1)
    assert (made[:, :5] == 1).all()
    assert 0 < made[:, 5:].mean() < 1
    assert (x == 1).all()
    with vl.seeded(0):  # and it does not matter what stood there
        x.flatten(1)[:, 5:] = 0
        assert torch.equal(p.complete(x, 5).flatten(1), made)
    assert torch.equal(p.complete(x, 9), x)


def test_batch_and_sample_axes() -> None:
    p = vl.AutoregressiveHead(network())(codes(3))
    assert p.batch_shape == (3,)
    assert p.event_shape == SHAPE
    x = p.sample((5, 2))
    assert x.shape == (5, 2, 3, *SHAPE)
    assert torch.allclose(p.log_prob(x)[4, 1], p.log_prob(x[4, 1]))
    wide = vl.AutoregressiveHead(network())(codes(1)).expand((6,))
    assert wide.log_prob(p.sample((2,))[0, :1]).shape == (6,)


def test_it_is_a_decoder() -> None:
    with vl.seeded(0):
        encoder = torch.nn.Sequential(
            vl.MLP(SHAPE, (8,), 4), vl.distributions.DiagonalGaussianHead(2)
        )
        decoder = vl.AutoregressiveHead(vl.PixelCNN(SHAPE, 2, 4, 2))
    model = vl.VAE(encoder, decoder)
    x = all_pictures().float()
    history = vl.fit(model, x, epochs=2, progress=False, device="cpu")
    assert history["elbo"][1] > history["elbo"][0]
    assert vl.log_likelihood(model, x[:4], 10).shape == (4,)
    assert model.reconstruct(x[:2]).shape == (2, *SHAPE)
    with pytest.raises(ValueError, match="outside the likelihood's"):
        vl.elbo(model, x[:4] * 0.5)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"data_shape": (3, 3)}, "data_shape"),
        ({"size": 2}, "size"),
        ({"layers": 0}, "layers"),
    ],
)
def test_errors_name_the_argument(arguments, name) -> None:
    with pytest.raises(ValueError, match=f"{name}: got"):
        vl.PixelCNN(**{"data_shape": SHAPE, "latent_dim": 2, **arguments})
