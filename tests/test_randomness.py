import pytest
import torch

from vaelib import seeded


def test_same_seed_same_numbers_and_no_trace_behind() -> None:
    before = torch.get_rng_state()
    with seeded(3):
        a = torch.randn(4)
    with seeded(3):
        b = torch.randn(4)
    with seeded(4):
        c = torch.randn(4)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(torch.get_rng_state(), before)


def test_none_leaves_everything_as_it_is() -> None:
    with seeded(0), seeded(None):
        a = torch.randn(4)
    with seeded(0):
        assert torch.equal(torch.randn(4), a)


@pytest.mark.parametrize("seed", [1.5, "0", True])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(TypeError, match="seed: got"), seeded(seed):  # type: ignore[arg-type]
        pass
