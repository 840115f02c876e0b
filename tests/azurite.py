"""The Azure Storage emulator as a child process, shared by the test workers of one run."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SCRIPT = Path(__file__).parent / "node_modules/azurite/dist/src/azurite.js"
SERVICES = ("blob", "queue", "table")
#: What it prints, in its folder.
LOG = "azurite.log"
#: The emulator's own account and key, published with it.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def is_installed() -> bool:
    return SCRIPT.exists()


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The connection string of an emulator that runs as long as any user of the folder needs it."""
    with serving(folder) as ports:
        yield connection_string(ports)


@contextmanager
def serving(folder: Path, *options: str, silent: bool = True) -> Iterator[dict[str, int]]:
    """The same, with options of one's own; the port of each service. Unless silent, each request is a line of LOG."""
    me = f"{os.getpid()}-{time.monotonic_ns()}"
    with _state(folder) as state:
        if not state.get("users"):
            state.update(_start(folder, [*options, "--silent"] if silent else options))
        state.setdefault("users", []).append(me)
        ports = state["ports"]
    try:
        yield ports
    finally:
        with _state(folder) as state:
            state["users"].remove(me)
            if not state["users"]:
                os.kill(state["pid"], signal.SIGTERM)


def connection_string(ports: dict[str, int]) -> str:
    endpoints = (f"{name.title()}Endpoint=http://127.0.0.1:{port}/{ACCOUNT}" for name, port in ports.items())
    return ";".join(["DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}", f"AccountKey={KEY}", *endpoints])


@contextmanager
def _state(folder: Path) -> Iterator[dict]:
    with (folder / "azurite.json").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        state = json.loads(file.read() or "{}")
        try:
            yield state
        finally:
            file.seek(0)
            file.truncate()
            json.dump(state, file)
            file.flush()


def _start(folder: Path, options: Sequence[str]) -> dict:
    ports = dict(zip(SERVICES, _free_ports(len(SERVICES)), strict=True))
    options = [*options] + [option for name, port in ports.items() for option in (f"--{name}Port", str(port))]
    memory = ["--inMemoryPersistence", "--extentMemoryLimit", "1024"]
    command = ["node", str(SCRIPT), *options, *memory, "--skipApiVersionCheck", "--disableTelemetry"]
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    end = time.monotonic() + 60
    while not all(_answers(port) for port in ports.values()):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise RuntimeError((folder / LOG).read_text())
        time.sleep(0.1)
    process.returncode = 0  # whoever leaves last ends it, perhaps another process
    return {"pid": process.pid, "ports": ports}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
