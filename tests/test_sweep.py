import signal
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import vaelib as vl
from vaelib.stacking import CannotStack, StackedVAE
from vaelib.sweep import Table, grid, jobs, sweep
from vaelib.training import Run

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


# -------------------------------------------------------- stopped, and gone on with


def tied(seed: int) -> vl.VAE:
    model = vl.mlp_vae((1, 8, 8), 2, (12, 12, 12), seed=seed)
    layers = [m for m in model.encoder.modules() if isinstance(m, nn.Linear)]
    layers[2].weight = layers[1].weight
    return model


def frozen(seed: int) -> vl.VAE:
    model = small(seed)
    model.decoder.requires_grad_(False)
    return model


class Doubled(vl.VAE):
    """A VAE with a method of its own."""

    def likelihood(self, z):
        return super().likelihood(2 * z)


def doubled(seed: int) -> vl.VAE:
    parts = small(seed)
    return Doubled(parts.encoder, parts.decoder)


@pytest.mark.parametrize("build", [tied, frozen, doubled])
def test_what_is_not_plain_is_trained_apart(data, build) -> None:
    options = {"betas": (1.0, 2.0), **QUIET}
    same(sweep(build, data, together=False, **options), sweep(build, data, **options))
    with pytest.raises(ValueError, match="together: these models cannot"):
        sweep(build, data, together=True, **options)


@pytest.fixture
def steps(monkeypatch) -> list[int]:
    """The steps of all runs, as they are taken."""
    taken: list[int] = []
    advance = Run.advance

    def counted(run: Run) -> None:
        taken.append(run.step)
        advance(run)

    monkeypatch.setattr(Run, "advance", counted)
    return taken


def same(one: vl.Sweep, other: vl.Sweep) -> None:
    assert list(one.models) == list(other.models)
    for key, model in one.models.items():
        assert torch.equal(weights(model), weights(other.models[key]))
    assert one.table == other.table


@pytest.mark.parametrize("together", [False, True])
def test_a_sweep_is_gone_on_with(data, tmp_path, steps, together) -> None:
    options = {"betas": BETAS, "seeds": (0, 1), "together": together, **QUIET}
    plain = sweep(small, data, **options)
    alone = len(steps)
    first = sweep(small, data, checkpoint=tmp_path / "new" / "folder", **options)
    assert len(steps) == 2 * alone
    again = sweep(small, data, checkpoint=tmp_path / "new" / "folder", **options)
    assert len(steps) == 2 * alone
    same(plain, first)
    same(plain, again)
    names = sorted(p.name for p in (tmp_path / "new" / "folder").iterdir())
    if together:
        assert [n[:15] for n in names] == ["seed-0-together", "seed-1-together"]
    else:
        assert len(names) == 6
        assert names[0] == "beta-0.5-seed-0.safetensors"


def test_auto_trains_small_models_at_once(data, steps, monkeypatch) -> None:
    sweep(small, data, betas=(1.0, 2.0), **QUIET)
    assert len(steps) == 15
    monkeypatch.setattr(jobs, "STACK_BELOW", 1000)
    sweep(small, data, betas=(1.0, 2.0), **QUIET)
    assert len(steps) == 3 * 15


def test_other_weights_are_another_run(data, tmp_path) -> None:
    for betas in ((1.0, 2.0), (1.0, 3.0), (1.0,)):
        options = {"betas": betas, "together": True, **QUIET}
        plain = sweep(small, data, **options)
        same(plain, sweep(small, data, checkpoint=tmp_path, **options))


def interrupting(function, *at: int):
    """The function, with Ctrl-C pressed in these calls of it."""
    calls = []

    def called(*args, **kwargs):
        calls.append(None)
        if len(calls) in at:
            signal.raise_signal(signal.SIGINT)
        return function(*args, **kwargs)

    return called


