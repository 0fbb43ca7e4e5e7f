import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA as Reference

from vaelib import PCA

X = torch.as_tensor(load_digits().data / 16)


@pytest.mark.parametrize("k", [1, 5, 40, 64])
def test_equals_scikit_learn(k) -> None:
    ours, theirs = PCA(k).fit(X), Reference(k, svd_solver="full").fit(X.numpy())
    assert torch.allclose(
        ours.explained_variance_ratio,
        torch.as_tensor(theirs.explained_variance_ratio_),
        atol=1e-10,
    )
    assert torch.allclose(
        ours.explained_variance, torch.as_tensor(theirs.explained_variance_), atol=1e-10
    )
    # Where eigenvalues are apart (the last, constant pixels are not), the
    # components agree up to sign.
    apart = min(k, 55)
    dots = (ours.components * torch.as_tensor(theirs.components_)).sum(1)[:apart]
    assert torch.allclose(dots.abs(), torch.ones(apart, dtype=X.dtype), atol=1e-8)
    codes = ours.encode(X)[:, :apart] * dots.sign()
    assert torch.allclose(
        codes, torch.as_tensor(theirs.transform(X.numpy()))[:, :apart], atol=1e-7
    )
    back = theirs.inverse_transform(theirs.transform(X.numpy()))
    assert torch.allclose(ours.reconstruct(X), torch.as_tensor(back), atol=1e-8)


def test_components_are_orthonormal_and_signed() -> None:
    v = PCA(10).fit(X).components
    assert torch.allclose(v @ v.T, torch.eye(10, dtype=X.dtype), atol=1e-10)
    assert (v.gather(1, v.abs().argmax(1, keepdim=True)) > 0).all()


def test_images_keep_their_shape_and_float32_its_type() -> None:
    images = X.float().view(-1, 1, 8, 8)
    pca = PCA(3).fit(images)
    assert pca.encode(images[:4]).shape == (4, 3)
    assert pca.decode(torch.zeros(4, 3)).shape == (4, 1, 8, 8)
    assert pca.components.dtype == torch.float32


def test_fewer_examples_than_dimensions() -> None:
    x = X[:10]
    pca = PCA(9).fit(x)
    assert torch.allclose(pca.reconstruct(x), x, atol=1e-7)


def test_errors_name_the_mend() -> None:
    with pytest.raises(ValueError, match="k: got 65"):
        PCA(65).fit(X)
    with pytest.raises(ValueError, match="k"):
        PCA(0)
    with pytest.raises(ValueError, match="NaN"):
        PCA(2).fit(X * float("nan"))
    with pytest.raises(RuntimeError, match="fit"):
        PCA(2).encode(X)
