"""The self-test: the shortest attempts to break out. Isolation that does not stop all of them is not used."""

from __future__ import annotations

import json
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Final

from shared.sandbox.base import SandboxUnavailable, Session
from shared.sandbox.local.isolation.base import Isolator

#: Runs inside. Prints the names of the attempts that succeeded.
_CODE: Final = """
import ctypes, json, os, socket

won = []

def attempt(name, action):
    try:
        if action() is not False:
            won.append(name)
    except Exception:
        pass

def connect():
    with socket.socket() as s:
        s.settimeout(1)
        s.connect(("127.0.0.1", PORT))

def connect_unix():
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(1)
        s.connect(UNIX)

libc = ctypes.CDLL(None, use_errno=True)
attempt("reads a host file", lambda: open(SECRET).read())
attempt("writes a host file", lambda: open(SECRET, "a").write("x"))
attempt("reads the box's home (BOX_HOME must not be among Python's own folders)", lambda: open(OWN).read())
attempt("reads /etc/passwd", lambda: open("/etc/passwd").read())
attempt("reads the host's environment", lambda: open("/proc/%d/environ" % HOST).read())
attempt("signals the host", lambda: os.kill(HOST, 0) if HOST != os.getpid() else False)
attempt("reaches the network", connect)
attempt("reaches a socket of the host", connect_unix)
attempt("is root", lambda: os.getuid() == 0)
attempt("traces itself", lambda: libc.ptrace(0, 0, 0, 0) == 0)
attempt("makes a namespace", lambda: libc.unshare(0x10000000) == 0)
attempt("leaves its session", os.setsid)
print(json.dumps(won))
"""


async def prove(session: Session, isolator: Isolator, home: Path) -> None:
    """Run the attempts. Raises SandboxUnavailable when one succeeds, or when no code runs at all."""
    if isolator.isolation == "none":
        await _run(session, "1 + 1")
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir=home) as own,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        unix.bind(f"\0{secrets.token_hex()}")
        unix.listen()
        names = {
            "SECRET": _secret(folder),
            "OWN": _secret(own),
            "PORT": server.getsockname()[1],
            "UNIX": unix.getsockname(),
            "HOST": os.getpid(),
        }
        header = "".join(f"{name} = {value!r}\n" for name, value in names.items())
        won = _names(await _run(session, header + _CODE))
    if won:
        raise SandboxUnavailable(f"the self-test was not contained: code {', '.join(won)}")


async def _run(session: Session, code: str) -> str:
    """What the code printed. Raises SandboxUnavailable."""
    result = await session.run(code, timeout=60)
    if result.status != "ok":
        raise SandboxUnavailable(f"the self-test did not run: {result.error or result.reason or result.status}")
    return result.logs


def _secret(folder: str) -> str:
    """A file that anybody on this machine may read: only the sandbox can be what keeps the code out."""
    path = Path(folder) / "secret"
    path.write_text(secrets.token_hex())
    path.chmod(0o644)
    os.chmod(folder, 0o755)  # noqa: S103
    return str(path)


def _names(logs: str) -> list[str]:
    try:
        return [str(name) for name in json.loads(logs)]
    except (ValueError, TypeError) as error:
        raise SandboxUnavailable("the self-test printed something unexpected") from error