def test_one_interrupt_ends_a_sweep(data, tmp_path, steps, monkeypatch, capsys) -> None:
    options = {
        "betas": BETAS,
        "seeds": (0, 1),
        "together": False,
        "checkpoint": tmp_path,
        **QUIET,
    }
    plain = sweep(small, data, **{**options, "checkpoint": None})
    steps.clear()
    # A model takes 15 steps.
    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", interrupting(Run.advance, 15 + 8))
        stopped = sweep(small, data, **options)
    assert len(steps) == 15 + 8
    assert list(stopped.models) == [(0.5, 0), (1.0, 0)]
    assert stopped.table == plain.table[:1]
    assert stopped.table.unfinished == [
        (beta, seed) for beta in BETAS for seed in (0, 1) if (beta, seed) != (0.5, 0)
    ]
    said = capsys.readouterr().out
    assert "1 of 6 models are whole" in said
    assert "Call sweep again as before" in said
    assert "1 of 6 models are whole" in stopped.table._repr_html_()
    assert stopped.models[1.0, 0].sample(2, seed=0).isfinite().all()
    assert not stopped.models[1.0, 0].training
    steps.clear()
    whole = sweep(small, data, **options)
    assert len(steps) == 5 * 15 - 8
    same(plain, whole)
    assert whole.table.unfinished == []


def test_an_interrupt_among_stacked_models(data, tmp_path, steps, monkeypatch) -> None:
    options = {
        "betas": BETAS,
        "seeds": (0, 1),
        "together": True,
        "checkpoint": tmp_path,
        **QUIET,
    }
    plain = sweep(small, data, **{**options, "checkpoint": None})
    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", interrupting(Run.advance, 15 + 4))
        stopped = sweep(small, data, **options)
    assert stopped.table.column("seed") == [0, 0, 0]
    assert stopped.table.unfinished == [(beta, 1) for beta in BETAS]
    begun = weights(stopped.models[1.0, 1])
    assert not torch.equal(begun, weights(small(1)))
    assert not torch.equal(begun, weights(plain.models[1.0, 1]))
    steps.clear()
    same(plain, sweep(small, data, **options))
    assert len(steps) == 15 - 4


def test_an_interrupt_between_two_models(data) -> None:
    """Two builds to look at, one that is trained, and one while which Ctrl-C comes."""
    build = interrupting(small, 4)
    swept = sweep(build, data, betas=BETAS, together=False, **QUIET)
    assert list(swept.models) == [(0.5, 0)]
    assert swept.table.unfinished == [(1.0, 0), (4.0, 0)]


@pytest.mark.parametrize("together", [False, True])
def test_an_interrupt_in_the_last_step_ends_the_sweep(
    data, monkeypatch, together
) -> None:
    monkeypatch.setattr(Run, "advance", interrupting(Run.advance, 15))
    swept = sweep(
        small, data, betas=(1.0, 2.0), seeds=(0, 1), together=together, **QUIET
    )
    whole = [(1.0, 0), (2.0, 0)] if together else [(1.0, 0)]
    assert list(swept.models) == whole
    assert len(swept.table) == len(whole)


def test_a_second_interrupt_is_obeyed_at_once(data, monkeypatch, steps) -> None:
    handler = signal.getsignal(signal.SIGINT)
    press = interrupting(interrupting(Run.advance, 3), 3)
    monkeypatch.setattr(Run, "advance", press)
    with pytest.raises(KeyboardInterrupt):
        sweep(small, data, betas=BETAS, together=False, **QUIET)
    assert len(steps) == 2
    assert signal.getsignal(signal.SIGINT) is handler
    # Also when the table is being made.
    monkeypatch.undo()
    monkeypatch.setattr(Run, "advance", interrupting(Run.advance, 15 + 3))
    monkeypatch.setattr(grid, "row", interrupting(grid.row, 1))
    with pytest.raises(KeyboardInterrupt):
        sweep(small, data, betas=BETAS, together=False, **QUIET)
    assert signal.getsignal(signal.SIGINT) is handler


def test_nothing_whole_is_an_empty_table(data, monkeypatch, capsys) -> None:
    monkeypatch.setattr(Run, "advance", interrupting(Run.advance, 2))
    swept = sweep(small, data, betas=(1.0, 2.0), **QUIET)
    assert "Call sweep again" not in capsys.readouterr().out
    assert swept.table == []
    assert "0 of 2 models" in swept.table._repr_html_()


