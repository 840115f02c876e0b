"""The code sandbox's port: Python written by a model, run in a session of its own per thread.

A session keeps variables between calls while it lives. What isolates it is the adapter's business; when to run code,
what to upload and what to tell the model is the run engine's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

#: Bytes.
MIB: Final = 1024 * 1024

#: Where the code finds its files, whatever the adapter.
DATA: Final = "/mnt/data"

Isolation = Literal["hyperv", "namespaces", "landlock", "none"]
Status = Literal["ok", "error", "timeout", "killed"]
Reason = Literal["memory", "mappings", "descriptors", "locks", "processes", "disk", "crash", "protocol"]


class SandboxError(Exception):
    """Code was not run. The message says why, in words fit for the model and for the operator."""


class SandboxUnavailable(SandboxError):
    """No code can run here at all; the message names the missing package or setting."""


class SandboxBusy(SandboxError):
    """Every session is in use; trying again later may succeed."""


class FileRefused(SandboxError):
    """A file's name or size is not allowed, or the session's disk is full."""


class FileMissing(SandboxError):
    """The session has no such file, or it is not a plain file."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one session may use. Sizes are bytes."""

    #: Seconds of one call, when the caller names none.
    seconds: float = 120.0
    #: Of all processes together, with what the kernel keeps for them.
    memory: int = 1024 * MIB
    processes: int = 64
    #: What one process may reserve, used or not: the kernel's tables for it stay small.
    address_space: int = 4096 * MIB
    #: Of all processes together; one with pandas and its kin has 1,200.
    mappings: int = 65_536
    #: Of one process.
    open_files: int = 256
    #: What all threads together have open: who has too much makes it slow to look at what is held.
    descriptors: int = 8192
    #: Locks on files, of all processes together: the kernel counts them by user.
    locks: int = 4096
    #: All of /mnt/data, and how many files and folders it may hold.
    disk: int = 1024 * MIB
    entries: int = 2000
    file_size: int = 512 * MIB
    #: Files that have no name on disk: /tmp and /dev/shm, each.
    scratch: int = 64 * MIB
    #: What a call hands back at most.
    logs: int = MIB
    value: int = 32_768
    outputs: int = 200
    images: int = 20
    image_size: int = 4 * MIB


@dataclass(frozen=True, slots=True)
class SandboxInfo:
    """Which sandbox is active, for `make run`, logs and tests."""

    name: str
    isolation: Isolation
    limits: Limits
    #: What holds sessions to their memory, where that is this machine's business.
    memory_held_by: Literal["a control group", "the watchdog"] | None = None


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A plain file directly in /mnt/data."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class CellResult:
    """What one cell did: its output, its error if it raised, the images it showed and the files it wrote."""

    status: Status
    #: stdout and stderr as one text, in the order it was written; capped.
    logs: str = ""
    #: `repr` of the last expression's value; None when there was none.
    result: str | None = None
    #: The exception's traceback, as Python prints it; None when the code ended well.
    error: str | None = None
    #: Charts and images shown, as PNG, in order.
    images: tuple[bytes, ...] = field(default=(), repr=False)
    #: Files that are new or changed since the call began.
    files: tuple[FileInfo, ...] = ()
    #: Why the session was killed; set with the status `killed` only.
    reason: Reason | None = None
    #: Variables of an earlier call were lost before this one began.
    fresh: bool = False


class Session(Protocol):
    """One thread's Python. Held by one caller at a time; after `killed` the next call starts a new interpreter."""

    async def put_file(self, name: str, pieces: AsyncIterable[bytes], *, also: str | None = None) -> None:
        """Store an input file, replacing one of that name. Raises FileRefused.

        `also` is the name its user gave it, whatever that is: the file appears under it, too, with characters that
        mean something to a path replaced, unless there is a file of that name.
        """
        ...

    async def holds(self, name: str) -> bool:
        """Whether /mnt/data has a file of that name: inputs need uploading once, and again if the files were lost."""
        ...

    async def run(self, code: str, timeout: float | None = None) -> CellResult:
        """Run code and wait for its end, at most `timeout` seconds. Raises SandboxUnavailable, never for the code."""
        ...

    async def list_files(self) -> list[FileInfo]:
        """The files that `read_file` can read, by name."""
        ...

    def read_file(self, name: str) -> AsyncIterator[bytes]:
        """A file's bytes in pieces. Raises FileMissing at the first piece."""
        ...


class CodeSandbox(Protocol):
    """Sessions by key. A key is `session_key` of owner and thread, so no caller can name another's session."""

    @property
    def info(self) -> SandboxInfo:
        """Name, isolation and limits."""
        ...

    async def self_test(self) -> None:
        """Prove that code runs and is contained. Raises SandboxUnavailable."""
        ...

    def session(self, key: str) -> AbstractAsyncContextManager[Session]:
        """The key's session, for this caller alone until the context ends; others with that key wait their turn.

        Raises SandboxBusy when no session is free in time, SandboxUnavailable when there can be none.
        """
        ...

    async def evict(self, key: str) -> None:
        """End the key's session and delete its files: its thread is gone. An unknown key is no error."""
        ...

    async def close(self) -> None:
        """End every session."""
        ...


def session_key(secret: bytes, owner: str, thread_id: str) -> str:
    """The session of an owner's thread: unguessable without the secret, and never the same for two threads."""
    message = f"{len(owner)}:{owner}{thread_id}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()
