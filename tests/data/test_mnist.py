"""The real downloader against a real server on 127.0.0.1 that misbehaves."""

import contextlib
import gzip
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pooch
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vaelib.data as vl
from vaelib.data import download, mnist

BESIDE = Path(__file__).parents[2] / "../shared/data/mnist"
REAL = Path(os.environ.get("VAELIB_MNIST_FOLDER", BESIDE))
needs_real_files = pytest.mark.skipif(
    not REAL.is_dir(),
    reason="MNIST's four files are not here: put them into ../shared/data/mnist, "
    "or name their folder in VAELIB_MNIST_FOLDER",
)


def idx(array):
    """The IDX file of an array, written from the format's description."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


class Server:
    """Serves files; ``mode`` says how, ``asked`` remembers what was wanted."""

    def __init__(self, files):
        self.files, self.mode, self.asked = files, "well", []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                outer.answer(self, self.path.rsplit("/", 1)[-1])

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http.server_address[1]}/set/"

    def answer(self, request, name):
        body = self.files.get(name)
        if self.mode == "404" or body is None:
            return request.send_error(404)
        if self.mode == "busy":
            return request.send_error(503)
        if self.mode.startswith("to "):
            request.send_response(302)
            request.send_header("Location", self.mode.removeprefix("to "))
            return request.end_headers()
        request.send_response(200)
        if self.mode == "odd length":
            request.send_header("Content-Length", "abc")
        elif self.mode not in ("no length", "endless"):
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if self.mode in ("endless", "trickles"):
            self.sent = 0
            with contextlib.suppress(OSError):  # until nobody listens
                while True:
                    some = bytes(1 << 16 if self.mode == "endless" else 1)
                    self.sent += request.wfile.write(some)
                    time.sleep(0.02 * (self.mode == "trickles"))
            return None
        if self.mode == "wrong":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if self.mode == "page":
            body = b"<html>please log in</html>".ljust(len(body))
        if self.mode == "truncated":
            body = body[: len(body) // 2]
        if self.mode == "stalls":
            request.wfile.write(body[: len(body) // 2])
            request.wfile.flush()
            time.sleep(20)
            return None
        request.wfile.write(body)
        return None


@pytest.fixture
def server(small):
    made = Server(small.bodies)
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A data set of made files, its cache folder, and no proxy in between."""
    random = np.random.default_rng(0)
    arrays, bodies = {}, {}
    for split, count in (("train", 30), ("test", 7)):
        images, labels = mnist.MNIST.files[split]
        arrays[images] = random.integers(0, 256, (count, 28, 28))
        arrays[labels] = random.integers(0, 10, count)
    for name, array in arrays.items():
        bodies[name] = gzip.compress(idx(array), mtime=0)
    source = replace(
        mnist.MNIST,
        sha256={n: hashlib.sha256(b).hexdigest() for n, b in bodies.items()},
        sizes={name: len(body) for name, body in bodies.items()},  # to the byte
    )
    monkeypatch.setenv("VAELIB_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("VAELIB_MNIST_MIRROR", raising=False)

    class Small:
        pass

    made = Small()
    made.source, made.arrays, made.bodies = source, arrays, bodies
    made.folder = tmp_path / "cache" / "mnist"
    return made


def load(small, *mirrors, split="train", n=None, seed=0):
    return mnist.load(split, n, seed, source=replace(small.source, mirrors=mirrors))


def left_in(folder):
    return sorted(path.name for path in folder.glob("*")) if folder.exists() else []


# --- the way it should go ---------------------------------------------------


@pytest.mark.parametrize("mode", ["well", "no length"])
def test_it_comes_once_and_is_kept(small, server, mode):
    server.mode = mode
    first = load(small, server.url)
    images, labels = mnist.MNIST.files["train"]
    assert first.x.shape == (30, 1, 28, 28)
    assert torch.equal(first.x[:, 0] * 255, torch.tensor(small.arrays[images]).float())
    assert first.labels.tolist() == small.arrays[labels].tolist()
    assert left_in(small.folder) == sorted([images, labels])
    assert len(server.asked) == 2
    again = load(small, server.url)
    assert torch.equal(again.x, first.x)
    assert len(server.asked) == 2


def test_only_the_split_that_is_wanted_is_fetched(small, server):
    assert len(load(small, server.url, split="test")) == 7
    assert left_in(small.folder) == sorted(mnist.MNIST.files["test"])


def test_a_subset_is_drawn_by_the_seed(small, server):
    whole = load(small, server.url)
    some, more = (load(small, server.url, n=n, seed=4) for n in (5, 9))
    assert torch.equal(some.x, more.x[:5])
    assert torch.equal(some.x, whole.sample(5, 4).x)
    with pytest.raises(ValueError, match="n=31 but 'mnist' has 30"):
        load(small, server.url, n=31)


def test_files_put_there_by_hand_need_no_network(small):
    small.folder.mkdir(parents=True)
    for name, body in small.bodies.items():
        (small.folder / name).write_bytes(body)
    assert len(load(small, "http://127.0.0.1:9/")) == 30


def test_the_environment_variable_replaces_the_mirrors(small, server, monkeypatch):
    monkeypatch.setenv("VAELIB_MNIST_MIRROR", f"http://127.0.0.1:9/, {server.url}")
    assert len(load(small, "http://127.0.0.1:9/never")) == 30
    assert mnist.FASHION_MNIST.variable == "VAELIB_FASHION_MNIST_MIRROR"


def test_without_the_variable_the_platforms_cache_is_used(monkeypatch):
    monkeypatch.delenv("VAELIB_DATA", raising=False)
    folder = download.cache_folder(mnist.FASHION_MNIST)
    assert folder == Path(pooch.os_cache("vaelib")) / "fashion-mnist"


def test_many_at_once_all_get_it(small, server):
    with ThreadPoolExecutor(6) as pool:
        sets = list(pool.map(lambda _: load(small, server.url), range(6)))
    assert all(torch.equal(one.x, sets[0].x) for one in sets)
    assert left_in(small.folder) == sorted(mnist.MNIST.files["train"])


# --- the ways it goes wrong -------------------------------------------------

WHAT_TO_DO = (
    "check the connection and call again",
    "put the set's four .gz files into",
    "VAELIB_MNIST_MIRROR",
    "vl.load('handwriting')",
)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("404", "answered 404 Not Found"),
        ("busy", "answered 503 Service Unavailable"),
        ("truncated", "broke"),
        ("wrong", "not the file: its SHA-256"),
        ("page", "not the file: its SHA-256"),
    ],
)
def test_a_failure_is_told_leaves_nothing_and_is_over_next_time(
    small, server, mode, reason
):
    server.mode = mode
    with pytest.raises(mnist.DownloadError) as caught:
        load(small, server.url)
    message = str(caught.value)
    assert server.url + "train-images-idx3-ubyte.gz" in message
    assert reason in message
    assert str(small.folder) in message
    assert all(words in message for words in WHAT_TO_DO)
    assert left_in(small.folder) == []
    server.mode = "well"
    assert len(load(small, server.url)) == 30


