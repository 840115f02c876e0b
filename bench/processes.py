"""The processes a measurement needs: the fake model, a box in front of it, workers. All on loopback, all ended."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

KEY = "bench-key-0123456789"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Checkout:
    """A tree of the project, and the Python that runs it."""

    folder: Path
    python: str = sys.executable
    #: A program, with its options, that runs the Python.
    under: tuple[str, ...] = ()


HERE = Checkout(Path(__file__).parents[1])


@contextmanager
def started(
    arguments: list[str], until: str, environment: Mapping[str, str] | None = None, checkout: Checkout = HERE
) -> Iterator[tuple[str, int]]:
    """A Python process that has printed a line matching `until`: the match's first group, and the pid."""
    process = subprocess.Popen(
        [*checkout.under, checkout.python, "-u", *arguments],
        cwd=checkout.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            found = re.search(until, line)
            if found:
                yield found[1], process.pid
                return
        raise RuntimeError(f"{arguments} ended without a sign of life")
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def model(delay: float) -> Iterator[str]:
    """The fake model; its base URL."""
    arguments = ["-m", "tests.fakes.responses_server", "--port", "0", "--delay", str(delay)]
    with started(arguments, r"(http://\S+)") as (url, _):
        yield url


@contextmanager
def box(model_url: str, home: Path, checkout: Checkout = HERE, **settings: str) -> Iterator[tuple[str, int]]:
    """An embedded host that asks the model; its base URL and pid."""
    environment = {**environment_of(model_url, home), "BOX_PORT": str(free_port()), **settings}
    with started(["-m", "shared", "run"], r"base URL\s+(\S+)", environment, checkout) as found:
        yield found


@contextmanager
def worker(model_url: str, home: Path, **settings: str) -> Iterator[None]:
    """A process that drives runs of the same box."""
    with started(["-m", "shared", "worker"], r"(worker)", {**environment_of(model_url, home), **settings}):
        yield


def environment_of(model_url: str, home: Path) -> dict[str, str]:
    """The settings of a box under measurement."""
    return {
        "OPENAI_BASE_URL": model_url,
        "OPENAI_API_KEY": "none",
        "BOX_HOME": str(home),
        "BOX_API_KEYS": f'{{"bench": "{KEY}"}}',
        "SANDBOX": "none",
    }


def cpu_seconds(pid: int) -> float:
    """Processor time the process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def resident_mb(pid: int) -> float:
    """Resident memory of the process."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20
