"""Scores on codes whose score is known."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from vaelib.metrics import active_units, dci, factor_vae_score, mig
from vaelib.metrics.dci import _concentration

QUICK = {"points": (1500, 700), "trees": 10}


def grid(n: int = 6000, seed: int = 0) -> Tensor:
    """Three independent factors of five values, ``(n, 3)``."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(5, (n, 3), generator=generator).float()


def noisy(factors: Tensor, scale: float = 0.05) -> Tensor:
    generator = torch.Generator().manual_seed(9)
    return factors + scale * torch.randn(factors.shape, generator=generator)


def rotated(factors: Tensor) -> Tensor:
    """Every latent is about every factor alike."""
    mix = torch.full((3, 3), 1 / 3) * 2 - torch.eye(3)  # a reflection, all entries ≠ 0
    return factors @ mix


PERFECT = [
    lambda f: noisy(f),
    lambda f: noisy(f)[:, [2, 0, 1]],  # permuted
    lambda f: -noisy(f) * torch.tensor([1.0, 7.0, 0.3]) + 5,  # turned, scaled, moved
    lambda f: torch.cat([noisy(f), torch.randn(len(f), 2)], 1),  # with idle latents
    lambda f: torch.cat([noisy(f), torch.zeros(len(f), 1)], 1),  # with a dead one
]


@pytest.mark.parametrize("code", PERFECT)
def test_perfect_codes_score_high(code) -> None:
    factors = grid()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        codes = code(factors)
    assert mig(codes, factors) >= 0.95
    assert factor_vae_score(codes, factors, votes=(1500, 700)) >= 0.99
    scores = dci(codes, factors, **QUICK)
    assert min(scores) >= 0.95


def test_rotated_codes_score_low() -> None:
    factors = grid()
    codes = noisy(rotated(factors))
    assert mig(codes, factors) < 0.3
    scores = dci(codes, factors, **QUICK)
    assert scores.disentanglement < 0.4
    assert scores.completeness < 0.4


def test_codes_of_noise_score_nothing() -> None:
    factors, codes = grid(), torch.randn(6000, 3, generator=torch.Generator())
    assert mig(codes, factors) < 0.01
    assert factor_vae_score(codes, factors, votes=(1500, 700)) < 0.5
    assert dci(codes, factors, **QUICK).informativeness < 0.3


def test_permutation_and_sign_do_not_matter() -> None:
    factors = grid(3000)
    codes = noisy(factors @ torch.tensor([[1.0, 0.2, 0], [0, 1.0, 0], [0.4, 0, 1.0]]))
    other = -codes[:, [1, 2, 0]]
    assert mig(other, factors) == pytest.approx(mig(codes, factors), abs=0.01)
    votes = {"votes": (1500, 700)}
    assert factor_vae_score(other, factors, **votes) == pytest.approx(
        factor_vae_score(codes, factors, **votes), abs=1e-9
    )
    assert mig(codes, factors[:, [2, 0, 1]]) == pytest.approx(mig(codes, factors))


def test_two_latents_for_one_factor_cost_completeness() -> None:
    factors = grid()[:, :2]
    twice = noisy(torch.cat([factors, factors[:, :1]], 1))
    once = noisy(factors)
    assert mig(twice, factors) < mig(once, factors) - 0.4  # the first factor's gap is 0
    assert dci(twice, factors, **QUICK).disentanglement >= 0.95


def test_mig_equals_a_table_worked_out_by_hand() -> None:
    """Four examples, one factor of two values, H = log 2.

    Latent 0 tells it in full: I = log 2. Latent 1 is 0, 0, 0, 1:
    I = H(3/4, 1/4) − ½ H(½, ½) = 0.5623 − 0.3466 = 0.2158 nats.
    """
    factor = torch.tensor([[0.0], [0.0], [1.0], [1.0]]).repeat(2, 1)
    codes = torch.tensor([[0.0, 0], [0, 0], [1, 0], [1, 1]]).repeat(2, 1)
    h = lambda *p: -sum(q * math.log(q) for q in p)  # noqa: E731
    second = h(3 / 4, 1 / 4) - 0.5 * h(1 / 2, 1 / 2)
    expected = (math.log(2) - second) / math.log(2)
    assert mig(codes, factor, bins=2) == pytest.approx(expected, abs=1e-12)


