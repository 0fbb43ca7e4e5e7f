import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA as Reference

from vaelib import PCA, load_model, save

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


def test_a_saved_one_is_loaded_into_a_fresh_one(tmp_path) -> None:
    images, path = X.view(-1, 1, 8, 8), tmp_path / "pca.safetensors"
    saved = PCA(3).fit(images)
    save(saved, path)
    loaded = load_model(path, into=PCA(3), device="cpu")
    for name, value in saved.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name
    assert torch.equal(loaded.reconstruct(images[:5]), saved.reconstruct(images[:5]))
    assert loaded.reconstruct(images[:5]).shape == (5, 1, 8, 8)
    assert not any(p.requires_grad for p in loaded.parameters())
    again = load_model(path, into=PCA(3).fit(images[:100]), device="cpu")
    assert torch.equal(again.components, saved.components)
    with pytest.raises(ValueError, match="do not fit this model"):
        load_model(path, into=PCA(4), device="cpu")


def test_fitting_draws_no_random_numbers() -> None:
    state = torch.get_rng_state()
    PCA(2).fit(X)
    assert torch.equal(state, torch.get_rng_state())
