"""Codes and factors, side by side as the scores want them."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def aligned(codes: Tensor, factors: Tensor) -> tuple[Floats, Ints]:
    """Codes as float64, factors as the ranks of their values."""
    for name, value in (("codes", codes), ("factors", factors)):
        if not isinstance(value, Tensor) or value.dim() != 2:
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value)
            raise ValueError(f"{name}: got {got}, wanted a tensor of two dimensions")
        if not value.isfinite().all():
            raise ValueError(f"{name}: holds NaN or infinite values")
    if len(codes) != len(factors):
        raise ValueError(
            f"factors: got {len(factors)} rows for {len(codes)} codes, wanted one each"
        )
    z = codes.detach().cpu().double().numpy()
    columns = factors.detach().cpu().numpy().T
    ranked = [np.unique(column, return_inverse=True) for column in columns]
    for i, (values, _) in enumerate(ranked):
        if not 1 < len(values) <= max(2, len(codes) // 4):
            raise ValueError(
                f"factors: column {i} takes {len(values)} values in {len(codes)} rows; "
                "wanted at least 2, each several times. Drop it, or round it to a grid."
            )
    return z, np.stack([inverse for _, inverse in ranked], axis=1).astype(np.int64)