@pytest.mark.parametrize("mode", ["404", "truncated", "wrong"])
def test_the_next_mirror_is_tried(small, server, mode):
    good = Server(small.bodies)
    server.mode = mode
    assert len(load(small, server.url, good.url)) == 30
    assert len(server.asked) == len(good.asked) == 2
    assert left_in(small.folder) == sorted(mnist.MNIST.files["train"])
    good.http.shutdown()
    good.http.server_close()


def test_no_network(small):
    with pytest.raises(mnist.DownloadError, match="no connection") as caught:
        load(small, "http://127.0.0.1:9/a", "http://127.0.0.1:9/b")
    assert str(caught.value).count("http://127.0.0.1:9/") == 2
    assert left_in(small.folder) == []


def test_a_silent_server_is_given_up(small, server, monkeypatch):
    monkeypatch.setattr(download, "SILENCE", 0.3)
    server.mode = "stalls"
    begin = time.monotonic()
    with pytest.raises(mnist.DownloadError):
        load(small, server.url)
    assert time.monotonic() - begin < 10
    assert left_in(small.folder) == []


@pytest.mark.parametrize("mode", ["endless", "trickles"])
def test_what_has_no_end_is_ended_and_the_next_mirror_tried(
    small, server, mode, monkeypatch
):
    monkeypatch.setattr(download, "TOTAL", 0.3)
    most = 200_000
    source = replace(small.source, sizes=dict.fromkeys(small.source.sizes, most))
    small.source, good, server.mode = source, Server(small.bodies), mode
    assert len(load(small, server.url, good.url)) == 30
    assert server.sent < most + (8 << 20)  # what the sockets hold, and no more
    reason = "more came than" if mode == "endless" else "not done after"
    for path in small.folder.iterdir():
        path.unlink()
    with pytest.raises(download.DownloadError, match=reason):
        load(small, server.url)
    assert left_in(small.folder) == []
    good.http.shutdown()
    good.http.server_close()


