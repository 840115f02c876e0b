"""What the processes of one session hold of the machine, counted from outside through /proc.

What the kernel keeps for a process counts as well: page tables, what sockets and pipes have taken in, memory that is
shared and only mapped, locks on files. Where a size cannot be seen, the largest it may have is assumed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from shared.sandbox.base import Limits
from shared.sandbox.local.procfs import SessionProcess, read
from shared.sandbox.local.untrusted_tree import Unreadable

#: What a socket takes in before its writer must wait, where the kernel does not say.
_BUFFER: Final = 208 * 1024
#: What a pipe takes in.
_PIPE: Final = 64 * 1024
#: Memory by mapping alone; the names are the kernel's own.
_SHARED: Final = ("/dev/zero (deleted)", "/memfd:", "/SYSV")
#: A shared mapping of unseen size counts as this part of the limit: it can be larger than what is still mapped.
_UNSEEN: Final = 8
#: What a watch on a descriptor, and a lock, look like in /proc/PID/fdinfo.
_LOCK = b"\nlock:"
#: Bytes of a line in /proc/PID/maps, fdinfo and net/unix, at the most that a long path allows for.
_LINE: Final = 256
#: A line of /proc/PID/net/unix without an inode: a connection that nobody has accepted.
_WAITING: Final = re.compile(rb"^[0-9a-f]+: (?:[0-9A-F]+ ){5} *0(?: |$)", re.MULTILINE)


@dataclass(slots=True)
class Held:
    """What processes hold that neither the folder nor their resident memory shows."""

    #: Files without a name: inode -> bytes.
    files: dict[int, int] = field(default_factory=dict)
    #: Memory that is shared and mapped, by inode: it stays when its pages leave the processes.
    shared: dict[int, int] = field(default_factory=dict)
    sockets: set[int] = field(default_factory=set)
    #: Connections that wait to be accepted: no process has them open, even when their makers have closed theirs.
    waiting: int = 0
    pipes: set[int] = field(default_factory=set)
    mappings: int = 0
    #: What is open, in each thread anew.
    descriptors: int = 0
    #: Locks on files, seen once by every thread.
    locks: int = 0

    @property
    def disk(self) -> int:
        """Bytes of files without a name."""
        return sum(self.files.values())

    @property
    def memory(self) -> int:
        """Bytes that may be held in the kernel."""
        sockets = (len(self.sockets) + self.waiting) * socket_buffer()
        return sum(self.shared.values()) + sockets + len(self.pipes) * _PIPE


@dataclass(frozen=True, slots=True)
class InMemory:
    """What is in the file systems in memory that a session has to itself."""

    #: Each costs the kernel a kilobyte.
    files: int = 0
    bytes: int = 0


def resident(everyone: list[SessionProcess], enough: int) -> int:
    """Bytes in memory, swapped out or in page tables; exact (shared pages divided) only above `enough`."""
    pids = [member.threads[0] for member in everyone if member.threads]
    rough = sum(_resident(pid) for pid in pids)
    return rough if rough <= enough else sum(_proportional(pid) for pid in pids)


def held(everyone: list[SessionProcess], device: int, limits: Limits) -> Held:
    """What these processes have open or mapped; looking stops where a limit is passed.

    The size of a file on that device which is only mapped cannot be seen, so it counts as the largest allowed.
    """
    found = Held()
    for member in everyone:
        for thread in member.threads[:1]:
            with suppress(OSError):
                _add_mappings(thread, device, limits, found)
        for thread in member.threads:
            with suppress(OSError):
                _add_open_files(thread, device, limits, found)
        if found.mappings > limits.mappings or found.descriptors > limits.descriptors or found.locks > limits.locks:
            break
    found.waiting = _waiting(everyone, limits)
    return found


def in_memory(everyone: list[SessionProcess]) -> InMemory:
    """The files in /tmp and /dev/shm, where those are the session's own."""
    host = os.stat("/").st_dev
    for thread in (thread for member in everyone for thread in member.threads[:1]):
        root = f"/proc/{thread}/root/"
        with suppress(OSError):
            if os.stat(root).st_dev != host:
                found = [os.statvfs(root + folder) for folder in ("tmp", "dev/shm")]
                return InMemory(
                    sum(each.f_files - each.f_ffree for each in found),
                    sum((each.f_blocks - each.f_bfree) * each.f_frsize for each in found),
                )
    return InMemory()


