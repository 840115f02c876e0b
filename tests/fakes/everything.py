"""The MCP server that the protocol's makers try clients with, `@modelcontextprotocol/server-everything`."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.durability.hosts import free_port

SCRIPT = Path(__file__).parents[1] / "node_modules/@modelcontextprotocol/server-everything/dist/index.js"
START_SECONDS = 30.0
#: How it is spoken to -> the path of its URL.
PATHS = {"streamableHttp": "/mcp", "sse": "/sse"}


def is_installed() -> bool:
    return SCRIPT.exists()


@contextmanager
def everything(transport: str) -> Iterator[str]:
    """The URL of the server, while it runs; `transport` is a key of PATHS."""
    port = free_port()
    # Nothing else of the environment: the server has a tool that tells it.
    environment = {"PATH": os.environ["PATH"], "PORT": str(port)}
    silent: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(["node", str(SCRIPT), transport], env=environment, **silent)
    try:
        _await(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}{PATHS[transport]}"
    finally:
        process.kill()
        process.wait(10)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError as answered:
            answered.close()
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start")