@pytest.mark.parametrize(
    "mode",
    [
        "odd length",
        "to http://" + "a" * 70 + ".invalid/",
        "to http://[::/",
        "to gopher://somewhere/",
        "to http://127.0.0.1:9/",
    ],
)
def test_odd_answers_send_us_to_the_next_mirror(small, server, mode):
    good, server.mode = Server(small.bodies), mode
    assert len(load(small, server.url, good.url)) == 30
    good.http.shutdown()
    good.http.server_close()


@pytest.mark.parametrize("mirror", ["http://" + "a" * 70 + ".invalid", "http://[::"])
def test_an_odd_mirror_is_named(small, mirror):
    with pytest.raises(download.DownloadError) as caught:
        load(small, mirror)
    assert mirror in str(caught.value)


def test_a_damaged_file_is_called_damaged(small, server):
    load(small, server.url)
    assert download.complete(replace(small.source, sha256=of_train(small)))
    path = small.folder / mnist.MNIST.files["train"][0]
    path.write_bytes(path.read_bytes()[:-9])
    assert not download.complete(replace(small.source, sha256=of_train(small)))
    with pytest.raises(download.DownloadError, match="is damaged"):
        load(small, "http://127.0.0.1:9/a")
    assert path.exists()


def of_train(small):
    return {name: small.source.sha256[name] for name in mnist.MNIST.files["train"]}


@pytest.mark.parametrize("root", ["~nobody-of-this-name/x", "/" + "x" * 5000, "a\0b"])
def test_a_cache_folder_that_has_no_place(small, server, monkeypatch, root):
    if "\0" in root:
        monkeypatch.setattr(os, "environ", os.environ | {"VAELIB_DATA": root})
    else:
        monkeypatch.setenv("VAELIB_DATA", root)
    assert not download.complete(small.source)
    with pytest.raises(download.DownloadError):
        load(small, server.url)


def test_a_mirror_that_is_no_address(small):
    with pytest.raises(mnist.DownloadError, match="Invalid URL"):
        load(small, "not-an-address")


def test_a_spoiled_file_in_the_cache_is_replaced(small, server):
    load(small, server.url)
    for name in mnist.MNIST.files["train"]:
        path = small.folder / name
        path.write_bytes(path.read_bytes()[:-9])
    assert len(load(small, server.url)) == 30
    assert len(server.asked) == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk(small, server, monkeypatch):
    """/dev/full answers every write as a full disk does."""
    make = tempfile.NamedTemporaryFile

    def full(*arguments, **named):
        made = make(*arguments, **named)
        if not named.get("delete", True):  # the one that the download goes into
            Path(made.name).unlink()
            Path(made.name).symlink_to("/dev/full")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "NamedTemporaryFile", full)
        with pytest.raises(mnist.DownloadError) as caught:
            load(small, server.url, server.url)
    message = str(caught.value)
    assert "No space left on device" in message
    assert "free some space there" in message
    assert "VAELIB_DATA" in message
    assert len(server.asked) == 1, "another mirror does not make room"
    assert left_in(small.folder) == []
    assert len(load(small, server.url)) == 30