def socket_buffer() -> int:
    """Bytes that a socket takes in. The code cannot raise it."""
    with suppress(OSError, ValueError):
        return int(read("/proc/sys/net/core/wmem_default"))
    return _BUFFER


def _waiting(everyone: list[SessionProcess], limits: Limits) -> int:
    """Connections between the session's processes that nobody has accepted; without a network of its own, none."""
    hosts = os.stat("/proc/self/ns/net").st_ino
    lines = limits.descriptors + limits.memory // socket_buffer() + 1
    for thread in (thread for member in everyone for thread in member.threads[:1]):
        with suppress(OSError):
            if os.stat(f"/proc/{thread}/ns/net").st_ino != hosts:
                return len(_WAITING.findall(read(f"/proc/{thread}/net/unix", lines * _LINE)))
    return 0


def _add_mappings(pid: int, device: int, limits: Limits, found: Held) -> None:
    text = read(f"/proc/{pid}/maps", (limits.mappings + 1 - found.mappings) * _LINE)
    found.mappings += text.count(b"\n")
    if b"(deleted)" not in text:
        return
    number = f"{os.major(device):02x}:{os.minor(device):02x}"
    for line in text.decode(errors="replace").splitlines():
        if line.endswith("(deleted)"):
            where, _, offset, on, inode, path = line.split(maxsplit=5)
            if on == number:
                found.files.setdefault(int(inode), limits.file_size)
            elif path.startswith(_SHARED):
                size = _shared_size(pid, where, int(offset, 16), limits.memory // _UNSEEN)
                found.shared[int(inode)] = max(size, found.shared.get(int(inode), 0))


def _shared_size(pid: int, where: str, offset: int, unseen: int) -> int:
    """All of a shared memory of which a process maps a part; only root may be told."""
    try:
        return os.stat(f"/proc/{pid}/map_files/{where}").st_size
    except OSError:
        start, _, end = where.partition("-")
        return max(offset + int(end, 16) - int(start, 16), unseen)


def _add_open_files(thread: int, device: int, limits: Limits, found: Held) -> None:
    for entry, seen in _open_files(thread):
        found.descriptors += 1
        kind = stat.S_IFMT(seen.st_mode)
        if kind == stat.S_IFSOCK:
            found.sockets.add(seen.st_ino)
        elif kind == stat.S_IFIFO:
            found.pipes.add(seen.st_ino)
        elif kind in (0, stat.S_IFREG):  # the kernel's own objects have no kind
            if kind == stat.S_IFREG and seen.st_nlink == 0 and seen.st_dev == device:
                found.files[seen.st_ino] = seen.st_blocks * 512
            with suppress(OSError):
                text = read(f"/proc/{thread}/fdinfo/{entry}", (limits.locks + 1 - found.locks) * _LINE)
                found.locks += text.count(_LOCK)
        if found.descriptors > limits.descriptors or found.locks > limits.locks:
            return


def _open_files(thread: int) -> Iterator[tuple[str, os.stat_result]]:
    """Raises OSError for a thread that ended, Unreadable for a program that may be run but not read."""
    try:
        entries = os.listdir(f"/proc/{thread}/fd")
    except PermissionError as error:
        if _resident(thread) > 0:  # else it is just ending
            raise Unreadable from error
        return
    for entry in entries:
        with suppress(OSError):
            yield entry, os.stat(f"/proc/{thread}/fd/{entry}")


def _resident(pid: int) -> int:
    """Without the shared memory, which is counted by what holds it."""
    with suppress(OSError):
        status = read(f"/proc/{pid}/status")
        kept = _kilobytes(status, b"VmRSS") + _kilobytes(status, b"VmSwap") + _kilobytes(status, b"VmPTE")
        return (kept - _kilobytes(status, b"RssShmem")) * 1024
    return 0


def _proportional(pid: int) -> int:
    with suppress(OSError):
        pages, tables = read(f"/proc/{pid}/smaps_rollup"), _kilobytes(read(f"/proc/{pid}/status"), b"VmPTE")
        kept = _kilobytes(pages, b"Pss") + _kilobytes(pages, b"SwapPss") + tables
        return (kept - _kilobytes(pages, b"Pss_Shmem")) * 1024
    return _resident(pid)  # a process that forbids the look counts whole


def _kilobytes(text: bytes, name: bytes) -> int:
    """The figure of a line such as `VmPTE:  592 kB`; 0 when there is none."""
    figure = text.partition(b"\n" + name + b":")[2].partition(b"\n")[0].split()
    return int(figure[0]) if figure else 0
