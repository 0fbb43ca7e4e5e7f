"""What a beginner hands over by mistake is answered in words: the argument's name,
what came, what was wanted."""

import numpy as np
import pytest
import torch
from torch import nn

import vaelib as vl

SHAPE = (1, 4, 4)


def mlp(**changes) -> vl.VAE:
    return vl.mlp_vae(
        **{"data_shape": SHAPE, "latent_dim": 2, "hidden": (4,), **changes}
    )


def conv(**changes) -> vl.VAE:
    return vl.conv_vae(
        **{"data_shape": SHAPE, "latent_dim": 2, "channels": 4, **changes}
    )


MODEL, X = mlp(), torch.zeros(3, *SHAPE)
FITTED = vl.PCA(2).fit(torch.rand(9, *SHAPE))
SIZES = [0, -1, 2.0, "2", None, True, [2], (2, 3)]
SHAPES = ["mnist", None, (), (1, -4, 4), (0, 4, 4), (1, 4.0, 4), (1, True, 4), X]


@pytest.mark.parametrize("make", [mlp, conv])
@pytest.mark.parametrize("wrong", SIZES, ids=repr)
def test_latent_dim(make, wrong) -> None:
    with pytest.raises(ValueError, match=r"latent_dim: got .*, wanted a whole number"):
        make(latent_dim=wrong)


@pytest.mark.parametrize("make", [mlp, conv])
@pytest.mark.parametrize("wrong", SHAPES, ids=lambda s: repr(s)[:15])
def test_data_shape(make, wrong) -> None:
    with pytest.raises(ValueError, match=r"data_shape: got .*, wanted positive") as e:
        make(data_shape=wrong)
    assert len(str(e.value)) < 200


@pytest.mark.parametrize("wrong", ["400", None, ("4",), (-4,), (0,), (4.0,)], ids=repr)
def test_hidden(wrong) -> None:
    with pytest.raises(ValueError, match=r"hidden: got .*, wanted positive whole"):
        mlp(hidden=wrong)


@pytest.mark.parametrize("name", ["channels", "patch", "depth"])
@pytest.mark.parametrize("wrong", [-1, 2.0, "2", None, True, (2, 3)], ids=repr)
def test_convolutions(name, wrong) -> None:
    with pytest.raises(ValueError, match=rf"{name}: got .*, wanted a whole number"):
        conv(**{name: wrong})


@pytest.mark.parametrize("wrong", [(4, 4), (1, 1, 4, 4), 16, (1, 5, 4), (1, 4, 5)])
def test_what_is_no_picture(wrong) -> None:
    with pytest.raises(ValueError, match=r"data_shape: got .*wanted \(C, H, W\)"):
        conv(data_shape=wrong)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("likelihood", "normal"),
        ("likelihood", vl.Bernoulli),
        ("activation", "relu"),
        ("activation", nn.ReLU),
        ("activation", "Linear"),
        ("activation", "functional"),
    ],
)
def test_words(name, wrong) -> None:
    with pytest.raises(ValueError, match=rf"{name}: got .*, wanted .*'"):
        mlp(**{name: wrong})


@pytest.mark.parametrize("wrong", [0, -1, "x", None, np.nan, np.inf, torch.ones(1)])
def test_scale(wrong) -> None:
    with pytest.raises(ValueError, match=r"scale: got .*, wanted a positive number"):
        mlp(likelihood="gaussian", scale=wrong)


@pytest.mark.parametrize("wrong", [1, 2.0, "2", None])
def test_levels(wrong) -> None:
    with pytest.raises(ValueError, match=r"levels: got .*, wanted a whole number ≥ 2"):
        mlp(likelihood="categorical", levels=wrong)


@pytest.mark.parametrize(
    "model",
    [
        mlp(data_shape=np.array(SHAPE), latent_dim=np.int64(2), hidden=np.array([4])),
        mlp(data_shape=torch.Size(SHAPE), hidden=4),
        mlp(likelihood="gaussian", scale=np.float32(0.5)),
        mlp(likelihood="categorical", levels=np.int32(3)),
        conv(data_shape=list(SHAPE), channels=np.int64(4), patch=np.int8(2)),
    ],
)
def test_numpys_numbers_are_taken_and_saved(model, tmp_path) -> None:
    vl.save(model, tmp_path / "model.safetensors")
    back = vl.load_model(tmp_path / "model.safetensors", device="cpu")
    assert str(back) == str(model)
    assert torch.equal(back.sample(2, seed=0), model.sample(2, seed=0))


