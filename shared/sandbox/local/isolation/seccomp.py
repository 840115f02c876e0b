"""The system call filter as classic BPF, made in plain Python: no libseccomp, no compiler.

An allow-list, of calls and of the commands of those that are many in one. A call that is not in the table answers
ENOSYS, as on an older kernel; a foreign calling convention (int 0x80, x32) kills. Filters see numbers, not memory, so
paths are left to the mount namespace or to Landlock.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from shared.sandbox.local.isolation.syscalls import Machine, numbers

Tier = Literal["namespaces", "landlock"]

_AUDIT: Final[dict[Machine, int]] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32: Final = 0x40000000
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL: Final = 0x80000000
_LOAD, _EQUAL, _ABOVE, _FROM, _ANY, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06

Instruction = tuple[int, int, int, int]
Kind = Literal["only", "without"]

#: CLONE_NEWNS … CLONE_NEWNET, CLONE_NEWCGROUP and CLONE_NEWTIME: no namespaces from inside.
_NAMESPACES: Final = 0x7E020080
#: CLONE_PARENT would give the box children that it does not know of.
_PARENT: Final = 0x8000
#: What tells SIGCONT and its like from SIGCHLD and from none: a child that ends must not wake a stopped parent.
_END_SIGNAL: Final = 0xEE
#: set-user-id and set-group-id bits.
_PRIVILEGED_MODE: Final = 0o6000
#: PR_GET_DUMPABLE, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ, SET_TIMERSLACK, NO_NEW_PRIVS twice.
_PRCTL: Final = (3, 15, 16, 21, 23, 29, 38, 39)
#: F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL; F_GETLK, F_SETLK, F_SETLKW and the same for open file descriptions
#: (SQLite); F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_GET_SEALS. No leases and no signals of descriptors: both reach the host.
_FCNTL: Final = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032, 1034)
#: TCGETS, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, TCGETS2: what Python asks of any descriptor.
_IOCTL: Final = (0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x802C542A)
#: MADV_NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTNEED, FREE, DONTFORK, DOFORK, HUGEPAGE, NOHUGEPAGE, DONTDUMP, DODUMP,
#: WIPEONFORK, KEEPONFORK, POPULATE_READ, _WRITE; not COLD, MERGEABLE or others that hide memory from who counts it.
_MADVISE: Final = (0, 1, 2, 3, 4, 8, 10, 11, 14, 15, 16, 17, 18, 19, 22, 23)
_SOL_SOCKET: Final = 1
#: SO_REUSEADDR, KEEPALIVE, LINGER, REUSEPORT, RCVTIMEO and SNDTIMEO with their 64-bit twins; no larger buffers.
_SETSOCKOPT: Final = (2, 9, 13, 15, 20, 21, 66, 67)
#: The same, and SO_TYPE, ERROR, SNDBUF, RCVBUF, ACCEPTCONN, PROTOCOL, DOMAIN; not who is at the other end.
_GETSOCKOPT: Final = (*_SETSOCKOPT, 3, 4, 7, 8, 30, 38, 39)
_AF_UNIX: Final = 1
#: SOCK_STREAM, with SOCK_CLOEXEC and SOCK_NONBLOCK or without.
_STREAM: Final = (1, 0x80001, 0x801, 0x80801)


@dataclass(frozen=True, slots=True)
class Check:
    """A test of the low word of one argument; when it fails, the call answers `errno` (0: pretended success)."""

    argument: int
    kind: Kind
    values: tuple[int, ...]
    errno: int = errno.EPERM


#: A call answered without looking: the check that nothing passes.
_REFUSED: Final = (Check(0, "only", ()),)
_PRETENDED: Final = (Check(0, "only", (), 0),)

_EVERYWHERE: Final[dict[str, tuple[Check, ...]]] = {
    "clone": (Check(0, "without", (_NAMESPACES | _PARENT | _END_SIGNAL,)),),
    "clone3": (Check(0, "only", (), errno.ENOSYS),),  # its flags are in memory; glibc falls back to clone
    "setsid": _REFUSED,  # the session id is how the host finds every process of a session
    "prctl": (Check(0, "only", _PRCTL, errno.EINVAL),),
    "ioctl": (Check(1, "only", _IOCTL, errno.ENOTTY),),
    "fcntl": (Check(1, "only", _FCNTL),),
    "madvise": (Check(2, "only", _MADVISE, errno.EINVAL),),
    "setsockopt": (
        Check(1, "only", (_SOL_SOCKET,), errno.ENOPROTOOPT),
        Check(2, "only", _SETSOCKOPT, errno.ENOPROTOOPT),
    ),
    "getsockopt": (
        Check(1, "only", (_SOL_SOCKET,), errno.ENOPROTOOPT),
        Check(2, "only", _GETSOCKOPT, errno.ENOPROTOOPT),
    ),
    "prlimit64": (Check(0, "only", (0,)),),
    "setpriority": (Check(0, "only", (0,)), Check(1, "only", (0,))),
    "sched_setaffinity": (Check(0, "only", (0,)),),
    "open": (Check(2, "without", (_PRIVILEGED_MODE,)),),  # libraries pass a mode of 0 when no file is made
    "openat": (Check(3, "without", (_PRIVILEGED_MODE,)),),
    "creat": (Check(1, "without", (_PRIVILEGED_MODE,)),),
    "chmod": (Check(1, "without", (_PRIVILEGED_MODE,)),),
    "fchmod": (Check(1, "without", (_PRIVILEGED_MODE,)),),
    "fchmodat": (Check(2, "without", (_PRIVILEGED_MODE,)),),
    "fchmodat2": (Check(2, "without", (_PRIVILEGED_MODE,)),),
    "sync": _PRETENDED,  # it would flush the host's disks
    "fallocate": (Check(0, "only", (), errno.EOPNOTSUPP),),  # it takes the host's disk faster than anybody can look
    # They carry descriptors, and a file that is on its way belongs to no process: nobody would see what it holds.
    **dict.fromkeys(("sendmsg", "sendmmsg"), _REFUSED),
    **dict.fromkeys(("chown", "fchown", "lchown", "fchownat"), _REFUSED),
}

#: A network namespace does not hold AF_VSOCK, AF_ALG and their like; what TCP keeps in memory is the host's; and a
#: datagram stays with who receives it when its sender is gone, so nobody could tell how much that is. With Landlock,
#: half a pair of datagram sockets could write to any other.
_UNIX_STREAM: Final = (
    Check(0, "only", (_AF_UNIX,), errno.EAFNOSUPPORT),
    Check(1, "only", _STREAM, errno.EPROTONOSUPPORT),
)

_NAMESPACES_TIER: Final[dict[str, tuple[Check, ...]]] = {"socket": _UNIX_STREAM, "socketpair": _UNIX_STREAM}

#: What Landlock does not mediate: path sockets, modes, times, and (before ABI 3) truncate.
_LANDLOCK_TIER: Final[dict[str, tuple[Check, ...]]] = {
    "socket": _REFUSED,
    "socketpair": _UNIX_STREAM,
    "truncate": _REFUSED,
    **dict.fromkeys(("chmod", "fchmod", "fchmodat", "fchmodat2"), _PRETENDED),
    **dict.fromkeys(("utime", "utimes", "futimesat", "utimensat"), _PRETENDED),
}

_SIGNALS: Final = ("kill", "tkill", "tgkill")


def this_machine() -> Machine | None:
    """The machine's name if there is a filter for it."""
    name = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return name if name in _AUDIT else None