def test_a_cache_folder_that_cannot_be(small, server, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VAELIB_DATA", str(tmp_path / "file"))
    with pytest.raises(mnist.DownloadError, match="make that folder writable"):
        load(small, server.url)


def test_ctrl_c_leaves_nothing(small, server, monkeypatch):
    def interrupted(url, file, _):
        Path(file).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download, "_download", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load(small, server.url)
    assert left_in(small.folder) == []


KILLED = """
from dataclasses import replace
from vaelib.data import download, mnist
mnist.fetch(replace(mnist.MNIST, mirrors=({url!r},)), "train-images-idx3-ubyte.gz")
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_half_way(small, server):
    server.mode = "stalls"
    server.files["train-images-idx3-ubyte.gz"] = random_bytes = os.urandom(1 << 20)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED.format(url=server.url)], stderr=subprocess.DEVNULL
    )
    half = _wait_for_bytes(small.folder)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert 0 < half.stat().st_size < len(random_bytes)
    assert not (small.folder / "train-images-idx3-ubyte.gz").exists()

    server.files["train-images-idx3-ubyte.gz"] = gzip.compress(
        idx(small.arrays["train-images-idx3-ubyte.gz"]), mtime=0
    )
    server.mode = "well"
    assert len(load(small, server.url)) == 30


def _wait_for_bytes(folder):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for file in folder.glob("tmp*"):
            if file.stat().st_size:
                return file
        time.sleep(0.02)
    raise AssertionError("the download never began")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_shared_cache_can_be_read_by_all_who_share_it(small, server):
    load(small, server.url)
    assert {f.stat().st_mode & 0o777 for f in small.folder.iterdir()} == {0o644}


# --- the format -------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.randoms())
def test_idx_round_trip(shape, random):
    array = np.array(random.choices(range(256), k=int(np.prod(shape)))).reshape(shape)
    read = mnist.parse_idx(idx(array))
    assert read.dtype == torch.uint8
    assert read.shape == array.shape
    assert read.numpy().tolist() == array.tolist()


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data):
    try:
        read = mnist.parse_idx(data, "some file")
    except ValueError as error:
        assert "some file" in str(error)  # noqa: PT017
    else:
        assert data[:3] == b"\0\0\x08"
        assert read.numel() == len(data) - 4 - 4 * read.ndim


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "begins with nothing"),
        (b"<html>", "begins with 3c 68 74 6d"),
        (gzip.compress(b"x", mtime=0), "is still zipped"),
        (b"\0\0\x0d\1\0\0\0\1\0\0\0\0", "element type 0x0d, wanted 0x08"),
        (b"\0\0\x08\3\0\0\0\1", "ends within its header"),
        (b"\0\0\x08\1\0\0\0\5abc", "states shape (5,), so 5 bytes, but holds 3"),
        (b"\0\0\x08\1\0\0\0\2abc", "but holds 3"),
    ],
)
def test_what_is_no_idx_file_is_refused(data, words):
    with pytest.raises(ValueError, match="train-images") as caught:
        mnist.parse_idx(data, "train-images")
    assert words in str(caught.value)


def test_files_that_do_not_belong_together_are_refused(small, server):
    images, labels = mnist.MNIST.files["train"]
    source = replace(small.source, files={"train": (labels, images)})
    with pytest.raises(ValueError, match="do not belong together"):
        mnist.load("train", None, 0, source=replace(source, mirrors=(server.url,)))


# --- the real thing ---------------------------------------------------------


def test_every_real_file_is_pinned():
    for source in (mnist.MNIST, mnist.FASHION_MNIST):
        names = {name for pair in source.files.values() for name in pair}
        assert set(source.sha256) == set(source.sizes) == names
        assert all(len(value) == 64 for value in source.sha256.values())
        assert len(source.mirrors) >= 2


@needs_real_files
def test_the_four_real_files_through_the_real_call(small, monkeypatch):
    real = Server({path.name: path.read_bytes() for path in REAL.glob("*.gz")})
    monkeypatch.setenv("VAELIB_MNIST_MIRROR", real.url)
    train, test = (vl.load("mnist", split, device="cpu") for split in ("train", "test"))
    assert (train.x.shape, test.x.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert train.x.mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert train.x.min() == 0
    assert train.x.max() == 1
    assert len(real.asked) == 4
    for name, size in mnist.MNIST.sizes.items():
        assert (REAL / name).stat().st_size == size
    real.http.shutdown()
    real.http.server_close()
    # Offline from now on.
    assert len(vl.load("mnist", "test", n=100, device="cpu")) == 100
