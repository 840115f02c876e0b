"""The first sandbox that proves itself: tried in order when code is first to be run, or when somebody asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from shared.sandbox.base import CodeSandbox, SandboxInfo, SandboxUnavailable, Session
from shared.sandbox.disabled import RefusedSandbox

logger = logging.getLogger(__name__)


class FirstSandbox:
    """One of several sandboxes, best first. None of them passing its self-test, no code is run.

    `prepare` blocks: it is called once, in a thread, when a session is first wanted, and none begins before it ends.
    """

    def __init__(self, candidates: Sequence[CodeSandbox], prepare: Callable[[], None] | None = None):
        self._candidates = candidates
        self._prepare = prepare
        self._prepared: asyncio.Future[None] | None = None
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
        if self._prepared is None and self._prepare is not None:
            self._prepared = asyncio.ensure_future(asyncio.to_thread(self._prepare))
        chosen = await self._choose()
        if self._prepared is not None:
            await asyncio.shield(self._prepared)
        async with chosen.session(key) as session:
            yield session

    async def evict(self, key: str) -> None:
        """End the key's session and delete its files, which may be those of an earlier process."""
        for candidate in self._candidates:
            await candidate.evict(key)

    async def close(self) -> None:
        """End every session."""
        if self._prepared is not None:
            await asyncio.wait([self._prepared])
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
            else:
                _announce(candidate.info, reasons)
                return candidate
        refused = RefusedSandbox(f"The code interpreter cannot run here: {'; '.join(reasons)}.")
        logger.warning("model-written code is refused: %s", refused.reason, extra={"action": "sandbox_refused"})
        return refused


def _announce(info: SandboxInfo, reasons: Sequence[str]) -> None:
    extra = {"action": "sandbox_ready", "sandbox": info.name, "memory_held_by": info.memory_held_by}
    if info.isolation == "none":
        logger.warning("SANDBOX=%s: model-written code runs with every right of the box", info.name, extra=extra)
    elif reasons:
        logger.warning("the sandbox is %s, because of %s", info.name, "; ".join(reasons), extra=extra)
    else:
        logger.info("the sandbox is %s", info.name, extra=extra)