@pytest.mark.parametrize("together", [False, True])
def test_models_end_on_the_device_asked_for(data, monkeypatch, together) -> None:
    """On one that holds no numbers: nothing can be trained there, only moved."""
    monkeypatch.setattr(grid, "resolve_device", lambda name: torch.device("meta"))
    monkeypatch.setattr(jobs, "fit", lambda *args, **kwargs: vl.History())
    monkeypatch.setattr(grid, "row", lambda cell, model, x: {})
    models, _ = sweep(small, data, betas=BETAS, together=together, **QUIET)
    for model in models.values():
        assert all(value.is_meta for value in model.state_dict().values())
        assert not model.training


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("together", [False, True])
def test_models_end_on_the_gpu(data, together) -> None:
    def build(seed: int) -> vl.VAE:
        return small(seed, likelihood="gaussian")

    options = {**QUIET, "device": "cuda"}
    models, table = sweep(build, data, betas=BETAS, together=together, **options)
    for model in models.values():
        assert all(value.is_cuda for value in model.state_dict().values())
    apart = sweep(build, data, betas=BETAS, together=together, **QUIET).table
    for one, other in zip(table, apart, strict=True):
        assert one == pytest.approx(other, abs=0.5)


class Halves(nn.Module):
    """A body and a head, both told c."""

    def __init__(self, body: nn.Module, head: nn.Module):
        super().__init__()
        self.body, self.head = body, head

    def forward(self, first: torch.Tensor, c: torch.Tensor):
        return self.head(self.body(torch.cat([first.flatten(1), c], 1)))


def conditional(seed: int) -> vl.ConditionalVAE:
    code, pixels = vl.DiagonalGaussianHead(2), vl.BernoulliHead((1, 8, 8))
    return vl.ConditionalVAE(
        Halves(vl.MLP(64 + 10, (16,), code.in_shape), code),
        Halves(vl.MLP(2 + 10, (16,), pixels.in_shape), pixels),
    )


def test_models_with_a_condition(data) -> None:
    """More examples than the table looks at in one part."""
    c = nn.functional.one_hot(data.labels, 10).float()
    many = (data.x.repeat(15, 1, 1, 1), c.repeat(15, 1))
    options = {"betas": (1.0, 8.0), **QUIET}
    models, table = sweep(conditional, (data.x, c), test=many, **options)
    with vl.seeded(0):
        alone = conditional(0)
    vl.fit(alone, (data.x, c), partial(vl.elbo, beta=8.0), **QUIET)
    assert torch.equal(weights(models[8.0, 0]), weights(alone))
    with vl.seeded(0):
        exact = vl.elbo(alone.given(many[1]), many[0])
    assert table[1]["kl"] == pytest.approx(exact.kl.mean().item(), rel=1e-4)
    assert table[1]["reconstruction"] == pytest.approx(
        exact.reconstruction.mean().item(), rel=1e-2
    )


# --------------------------------------------------------------------- arguments


def test_numbers_of_all_kinds(data) -> None:
    options = {**QUIET, "epochs": 1}
    plain = sweep(small, data, betas=(1.0, 2.0), seeds=(0, 1), **options)
    for betas, seeds in [
        (np.array([1.0, 2.0]), np.arange(2)),
        (torch.tensor([1, 2]), torch.arange(2)),
        ((b for b in (1, 2)), iter([0, 1])),
        (np.float32([1, 2]), range(2)),
    ]:
        swept = sweep(small, data, betas=betas, seeds=seeds, **options)
        same(plain, swept)
        for beta, seed in swept.models:
            assert (type(beta), type(seed)) == (float, int)


def test_another_objective(data) -> None:
    freed = partial(vl.elbo, free_bits=0.5)
    models, _ = sweep(small, data, betas=(1.0, 2.0), objective=freed, **QUIET)
    alone = small(0)
    vl.fit(alone, data, partial(vl.elbo, free_bits=0.5, beta=2.0), **QUIET)
    assert torch.equal(weights(models[2.0, 0]), weights(alone))
    with pytest.raises(ValueError, match=r"together: .* only vaelib\.elbo"):
        sweep(small, data, betas=(1.0,), objective=freed, together=True, **QUIET)


