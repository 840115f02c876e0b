"""Who may use which session, and when: one caller per key, a bounded number alive, the longest idle goes first.

A caller waits for its key and then for a place, both within one deadline, so nobody waits for ever.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.sandbox.base import SandboxBusy

logger = logging.getLogger(__name__)

S = TypeVar("S")


@dataclass(slots=True)
class _Place(Generic[S]):
    session: S
    in_use: bool
    #: When it was last given back.
    since: float = field(default_factory=time.monotonic)


class Pool(Generic[S]):
    """The sessions of a box by key: so many at once, idle ones give way."""

    def __init__(
        self, make: Callable[[str], S], end: Callable[[S], Awaitable[None]], *, size: int, wait: float, idle: float
    ):
        self._make, self._end = make, end
        self._size, self._wait, self._idle = size, wait, idle
        #: In order of their last use.
        self._places: dict[str, _Place[S]] = {}
        self._waiting: set[asyncio.Future[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def use(self, key: str) -> AsyncIterator[S]:
        """The key's session for this caller alone. Raises SandboxBusy."""
        place = await self._take(key)
        try:
            yield place.session
        finally:
            self._give_back(key, place)

    async def evict(self, key: str) -> None:
        """End the key's session if there is one, waiting for its user. Raises SandboxBusy."""
        if key in self._places:
            await self._remove(key, await self._take(key))

    async def sweep(self) -> None:
        """End every session that has been idle for too long."""
        oldest = time.monotonic() - self._idle
        for key in [key for key, place in self._places.items() if not place.in_use and place.since <= oldest]:
            await self._end_idle(key)

    async def close(self) -> None:
        """End all sessions, in use or not."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        for key, place in list(self._places.items()):
            await self._remove(key, place)

    async def _take(self, key: str) -> _Place[S]:
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep_for_ever())
        try:
            async with asyncio.timeout(self._wait):
                while (place := self._free(key)) is None:
                    idle = next((k for k, p in self._places.items() if not p.in_use), None)
                    if key not in self._places and idle is not None:
                        await self._end_idle(idle)
                    else:
                        await self._change()
                return place
        except TimeoutError:
            why = "this thread's session is" if key in self._places else f"all {self._size} sessions are"
            raise SandboxBusy(f"The code interpreter is busy: {why} in use. Try again later.") from None

    def _free(self, key: str) -> _Place[S] | None:
        """The key's session if nobody uses it, or a new one if there is room; taken at once."""
        place = self._places.get(key)
        if place is None and len(self._places) < self._size:
            place = self._places[key] = _Place(self._make(key), in_use=False)
        if place is None or place.in_use:
            return None
        place.in_use = True
        return place

    def _give_back(self, key: str, place: _Place[S]) -> None:
        place.in_use, place.since = False, time.monotonic()
        if self._places.get(key) is place:
            self._places[key] = self._places.pop(key)
        self._notify()

    async def _change(self) -> None:
        """Wait until some session was given back or ended. Nothing can happen between the caller's look and this."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    def _notify(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def _end_idle(self, key: str) -> None:
        place = self._places[key]
        place.in_use = True
        logger.info("sandbox session ended after idling", extra={"action": "sandbox_idle"})
        await self._remove(key, place)

    async def _remove(self, key: str, place: _Place[S]) -> None:
        """End a session that nobody else can take; its place is free only when its processes are gone."""
        try:
            await asyncio.shield(self._end(place.session))
        finally:
            if self._places.get(key) is place:
                del self._places[key]
            self._notify()

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(max(0.05, min(self._idle / 4, 60)))
            await self.sweep()
