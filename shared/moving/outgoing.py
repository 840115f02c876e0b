"""What goes out, read from the box: all that an owner has, or some threads with what they refer to.

A thread is read between two looks at its head, and again if something was added meanwhile, so what comes of it was true
at one time. How it is written is the business of `exports` and `response_exports`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from shared import ids, layout
from shared.deps import Caller
from shared.errors import NotFoundError
from shared.json_types import Json
from shared.objects.thread import Head
from shared.paging import ListQuery
from shared.store.base import Record
from shared.vector_stores import stores

#: Rows read at once.
STRIDE: Final = 500
#: How often a thread that changes is read again.
ATTEMPTS: Final = 20


class Changing(Exception):
    """A thread changed each time it was read."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which threads go out: all, those named, or those with this metadata; of other objects then what they refer to."""

    threads: Collection[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.threads and not self.metadata


@dataclass(frozen=True, slots=True)
class ReadThread:
    """A thread, and the rows of its messages, runs and steps, each by number."""

    thread: Json
    messages: list[Record]
    runs: list[Record]
    steps: list[Record]


class Outgoing:
    """One owner's objects on their way out. Threads are read first: what they refer to goes out with them."""

    def __init__(self, caller: Caller, chosen: Chosen) -> None:
        self._caller, self._chosen = caller, chosen
        self._referred: set[str] = set()
        #: What was asked for and is not there.
        self.remarks: list[str] = []

    async def thread_count(self) -> int:
        """How many threads will be looked at."""
        if self._chosen.threads:
            return len(self._chosen.threads)
        return sum([1 async for _ in self._rows(layout.threads(self._caller.owner), layout.THREAD)])

    async def thread_ids(self) -> AsyncIterator[str]:
        """The threads that may go out, oldest first or as they were named."""
        if self._chosen.threads:
            for thread_id in self._chosen.threads:
                yield thread_id
            return
        async for row in self._rows(layout.threads(self._caller.owner), layout.THREAD):
            yield row["id"]

    async def thread(self, thread_id: str) -> ReadThread | None:
        """The thread with what is in it, if it goes out. Raises Changing."""
        partition, store = layout.thread(self._caller.owner, thread_id), self._caller.deps.store
        for _ in range(ATTEMPTS):
            before = await store.get(partition, layout.HEAD_KEY)
            thread = await store.get(partition, layout.THREAD_KEY)
            if before is None or thread is None:
                self._tell_missing(thread_id)
                return None
            if not self._chosen.metadata.items() <= thread.data["metadata"].items():
                return None
            end = Head.from_json(before.data).next
            messages = await self._numbered(partition, layout.MESSAGE, end.message)
            runs = await self._numbered(partition, layout.RUN, end.run)
            messages += await self._in_line(partition, runs, messages[-1:])
            steps = await self._numbered(partition, layout.STEP, end.step)
            after = await store.get(partition, layout.HEAD_KEY)
            if after is not None and after.version == before.version:
                return ReadThread(thread.data, messages, runs, steps)
        raise Changing(thread_id)

    async def assistants(self) -> list[Json]:
        """The assistants that go out, oldest first."""
        rows = self._rows(layout.assistants(self._caller.owner), layout.ASSISTANT)
        found = [each async for each in rows if self._goes(each["id"])]
        self.refer(found)
        return found

    async def stores(self) -> list[Json]:
        """Vector stores with their files, oldest first."""
        found: list[Json] = []
        query: ListQuery | None = ListQuery(limit=100, order="asc")
        while query is not None:
            listed, has_more = await stores.list_page(self._caller, query)
            for each in listed:
                # Who deletes one meanwhile wants it gone.
                with suppress(NotFoundError):
                    if self._goes(each["id"]):
                        found.append(each | await self._inside(each["id"]))
            query = ListQuery(limit=100, order="asc", after=listed[-1]["id"]) if has_more and listed else None
        self.refer(found)
        return found

    async def files(self) -> AsyncIterator[Json]:
        """Files that have not expired, oldest first."""
        async for row in self._rows(layout.files(self._caller.owner), layout.FILE):
            gone = row["expires_at"] is not None and row["expires_at"] <= self._caller.deps.now()
            if self._goes(row["id"]) and not gone:
                yield row

    def refer(self, value: Any) -> None:
        """Let everything go out whose id stands in it."""
        if self._chosen.is_everything:
            return
        match value:
            case dict():
                for each in value.values():
                    self.refer(each)
            case list():
                for each in value:
                    self.refer(each)
            case str() if ids.is_key(value):
                self._referred.add(value)

    def _tell_missing(self, thread_id: str) -> None:
        if self._chosen.threads:
            self.remarks.append(f"{thread_id}: there is no such thread")

    async def _numbered(self, partition: str, prefix: str, end: int) -> list[Record]:
        found: list[Record] = []
        for first in range(0, end, STRIDE):
            low, high = ids.key_at(prefix, first), ids.key_at(prefix, min(first + STRIDE, end))
            found += await self._caller.deps.store.scan(partition, low, high, STRIDE)
        return found

    async def _in_line(self, partition: str, runs: Sequence[Record], last: Sequence[Record]) -> list[Record]:
        """Messages that wait for the end of the active run: they go out behind the `last` one, also by time."""
        earliest = max((each.data["created_at"] for each in last), default=0)
        waiting = [each for row in runs for each in row.data.get("line", ()) if each.startswith(layout.MESSAGE)]
        found = [await self._caller.deps.store.get(partition, each) for each in waiting]
        return [
            Record(each.key, each.data | {"created_at": max(each.data["created_at"], earliest)}, each.version)
            for each in found
            if each is not None
        ]

    async def _rows(self, partition: str, prefix: str) -> AsyncIterator[Json]:
        """The rows of a kind that are sorted newest first, oldest first."""
        last = f"{prefix}~"
        while rows := await self._caller.deps.store.scan(partition, prefix, last, STRIDE, backwards=True):
            for row in rows:
                yield row.data
            last = rows[-1].key

    async def _inside(self, store_id: str) -> Json:
        """A vector store's files, and its batches with the ids of theirs. Raises NotFoundError."""
        record, _ = await stores.row(self._caller, store_id)
        partition = layout.vector_store(self._caller.owner, store_id)
        items = [row.data for row in await self._numbered(partition, layout.ITEM, record.next)]
        batches = []
        async for row in self._rows(partition, layout.BATCH):
            named = [each["file"]["id"] for each in items if row["batch"]["id"] in each["batches"]]
            batches.append(row["batch"] | {"file_ids": named})
        return {"files": [each["file"] for each in items], "file_batches": batches}

    def _goes(self, identifier: str) -> bool:
        return self._chosen.is_everything or identifier in self._referred
