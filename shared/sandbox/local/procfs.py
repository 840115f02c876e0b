"""The processes of one session, seen from the host through /proc.

Every process of a session has the session id of the first one: the filter denies setsid, so none can leave.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

#: Assumed where nothing can be counted.
_MANY_THREADS: Final = 4096
#: States of processes that do nothing: stopped, or dead.
STILL: Final = "TZX"


@dataclass(frozen=True, slots=True)
class SessionProcess:
    """A process of a session, as /proc tells of it."""

    pid: int
    #: As in /proc/PID/stat: T stopped, Z dead and not yet reaped.
    state: str
    parent: int
    #: Those that live; each may have open files of its own.
    threads: tuple[int, ...]


def members(session: int) -> list[SessionProcess]:
    """Every process with that session id."""
    found = []
    for pid in _pids():
        with suppress(OSError):  # it ended while we looked
            if os.getsid(pid) == session:
                found.append(_member(pid))
    return found


def _member(pid: int) -> SessionProcess:
    """A process. When its first thread has ended it reads as dead, and empty, whatever its other threads do."""
    state, parent = _stat(pid)
    threads = [int(each) for each in os.listdir(f"/proc/{pid}/task")]
    if state == "Z":
        threads = [each for each in threads if each != pid]
        for thread in threads:
            state = "R"  # unless we see that it is not, or it ends while we look
            with suppress(OSError):
                state = _stat(thread)[0]
            if state not in STILL:
                break
    return SessionProcess(pid, state, int(parent), tuple(threads))


def _stat(pid: int) -> list[str]:
    """State and parent of a process or thread."""
    return read(f"/proc/{pid}/stat").decode(errors="replace").rpartition(")")[2].split()[:2]


def send(member: SessionProcess, number: int) -> None:
    """Signal a process that may just have ended."""
    with suppress(ProcessLookupError):
        os.kill(member.pid, number)


def kill_all(session: int) -> None:
    """Kill every process of a session, until none is left. The first one is the caller's to reap."""
    killed: set[int] = set()
    while alive := [member.pid for member in members(session) if member.threads]:
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed.update(alive)
        time.sleep(0.002)
    for pid in killed - {session}:
        with suppress(ChildProcessError):  # orphans become ours when the box is a container's first process
            os.waitpid(pid, os.WNOHANG)


def threads_of_user(uid: int) -> int:
    """How many threads a user has on this machine: RLIMIT_NPROC counts them all."""
    if not os.path.isdir("/proc/self"):
        return _MANY_THREADS
    count = 0
    for pid in _pids():
        with suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == uid:
                count += len(os.listdir(f"/proc/{pid}/task"))
    return count


def read(path: str, most: int | None = None) -> bytes:
    """A file of /proc at once, or a little more than `most` of its bytes; pathlib takes ten times as long."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces, size = [], 0
        while (most is None or size <= most) and (piece := os.read(descriptor, 1 << 16)):
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def _pids() -> Iterator[int]:
    with suppress(OSError):
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                yield int(entry)
