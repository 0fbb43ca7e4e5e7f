import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

import vaelib as vl
from vaelib import MLP, VAE, Autoencoder, conv_vae, load_model, mlp_vae, save
from vaelib.storage import check_writable, read_safetensors, write_safetensors

posix = pytest.mark.skipif(os.name != "posix", reason="rights, links and signals")


@pytest.mark.parametrize(
    "model",
    [
        mlp_vae((1, 8, 8), 3, (12, 12), activation="Tanh"),
        mlp_vae((1, 8, 8), 2, (12,), "categorical", levels=17),
        mlp_vae((1, 8, 8), 2, (12,), "gaussian", scale="learned"),
        conv_vae((1, 8, 8), 2, 4, "gaussian", scale="per-dimension", depth=2, patch=2),
        mlp_vae((1, 8, 8), 2, (12,), "gaussian", scale="per-dimension", floor=0.1),
        conv_vae((1, 8, 8), 2, 4, "continuous-bernoulli"),
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

    monkeypatch.setattr("vaelib.storage.files.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        save(mlp_vae((1, 8, 8), 2, (4,), seed=2), path)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    back = load_model(path, device="cpu")
    assert torch.equal(back.sample(2, seed=0), old.sample(2, seed=0))


def small(seed: int = 0) -> VAE:
    return mlp_vae((1, 4, 4), 2, (4, 4), seed=seed)


# --------------------------------------------------------------------- the file


def test_other_files_are_refused(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        load_model(tmp_path / "none.safetensors")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load_model(tmp_path)
    with pytest.raises(TypeError, match="path: got None, wanted a file's name"):
        load_model(None)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a tensor")
    with pytest.raises(ValueError, match="not written by vaelib"):
        load_model(broken)


@posix
def test_a_place_where_nothing_can_be_written(tmp_path, monkeypatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    for write in (check_writable, lambda path: save(small(), path)):
        with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere for m\.st"):
            write(tmp_path / "nowhere" / "m.st")
        with pytest.raises(IsADirectoryError, match="is a folder, wanted a file"):
            write(tmp_path)
        with pytest.raises(PermissionError, match="may not be overwritten"):
            write(tmp_path / "pipe")
        with pytest.raises(OSError, match=r"path: n+ cannot be written in the folder"):
            write(tmp_path / ("n" * 300))
        with pytest.raises(TypeError, match="path: got 3, wanted a file's name"):
            write(3)

    def refused(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("vaelib.storage.files.tempfile.mkdtemp", refused)
    with pytest.raises(PermissionError, match=r"checkpoint: m\.st .* in the folder /"):
        check_writable(tmp_path / "m.st", "checkpoint")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="everything is allowed to this user",
)
def test_a_folder_without_the_right_to_write(tmp_path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="cannot be written in the folder"):
        check_writable(tmp_path / "m.safetensors")


def test_looking_leaves_no_trace(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    assert check_writable(path) == path.resolve()
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_a_file_has_the_rights_of_any_new_file(tmp_path, umask) -> None:
    path = tmp_path / "m.safetensors"
    before = os.umask(umask)
    try:
        save(small(), path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    save(small(1), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@posix
def test_a_link_stays_a_link(tmp_path) -> None:
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link", tmp_path / "there" / "m.safetensors"
    link.symlink_to(target)  # to nothing yet
    for seed in (0, 1):
        save(small(seed), link)
        assert link.is_symlink()
        assert not target.is_symlink()
        assert torch.equal(
            *(
                m.sample(2, seed=0)
                for m in (load_model(target, device="cpu"), small(seed))
            )
        )
    assert [p.name for p in target.parent.iterdir()] == ["m.safetensors"]


def test_many_threads_may_write_one_file(tmp_path) -> None:
    path, wrong = tmp_path / "m.safetensors", []

    def write(i: int) -> None:
        try:
            for _ in range(20):
                write_safetensors(path, {"w": torch.full((20_000,), i)}, {"i": i})
                tensors, notes = read_safetensors(path)
                assert tensors["w"].unique().tolist() == [notes["i"]]
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


@posix
def test_a_killed_writer_leaves_a_whole_file(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    code = (
        "import sys, torch\n"
        "from vaelib.storage import write_safetensors as write\n"
        "for i in range(10**9):\n"
        "    write(sys.argv[1], {'w': torch.full((3_000_000,), i)}, {'i': i})\n"
        "    print(i, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE
    ) as process:
        for _ in range(3):
            process.stdout.readline()
        time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    tensors, notes = read_safetensors(path)
    assert tensors["w"].unique().tolist() == [notes["i"]]
    # What a killed one left behind goes with a later write; what is fresh may be in
    # use and stays.
    old, fresh = tmp_path / ".vaelib-old.tmp", tmp_path / ".vaelib-new.tmp"
    for folder in (old, fresh):
        folder.mkdir(exist_ok=True)
        (folder / "half").write_bytes(b"half")
    os.utime(old, (time.time() - 4000,) * 2)
    save(small(), path)
    assert not old.exists()
    assert fresh.exists()


# ------------------------------------------------------------------ the numbers


def test_float64_comes_back_as_float64(tmp_path) -> None:
    path, model = tmp_path / "m.safetensors", small().double()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1e-12)
    save(model, path)
    for back in (
        load_model(path, device="cpu"),
        load_model(path, small(1), device="cpu"),
    ):
        for one, other in zip(model.parameters(), back.parameters(), strict=True):
            assert other.dtype == torch.float64
            assert torch.equal(one, other)
        assert torch.isfinite(
            vl.elbo(back, torch.rand(3, 1, 4, 4).double()).value
        ).all()


class Tied(nn.Module):
    """Two layers of one weight, a buffer that is a part of another, and two that
    overlap in a third."""

    def __init__(self, tie: bool = True, bias: float = 0.0):
        super().__init__()
        self.one, self.other = nn.Linear(3, 3), nn.Linear(3, 3)
        self.register_buffer("whole", torch.arange(6.0) + bias)
        self.register_buffer("part", self.whole[2:4])
        row = torch.arange(4.0) * bias
        self.register_buffer("left", row[:3])
        self.register_buffer("right", row[1:])
        if tie:
            self.other.weight = self.one.weight


def test_tied_weights_stay_tied(tmp_path) -> None:
    path, model = tmp_path / "m.safetensors", Tied(bias=1.0)
    save(model, path)
    for into in (Tied(), Tied(tie=False)):
        load_model(path, into, device="cpu")
        assert into.other.weight is into.one.weight
        assert torch.equal(into.one.weight, model.one.weight)
        assert torch.equal(into.whole, model.whole)
        assert torch.equal(into.part, model.whole[2:4])
        assert into.left.tolist() + into.right.tolist() == [0, 1, 2, 1, 2, 3]
    loose = Tied(tie=False)
    save(loose, path)
    fresh = Tied()
    before = fresh.one.weight.clone()
    with pytest.raises(ValueError, match="one here, two there"):
        load_model(path, fresh)
    assert torch.equal(fresh.one.weight, before)


def tied_vae() -> VAE:
    model = mlp_vae((1, 4, 4), 2, (6, 6, 6))
    body = model.encoder[0]
    layers = [m for m in body.modules() if isinstance(m, nn.Linear)]
    layers[2].weight = layers[1].weight
    return model


def test_a_ready_made_model_may_be_tied_and_trained(tmp_path) -> None:
    model, path = tied_vae(), tmp_path / "m.safetensors"
    count = len(list(model.parameters()))
    x = torch.rand(40, 1, 4, 4)
    options = {"epochs": 2, "device": "cpu", "progress": False}
    vl.fit(model, x, checkpoint=tmp_path / "run.safetensors", **options)
    again = tied_vae()
    vl.fit(again, x, checkpoint=tmp_path / "run.safetensors", **options)
    save(again, path)
    back = load_model(path, device="cpu")
    assert len(list(back.parameters())) == count
    assert torch.equal(back.sample(3, seed=0), model.sample(3, seed=0))


def test_a_refused_model_stays_as_it_was(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    save(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)).double(), path)
    into = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 4))
    before = [p.clone() for p in into.parameters()]
    with pytest.raises(ValueError, match="into: the weights in"):
        load_model(path, into)
    for p, old in zip(into.parameters(), before, strict=True):
        assert p.dtype == old.dtype
        assert torch.equal(p, old)
    with pytest.raises(TypeError, match="into: got 'cpu', wanted a module"):
        load_model(path, "cpu")


def test_layers_whose_size_waits_for_data_are_filled(tmp_path) -> None:
    model, into = nn.Sequential(nn.Linear(3, 2)), nn.Sequential(nn.LazyLinear(2))
    save(model, tmp_path / "m.safetensors")
    load_model(tmp_path / "m.safetensors", into, device="cpu")
    assert torch.equal(into[0].weight, model[0].weight)


def test_what_is_no_module_is_not_saved(tmp_path) -> None:
    with pytest.raises(TypeError, match="model: got a Tensor, wanted a torch module"):
        save(torch.zeros(3), tmp_path / "m")


def test_an_exchanged_layer_is_not_forgotten(tmp_path) -> None:
    """The recipe no longer gives this model: the file must not say that it does."""
    model, path = small(), tmp_path / "m.safetensors"
    model.decoder[0].append(nn.Sigmoid())
    save(model, path)
    with pytest.raises(ValueError, match="hand-made VAE"):
        load_model(path)


# ------------------------------------------------------------- a stranger's file


def rewritten(path: Path, recipe: object) -> None:
    """The file with another recipe, its weights untouched."""
    tensors, notes = read_safetensors(path)
    write_safetensors(path, tensors, {**notes, "recipe": recipe})


def recipe(**changes: object) -> dict[str, object]:
    known = small().recipe
    return {**known, "arguments": {**known["arguments"], **changes}}


def nested(depth: int) -> list:
    inside: list = []
    for _ in range(depth):
        inside = [inside]
    return inside


WRONG = [
    recipe(hidden=[40000, 40000]),
    recipe(hidden=[1] * 100_000),
    recipe(hidden=[10**30]),
    recipe(latent_dim=10**4000),
    recipe(data_shape=[1] * 100_000),
    recipe(hidden=nested(500)),
    recipe(hidden="wide"),
    recipe(activation="Bilinear"),
    recipe(activation=3),
    recipe(likelihood="categorical", levels=10**12),
    recipe(surprise=1),
    {
        "builder": "conv_vae",
        "arguments": {
            "data_shape": [1, 4, 4],
            "latent_dim": 2,
            "channels": 4,
            "depth": 10**9,
        },
    },
    {
        "builder": "conv_vae",
        "arguments": {"data_shape": [1, 4, 4], "latent_dim": 2, "channels": 10**6},
    },
    {"builder": "system", "arguments": {}},
    {"builder": [], "arguments": {}},
    {"builder": "mlp_vae"},
    {"builder": "mlp_vae", "arguments": [1]},
    ["mlp_vae"],
    "mlp_vae",
    7,
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: str(w)[:60])
def test_a_wrong_recipe_is_one_error(tmp_path, wrong) -> None:
    path = tmp_path / "m.safetensors"
    save(small(), path)
    rewritten(path, wrong)
    with pytest.raises(
        ValueError, match=r"m\.safetensors .*load_model\(path, into=model\)"
    ):
        load_model(path)
    assert load_model(path, into=small(1), device="cpu")


@pytest.mark.parametrize(
    "text", ["[]", "{}", "3", "null", '"x"', "[" * 10**6, "{", "NaN", "9" * 10**5]
)
def test_wrong_notes_are_one_error(tmp_path, text) -> None:
    path = tmp_path / "m.safetensors"
    for metadata in ({"vaelib": text}, {"vaelib": "{}", "tied": text}):
        save_file({"w": torch.zeros(2)}, path, metadata=metadata)
        with pytest.raises(ValueError, match=r"m\.safetensors"):
            load_model(path)


@posix
def test_a_tiny_file_cannot_ask_for_much(tmp_path) -> None:
    """Within 1 GB more than is used now: these widths once took 26 s and 8 GB."""
    resource = pytest.importorskip("resource")
    if not Path("/proc/self/statm").exists():
        pytest.skip("no /proc here")
    path = tmp_path / "m.safetensors"
    save(small(), path)
    rewritten(path, recipe(hidden=[40000, 40000]))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, limits[1]))
    try:
        with pytest.raises(ValueError, match="does not hold the model it describes"):
            load_model(path)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 10**6)
    | st.floats()
    | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.text(max_size=8), inside, max_size=4)
    ),
    max_leaves=8,
)
RECIPES = st.fixed_dictionaries(
    {
        "builder": st.sampled_from(["mlp_vae", "conv_vae"]) | JSON,
        "arguments": st.builds(
            lambda changes: {**small().recipe["arguments"], **changes},
            st.dictionaries(
                st.sampled_from(
                    [*small().recipe["arguments"], "depth", "patch", "seed"]
                )
                | st.text(max_size=4),
                JSON,
                max_size=3,
            ),
        ),
    }
)