@pytest.mark.parametrize("wrong", SIZES, ids=repr)
def test_components(wrong) -> None:
    with pytest.raises(ValueError, match=r"k: got .*, wanted a whole number ≥ 1"):
        vl.PCA(wrong)


def test_whole_numbers_are_data_for_pca() -> None:
    x = torch.randint(0, 255, (20, *SHAPE), dtype=torch.uint8)
    ours, floats = vl.PCA(np.int64(2)).fit(x), vl.PCA(2).fit(x.float())
    assert torch.equal(ours.components, floats.components)
    assert ours.components.dtype == torch.float32


CALLS = {
    "posterior": MODEL.posterior,
    "reconstruct": MODEL.reconstruct,
    "elbo": lambda x: vl.elbo(MODEL, x),
    "iwae": lambda x: vl.iwae(MODEL, x, 2),
    "conv": conv().posterior,
    "pca": FITTED.encode,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_x(call) -> None:
    for wrong in (X.numpy(), X.tolist(), "digits", None):
        with pytest.raises(TypeError, match=r"(x|input): got a .*, wanted a tensor"):
            call(wrong)
    for shape in ((3, 1, 5, 5), (3, 3, 4, 4), SHAPE, (3, 16)):
        with pytest.raises(ValueError, match=r"input: got shape .* this network wants"):
            call(torch.zeros(shape))
    for dtype in (torch.float64, torch.int64, torch.uint8):
        with pytest.raises(RuntimeError, match=rf"got {dtype}, this network's weights"):
            call(X.to(dtype))


@pytest.mark.parametrize("decode", [MODEL.decode, FITTED.decode], ids=["vae", "pca"])
def test_z(decode) -> None:
    for wrong in (np.zeros((1, 2)), [0.0, 0.0], None):
        with pytest.raises(TypeError, match=r"(z|input): got a .*, wanted a tensor"):
            decode(wrong)
    for shape in ((1, 3), (2,)):
        with pytest.raises(ValueError, match=r"(z|input): got (codes of )?shape"):
            decode(torch.zeros(shape))
    with pytest.raises(RuntimeError, match=r"input: got torch.float64"):
        decode(torch.zeros(1, 2).double())


@pytest.mark.parametrize("wrong", [-1, 3.0, "3", None, True])
def test_how_many_samples(wrong) -> None:
    with pytest.raises(ValueError, match=r"n: got .*, wanted a whole number ≥ 0"):
        MODEL.sample(wrong)


@pytest.mark.parametrize("wrong", [-1, "1", np.nan])
def test_beta(wrong) -> None:
    with pytest.raises(ValueError, match=r"beta: got .*, wanted a number ≥ 0"):
        vl.elbo(MODEL, X, beta=wrong)


@pytest.mark.parametrize("wrong", [[nn.Linear(4, 2)], vl.MLP, abs, None, "mlp"])
def test_parts(wrong) -> None:
    for kind in (vl.VAE, vl.Autoencoder):
        with pytest.raises(
            TypeError, match=r"encoder: got .*, wanted a torch.nn.Module"
        ):
            kind(wrong, nn.Identity())
        with pytest.raises(
            TypeError, match=r"decoder: got .*, wanted a torch.nn.Module"
        ):
            kind(nn.Identity(), wrong)
    if wrong is not None:
        with pytest.raises(
            TypeError, match=r"prior: got .*, wanted a torch Distribution"
        ):
            vl.VAE(MODEL.encoder, MODEL.decoder, prior=wrong)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": 3}, "name=3 is not a data set. Known: 'digits'"),
        ({"name": "Digits"}, "Did you mean 'digits'"),
        ({"split": "valid"}, "split='valid' is unknown; use 'train' or 'test'"),
        ({"n": "5"}, "n='5' is a str, wanted a whole number"),
        ({"n": -1}, "n=-1 is too small, wanted 1 or more"),
        ({"n": True}, "n=True is a bool"),
        ({"n": 10**9}, "n=1,000,000,000 but 'digits' has 1,415 pictures"),
        ({"seed": -1}, "seed=-1 is too small"),
        ({"seed": None}, "seed=None is a NoneType"),
        ({"device": "gpu"}, "device='gpu' is not a device. Use 'auto'"),
    ],
)
def test_load(arguments, words) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        vl.load(**{"name": "digits", **arguments})
