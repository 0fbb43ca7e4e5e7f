"""What all tests share: one thread each, the same examples every time, and MNIST
where its files are."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")

BESIDE = Path(__file__).parents[2] / "shared/data/mnist"
MNIST_FILES = Path(os.environ.get("VAELIB_MNIST_FOLDER", BESIDE))


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """Which tests a worker ran before must not decide what this one draws."""
    torch.manual_seed(0)


@pytest.fixture
def real_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of MNIST's four real files, which ``vl.load("mnist")`` then reads."""
    if not MNIST_FILES.is_dir():
        pytest.skip(
            "MNIST's four files are not here: put them into ../shared/data/mnist, or "
            "name their folder in VAELIB_MNIST_FOLDER"
        )
    (tmp_path / "mnist").symlink_to(MNIST_FILES.resolve())
    monkeypatch.setenv("VAELIB_DATA", str(tmp_path))
    return MNIST_FILES
