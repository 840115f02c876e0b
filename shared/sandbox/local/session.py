"""One thread's session on this machine: an interpreter that is started when needed, and a folder that outlives it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from shared.opening import open_in_thread
from shared.sandbox.base import DATA, CellResult, FileInfo, FileRefused, Limits, SandboxUnavailable, Status
from shared.sandbox.file_names import cleaned, is_allowed
from shared.sandbox.local.control_group import ControlGroup, ControlGroups
from shared.sandbox.local.folder import Folder, Snapshot
from shared.sandbox.local.isolation.base import Isolator, Place
from shared.sandbox.local.process import CellOutcome, Process
from shared.sandbox.local.uids import Accounts
from shared.sandbox.local.untrusted_tree import Unreadable
from shared.sandbox.local.watchdog import Watchdog

logger = logging.getLogger(__name__)

#: Bytes of one read.
_PIECE: Final = 256 * 1024
#: Bytes collected before a thread is bothered with them.
_WRITE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all sessions of a machine share."""

    isolator: Isolator
    limits: Limits
    #: None: the box is not root, and sessions run as the box's own user.
    accounts: Accounts | None
    #: None: what sessions hold is counted by their watchdogs alone.
    groups: Callable[[], ControlGroups | None]
    #: One thread that lives as long as the sandbox: it starts interpreters, which die with the thread that did.
    launcher: ThreadPoolExecutor
    #: One thread for the watchdogs, so that nothing else can hold them up.
    watcher: ThreadPoolExecutor


