"""The first sandbox that proves itself: tried in order when code is first to be run, or when somebody asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from shared.sandbox.base import CodeSandbox, SandboxInfo, SandboxUnavailable, Session
from shared.sandbox.refused import RefusedSandbox

logger = logging.getLogger(__name__)


class FirstSandbox:
    """One of several sandboxes, best first. None of them passing its self-test, no code is run."""

    def __init__(self, candidates: Sequence[CodeSandbox]):
        self._candidates = candidates
        self._chosen: CodeSandbox | None = None
        self._lock = asyncio.Lock()

    @property
    def info(self) -> SandboxInfo:
        """The chosen one's; before the first use, that of the best candidate."""
        return (self._chosen or self._candidates[0]).info

    async def self_test(self) -> None:
        """Choose. Raises SandboxUnavailable if there is nothing to choose."""
        chosen = await self._choose()
        if isinstance(chosen, RefusedSandbox):
            raise SandboxUnavailable(chosen.reason)

    @asynccontextmanager
    async def session(self, key: str) -> AsyncIterator[Session]:
        """The key's session in the chosen sandbox."""
        chosen = await self._choose()
        async with chosen.session(key) as session:
            yield session

    async def evict(self, key: str) -> None:
        """End the key's session and delete its files."""
        await (await self._choose()).evict(key)

    async def close(self) -> None:
        """End every session."""
        for candidate in self._candidates:
            await candidate.close()

    async def _choose(self) -> CodeSandbox:
        async with self._lock:
            if self._chosen is None:
                self._chosen = await self._first_that_passes()
            return self._chosen

    async def _first_that_passes(self) -> CodeSandbox:
        reasons = []
        for candidate in self._candidates:
            try:
                await candidate.self_test()
            except SandboxUnavailable as error:
                reasons.append(f"{candidate.info.name}: {error}")
                logger.warning("sandbox unusable", extra={"action": "sandbox_unusable", "sandbox": candidate.info.name})
            else:
                return candidate
        return RefusedSandbox("This machine cannot isolate code, so none is run. " + " ".join(reasons))
