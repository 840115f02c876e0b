"""Writes down what runs have used, once each, whoever ended them: many that end together share one commit.

A run's watchdog is called off only after its row is there. So whoever dies in between leaves a message that brings
somebody to write it; and a row that is there already is left alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from shared.objects.run import RunRecord
from shared.queue.base import QueueUnavailable
from shared.store.base import MAX_CHANGES, Conflict, Put, Store, StoreError
from shared.usage import keys
from shared.usage.rows import DAY, day_in, run_data, run_key

logger = logging.getLogger(__name__)

#: Seconds that a run's row waits for those of others; its watchdog's message is in the queue for longer.
WAIT_SECONDS: Final = 1.0

#: What is done once a row is there. Raises nothing but what the queue does.
Then = Callable[[], Awaitable[None]]


class UsageLog:
    """The writer of one process."""

    def __init__(self, store: Store, clock: Callable[[], float], wait: float = WAIT_SECONDS) -> None:
        self._store, self._clock, self._wait = store, clock, wait
        #: By owner, what is to be written when the owner's timer is up.
        self._noted: dict[str, list[tuple[RunRecord, Then]]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, record: RunRecord, then: Then) -> None:
        """Write the row of a run that is over, soon and with others; then do what waits for it.

        If it cannot be written, `then` is not done: the watchdog comes.
        """
        owner = record.owner
        noted = self._noted.setdefault(owner, [])
        noted.append((record, then))
        if len(noted) >= MAX_CHANGES:
            self._begin(owner)
        elif owner not in self._timers:
            self._timers[owner] = asyncio.get_running_loop().call_later(self._wait, self._begin, owner)

    async def write(self, records: Sequence[RunRecord]) -> None:
        """Write the rows of an owner's runs now, those that are not there. Raises StoreError."""
        for each in records:
            if not self._is_recent(each):
                await self._write_late(each)
        puts = list({put.key: put for put in map(_put, filter(self._is_recent, records))}.values())
        for some in (puts[first : first + MAX_CHANGES] for first in range(0, len(puts), MAX_CHANGES)):
            try:
                await self._store.commit(keys.usage(records[0].owner), some)
            except Conflict:
                await self._write_one_by_one(records[0].owner, some)

    async def write_missing(self, records: Sequence[RunRecord]) -> None:
        """The same for runs whose rows are nearly always there: they are looked for first. Raises StoreError."""
        recent = [each for each in records if self._is_recent(each)]
        gets = (self._store.get(keys.usage(each.owner), run_key(each)) for each in recent)
        found = await asyncio.gather(*gets)
        await self.write([each for each, row in zip(recent, found, strict=True) if row is None])

    async def flush(self) -> None:
        """Write what was noted."""
        for owner in [*self._noted]:
            self._begin(owner)
        if self._writing:
            await asyncio.wait(self._writing)

    def _is_recent(self, record: RunRecord) -> bool:
        return record.ended_at is None or record.ended_at > self._clock() - DAY

    def _begin(self, owner: str) -> None:
        timer = self._timers.pop(owner, None)
        if timer is not None:
            timer.cancel()
        task = asyncio.create_task(self._write_noted(self._noted.pop(owner)))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write_noted(self, noted: list[tuple[RunRecord, Then]]) -> None:
        try:
            await self.write([record for record, _ in noted])
        except StoreError:
            extra = {"action": "usage_not_written", "runs": len(noted)}
            logger.warning("usage not written", extra=extra, exc_info=True)
            return
        for _, then in noted:
            try:
                await then()
            except QueueUnavailable:
                logger.warning("message not taken back", extra={"action": "message_not_taken_back"}, exc_info=True)

    async def _write_one_by_one(self, owner: str, puts: Sequence[Put]) -> None:
        if len(puts) > 1:
            for each in puts:
                with suppress(Conflict):
                    await self._store.commit(keys.usage(owner), [each])

    async def _write_late(self, record: RunRecord) -> None:
        """The row of a run that ended a day ago or earlier: it may have been there, and been added to its day's.

        What is added up up to which day stands in a row, which is written along: either we are first, or it tells.
        """
        partition, put = keys.usage(record.owner), _put(record)
        state = await self._store.get(partition, keys.ADDED_UP)
        data = {"through": ""} if state is None else state.data
        if day_in(put.key) <= data["through"]:
            logger.info("usage came late", extra={"action": "usage_came_late", "run_id": record.run.id})
            return
        again = Put(keys.ADDED_UP, data, None if state is None else state.version)
        with suppress(Conflict):
            await self._store.commit(partition, [again, put])


def _put(record: RunRecord) -> Put:
    return Put(run_key(record), run_data(record))