class LocalSession:
    """A folder, and sometimes an interpreter."""

    def __init__(self, workshop: Workshop, folder: Folder):
        self._workshop, self._folder = workshop, folder
        self._process: Process | None = None
        self._name = ""
        self._uid: int | None = None
        self._group: ControlGroup | None = None
        self._watchdog = Watchdog(folder, workshop.limits, self._session_id, workshop.watcher)

    async def put_file(self, name: str, pieces: AsyncIterable[bytes], *, also: str | None = None) -> None:
        """Store an input file, also under its user's name unless that is taken. Raises FileRefused."""
        if not is_allowed(name):
            raise FileRefused(f"{name!r} is not an allowed file name")
        also = cleaned(also) if also is not None else None
        await asyncio.to_thread(self._prepare)
        try:
            room = self._workshop.limits.disk - (await asyncio.to_thread(self._folder.used))[0]
        except Unreadable:
            room = 0
        room = min(self._workshop.limits.file_size, room if also is None else room // 2)
        waiting = bytearray()
        with self._folder.incoming() as file:
            async for piece in pieces:
                room -= len(piece)
                if room < 0:
                    raise FileRefused(f"{name} does not fit into the session's disk")
                waiting += piece
                if len(waiting) >= _WRITE:
                    await asyncio.to_thread(file.write, waiting)
                    waiting = bytearray()
            await asyncio.to_thread(file.write, waiting)
            file.flush()
            await asyncio.to_thread(self._folder.accept, name, also)

    async def holds(self, name: str) -> bool:
        """Whether /mnt/data has a file of that name."""
        await asyncio.to_thread(self._prepare)
        return name in await asyncio.to_thread(self._folder.snapshot)

    async def run(self, code: str, timeout: float | None = None) -> CellResult:
        """Run code in the session's interpreter, starting one if there is none. Raises SandboxUnavailable."""
        limits = self._workshop.limits
        fresh = False
        if self._process is not None and not await asyncio.to_thread(self._folder.is_marked, self._name):
            await self.end()  # the thread went on in another process of the box: its variables are newer
        if self._process is None:
            fresh = await asyncio.to_thread(self._prepare)
            self._process = await self._start()
        process, before = self._process, await asyncio.to_thread(self._folder.snapshot)
        outcome: CellOutcome | None = None
        try:
            outcome = await process.call(
                self._translated(code), timeout if timeout is not None else limits.seconds, self._watchdog.watch
            )
            if outcome.alive:
                outcome.reason = await asyncio.get_running_loop().run_in_executor(
                    self._workshop.watcher, self._watchdog.look
                )
            if outcome.reason == "crash" and self._group is not None and self._group.was_full():
                outcome.reason = "memory"
        finally:
            if outcome is None or not outcome.alive or outcome.reason is not None:
                await self.end()
        if outcome.reason == "disk":
            await asyncio.to_thread(self._folder.revert, before)
        result = await asyncio.to_thread(self._result, outcome, process.output.take(), before)
        return replace(result, fresh=fresh)

    async def list_files(self) -> list[FileInfo]:
        """The files that may leave, by name."""
        await asyncio.to_thread(self._prepare)
        return await asyncio.to_thread(self._folder.files)

    async def read_file(self, name: str) -> AsyncIterator[bytes]:
        """A file's bytes in pieces. Raises FileMissing."""
        await asyncio.to_thread(self._prepare)
        with await open_in_thread(lambda: self._folder.open(name)) as file:
            left = self._workshop.limits.file_size
            while left > 0 and (piece := await asyncio.to_thread(file.read, min(_PIECE, left))):
                left -= len(piece)
                yield piece

    async def end(self) -> None:
        """Kill the interpreter; the files stay."""
        process, self._process = self._process, None
        if process is not None:
            await process.kill()
        group, self._group = self._group, None
        if group is not None:
            await asyncio.to_thread(group.remove)
        uid, self._uid = self._uid, None
        if uid is not None and self._workshop.accounts is not None:
            self._workshop.accounts.give_back(uid)

    def _session_id(self) -> int:
        return self._process.session if self._process is not None else 0

    def _prepare(self) -> bool:
        """Make the folders; True when code has run here before."""
        self._folder.create()
        return self._folder.mark.exists()

    async def _start(self) -> Process:
        if self._workshop.accounts is not None:
            self._uid = await asyncio.to_thread(self._workshop.accounts.take)
            try:
                await asyncio.to_thread(self._folder.own, self._uid)
            except Unreadable:  # left behind by a box that died during a call
                await asyncio.to_thread(self._folder.revert, {})
                await asyncio.to_thread(self._folder.own, self._uid)
        place = Place(str(self._folder.data), str(self._folder.scratch), self._uid)
        try:
            await asyncio.to_thread(self._make_group)
            process = await Process.start(
                self._workshop.isolator, place, self._workshop.limits, self._workshop.launcher, self._group
            )
        except BaseException:
            await self.end()
            raise
        self._name = secrets.token_hex(8)
        await asyncio.to_thread(self._folder.mark.write_text, self._name)
        logger.info("sandbox session started", extra={"action": "sandbox_started", "pid": process.session})
        return process

    def _make_group(self) -> None:
        groups = self._workshop.groups()
        try:
            self._group = None if groups is None else groups.make(self._folder.home.name, self._workshop.limits)
        except OSError as error:
            raise SandboxUnavailable(f"no control group for a session can be made: {error}") from error

    def _translated(self, code: str) -> str:
        """The code, with the folder's real path where the sandbox has no /mnt/data."""
        return code if self._workshop.isolator.own_files else code.replace(DATA, str(self._folder.data))

    def _result(self, outcome: CellOutcome, logs: str, before: Snapshot) -> CellResult:
        now = self._folder.snapshot()
        files = [FileInfo(name, seen[0]) for name, seen in sorted(now.items()) if before.get(name) != seen]
        if len(files) > self._workshop.limits.outputs:
            logs += f"\n[of {len(files)} new files the first {self._workshop.limits.outputs} were kept]"
            files = files[: self._workshop.limits.outputs]
        ending = outcome.ending or {}
        status: Status = "ok" if ending.get("status") == "ok" else "error"
        if outcome.reason is not None or outcome.timed_out:
            status = "timeout" if outcome.reason is None else "killed"
        return CellResult(
            status=status,
            logs=self._public(logs),
            result=self._text(ending.get("result")),
            error=self._text(ending.get("error")),
            images=tuple(outcome.images),
            files=tuple(files),
            reason=outcome.reason,
        )

    def _text(self, value: object) -> str | None:
        """A text from the interpreter, which may be no text, too long, or have no encoding."""
        if not isinstance(value, str):
            return None
        return self._public(value[: self._workshop.limits.value].encode(errors="replace").decode())

    def _public(self, text: str) -> str:
        return text if self._workshop.isolator.own_files else text.replace(str(self._folder.data), DATA)
