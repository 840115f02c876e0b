"""Threads that nobody has added to for as long as their owner, or they themselves, are to be kept.

Once a day each owner's threads are looked through, newest first, from the key that the owner's row tells: so a look
that was broken off, or that has used up its time, is gone on with. Nothing is kept about a thread but the thread.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import Final

from shared import holds, layout, owners
from shared.blobs.base import BlobsUnavailable
from shared.deadline import Overdue
from shared.deps import Caller, Deps
from shared.errors import ApiError, NotFoundError
from shared.files import files
from shared.holds import OnHold
from shared.json_types import Json
from shared.objects.hold import Hold
from shared.queue.base import QueueUnavailable
from shared.retention import contents, holding
from shared.store.base import Conflict, Put, Record, Unavailable
from shared.threads import named, threads
from shared.vector_stores import detaching, stores

logger = logging.getLogger(__name__)

#: Seconds.
DAY: Final = 24 * 3600
#: The key in a thread's metadata that says after how many days it may go.
DAYS: Final = "retention_days"
#: Days that can be asked for, and how.
MOST_DAYS: Final = 36_500
DAYS_TEXT: Final = re.compile("[1-9][0-9]{0,4}")
#: Seconds that a look may take before it is left to the next hour.
BUDGET: Final = 120.0
#: What a port says that cannot be asked at all now.
AWAY: Final = (Unavailable, BlobsUnavailable, QueueUnavailable)
#: Threads that are looked at side by side.
SIDE_BY_SIDE: Final = 16


async def sweep(deps: Deps, budget: float = BUDGET) -> None:
    """Delete what is past its time, for every owner, within so many seconds altogether."""
    end = deps.clock() + budget
    named_ = {*await owners.names(deps), *deps.settings.retention_days} - {"*"}
    for owner in sorted(named_):
        try:
            await ThreadSweep(Caller(deps, owner)).go_on(end)
        except (*AWAY, Overdue):
            raise
        except Exception:
            # One owner's damaged row must not keep the others' threads for ever.
            extra = {"action": "old_threads_kept", "owner": owner}
            logger.warning("old threads kept", extra=extra, exc_info=True)


class ThreadSweep:
    """One look through an owner's threads."""

    def __init__(self, caller: Caller) -> None:
        self._caller, self._deps = caller, caller.deps
        limits = caller.deps.settings.retention_days
        self._days = limits.get(caller.owner, limits.get("*"))
        self._holds: list[Hold] = []

    async def go_on(self, end: float) -> None:
        """Go on where the last one stopped, until that time; a new one begins a day after the last one began."""
        key = layout.RETENTION + self._caller.owner
        row = await self._deps.store.get(layout.BOX, key)
        state: Json = {"begun": 0, "after": None} if row is None else row.data
        if state["after"] is None and state["begun"] > self._deps.now() - DAY:
            return
        if state["after"] is None:
            state = {"begun": self._deps.now(), "after": ""}
        version = None if row is None else row.version
        self._holds = await holds.of(self._caller)
        async for rows in contents.entries(self._caller, state["after"]):
            state["after"], in_time = await self._portion(rows, end)
            try:
                [version] = await self._deps.store.commit(layout.BOX, [Put(key, state, version)])
            except Conflict:
                return  # another host is looking
            if not in_time:
                return
        with suppress(Conflict):
            await self._deps.store.commit(layout.BOX, [Put(key, state | {"after": None}, version)])

    async def _portion(self, rows: list[Record], end: float) -> tuple[str, bool]:
        """Look at some threads: the key of the last one, and whether there is time for more."""
        for first in range(0, len(rows), SIDE_BY_SIDE):
            some = rows[first : first + SIDE_BY_SIDE]
            await asyncio.gather(*(self._try(each) for each in some))
            if self._deps.clock() > end:
                return some[-1].key, False
        return rows[-1].key, True

    async def _try(self, entry: Record) -> None:
        """Look at one thread; what cannot be done with it is left to the next day."""
        try:
            await self._visit(entry)
        except (*AWAY, Overdue):
            raise
        except Exception:
            extra = {"action": "old_thread_kept", "key": entry.key}
            logger.warning("old thread kept", extra=extra, exc_info=True)

    async def _visit(self, entry: Record) -> None:
        """Look at one thread."""
        thread_id = entry.data["id"]
        partition = layout.thread(self._caller.owner, thread_id)
        row = await self._deps.store.get(partition, layout.THREAD_KEY)
        if row is None:
            if await self._deps.store.get(partition, layout.DELETED_KEY) is not None:
                await threads.delete(self._caller, thread_id)  # whoever began with it was broken off
            return
        on = [hold.id for hold in self._holds if hold.holds(thread_id, row.data["metadata"])]
        if on:
            await holding.note_files(self._caller, row, on)
            return
        days = self._days_of(row.data)
        if days is not None and await self._is_left(row, before := self._deps.now() - days * DAY):
            await self._delete(row, before)

    def _days_of(self, thread: Json) -> int | None:
        """The fewer of the days that the settings and the thread say."""
        text = thread["metadata"].get(DAYS)
        own = None if text is None else days_in(text)
        if own is None and text is not None:
            extra = {"action": "retention_ignored", "thread_id": thread["id"]}
            logger.warning("metadata.%s is no number from 1 to %d: ignored", DAYS, MOST_DAYS, extra=extra)
        return min((each for each in (self._days, own) if each is not None), default=None)

    async def _is_left(self, row: Record, before: int) -> bool:
        """Whether nobody has added a message or a run since that time, and no run is active."""
        if row.data["created_at"] > before:
            return False
        thread_id = row.data["id"]
        head, _ = await threads.head(self._caller, thread_id)
        if head.active_run is not None:
            return False
        message = await contents.newest(self._caller, thread_id, layout.MESSAGE, head.next.message)
        run = await contents.newest(self._caller, thread_id, layout.RUN, head.next.run)
        times = [] if message is None else [message.data["created_at"]]
        times += [] if run is None else [run.data["run"]["created_at"]]
        return all(each <= before for each in times)

    async def _delete(self, row: Record, before: int) -> None:
        """Delete a thread, after what is its own: without the thread nobody would find that."""
        thread_id = row.data["id"]
        try:
            for store_id in named.stores_of(row.data):
                await self._delete_store(store_id, before)
            for file_id in await contents.files_in(self._caller, row):
                await self._delete_file(file_id)
            await threads.delete(self._caller, thread_id)
        except (NotFoundError, OnHold):
            return  # somebody has deleted it, or put it on hold
        logger.info("thread aged out", extra={"action": "thread_aged_out", "thread_id": thread_id})

    async def _delete_store(self, store_id: str, before: int) -> None:
        """Delete a vector store that was made along with a thread, unless somebody has used it since."""
        with suppress(NotFoundError):
            record, _ = await stores.row(self._caller, store_id)
            if named.is_own(record.store.to_json()) and record.store.last_active_at <= before:
                await stores.delete(self._caller, store_id)

    async def _delete_file(self, file_id: str) -> None:
        """Delete a file that a run wrote, unless it is in a vector store; what was uploaded is its uploader's."""
        with suppress(ApiError):
            file = await files.get(self._caller, file_id)
            if file["purpose"] == "assistants_output" and not await detaching.is_attached(self._caller, file_id):
                await detaching.delete_file(self._caller, file_id)


def days_in(text: str) -> int | None:
    """The number of days that a text says; None for anything else."""
    return int(text) if DAYS_TEXT.fullmatch(text) and int(text) <= MOST_DAYS else None
