"""The pictures of lesson 14."""

import pytest
import torch

import vaelib as vl


def model(seed: int = 0) -> vl.VAE:
    return vl.mlp_vae((1, 6, 6), 2, (8,), seed=seed)


def pictures(n: int = 12) -> torch.Tensor:
    return torch.rand(n, 1, 6, 6, generator=torch.Generator().manual_seed(0)).round()


def test_swapped_says_what_the_own_code_is_worth() -> None:
    class Telling:
        """The code is the first pixel, and the decoder knows all pictures by it."""

        def posterior(self, x):
            return vl.DiagonalGaussian(x[:, 0, 0, :1], torch.full((len(x), 1), -30.0))

        def likelihood(self, z):
            logits = (4 * (z.round() * 2 - 1)).view(-1, 1, 1, 1).expand(-1, 1, 6, 6)
            return torch.distributions.Independent(vl.Bernoulli(logits=logits), 3)

    x = torch.zeros(4, 1, 6, 6)
    x[::2] = 1
    found = vl.plots.swapped({"it tells": Telling(), "untrained": model()}, x, rows=3)
    assert "it tells: the own code is worth 144.0 nats more" in found.alt  # 36 · 4
    assert "2 models" in found.alt
    assert len(found.axes) == 2
    assert len(found.axes[0].images) == 9
    assert [t.get_text() for t in found.axes[0].texts] == [
        "$x$",
        "own code",
        "another's",
    ]


def test_swapped_for_one_model_and_a_translation() -> None:
    found = vl.plots.swapped({"a": model()}, pictures(), words={"own": "eigener"})
    assert "eigener" in [t.get_text() for t in found.axes[0].texts]
    with pytest.raises(ValueError, match="x: got 1"):
        vl.plots.swapped({"a": model()}, pictures(1), rows=1)


def test_diagnosis_holds_what_was_measured() -> None:
    measured = {
        name: {"test": f"test of {name}", "cure": f"cure of {name}"}
        for name in ("decoder", "optimisation", "objective")
    }
    found = vl.plots.diagnosis(measured)
    drawn = [t.get_text() for t in found.axes[0].texts]
    for name in measured:
        assert f"test of {name}" in drawn
        assert f"cure of {name}" in drawn
        assert f"cure of {name}" in found.alt
    with pytest.raises(ValueError, match=r"measured: lacks \['objective'\]"):
        vl.plots.diagnosis({k: measured[k] for k in ("decoder", "optimisation")})
