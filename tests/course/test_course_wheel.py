"""The wheel carries the course: installed elsewhere, it opens lessons that run."""

import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import ROOT, pair_of, sources

pytestmark = pytest.mark.slow
NAMES = [pair_of(s).name for s in sources()]
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", "node_modules", "site", "build", "*.egg-info", ".*_cache", "assets"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as a release would be: the wheel out of the source distribution."""
    made = tmp_path_factory.mktemp("made")
    shutil.copytree(ROOT, made / "tree", ignore=LEFT_OUT)
    build = "from setuptools import build_meta as b; print(b.build_{}('..'))"

    def run(kind: str, folder: Path) -> Path:
        done = subprocess.run(
            [sys.executable, "-c", build.format(kind)],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return folder.parent / done.stdout.split()[-1]

    archive = run("sdist", made / "tree")
    shutil.unpack_archive(archive, made / "unpacked")
    (source,) = (made / "unpacked").iterdir()
    return run("wheel", source)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel alone in a fresh environment; what it needs is lent to it by this
    one (the tests have no network), and the repository is not."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    (purelib,) = folder.glob("lib/python*/site-packages")
    shutil.unpack_archive(wheel, purelib, "zip")
    # A path file inside a folder that a path file names is not read: so the
    # repository's own editable installation stays outside.
    (purelib / "lent.pth").write_text("\n".join(site.getsitepackages()), "utf-8")
    return folder


def python(installed: Path, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [str(installed / "bin/python"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


UPDATE = "from vaelib.course import Folder; print(*Folder('mine').update(), sep='\\n')"
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
where = {"metadata": {"path": "mine"}}
NotebookClient(notebook, timeout=300, resources=where).execute()
nbformat.write(notebook, sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="written for a posix venv")
def test_the_wheel_s_lessons_run_and_what_is_written_stays(
    installed: Path, tmp_path: Path
) -> None:
    where = python(
        installed, "-c", "import vaelib; print(vaelib.__file__)", cwd=tmp_path
    )
    assert where.startswith(str(installed))
    python(installed, "-c", UPDATE, cwd=tmp_path)
    mine = tmp_path / "mine"
    assert sorted(p.name for p in mine.glob("*.ipynb")) == NAMES
    for name in ("04-latent-variable-models.ipynb", "05-marginal-likelihood.ipynb"):
        python(installed, "-c", RUN, f"mine/{name}", cwd=tmp_path)

    copy = mine / "04-latent-variable-models.ipynb"
    notebook = nbformat.read(copy, as_version=4)
    notebook.cells[-1].source += "\n\nEvery word of mine."
    nbformat.write(notebook, copy)
    written = copy.read_bytes()
    (edited,) = installed.glob(
        "lib/python*/site-packages/vaelib/course/lessons/04-*.ipynb"
    )
    edited.write_text(edited.read_text("utf-8").replace("latent", "hidden"), "utf-8")
    said = python(installed, "-c", UPDATE, cwd=tmp_path)
    assert "yours is edited" in said
    assert copy.read_bytes() == written
    assert (mine / "04-latent-variable-models (new edition).ipynb").exists()


def test_what_it_needs_and_the_command_are_named(installed: Path) -> None:
    (info,) = installed.glob("lib/python*/site-packages/vaelib-*.dist-info")
    assert "vaelib = vaelib.course.command:main" in (
        info / "entry_points.txt"
    ).read_text("utf-8")
    needs = (info / "METADATA").read_text("utf-8")
    assert 'jupyterlab>=4.2; extra == "course"' in needs
    (settings,) = installed.glob("lib/python*/site-packages/vaelib/course/labconfig/*")
    assert settings.suffix == ".json"
