import pytest
import torch
from torch.distributions import Independent, Normal

from vaelib.metrics import active_units


class Codes:
    """A posterior whose mean is the data, each dimension with its own spread."""

    def posterior(self, x: torch.Tensor) -> Independent:
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
