import pytest
import torch
from torch import nn

from vaelib import MLP, VAE, Autoencoder, conv_vae, load_model, mlp_vae, save


@pytest.mark.parametrize(
    "model",
    [
        mlp_vae((1, 8, 8), 3, (12, 12), activation="Tanh"),
        mlp_vae((1, 8, 8), 2, (12,), "categorical", levels=17),
        mlp_vae((1, 8, 8), 2, (12,), "gaussian", scale="learned"),
        conv_vae((1, 8, 8), 2, 4, "gaussian", scale="per-dimension", depth=2, patch=2),
    ],
)
def test_ready_made_models_come_back_from_the_file_alone(model, tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    save(model, path)
    back = load_model(path, device="cpu")
    assert type(back) is VAE
    assert str(back) == str(model)
    assert torch.equal(back.sample(4, seed=0), model.sample(4, seed=0))


def test_hand_made_models_come_back_into_themselves(tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    make = lambda: Autoencoder(MLP(9, (5,), 2), MLP(2, (5,), 9))  # noqa: E731
    model, fresh = make(), make()
    save(model, path)
    with pytest.raises(ValueError, match="hand-made Autoencoder"):
        load_model(path)
    load_model(path, into=fresh, device="cpu")
    x = torch.randn(3, 9)
    assert torch.equal(fresh.reconstruct(x), model.reconstruct(x))
    with pytest.raises(ValueError, match="do not fit this model"):
        load_model(path, into=nn.Linear(2, 2))


def test_an_interrupted_write_keeps_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "model.safetensors"
    old = mlp_vae((1, 8, 8), 2, (4,), seed=1)
    save(old, path)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vaelib.storage.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        save(mlp_vae((1, 8, 8), 2, (4,), seed=2), path)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    back = load_model(path, device="cpu")
    assert torch.equal(back.sample(2, seed=0), old.sample(2, seed=0))


def test_other_files_are_refused(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        load_model(tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a tensor")
    with pytest.raises(ValueError, match="not written by vaelib"):
        load_model(broken)