def test_factor_vae_score_of_a_known_confusion() -> None:
    """One latent alone: it always wins the vote, so one factor in two is right."""
    factors = grid()[:, :2]
    score = factor_vae_score(noisy(factors)[:, :1], factors)
    assert score == pytest.approx(0.5, abs=0.03)


def test_collapsed_latents_do_not_vote() -> None:
    factors = grid()
    codes = torch.cat([noisy(factors), 0.01 * torch.randn(6000, 1)], 1)
    # Unpruned, a constant latent would still be scaled to one; pruned, it is out.
    assert factor_vae_score(codes, factors, votes=(1500, 700)) >= 0.99
    assert factor_vae_score(0.01 * codes, factors, votes=(10, 10)) == 0.0


def test_seeded() -> None:
    factors = grid(2000)
    codes = noisy(factors, 2.0)
    few = {"votes": (300, 200)}
    one = factor_vae_score(codes, factors, **few)
    assert one == factor_vae_score(codes, factors, **few)
    others = {factor_vae_score(codes, factors, seed=s, **few) for s in range(1, 6)}
    assert others != {one}
    assert dci(codes, factors, **QUICK) == dci(codes, factors, **QUICK)


@pytest.mark.parametrize("score", [mig, factor_vae_score, dci])
@pytest.mark.parametrize(
    ("codes", "factors", "words"),
    [
        (torch.zeros(8), grid(8), "codes: got"),
        (torch.randn(8, 2), grid(9), "factors: got 9 rows for 8"),
        (torch.full((8, 2), math.nan), grid(8), "codes: holds NaN"),
        (torch.randn(40, 2), torch.zeros(40, 1), "column 0 takes 1 values"),
        (torch.randn(40, 2), torch.randn(40, 1), "round it to a grid"),
    ],
)
def test_bad_input(score, codes, factors, words) -> None:
    with pytest.raises(ValueError, match=words):
        score(codes, factors)


# ------------------------------------------------------------------ active units


class Codes:
    """A posterior whose mean is the data, each dimension with its own spread."""

    def posterior(self, x: Tensor) -> Independent:
        return Independent(Normal(x, 1.0), 1)


def test_counts_dimensions_by_the_variance_of_their_means() -> None:
    z = torch.randn(5000, 4, generator=torch.Generator().manual_seed(0))
    z = z * torch.tensor([1.0, 0.2, 0.05, 0.0]) + 7  # variances 1, 0.04, 0.0025, 0
    assert active_units(Codes(), z) == 2
    assert active_units(Codes(), z, threshold=1e-3) == 3
    assert active_units(Codes(), z[torch.randperm(5000)][:, [3, 1, 0, 2]]) == 2


def test_one_example_has_no_variance() -> None:
    with pytest.raises(ValueError, match="two or more"):
        active_units(Codes(), torch.zeros(1, 4))


# ------------------------------------------------------------------- dci's edges


def test_one_latent_tells_every_factor_completely() -> None:
    """A row of one has no entropy: not NaN, but as concentrated as can be."""
    factors = grid(1200)[:, :2]
    codes = noisy(factors[:, :1] + 5 * factors[:, 1:])
    scores = dci(codes, factors, **QUICK)
    assert scores.completeness == 1
    assert scores.disentanglement < 0.9
    alone = dci(noisy(factors), factors[:, :1], **QUICK)
    assert alone.disentanglement == 1
    assert dci(noisy(factors[:, :1]), factors[:, :1], **QUICK)[:2] == (1, 1)


def test_constant_codes_tell_nothing() -> None:
    scores = dci(torch.zeros(900, 2), grid(900), **QUICK)
    assert scores[:2] == (0, 0)
    assert scores.informativeness < 0.3


@pytest.mark.parametrize(
    ("matrix", "wanted"),
    [
        (np.eye(3), 1.0),
        (np.ones((4, 3)), 0.0),
        (np.array([[1.0, 1.0, 0.0]]), 1 - np.log(2) / np.log(3)),
        # A latent three times as important counts three times.
        (np.array([[3.0, 0.0], [0.5, 0.5]]), 0.75),
    ],
)
def test_concentration_by_hand(matrix, wanted) -> None:
    """Eastwood & Williams 2018, eqs 1 and 2: entropies in base (number of entries)."""
    assert _concentration(matrix) == pytest.approx(wanted, abs=1e-12)