def program(machine: Machine, tier: Tier, *, signals: bool = True) -> bytes:
    """The filter as an array of `struct sock_filter`. Without `signals`, nothing can be signalled at all."""
    checks = _EVERYWHERE | (_NAMESPACES_TIER if tier == "namespaces" else _LANDLOCK_TIER)
    if not signals:
        checks |= dict.fromkeys(_SIGNALS, _REFUSED)
    calls = numbers(machine)
    code: list[Instruction] = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _AUDIT[machine]), (_RETURN, 0, 0, _KILL)]
    code.append((_LOAD, 0, 0, 0))
    if machine == "x86_64":
        code += [(_FROM, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for low, high in _ranges(number for name, number in calls.items() if name not in checks):
        code += [(_FROM, 0, 2, low), (_ABOVE, 1, 0, high), (_RETURN, 0, 0, _ALLOW)]
    for name, number in calls.items():
        if name in checks:
            block = [i for check in checks[name] for i in _checked(check)] + [(_RETURN, 0, 0, _ALLOW)]
            code += [(_EQUAL, 0, len(block), number), *block]
    code.append((_RETURN, 0, 0, _ERRNO | errno.ENOSYS))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _checked(check: Check) -> list[Instruction]:
    """Instructions that return the error, or fall through. The argument's low word comes first on both machines."""
    refuse = (_RETURN, 0, 0, _ERRNO | check.errno)
    values, count = check.values, len(check.values)
    load = (_LOAD, 0, 0, 16 + 8 * check.argument)
    if check.kind == "without":
        return [load, (_ANY, 0, 1, values[0]), refuse]
    return [load, *((_EQUAL, count - i, 0, value) for i, value in enumerate(values)), refuse]


def _ranges(values: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted numbers as runs of neighbours, first and last."""
    runs: list[tuple[int, int]] = []
    for value in sorted(values):
        if runs and runs[-1][1] == value - 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs
