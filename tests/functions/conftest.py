"""Starts the function app under the real Python runtime, in a process of its own: the runtime serves one app only.

Needs Python 3.13, as the runtime package does; elsewhere these tests are skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.azurite import is_installed, running
from tests.functions.worker_process import program

ROOT = Path(__file__).parents[2]
STAND_IN = ("--stand-in", "tests.functions.standin")
START_SECONDS = 90
CHANGE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Served:
    """A function app that is being served."""

    url: str
    #: Function -> its bindings.
    functions: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Host:
    """A client for a served function app."""

    http: aiohttp.ClientSession
    functions: dict[str, list[dict[str, Any]]]

    async def get(self, path: str) -> Any:
        async with self.http.get(path) as answer:
            return await answer.json()

    async def outcomes(self, function: str) -> list[dict[str, Any]]:
        """How this test's invocations of one function ended."""
        return [outcome for outcome in await self.get("/admin/outcomes") if outcome["function"] == function]

    async def ended(self, function: str, count: int) -> list[dict[str, Any]]:
        """The same, once so many have ended: an answer may be read a moment before its invocation is over."""
        await self.until("/admin/outcomes", lambda all_: sum(each["function"] == function for each in all_) >= count)
        return await self.outcomes(function)

    async def until(self, path: str, holds: Callable[[Any], bool]) -> Any:
        """Ask again until the answer is the one that is waited for."""
        async with asyncio.timeout(CHANGE_SECONDS):
            while not holds(answer := await self.get(path)):  # noqa: ASYNC110  another process
                await asyncio.sleep(0.05)
        return answer


@contextmanager
def serving(*arguments: str, app: Path = ROOT, **environment: str) -> Iterator[Served]:
    """Serve the repository's function app, or a copy of it, for the length of the block."""
    if sys.version_info < (3, 13):
        pytest.skip("the Functions Python runtime needs Python 3.13")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AzureWebJobs")}
    command = program("tests.functions.host", str(app), *arguments)
    inherited["PYTHONPATH"] = str(ROOT)  # behind the app itself
    inherited["AzureFunctionsJobHost__extensions__queues__maxPollingInterval"] = "00:00:00.1"
    with subprocess.Popen(command, env=inherited | environment, cwd=app, stdout=subprocess.PIPE) as process:
        overdue = threading.Timer(START_SECONDS, process.kill)
        overdue.start()
        try:
            assert process.stdout is not None
            ready = next((line for line in process.stdout if line.startswith(b'{"url"')), None)
            overdue.cancel()
            assert ready is not None, "the host did not start"
            yield Served(**json.loads(ready))
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a storage emulator for this module alone: the app's queue names are fixed."""
    if not is_installed():
        if os.environ.get("CI"):
            pytest.fail("Azurite is not installed")
        pytest.skip("Azurite is not installed: run tests/install-node-packages.sh")
    with running(tmp_path_factory.mktemp("azurite")) as connection_string:
        yield connection_string


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The function app in front of the stand-in box, without storage."""
    with serving(*STAND_IN) as started:
        yield started


@pytest.fixture
async def host(served: Served) -> AsyncIterator[Host]:
    """A client with a clean slate: it sees the invocations of its own test only."""
    async with aiohttp.ClientSession(served.url, timeout=aiohttp.ClientTimeout(60)) as http:
        await http.delete("/admin/outcomes")
        yield Host(http, served.functions)
