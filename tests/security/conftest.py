"""A host full of things worth attacking, and a sandbox beside it. Whatever a test tried, the host must be unharmed."""

from __future__ import annotations

import logging
import os
import platform
import resource
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.sandbox.base import MIB, CellResult, Limits, Session
from shared.sandbox.local import procfs
from shared.sandbox.local.sandbox import LocalSandbox
from tests.fakes.sandboxes import home_for_anybody, interpreter_for_tests, isolator

#: Small, so that exceeding them is quick.
LIMITS = Limits(
    seconds=20,
    memory=400 * MIB,
    processes=32,
    address_space=2048 * MIB,
    mappings=5000,
    open_files=128,
    descriptors=2500,
    locks=200,
    disk=64 * MIB,
    entries=300,
    file_size=32 * MIB,
    scratch=16 * MIB,
    logs=64 * 1024,
    outputs=20,
    images=3,
    image_size=256 * 1024,
)

#: Put in front of every attempt: system calls that raise when they fail.
PRELUDE = """
import ctypes, os, signal, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    answer = libc.syscall(ctypes.c_long(number), *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
"""

#: Name -> number on x86_64 and on aarch64, of calls that the sandbox should not have.
SYSCALLS = {
    "unshare": (272, 97),
    "clone": (56, 220),
    "clone3": (435, 435),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "settimeofday": (164, 170),
    "sethostname": (170, 161),
    "personality": (135, 92),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "acct": (163, 89),
    "fsopen": (430, 430),
    "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "setns": (308, 268),
    "timer_create": (222, 107),
    "exit": (60, 93),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "open_by_handle_at": (304, 265),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "fallocate": (285, 47),
}

Run = Callable[..., Awaitable[CellResult]]


@dataclass(frozen=True, slots=True)
class Host:
    """What an attempt may try to reach."""

    home: Path
    folder: Path
    secret: Path
    text: str
    process: subprocess.Popen[bytes]
    tcp: socket.socket
    udp: socket.socket
    unix: socket.socket
    abstract: socket.socket

    def names(self) -> str:
        """Python assignments with which code finds the targets."""
        values = {
            "SECRET": str(self.secret),
            "FOLDER": str(self.folder),
            "HOST": os.getpid(),
            "VICTIM": self.process.pid,
            "TCP": self.tcp.getsockname()[1],
            "UDP": self.udp.getsockname()[1],
            "UNIX": self.unix.getsockname(),
            "ABSTRACT": self.abstract.getsockname(),
        }
        return "".join(f"{name} = {value!r}\n" for name, value in values.items())

    def state(self) -> object:
        """Everything that code inside must not be able to change."""
        seen, victim = self.secret.stat(), self.process.pid
        return (
            self.secret.read_text(),
            (seen.st_mode, seen.st_uid, seen.st_mtime_ns, seen.st_nlink),
            sorted(os.listdir(self.folder)),
            self.process.poll(),
            Path(f"/proc/{victim}/stat").read_text().rpartition(")")[2].split()[0] == "T",
            os.getpriority(os.PRIO_PROCESS, victim),
            os.sched_getaffinity(victim),
            resource.prlimit(victim, resource.RLIMIT_NOFILE),
        )

    def visited(self) -> bool:
        """Whether anything arrived at one of the sockets."""
        for listener in (self.tcp, self.unix, self.abstract, self.udp):
            try:
                listener.recv(1) if listener is self.udp else listener.accept()
            except BlockingIOError:
                continue
            return True
        return False


@pytest.fixture(params=["bwrap", "landlock"])
def tier(request) -> str:
    return str(request.param)


@pytest.fixture
def host() -> Iterator[Host]:
    with ExitStack() as stack:
        home = stack.enter_context(home_for_anybody())
        folder = home / "host"
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        secret = folder / "secret"
        secret.write_text(text := secrets.token_hex())
        secret.chmod(0o666)
        python = interpreter_for_tests().executable
        victim = stack.enter_context(subprocess.Popen([python, "-c", "input()"], stdin=subprocess.PIPE))
        stack.callback(victim.kill)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        unix, abstract = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        unix.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        abstract.bind("\0" + secrets.token_hex())
        for listener in (tcp, udp, unix, abstract):
            listener.setblocking(False)
        unix.listen()
        abstract.listen()
        yield Host(home, folder, secret, text, victim, tcp, udp, unix, abstract)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the box has of the machine; code must not take it along when it ends."""

    #: Bytes that could be had.
    memory: int
    #: Open in this process.
    descriptors: int
    #: Leases on files, of anybody.
    leases: int

    @classmethod
    def now(cls) -> Machine:
        """As it stands."""
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return cls(
            memory=int(lines["MemAvailable"].split()[0]) * 1024,
            descriptors=len(os.listdir("/proc/self/fd")),
            leases=Path("/proc/locks").read_text().count("LEASE"),
        )

    def has_less_than(self, before: Machine) -> bool:
        """Whether something was lost. Memory is everybody's, so others may have taken some meanwhile."""
        lost = before.memory - self.memory > 1024 * MIB
        return lost or self.descriptors > before.descriptors or self.leases > before.leases


@pytest.fixture(autouse=True)
def machine() -> Iterator[None]:
    """Whatever was tried, memory, descriptors and leases are given back."""
    if sys.platform != "linux":
        yield
        return
    before = Machine.now()
    yield
    deadline = time.monotonic() + 5
    while Machine.now().has_less_than(before) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Machine.now().has_less_than(before), (before, Machine.now())


@pytest.fixture
async def sandbox(tier, host, caplog) -> AsyncIterator[LocalSandbox]:
    caplog.set_level(logging.INFO)
    sandbox = LocalSandbox(host.home / "sandbox", isolator(tier), LIMITS)
    before = host.state()
    yield sandbox
    await sandbox.close()
    assert host.state() == before
    assert not host.visited()
    started = [record.pid for record in caplog.records if getattr(record, "action", "") == "sandbox_started"]
    assert [pid for pid in started if alive(pid)] == []


@pytest.fixture
async def session(sandbox) -> AsyncIterator[Session]:
    async with sandbox.session("attacker") as session:
        yield session


@pytest.fixture
def run(session, host) -> Run:
    """Run an attempt."""

    async def attempt(code: str, timeout: float | None = None) -> CellResult:
        result = await session.run(host.names() + PRELUDE + code, timeout)
        assert host.text not in repr(result), "the code has read the host's secret"
        return result

    return attempt


def alive(session: int) -> list[int]:
    """The processes of a session that are not dead."""
    return [member.pid for member in procfs.members(session) if member.state != "Z"]


def leader(caplog) -> int:
    """The first process of the first session."""
    return next(record.pid for record in caplog.records if getattr(record, "action", "") == "sandbox_started")


def exception(result: CellResult) -> str:
    """The name of the exception that an attempt ended with."""
    assert result.status == "error", result
    return (result.error or "").strip().splitlines()[-1].partition(":")[0]


@pytest.fixture
def syscalls() -> dict[str, int]:
    """Numbers of system calls on this machine, those included that nobody inside may use."""
    names = {0: "x86_64", 1: "aarch64"}
    column = next(number for number, name in names.items() if name == platform.machine())
    return {name: both[column] for name, both in SYSCALLS.items()}
