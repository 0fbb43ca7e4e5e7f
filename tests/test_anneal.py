"""Annealing: the schedule's values, and that a run keeps to them."""

from functools import partial

import pytest
import torch
from torch import nn

import vaelib as vl
from vaelib.training import History

QUIET = {"progress": False, "device": "cpu", "batch_size": 10}


def small(seed: int = 0) -> vl.VAE:
    return vl.mlp_vae((1, 4, 4), 2, (8,), seed=seed)


def data() -> torch.Tensor:
    return torch.rand(50, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def betas(schedule, n: int) -> list[float]:
    return [schedule.beta(step) for step in range(n)]


def test_one_cycle_rises_and_stays() -> None:
    assert betas(vl.anneal(4), 7) == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert betas(vl.anneal(8, rise=0.5), 9) == [0, 0.25, 0.5, 0.75] + 5 * [1]
    assert betas(vl.anneal(2, start=3, stop=1), 4) == [3, 2, 1, 1]


def test_cycles_are_those_of_fu_et_al() -> None:
    # T = 12, M = 3, R = ½: τ = mod(t, 4) / 4, β = τ / R up to τ = R, then 1.
    wanted = 3 * [0.0, 0.5, 1.0, 1.0] + [1.0, 1.0]
    assert betas(vl.anneal(12, cycles=3, rise=0.5), 14) == wanted


def test_cycles_of_unequal_length_lose_no_step() -> None:
    schedule = vl.anneal(10, cycles=3)
    starts = [t for t in range(1, 10) if schedule.beta(t) < schedule.beta(t - 1)]
    assert starts == [4, 7]  # 10/3 and 20/3, rounded up
    assert schedule.beta(4) == pytest.approx(0.2)


def test_cosine() -> None:
    schedule = vl.anneal(4, shape="cosine", stop=2)
    assert betas(schedule, 5) == pytest.approx([0, 0.292893219, 1, 1.707106781, 2])


class Seen(nn.Module):
    """Notes the β of each step; ``fit`` looks once before the first."""

    def __init__(self) -> None:
        super().__init__()
        self.betas: list[float] = []

    def __call__(self, model, x, beta):  # type: ignore[override]
        self.betas.append(beta)
        return vl.elbo(model, x, beta=beta)


def test_fit_is_at_the_schedule_s_step() -> None:
    seen = Seen()
    vl.fit(small(), data(), vl.anneal(8, seen), epochs=2, **QUIET)
    assert seen.betas == [0.0, *betas(vl.anneal(8), 10)]


def test_its_steps_are_those_of_two_betas_by_hand() -> None:
    one, other = small(), small()
    vl.fit(one, data(), vl.anneal(1, start=3, stop=3), epochs=2, **QUIET)
    vl.fit(other, data(), partial(vl.elbo, beta=3), epochs=2, **QUIET)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_history_has_the_elbo_s_terms_and_its_name() -> None:
    history = vl.fit(small(), data(), vl.anneal(5), epochs=1, **QUIET)
    assert list(history) == ["objective", "elbo", "reconstruction", "kl"]


def _interrupted(path) -> History:
    """Stopped after 7 of 15 steps."""
    from trained import at_step, press_ctrl_c

    stopped = small()
    at_step(stopped, 7, press_ctrl_c)
    return vl.fit(stopped, data(), vl.anneal(15), checkpoint=path, epochs=3, **QUIET)


def test_a_resumed_run_goes_on_in_the_schedule(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend("tests/training")
    path = tmp_path / "run.safetensors"
    whole, fresh = small(), small(seed=9)
    reference = vl.fit(whole, data(), vl.anneal(15), epochs=3, **QUIET)
    assert _interrupted(path).interrupted
    resumed = vl.fit(fresh, data(), vl.anneal(15), checkpoint=path, epochs=3, **QUIET)
    assert dict(resumed) == dict(reference)
    for a, b in zip(fresh.parameters(), whole.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "other",
    [
        vl.elbo,
        vl.anneal(16),
        vl.anneal(15, start=0.1),
        vl.anneal(15, stop=2),
        vl.anneal(15, cycles=3),
        vl.anneal(15, rise=0.5),
        vl.anneal(15, shape="cosine"),
        vl.anneal(15, partial(vl.elbo, free_bits=0.1)),
    ],
)
def test_a_checkpoint_of_another_schedule_is_refused(other, tmp_path) -> None:
    path = tmp_path / "run.safetensors"
    vl.fit(small(), data(), vl.anneal(15), checkpoint=path, epochs=1, **QUIET)
    with pytest.raises(ValueError, match="objective"):
        vl.fit(small(), data(), other, checkpoint=path, epochs=1, **QUIET)


def test_a_model_with_a_condition() -> None:
    def encode(x, c):
        return vl.DiagonalGaussian(x[:, :1], x[:, :1] * 0)

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x, c):
            return encode(self.scale * x, c)

    class Decoder(nn.Module):
        def forward(self, z, c):
            return vl.GaussianHead(2)(torch.cat([z, c], 1))

    model = vl.ConditionalVAE(Encoder(), Decoder())
    x, c = torch.randn(20, 2), torch.randn(20, 1)
    history = vl.fit(model, (x, c), vl.anneal(3), epochs=1, **QUIET)
    assert history["kl"][0] > 0
    with pytest.raises(ValueError, match="needs a condition"):
        vl.fit(model, x, vl.anneal(3), epochs=1, **QUIET)


def test_called_itself_it_has_the_last_beta() -> None:
    model, x = small(), data()
    with vl.seeded(0):
        ours = vl.anneal(5, stop=2)(model, x).value
    with vl.seeded(0):
        theirs = vl.elbo(model, x, beta=2).value
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("steps", 2.5),
        ("cycles", 0),
        ("cycles", 11),
        ("rise", 0),
        ("rise", 1.5),
        ("start", -1),
        ("stop", float("nan")),
        ("shape", "sigmoid"),
    ],
)
def test_errors_name_the_argument(name, value) -> None:
    with pytest.raises(ValueError, match=f"{name}: got"):
        vl.anneal(**{"steps": 10, name: value})