def test_layers_put_together_by_hand_draw_from_the_seed(data) -> None:
    def build(seed: int) -> vl.VAE:
        encoder = nn.Sequential(vl.MLP((1, 8, 8), (9,), 4), vl.DiagonalGaussianHead(2))
        pixels = vl.BernoulliHead((1, 8, 8))
        decoder = nn.Sequential(vl.MLP(2, (9,), pixels.in_shape), pixels)
        return vl.VAE(encoder, decoder)

    options = {**QUIET, "epochs": 1, "seeds": (0, 1), "betas": (1.0, 2.0)}
    torch.manual_seed(1)
    first = sweep(build, data, **options)
    torch.manual_seed(2)
    same(first, sweep(build, data, **options))


KEPT = small(0)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"betas": ()}, ValueError, r"betas: got \[\], wanted one or more"),
        ({"betas": (1.0, 1.0)}, ValueError, "each once"),
        ({"betas": 4.0}, TypeError, r"betas: got 4.0, wanted several, e.g. \(0.5"),
        ({"betas": "14"}, TypeError, "betas: got '14', wanted several"),
        ({"betas": ("1", "4")}, TypeError, "betas: got '1' among them"),
        ({"betas": (True,)}, TypeError, "betas: got True among them"),
        ({"betas": (-1.0,)}, ValueError, "betas: got -1.0 among them, wanted .* ≥ 0"),
        ({"betas": (np.nan,)}, ValueError, "betas: got nan among them"),
        ({"betas": (np.inf,)}, ValueError, "betas: got inf among them"),
        ({"seeds": ()}, ValueError, "seeds: got"),
        ({"seeds": 3}, TypeError, r"seeds: got 3, wanted several, e.g. \(0, 1, 2\)"),
        ({"seeds": (-1,)}, ValueError, "seeds: got -1 among them, wanted whole .* ≥ 0"),
        ({"seeds": (0.5,)}, TypeError, "seeds: got 0.5 among them"),
        ({"seeds": ("0",)}, TypeError, "seeds: got '0' among them"),
        ({"seeds": (False,)}, TypeError, "seeds: got False among them"),
        ({"seed": 3}, TypeError, r"a sweep takes several, seeds=\(0, 1, 2\)"),
        ({"together": "yes"}, ValueError, "together: got 'yes', wanted True, False or"),
        (
            {"test": torch.zeros(5, 1, 4, 4)},
            ValueError,
            r"test: got .*as in the data, \(1, 8, 8\)",
        ),
        ({"test": torch.zeros(0, 1, 8, 8)}, ValueError, r"got shape \(0, 1, 8, 8\)"),
        ({"build": KEPT}, TypeError, "build: got a VAE, wanted a function"),
        ({"build": 3}, TypeError, "build: got a int, wanted a function"),
        ({"build": lambda: small(0)}, TypeError, "called with a seed alone"),
        ({"build": lambda seed: None}, TypeError, "gave a NoneType for seed 0, wanted"),
        (
            {"build": lambda seed: nn.Linear(2, 2)},
            TypeError,
            "gave a Linear for seed 0, wanted a VAE",
        ),
        ({"build": lambda seed: KEPT}, ValueError, "same model twice, wanted a fresh"),
        (
            {"build": lambda seed: small(0), "seeds": (5, 6)},
            ValueError,
            "same weights for seeds 5 and 6. Pass its seed on",
        ),
        (
            {"build": lambda seed: small(np.random.randint(10**6))},
            ValueError,
            "other weights when called with seed 0 again",
        ),
    ],
)
def test_bad_arguments(data, arguments, error, words) -> None:
    told = {"build": small, "betas": (1.0,), **arguments, **QUIET}
    with pytest.raises(error, match=words):
        sweep(told.pop("build"), data, **told)


def test_a_checkpoint_is_a_folder(data, tmp_path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(NotADirectoryError, match=r"checkpoint: .* is a file\. A sweep"):
        sweep(small, data, betas=(1.0,), checkpoint=file, **QUIET)
    assert file.read_text() == "mine"
