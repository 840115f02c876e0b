"""The sandbox on this machine: sessions are child processes, walled in by an isolator."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from shared.home import make_private, passable
from shared.sandbox.base import Limits, SandboxInfo, SandboxUnavailable, Session
from shared.sandbox.local.control_group import ControlGroups, of_this_process
from shared.sandbox.local.folder import Folder
from shared.sandbox.local.isolation.base import Isolator
from shared.sandbox.local.self_test import prove
from shared.sandbox.local.session import LocalSession, Workshop
from shared.sandbox.local.uids import LOCKS, Accounts
from shared.sandbox.pool import Pool

#: Interpreters alive at once; one with pandas loaded holds about 100 MB.
SESSIONS: Final = 8
#: Seconds a caller waits for a session before it is told that all are busy.
WAIT: Final = 30.0
#: Seconds without a call after which an interpreter is ended.
IDLE: Final = 20 * 60.0
#: Seconds after which the files of an unused session are deleted; the box has its own copy of inputs and outputs.
KEEP: Final = 7 * 24 * 3600.0
#: Seconds between looks for such files.
TIDY: Final = 24 * 3600.0


class LocalSandbox:
    """Sessions as child processes of the box."""

    def __init__(
        self,
        home: Path,
        isolator: Isolator,
        limits: Limits | None = None,
        *,
        sessions: int = SESSIONS,
        wait: float = WAIT,
        idle: float = IDLE,
        tidy: float = TIDY,
        groups: Callable[[], ControlGroups | None] = of_this_process,
        locks: Path = LOCKS,
    ):
        self._home, self._limits = home.resolve(), limits or Limits()
        self._isolator = isolator
        self._tidy, self._next_tidy, self._tidying = tidy, 0.0, asyncio.Lock()
        drop = isolator.isolation != "none" and os.name == "posix" and os.geteuid() == 0
        self._workshop = Workshop(
            isolator=isolator,
            limits=self._limits,
            accounts=Accounts(locks) if drop else None,
            groups=groups,
            launcher=ThreadPoolExecutor(1, "sandbox-launcher"),
            watcher=ThreadPoolExecutor(sessions, "sandbox-watcher"),
        )
        self._pool: Pool[LocalSession] = Pool(self._make, LocalSession.end, size=sessions, wait=wait, idle=idle)

    @property
    def info(self) -> SandboxInfo:
        """Name, isolation and limits."""
        return SandboxInfo(
            self._isolator.name,
            self._isolator.isolation,
            self._limits,
            "the watchdog" if self._workshop.groups() is None else "a control group",
        )

    async def self_test(self) -> None:
        """Try to break out with what the code would have. Raises SandboxUnavailable."""
        missing = self._isolator.missing()
        if missing is not None:
            raise SandboxUnavailable(missing)
        key = f"self-test-{secrets.token_hex(8)}"
        try:
            async with self.session(key) as session:
                await prove(session, self._isolator, self._home)
        finally:
            await self.evict(key)

    @asynccontextmanager
    async def session(self, key: str) -> AsyncIterator[Session]:
        """The key's session for this caller alone. Raises SandboxBusy."""
        async with self._tidying:
            if time.monotonic() >= self._next_tidy:
                await asyncio.to_thread(self._forget_old_files)
                self._next_tidy = time.monotonic() + self._tidy
        async with self._pool.use(key) as session:
            yield session

    async def evict(self, key: str) -> None:
        """End the session and delete its files."""
        await self._pool.evict(key)
        self._folder(key).delete()

    async def close(self) -> None:
        """End every session."""
        await self._pool.close()
        self._workshop.launcher.shutdown()
        self._workshop.watcher.shutdown()

    def _make(self, key: str) -> LocalSession:
        return LocalSession(self._workshop, self._folder(key))

    def _folder(self, key: str) -> Folder:
        if not key.replace("-", "").isalnum():
            raise ValueError("a session key is made of letters, digits and hyphens")
        return Folder(self._home / key, self._limits)

    def _forget_old_files(self) -> None:
        make_private(self._home, passable())
        for path in self._home.iterdir():
            if path.is_dir() and path.stat().st_mtime < time.time() - KEEP:
                Folder(path, self._limits).delete()
