"""One place names the packages; every other list must agree with it."""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"pytorch": "torch"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def split(requirement: str) -> tuple[str, str]:
    name, bound = re.fullmatch(r"([A-Za-z0-9_.-]+)(.*)", requirement).groups()
    return name.lower(), bound


def wanted() -> dict[str, str]:
    extras = PROJECT["optional-dependencies"].values()
    everything = [*PROJECT["dependencies"], *(r for extra in extras for r in extra)]
    return dict(split(r) for r in everything)


def conda() -> dict[str, str]:
    text = (ROOT / "environment.yml").read_text("utf-8")
    lines = re.findall(
        r"^ +- ([A-Za-z][^:\n]*)$", text.partition("dependencies:")[2], re.M
    )
    found = dict(split(line.strip()) for line in lines)
    return {CONDA_NAMES.get(name, name): bound for name, bound in found.items()}


def test_conda_names_the_same_packages_with_the_same_bounds() -> None:
    theirs = conda()
    assert theirs.pop("python") == PROJECT["requires-python"]
    assert theirs.pop("pip") == ""
    assert theirs == wanted()


def test_every_package_is_pinned() -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    pinned = dict(re.findall(r"^([a-z0-9_.-]+)==(\S+)", text, re.M))
    assert wanted().keys() <= pinned.keys()
    assert pinned["torch"] == (ROOT / "tools/torch.txt").read_text().strip()[7:]
    loose = [x for x in text.splitlines() if x and "==" not in x]
    assert not loose


def test_no_list_names_a_registry() -> None:
    for name in ("constraints.txt", "environment.yml", "pyproject.toml"):
        assert "://" not in (ROOT / name).read_text("utf-8"), name


def test_installed_versions_are_the_pinned_ones() -> None:
    """What ran here is what the constraints name (torch may carry a +cpu)."""
    from importlib.metadata import version

    text = (ROOT / "constraints.txt").read_text("utf-8")
    for name in wanted():
        pins = re.findall(rf"^{re.escape(name)}==(\S+)", text, re.M)
        assert version(name).partition("+")[0] in pins, name


def test_every_way_in_installs_the_course_with_the_same_pins() -> None:
    """A container, Binder and the workflows name no package of their own."""
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert container["postCreateCommand"] == "make setup"
    assert container["postAttachCommand"] == "make lab BROWSER=none"
    binder = (ROOT / ".binder/postBuild").read_text("utf-8")
    workflows = {p.stem: p.read_text("utf-8") for p in ROOT.glob(".github/**/*.yml")}
    for text, extras in (
        (binder, "course"),
        (workflows["test"], "book,course,test"),
        (workflows["release"], "course"),
    ):
        installs = [
            line
            for line in text.splitlines()
            if "pip install" in line and "build twine" not in line
        ]
        assert len(installs) == 1
        assert "-c constraints.txt" in installs[0]
        assert f"[{extras}]" in installs[0]
    python = (ROOT / ".binder/runtime.txt").read_text().strip().removeprefix("python-")
    assert f">={python}" == PROJECT["requires-python"]


def test_no_workflow_holds_a_secret() -> None:
    for path in ROOT.glob(".github/**/*.yml"):
        assert "secrets." not in path.read_text("utf-8"), path


def test_the_changelog_knows_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## {PROJECT['version']}" in text
