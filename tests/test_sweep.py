import pytest
import torch
from torch import nn

import vaelib as vl
from vaelib.stacking import CannotStack, StackedVAE
from vaelib.sweep import Table, sweep

BETAS = (0.5, 1.0, 4.0)
QUIET = {"progress": False, "device": "cpu", "epochs": 3}


@pytest.fixture(scope="module")
def data():
    return vl.load("digits", n=300, device="cpu")


def small(seed: int, **options) -> vl.VAE:
    return vl.mlp_vae((1, 8, 8), 2, (24, 24, 12), seed=seed, **options)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_together_is_one_after_the_other(data, likelihood) -> None:
    def build(seed: int) -> vl.VAE:
        return small(seed, likelihood=likelihood)

    apart = sweep(build, data, betas=BETAS, seeds=(0, 1), together=False, **QUIET)
    at_once = sweep(build, data, betas=BETAS, seeds=(0, 1), together=True, **QUIET)
    assert list(apart.models) == list(at_once.models)
    for key, model in apart.models.items():
        assert torch.allclose(weights(model), weights(at_once.models[key]), atol=2e-3)
    for one, other in zip(apart.table, at_once.table, strict=True):
        assert one == pytest.approx(other, abs=0.05)
    # And they are different models: what agrees above is not all of them alike.
    assert not torch.allclose(
        weights(apart.models[0.5, 0]), weights(apart.models[4.0, 0]), atol=0.02
    )


def test_apart_is_fit(data) -> None:
    from functools import partial

    models, _ = sweep(small, data, betas=(2.0,), seeds=(3,), **QUIET)
    alone = small(3)
    vl.fit(alone, data, partial(vl.elbo, beta=2.0), seed=3, **QUIET)
    assert torch.equal(weights(models[2.0, 3]), weights(alone))


def test_first_steps_agree_closely(data) -> None:
    """One epoch of five steps: only rounding separates the two ways."""
    options = {**QUIET, "epochs": 1}
    apart = sweep(small, data, betas=BETAS, together=False, **options)
    at_once = sweep(small, data, betas=BETAS, together=True, **options)
    for key, model in apart.models.items():
        assert torch.allclose(weights(model), weights(at_once.models[key]), atol=1e-5)


def test_stack_computes_what_the_models_do(data) -> None:
    models = [small(seed) for seed in range(3)]
    stack, x = StackedVAE(models), data.x[:5]
    with vl.seeded(0):
        whole = vl.elbo(stack, x.repeat(3, 1, 1, 1))
    for i, model in enumerate(models):
        with vl.seeded(0):
            alone = vl.elbo(model, x)
        for ours, theirs in zip(whole[:4], alone, strict=True):
            assert torch.allclose(ours[5 * i : 5 * i + 5], theirs, atol=1e-4)


def test_the_table_is_tidy_and_falls_with_beta(data) -> None:
    models, table = sweep(
        small, data, betas=(0.1, 1.0, 30.0), **{**QUIET, "epochs": 20}
    )
    assert [type(m) for m in models.values()] == [vl.VAE] * 3
    assert table.column("beta") == [0.1, 1.0, 30.0]
    kl = table.column("kl")
    assert kl == sorted(kl, reverse=True)
    assert kl[0] > kl[2] + 1
    for row in table:
        assert row["elbo"] == pytest.approx(row["reconstruction"] - row["kl"], abs=1e-4)
        assert 0 <= row["active_units"] <= 2
    html = table._repr_html_()
    assert html.count("<tr>") == 4
    assert "<th>active_units</th>" in html
    assert Table()._repr_html_()


def test_beta_may_be_zero(data) -> None:
    swept = sweep(small, data, betas=(0.0,), **{**QUIET, "epochs": 1})
    (row,) = swept.table
    assert (row["beta"], list(swept.models)) == (0.0, [(0.0, 0)])


def test_the_table_is_of_the_test_data(data) -> None:
    test = vl.load("digits", "test", device="cpu")
    _, here = sweep(small, data, betas=(1.0,), **QUIET)
    _, there = sweep(small, data, betas=(1.0,), test=test, **QUIET)
    assert here[0]["elbo"] != there[0]["elbo"]


def test_what_cannot_be_stacked_is_trained_apart(data) -> None:
    def conv(seed: int) -> vl.VAE:
        return vl.conv_vae((1, 8, 8), 2, 4, seed=seed)

    options = {**QUIET, "epochs": 1}
    assert len(sweep(conv, data, betas=(1.0, 2.0), **options).models) == 2
    with pytest.raises(ValueError, match="together: these models cannot"):
        sweep(conv, data, betas=(1.0, 2.0), together=True, **options)
    learned = [small(0, likelihood="gaussian", scale="learned") for _ in range(2)]
    with pytest.raises(CannotStack, match="weights of its own"):
        StackedVAE(learned)
    with pytest.raises(CannotStack, match="differ in shape"):
        StackedVAE([small(0), vl.mlp_vae((1, 8, 8), 2, (24, 12, 12))])
    parts = small(0)
    own = vl.VAE(parts.encoder, parts.decoder, prior=vl.StandardNormal(2))
    with pytest.raises(CannotStack, match="prior"):
        StackedVAE([own, own])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"betas": ()}, "betas: got"),
        ({"betas": (1.0, 1.0)}, "each once"),
        ({"betas": (1.0,), "seeds": ()}, "seeds: got"),
        ({"betas": (-1.0,)}, "beta"),
    ],
)
def test_bad_arguments(data, arguments, words) -> None:
    with pytest.raises(ValueError, match=words):
        sweep(small, data, **arguments, **QUIET)
