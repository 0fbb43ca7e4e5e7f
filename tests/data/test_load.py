"""What `load` promises, whatever the data set."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

import vaelib.data as vl

PICTURES = ("digits", "handwriting", "sprites", "sprites-64")
OFFLINE = (*PICTURES, "arm")
SIDE = {"digits": 8, "handwriting": 28, "sprites": 32, "sprites-64": 64}


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_have_the_promised_shape_type_and_range(name, split):
    data = vl.load(name, split, n=300, device="cpu")
    assert (data.name, data.split, len(data)) == (name, split, 300)
    assert data.x.shape == (300, 1, SIDE[name], SIDE[name])
    assert data.x.dtype == torch.float32
    assert data.x.is_contiguous()
    assert data.x.min() == 0
    assert 0.9 < data.x.max() <= 1
    assert data.labels.shape == (300,)
    assert data.labels.dtype == torch.int64
    columns = 0 if data.factors is None else data.factors.shape[1]
    assert columns == len(data.factor_names)


@pytest.mark.parametrize("name", OFFLINE)
def test_a_larger_n_begins_with_the_examples_of_a_smaller_one(name):
    few, many = (vl.load(name, n=n, seed=3, device="cpu") for n in (100, 600))
    assert torch.equal(few.x, many.x[:100])
    assert torch.equal(few.labels, many.labels[:100])


@pytest.mark.parametrize("name", OFFLINE)
def test_seed_and_split_change_the_examples(name):
    first = vl.load(name, n=50, device="cpu").x
    assert torch.equal(first, vl.load(name, n=50, seed=0, device="cpu").x)
    assert not torch.equal(first, vl.load(name, n=50, seed=1, device="cpu").x)
    assert not torch.equal(first, vl.load(name, "test", n=50, device="cpu").x)


@pytest.mark.parametrize("name", OFFLINE)
def test_no_global_generator_is_read_or_changed(name):
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    one = vl.load(name, n=50, seed=5, device="cpu")
    after = torch.get_rng_state(), np.random.get_state(), random.getstate()
    assert torch.equal(before[0], after[0])
    assert (before[1][1] == after[1][1]).all()
    assert before[1][2:] == after[1][2:]
    assert before[2] == after[2]
    torch.manual_seed(2)
    assert torch.equal(one.x, vl.load(name, n=50, seed=5, device="cpu").x)


@pytest.mark.slow
def test_another_process_with_other_threads_gives_the_same_bits():
    code = (
        "import torch, hashlib, vaelib.data as vl\n"
        "torch.set_num_threads({})\n"
        "h = hashlib.sha256()\n"
        "for name in ('digits', 'handwriting', 'sprites', 'arm'):\n"
        "    h.update(vl.load(name, n=500, seed=7, device='cpu').x.numpy().tobytes())\n"
        "print(h.hexdigest())"
    )
    runs = {
        subprocess.check_output([sys.executable, "-c", code.format(threads)])
        for threads in (1, 2)
    }
    assert len(runs) == 1


def test_default_numbers():
    assert len(vl.load("digits", device="cpu")) == 1415
    assert len(vl.load("digits", "test", device="cpu")) == 382
    assert len(vl.load("handwriting", "test", device="cpu")) == 5000
    assert len(vl.load("sprites", "test", device="cpu")) == 5000
    assert len(vl.load("arm", device="cpu")) == 8000
    assert len(vl.load("arm", "test", device="cpu")) == 2000


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("mnits", "mnist"),
        ("MNIST", "mnist"),
        ("fashion", "fashion-mnist"),
        ("fashion_mnist", "fashion-mnist"),
        ("dsprites", "sprites"),
        ("digit", "digits"),
        ("hand writing", "handwriting"),
        ("arms", "arm"),
    ],
)
def test_an_unknown_name_gets_the_nearest_and_all_known(name, near):
    with pytest.raises(ValueError, match=f"Did you mean '{near}'") as caught:
        vl.load(name)
    assert f"name={name!r}" in str(caught.value)
    for known in vl.names():
        assert repr(known) in str(caught.value)


def test_a_name_like_nothing_gets_no_guess():
    with pytest.raises(ValueError, match=r"name='qqq' is not a data set. Known:"):
        vl.load("qqq")
    with pytest.raises(ValueError, match=r"name=None is not a data set. Known:"):
        vl.load(None)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"split": "val"}, ValueError, "split='val' is unknown; use 'train' or 'test'"),
        ({"split": None}, ValueError, "split=None"),
        ({"n": 0}, ValueError, "n=0 is too small, wanted 1 or more"),
        ({"n": -5}, ValueError, "n=-5"),
        ({"n": 1.5}, TypeError, "n=1.5 is a float, wanted a whole number"),
        ({"n": True}, TypeError, "n=True is a bool"),
        ({"n": 5000}, ValueError, "n=5,000 but 'digits' has 1,415"),
        ({"seed": -1}, ValueError, "seed=-1 is too small"),
        ({"seed": "a"}, TypeError, "seed='a' is a str"),
        ({"device": "gpu"}, ValueError, "device='gpu' is not a device"),
        ({"device": "cuda:99"}, ValueError, "device='cuda:99' is not available"),
    ],
)
def test_a_bad_argument_is_named_with_its_mend(arguments, error, words):
    with pytest.raises(error) as caught:
        vl.load("digits", **arguments)
    assert words in str(caught.value)


def test_digits_are_scikit_learns_in_order():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    parts = [vl.load("digits", split, device="cpu") for split in ("train", "test")]
    x = torch.cat([part.x for part in parts])
    assert torch.equal(x[:, 0] * 16, torch.tensor(bunch.images).float())
    labels = torch.cat([part.labels for part in parts])
    assert labels.tolist() == bunch.target.tolist()
    # The end of the file must still be a fair test of every class.
    assert parts[1].labels.bincount().min() >= 30


def test_numpys_whole_numbers_are_welcome():
    data = vl.load("digits", n=np.int64(3), seed=np.int32(1), device="cpu")
    assert torch.equal(data.x, vl.load("digits", n=3, seed=1, device="cpu").x)


def test_a_large_seed_is_welcome():
    for name in OFFLINE:
        assert len(vl.load(name, n=2, seed=2**40, device="cpu")) == 2
