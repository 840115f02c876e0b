"""Python programs that start in milliseconds: forked from a process that has loaded what they load.

Four fifths of what a short program costs is importing the box; a suite starts hundreds of them. `warm` is the command
line in place of `python -m MODULE`: the program has its own arguments, environment, folder and pipes, and its exit code
is the command's. What is loaded, when and by whom, is for tests that start Python themselves.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NoReturn

ROOT: Final = Path(__file__).parents[1]
RELAY: Final = Path(__file__).with_name("warm_relay.py")
#: What programs load at once, and what they load later.
LOADED: Final = (
    "shared.cli.program",
    "shared.smoke.story",
    "aiohttp.web",
    "azure.data.tables.aio",
    "azure.storage.blob.aio",
    "azure.storage.queue.aio",
    "bm25s",
    "lxml.html",
    "numpy",
    "openai.resources.beta",
    "shared.search.merging",
    "shared.search.ranking",
    "shared.search.segment",
    "uvicorn.protocols.http.auto",
)
#: What the stand-in for the Functions host and its worker load; Microsoft's runtime is for one version of Python.
FUNCTIONS: Final = ("azure.functions", "tests.functions.host", "tests.functions.worker")
#: The variable that tells whatever is started here where to ask for programs.
ADDRESS: Final = "TESTS_WARM_PROGRAMS"
#: Bytes of an order: arguments, environment and folder.
ORDER: Final = 200_000


def warm(*words: str) -> list[str]:
    """A command that does what `python -m WORDS` does, sooner."""
    if sys.platform != "linux":
        return [sys.executable, "-m", *words]
    return [sys.executable, "-IS", str(RELAY), _address(), *words]


def _address() -> str:
    """Where the source of programs listens: that of the process that started this one, or its own."""
    return os.environ.get(ADDRESS) or _started()


def _started() -> str:
    """Start a source of programs, which ends with this process; programs use it, too."""
    folder = tempfile.mkdtemp(prefix="warm-")
    address = f"{folder}/socket"
    environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
    environment |= {"OPENBLAS_NUM_THREADS": "1"}  # a process of several threads is not forked
    command = [sys.executable, "-m", "tests.warm", address]
    source = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert source.stdout is not None
    assert source.stdout.readline() == b"ready\n"

    def close() -> None:
        source.communicate()  # it ends with its input
        shutil.rmtree(folder)

    atexit.register(close)
    os.environ[ADDRESS] = address
    return address


def main(address: str) -> None:
    sys.argv[:] = [str(ROOT / "shared/__main__.py")]  # programs look there for what they are called
    for name in LOADED if find_spec("azure_functions_runtime") is None else (*LOADED, *FUNCTIONS):
        import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1
    gc.collect()
    gc.freeze()  # so that forked programs share the pages of what is loaded
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(64)
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are not waited for
    while sys.stdin.fileno() not in select.select([listener.fileno(), sys.stdin.fileno()], [], [])[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            keep(connection)
            return
        connection.close()


def keep(connection: socket.socket) -> None:
    """Run the program that is ordered in a child, pass on signals, and tell how it ended."""
    order, pipes, *_ = socket.recv_fds(connection, ORDER, 3)
    program = os.fork()
    if program == 0:
        connection.close()
        become(json.loads(order), pipes)
        return
    for pipe in pipes:
        os.close(pipe)
    ended = os.pidfd_open(program)
    while ended not in select.select([ended, connection.fileno()], [], [])[0]:
        # Whoever gave the order is gone if there is nothing to read: killed, as the program would be in its place.
        number = connection.recv(1) or bytes([signal.SIGKILL])
        os.kill(program, number[0])
        if number[0] == signal.SIGKILL:
            break
    _, status = os.waitpid(program, 0)
    with suppress(BrokenPipeError):
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def become(order: dict[str, Any], pipes: list[int]) -> None:
    """Be the program: what a fresh process has of its own is replaced."""
    for number, pipe in enumerate(pipes):
        os.dup2(pipe, number)
        os.close(pipe)
    os.chdir(order["folder"])
    os.umask(order["umask"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    tempfile.tempdir = None
    # Those that there are know what the pipes of their own process could do.
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    module, *arguments = order["words"]
    sys.argv[1:] = arguments
    sys.orig_argv[1:] = ["-m", module, *arguments]
    sys.path[:1] = [order["folder"], *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        leave(end.code)


def leave(code: int) -> NoReturn:
    """End as an interpreter does, without taking apart what was loaded: that takes longer than most programs."""
    threading._shutdown()  # type: ignore[attr-defined]  # what multiprocessing does at the end of its processes
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
