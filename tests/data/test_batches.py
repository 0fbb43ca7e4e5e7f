"""The forms data come in, and the tensors behind them."""

from dataclasses import replace

import pytest
import torch

from vaelib.data import Dataset, as_tensor, as_tensors

X, C, L = torch.rand(4, 3, 2), torch.rand(4, 5), torch.tensor([1, 3, 2, 3])
DATA = Dataset("toy", "train", X, torch.arange(4))


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (X, (X,)),
        ((X, C), (X, C)),
        ([X, C, L], (X, C, L)),
        (DATA, (X,)),
        (replace(DATA, context=C), (X, C)),
        (replace(DATA, lengths=L), (X, L)),
        (replace(DATA, context=C, lengths=L), (X, C, L)),
    ],
)
def test_x_comes_first_and_labels_stay_behind(data, wanted) -> None:
    got = as_tensors(data)
    assert isinstance(got, tuple)
    assert all(a is b for a, b in zip(got, wanted, strict=True))
    assert as_tensor(data) is X


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (X.numpy(), TypeError, "data: got ndarray, .*torch.as_tensor"),
        ((X, C.numpy()), TypeError, "data: got ndarray"),
        (None, TypeError, "data: got NoneType"),
        (torch.rand(4), ValueError, r"data: got shape \(4,\), wanted \(N, \*data"),
        (torch.rand(0, 4), ValueError, r"data: got shape \(0, 4\)"),
        ((), ValueError, r"data: got shape \(\)"),
        ((X, C[:3]), ValueError, "data: got tensors of 4, 3 rows"),
        ((X, torch.tensor(1.0)), ValueError, "data: got tensors of 4, 0 rows"),
    ],
)
def test_other_forms_are_refused(data, error, words) -> None:
    with pytest.raises(error, match=words):
        as_tensors(data)
    with pytest.raises(error, match=words):
        as_tensor(data)
