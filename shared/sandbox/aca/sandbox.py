"""The sandbox in Azure: Container Apps dynamic sessions, a virtual machine of its own for each.

Variables and files live until the session has idled for the pool's cooldown, and then both are gone.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import tempfile
import time
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from shared.json_types import Json
from shared.sandbox.aca import program
from shared.sandbox.aca.rest import LONGEST_CALL, SessionPool
from shared.sandbox.base import (
    MIB,
    CellResult,
    FileInfo,
    FileMissing,
    FileRefused,
    Limits,
    SandboxInfo,
    SandboxUnavailable,
    Session,
)
from shared.sandbox.file_names import cleaned, is_allowed
from shared.sandbox.pool import Pool
from shared.sandbox.untrusted_json import parsed

logger = logging.getLogger(__name__)

#: Files above this size are refused by the service; the charts of a call come in one reply, held in memory.
LIMITS: Final = Limits(file_size=128 * MIB, images=10, image_size=2 * MIB)
#: Seconds after a call's own alarm until the service ends it.
GRACE: Final = 10
#: Bytes of an input that is held in memory; a larger one is written to disk before it is sent.
_IN_MEMORY: Final = MIB
#: Seconds a caller waits for another caller of its thread.
_WAIT: Final = 30.0
#: Threads of which this process remembers that they ran code, and for how many seconds.
_REMEMBERED: Final = 600
_IDLE: Final = 3600.0


class AcaSession:
    """One thread's session in the pool."""

    def __init__(self, pool: SessionPool, key: str, limits: Limits, grace: int):
        self._pool, self._key, self._limits, self._grace = pool, key, limits, grace
        #: Whether this process has run code here before.
        self._known = False

    async def put_file(self, name: str, pieces: AsyncIterable[bytes], *, also: str | None = None) -> None:
        """Store an input file, also under its user's name unless that is taken. Raises FileRefused."""
        if not is_allowed(name):
            raise FileRefused(f"{name!r} is not an allowed file name")
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            size = 0
            async for piece in pieces:
                size += len(piece)
                if size > self._limits.file_size:
                    raise FileRefused(f"{name} is too large for the code interpreter")
                file.write(piece)
            await self._pool.upload(self._key, name, file)  # type: ignore[arg-type]
        if also is not None and cleaned(also) != name:
            await self._pool.execute(self._key, program.copy(name, cleaned(also)), 60)

    async def holds(self, name: str) -> bool:
        """Whether /mnt/data has a file of that name."""
        return name in await self._pool.files(self._key)

    async def run(self, code: str, timeout: float | None = None) -> CellResult:
        """Run code in the session. Raises SandboxUnavailable, SandboxBusy."""
        wanted = self._limits.seconds if timeout is None else timeout
        seconds = min(wanted, LONGEST_CALL - self._grace)
        nonce, hard = secrets.token_hex(8), int(seconds) + self._grace
        text = program.call(code, nonce=nonce, seconds=seconds, limits=self._limits)
        began, known = time.monotonic(), self._known
        answer = await self._pool.execute(self._key, text, hard)
        self._known = True
        printed, reply = program.find_reply(str(answer.get("stdout") or ""), nonce, self._limits)
        elapsed = time.monotonic() - began
        # A session whose call was ended by the service has left no reply, and may not answer for a while.
        if elapsed < hard if reply is None else reply.get("file") == program.REPLY:
            reply = await self._kept_reply(nonce)
        if reply is not None:
            fresh = known and reply.get("first") is True
            return program.result(reply, printed, self._limits, fresh=fresh)
        logs = printed + str(answer.get("stderr") or "")
        if elapsed < seconds:
            return CellResult("killed", logs=logs[: self._limits.logs], reason="crash")
        await self._pool.delete(self._key)  # nothing else ends a call that ignores its alarm
        return CellResult("timeout", logs=logs[: self._limits.logs])

    async def list_files(self) -> list[FileInfo]:
        """The files that may leave, by name."""
        found = await self._pool.files(self._key)
        allowed = [FileInfo(name, size) for name, size in sorted(found.items()) if is_allowed(name)]
        return [file for file in allowed if file.name != program.REPLY][: self._limits.outputs]

    async def read_file(self, name: str) -> AsyncIterator[bytes]:
        """A file's bytes in pieces. Raises FileMissing."""
        if not is_allowed(name):
            raise FileMissing(f"{name!r} is not a file in /mnt/data")
        left = self._limits.file_size
        async with self._pool.content(self._key, name) as answer:
            async for piece in answer.aiter_bytes():
                yield piece[:left]
                left -= len(piece)
                if left <= 0:
                    return

    async def _kept_reply(self, nonce: str) -> Json | None:
        """The reply that our program left in a file, if it is that of this call."""
        reply = parsed(await self._small_file(program.REPLY), program.marks(self._limits))
        return reply if reply is not None and reply.get("nonce") == nonce else None

    async def _small_file(self, name: str) -> bytes:
        """A reply of our program: images and logs, in base64 and JSON at worst."""
        largest = 3 * self._limits.images * self._limits.image_size // 2 + 6 * (self._limits.logs + MIB)
        data = bytearray()
        try:
            async for piece in self.read_file(name):
                data += piece
                if len(data) > largest:
                    return b""
        except FileMissing:
            return b""
        return bytes(data)


class AcaSandbox:
    """Sessions of a pool. Keys are the pool's session identifiers, so they must be hard to guess, as ours are."""

    def __init__(self, pool: SessionPool, limits: Limits = LIMITS, *, grace: int = GRACE):
        self._pool, self._limits, self._grace = pool, limits, grace
        self._sessions: Pool[AcaSession] = Pool(self._make, _forget, size=_REMEMBERED, wait=_WAIT, idle=_IDLE)

    @property
    def info(self) -> SandboxInfo:
        """Name, isolation and limits."""
        return SandboxInfo("aca", "hyperv", self._limits)

    async def self_test(self) -> None:
        """Run `6 * 7` in a session of its own. Raises SandboxUnavailable, SandboxBusy."""
        key = f"self-test-{secrets.token_hex(16)}"
        async with self.session(key) as session:
            answer = await session.run("6 * 7", 30)
        await self._pool.delete(key)
        if answer.result != "42":
            raise SandboxUnavailable(f"the session pool does not run code: {answer.error or answer.status}")

    @asynccontextmanager
    async def session(self, key: str) -> AsyncIterator[Session]:
        """The key's session for this caller alone. Raises SandboxBusy."""
        async with self._sessions.use(key) as session:
            yield session

    async def evict(self, key: str) -> None:
        """End the session; its files go with it."""
        await self._sessions.evict(key)
        await self._pool.delete(key)

    async def close(self) -> None:
        """Close connections. Sessions stay: other instances of the box use them, and they end by themselves."""
        await self._sessions.close()
        await self._pool.close()

    def _make(self, key: str) -> AcaSession:
        return AcaSession(self._pool, key, self._limits, self._grace)


async def _forget(session: AcaSession) -> None:
    """The pool ends sessions that idle; there is nothing of them here."""
    await asyncio.sleep(0)
