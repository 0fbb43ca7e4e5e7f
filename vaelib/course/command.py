"""The command ``vaelib``: a folder of one's own, a fresh copy, what is solved."""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from vaelib.course.folder import Folder
from vaelib.course.lessons import find
from vaelib.course.progress import progress

HERE = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    """Do what was asked.

    Args:
        arguments: of the command line; by default this process's.

    Returns:
        The exit status: 0, or 2 where something was asked that cannot be done.
    """
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except (ValueError, OSError) as problem:
        print(f"vaelib: {problem}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vaelib", description="A course on variational autoencoders."
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    lab = commands.add_parser("lab", help="copy the lessons, open them in JupyterLab")
    lab.add_argument("--lesson", default="00", help="the one to open; default 00")
    lab.add_argument("--port", type=int, default=8888, help="default 8888")
    lab.add_argument("--no-browser", action="store_true", help="only start the server")
    lab.set_defaults(run=_lab)

    reset = commands.add_parser("reset", help="a fresh copy of a lesson; yours is kept")
    reset.add_argument("lesson", help="its number, e.g. 06")
    reset.set_defaults(run=_reset)

    table = commands.add_parser("progress", help="which exercises are solved")
    table.set_defaults(run=_progress)

    for one in (lab, reset, table):
        one.add_argument(
            "folder", nargs="?", default="vae-course", help="default vae-course"
        )
    return parser


def _lab(asked: argparse.Namespace) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        raise ValueError(
            "JupyterLab is not installed. Install it: pip install 'vaelib[course]'"
        )
    lesson = find(asked.lesson)
    folder = Folder(asked.folder)
    _say(folder.update())
    command = [
        *(sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--port={asked.port}"),
        f"--ServerApp.root_dir={folder.path.resolve()}",
        f"--LabApp.default_url=/lab/tree/{lesson.name}",
    ]
    if asked.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container one often is
    # The course's settings (no news, please) come after the learner's own.
    paths = [os.environ.get("JUPYTER_CONFIG_PATH"), str(HERE)]
    settings = {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths))}
    # The lessons' models are small: a second thread would contend with the browser.
    environment = {"OMP_NUM_THREADS": "1"} | os.environ | settings
    try:
        return subprocess.call(command, env=environment)
    except KeyboardInterrupt:  # the server has heard it, too
        return 0


def _reset(asked: argparse.Namespace) -> int:
    _say(_existing(asked.folder).reset(asked.lesson))
    return 0


def _progress(asked: argparse.Namespace) -> int:
    table = progress(_existing(asked.folder).path)
    print(table or "Nothing is solved yet: a passed check is noted here.")
    return 0


def _existing(folder: str) -> Folder:
    if not Path(folder).is_dir():
        raise ValueError(
            f"folder: there is no {folder}; `vaelib lab {folder}` makes it"
        )
    return Folder(folder)


def _say(sentences: list[str]) -> None:
    for sentence in sentences:
        print(sentence, flush=True)
