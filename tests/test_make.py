"""`make lab` starts a server that only this machine, and only the token, can use."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = [
    pytest.mark.skipif(not shutil.which("make"), reason="there is no make here"),
    pytest.mark.skipif(
        not (ROOT / ".venv/.course").exists(), reason="not set up by `make setup`"
    ),
]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def lab(tmp_path):
    """`make lab` on a free port: (port, what it prints)."""
    port, log = free_port(), tmp_path / "log"
    clean = {"JUPYTER_CONFIG_DIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    with log.open("w") as out:
        process = subprocess.Popen(
            [
                "make",
                "lab",
                f"PORT={port}",
                "BROWSER=none",
                f"FOLDER={tmp_path / 'mine'}",
            ],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | clean,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while "token=" not in log.read_text() or not answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield port, log.read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_lab_opens_lesson_00_on_loopback_with_a_token(lab) -> None:
    port, printed = lab
    token = re.search(r"token=([0-9a-f]{20,})", printed)[1]
    base = f"http://127.0.0.1:{port}"
    assert f"{base}/lab/tree/00-start-here.ipynb?token=" in printed
    lesson = f"{base}/api/contents/00-start-here.ipynb"
    assert status(lesson) == 403
    assert status(f"{lesson}?token={token}") == 200
    if sys.platform == "linux":
        hex_port = f":{port:04X}"
        tables = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
        bound = {
            line.split()[1].removesuffix(hex_port)
            for line in tables.splitlines()
            if line.split()[1].endswith(hex_port) and line.split()[3] == "0A"
        }
        assert bound <= {"0100007F", "00000000000000000000000001000000"}
        assert bound


def test_a_second_call_installs_nothing() -> None:
    answer = subprocess.run(
        ["make", "--dry-run", "setup"], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 0
    assert "pip" not in answer.stdout


def test_without_node_the_book_says_what_to_install(tmp_path: Path) -> None:
    answer = subprocess.run(
        [shutil.which("make"), "--what-if=package.json", "book"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},  # nothing is in it
        capture_output=True,
        text=True,
    )
    assert answer.returncode != 0
    assert "install node 18 or newer" in answer.stderr
    assert "pip" not in answer.stdout
