"""The processes of one session, seen from the host through /proc.

Every process of a session has the session id of the first one: the filter denies setsid, so none can leave.
"""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from shared.sandbox.local.untrusted_tree import Unreadable

_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
#: Assumed where nothing can be counted.
_MANY_THREADS: Final = 4096
#: What a socket takes in before its writer must wait.
_BUFFER: Final = 208 * 1024
#: States of processes that do nothing: stopped, or dead.
STILL: Final = "TZX"


@dataclass(frozen=True, slots=True)
class Member:
    """A process of a session."""

    pid: int
    #: As in /proc/PID/stat: T stopped, Z dead and not yet reaped.
    state: str
    parent: int
    #: Those that live; each may have open files of its own.
    threads: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What processes hold that neither the folder nor their memory shows."""

    #: Bytes of files without a name.
    disk: int
    #: Bytes that sockets may have taken in and nobody has read.
    memory: int


def members(session: int) -> list[Member]:
    """Every process with that session id."""
    found = []
    for pid in _pids():
        with suppress(OSError):  # it ended while we looked
            if os.getsid(pid) == session:
                found.append(_member(pid))
    return found


def _member(pid: int) -> Member:
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
    return Member(pid, state, int(parent), tuple(threads))


def _stat(pid: int) -> list[str]:
    """State and parent of a process or thread."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[:2]


def send(member: Member, number: int) -> None:
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


def memory(everyone: list[Member], enough: int) -> int:
    """Bytes held together; exact (shared pages divided) only when the rough sum exceeds `enough`."""
    pids = [member.threads[0] for member in everyone if member.threads]
    rough = sum(_resident(pid) for pid in pids)
    return rough if rough <= enough else sum(_proportional(pid) for pid in pids)


def held(everyone: list[Member], device: int, unknown: int) -> Held:
    """What these processes hold open or mapped, and nobody else sees.

    The size of a file that is only mapped cannot be seen, so it counts as `unknown`.
    """
    files: dict[int, int] = {}
    sockets: set[int] = set()
    for member in everyone:
        for thread in member.threads[:1]:
            with suppress(OSError):
                for inode in _mapped_without_name(thread, device):
                    files.setdefault(inode, unknown)
        for thread in member.threads:
            with suppress(OSError):
                for seen in _open_files(thread):
                    if stat.S_ISREG(seen.st_mode) and seen.st_nlink == 0 and seen.st_dev == device:
                        files[seen.st_ino] = seen.st_blocks * 512
                    elif stat.S_ISSOCK(seen.st_mode):
                        sockets.add(seen.st_ino)
    return Held(sum(files.values()), len(sockets) * _BUFFER)


def files_in_memory(everyone: list[Member]) -> int:
    """Files in the file systems in memory that these processes have to themselves; each costs the kernel a kilobyte."""
    host = os.stat("/").st_dev
    for thread in (thread for member in everyone for thread in member.threads[:1]):
        root = f"/proc/{thread}/root/"
        with suppress(OSError):
            if os.stat(root).st_dev != host:
                found = [os.statvfs(root + folder) for folder in ("tmp", "dev/shm")]
                return sum(each.f_files - each.f_ffree for each in found)
    return 0


def _open_files(thread: int) -> Iterator[os.stat_result]:
    """Raises OSError for a thread that ended, Unreadable for a program that may be run but not read."""
    try:
        entries = os.listdir(f"/proc/{thread}/fd")
    except PermissionError as error:
        if _resident(thread) > 0:  # else it is just ending
            raise Unreadable from error
        return
    for entry in entries:
        with suppress(OSError):
            yield os.stat(f"/proc/{thread}/fd/{entry}")


def _mapped_without_name(pid: int, device: int) -> Iterator[int]:
    number = f"{os.major(device):02x}:{os.minor(device):02x}"
    for line in _read(f"/proc/{pid}/maps").splitlines():
        if line.endswith("(deleted)"):
            fields = line.split(maxsplit=5)
            if fields[3] == number:
                yield int(fields[4])


def _resident(pid: int) -> int:
    with suppress(OSError):
        return int(_read(f"/proc/{pid}/statm").split()[1]) * _PAGE
    return 0


def _proportional(pid: int) -> int:
    with suppress(OSError):
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident(pid)  # a process that forbids the look counts whole


def _read(path: str) -> str:
    """A file of /proc at once; pathlib takes ten times as long, and this is asked for every process."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        while piece := os.read(descriptor, 1 << 16):
            pieces.append(piece)
        return b"".join(pieces).decode(errors="replace")
    finally:
        os.close(descriptor)


def _pids() -> Iterator[int]:
    with suppress(OSError):
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                yield int(entry)