def refusal(path: Path, into: VAE | None) -> str | None:
    """None for a model, the path for a ValueError that names it."""
    try:
        assert isinstance(load_model(path, into, device="cpu"), VAE)
    except ValueError as error:
        return str(path) if str(path) in str(error) else str(error)
    return None


fuzzed = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@fuzzed
@given(
    st.fixed_dictionaries({}, optional={"recipe": RECIPES | JSON, "class": JSON}) | JSON
)
def test_any_notes_give_a_model_or_a_value_error(tmp_path, notes) -> None:
    path = tmp_path / "m.safetensors"
    tensors = {k: v.detach() for k, v in small().state_dict().items()}
    save_file(tensors, path, metadata={"vaelib": json.dumps(notes)})
    assert refusal(path, None) in (None, str(path))


@fuzzed
@given(st.data())
def test_any_bytes_give_a_model_or_a_value_error(tmp_path, data) -> None:
    path = tmp_path / "m.safetensors"
    save(small(), path)
    whole = bytearray(path.read_bytes())
    match data.draw(st.sampled_from(["cut", "changed", "random"])):
        case "cut":
            whole = whole[: data.draw(st.integers(0, len(whole) - 1))]
        case "changed":
            for _ in range(data.draw(st.integers(1, 4))):
                at = data.draw(st.integers(0, 1500))
                whole[at] = data.draw(st.integers(0, 255))
        case _:
            whole = data.draw(st.binary(max_size=200))
    path.write_bytes(whole)
    for into in (None, small(1)):
        assert refusal(path, into) in (None, str(path))
