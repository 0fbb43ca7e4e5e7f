"""Runs the widgets' JavaScript in node, as the one text that a page receives."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vaelib.widgets import esm

# Wherever the browser tests must not be skipped, these must not be either.
REQUIRED = os.environ.get("VAELIB_REQUIRE_BROWSER") == "1"

SERVER = """
import { createInterface } from "node:readline";
const answer = {
  decode({ packed, x }) {
    const bytes = Buffer.from(packed.weights, "base64");
    // An odd offset, as a message's buffers may have.
    const odd = new Uint8Array(bytes.length + 1);
    odd.set(bytes, 1);
    const net = compile({ ...packed, weights: new DataView(odd.buffer, 1) });
    return x.map((one) => Array.from(net(Float32Array.from(one))));
  },
  ink: ({ strokes, width, height, style }) =>
    Array.from(inkOf(strokes, width, height, style)),
  say: ({ z }) => [sayCode(z), z.map(round)],
};
for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...question } = JSON.parse(line);
  console.log(JSON.stringify(answer[op](question)));
}
"""


class Node:
    """A node process that answers one question per line."""

    def __init__(self, command: list[str]):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, op: str, **question: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"op": op, **question}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def decode(self, packed: Any, x: torch.Tensor) -> torch.Tensor:
        """What the page makes of inputs ``(B, …)``: ``(B, numbers)``."""
        weights = base64.b64encode(packed["weights"]).decode()
        flat = x.reshape(len(x), -1).tolist()
        out = self.ask("decode", packed={**packed, "weights": weights}, x=flat)
        return torch.from_numpy(np.array(out, dtype=np.float32))


@pytest.fixture(scope="session")
def node_path() -> str:
    found = shutil.which("node")
    if found is None:
        message = "node is not installed: the widgets' JavaScript was not tested"
        (pytest.fail if REQUIRED else pytest.skip)(message)
    return str(found)


@pytest.fixture(scope="session")
def node(node_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    text = esm.module("draw_and_encode").replace("export default", "globalThis.front =")
    script = tmp_path_factory.mktemp("node") / "server.mjs"
    script.write_text(text + SERVER)
    running = Node([node_path, str(script)])
    yield running
    running.process.terminate()
    running.process.wait()


@pytest.fixture(scope="session")
def run_script(node_path: str) -> Any:
    """Runs a JavaScript file in node with arguments; its errors fail the test."""

    def run(path: Path, *arguments: str) -> str:
        done = subprocess.run(
            [node_path, str(path), *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout

    return run
