"""Carries out the messages of the queue `ingestion`. Each may come twice, too early, or long after it matters."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from shared import layout
from shared.deps import Caller, Deps
from shared.errors import NotFoundError
from shared.files import files as file_resources
from shared.files import index_messages
from shared.files.index_messages import IndexMessage
from shared.ids import random_text
from shared.json_types import Json
from shared.named_locks import NamedLocks
from shared.objects.vector_store import ItemRecord, Reembedding
from shared.queue.base import RETURNS, again
from shared.search.base import Space
from shared.store.base import Conflict
from shared.vector_stores import batches, detaching, file_status, kept_vectors, reembedding, stores
from shared.vector_stores.embedding import EmbeddingPaused
from shared.vector_stores.file_status import failed
from shared.vector_stores.indexing import read
from shared.vector_stores.rows import OVERDUE, index_of, item_put, item_row, store_row

logger = logging.getLogger(__name__)

#: Seconds until a message whose commit is still missing is looked at again: soon at first, as the
#: message is not held for it.
WAITS: Final = (0.2, *RETURNS)
#: Kinds of messages that remove something: what is deleted must go.
REMOVING: Final = ("detach", "deleted", "drop")
#: Seconds until such a message is tried again that failed too often.
PUT_OFF: Final = (3600.0, 6 * 3600.0, 24 * 3600.0)
#: Turns in a row in which a spent quota may let nothing of a file through: about an hour.
MOST_IDLE: Final = 60


class IngestionWorker:
    """The handler of the queue `ingestion`: indexes files, ends batches, detaches and deletes."""

    def __init__(self, deps: Deps):
        self.deps = deps
        #: The files of a batch are ready together, and all change its row and the store's.
        self._locks = NamedLocks()
        self._kinds: dict[str, Callable[[IndexMessage], Awaitable[None]]] = {
            "files": self._files,
            "batch": self._batch,
            "detach": self._detach,
            "deleted": self._deleted,
            "drop": self._drop,
            "reembed": self._reembed,
        }

    async def handle(self, body: Json) -> None:
        """Do what a message asks. If it raises, the message comes again."""
        message = IndexMessage.from_json(body)
        await self._kinds[message.kind](message)

    async def poisoned(self, body: Json) -> None:
        """A message failed too often: files do not stay in progress for ever, and what was deleted goes later."""
        message = IndexMessage.from_json(body)
        which = {"vector_store_id": message.store_id, "kind": message.kind}
        logger.error("indexing poisoned", extra={"action": "indexing_poisoned", **which})
        if message.kind == "batch":
            with contextlib.suppress(NotFoundError):
                await batches.give_up(self._caller(message), message.store_id, message.batch_id)
        if message.kind == "reembed":
            await self._end_reembedding(message, failed=True)
        if message.kind in REMOVING and message.put_off < len(PUT_OFF):
            later = replace(message, put_off=message.put_off + 1)
            await self.deps.ingestion.send(later.to_json(), PUT_OFF[message.put_off])
        if message.kind != "files":
            return
        for file_id in message.file_ids:
            row = await item_row(self._caller(message), message.store_id, file_id)
            if row is not None and row[0].token == message.token:
                await self._end_indexing(message, row[0], failed("server_error", "The file could not be indexed."))

    def _caller(self, message: IndexMessage) -> Caller:
        """The owner who had the message sent, with the ports."""
        return Caller(self.deps, message.owner)

    async def _files(self, message: IndexMessage) -> None:
        """Index one file; of several, each gets a message of its own."""
        owner, store_id, file_ids = message.owner, message.store_id, message.file_ids
        if len(file_ids) > 1:
            if not await self._any_attached(message):
                await self._again(message)
                return
            each = (index_messages.files(owner, store_id, [file_id], message.token) for file_id in file_ids)
            await asyncio.gather(*(self.deps.ingestion.send(one.to_json()) for one in each))
            return
        row = await item_row(self._caller(message), store_id, file_ids[0])
        if row is None or row[0].token != message.token:
            if message.returns == len(WAITS):  # whoever was at it may have died after the file was taken out
                await self._unindex(message, file_ids[0])
            await self._again(message)
        else:
            if row[0].file.status != "in_progress" or not await self._index(message, row[0]):
                await self._unindex(message, row[0].file.id)
            await self._compact(message)

    async def _any_attached(self, message: IndexMessage) -> bool:
        """Whether the commit that the message announced is there: it has attached all files, so one tells of all."""
        for file_id in message.file_ids:
            row = await item_row(self._caller(message), message.store_id, file_id)
            if row is not None and row[0].token == message.token:
                return True
        return False

    async def _index(self, message: IndexMessage, item: ItemRecord) -> bool:
        """Whether the file can be found now."""
        try:
            outcome = await read(self._caller(message), message.store_id, item)
        except EmbeddingPaused as pause:
            await self._later(message, item, pause)
            return False
        return await self._end_indexing(message, item, outcome) and outcome.status == "completed"

    async def _later(self, message: IndexMessage, item: ItemRecord, pause: EmbeddingPaused) -> None:
        """Go on with the file when the model's quota is filled again. Raises the pause if that helps no more."""
        idle = 0 if pause.advanced else message.idle + 1
        if idle > MOST_IDLE:
            raise pause
        await self.deps.ingestion.send(replace(message, idle=idle).to_json(), pause.seconds)
        row = await item_row(self._caller(message), message.store_id, item.file.id)
        if row is not None and row[0].token == item.token:
            # So that housekeeping does not take it for forgotten.
            with contextlib.suppress(Conflict):
                put = item_put(row[0], self.deps.now(), row[1])
                await self.deps.store.commit(layout.vector_store(message.owner, message.store_id), [put])
        extra = {"action": "file_paused", "file_id": item.file.id, "seconds": pause.seconds, "idle": idle}
        logger.info("file waits for the embedding quota", extra=extra)

    async def _unindex(self, message: IndexMessage, file_id: str) -> None:
        """Forget the chunks of a file that was detached, cancelled or found bad, perhaps while it was indexed."""
        row = await item_row(self._caller(message), message.store_id, file_id)
        if row is None or row[0].file.status in ("failed", "cancelled"):
            index = await index_of(self._caller(message), message.store_id)
            await self.deps.index.remove(index, file_id)
            await kept_vectors.forget(self.deps.blobs, index, file_id)

    async def _end_indexing(self, message: IndexMessage, item: ItemRecord, outcome: file_status.IndexingResult) -> bool:
        store_id = message.store_id
        async with self._locks.of(store_id):
            settled = await file_status.end_indexing(self._caller(message), store_id, item.file.id, item.token, outcome)
        logger.info(
            "file ingested",
            extra={
                "action": "file_ingested",
                "vector_store_id": store_id,
                "file_id": item.file.id,
                "status": outcome.status,
                "code": None if outcome.last_error is None else outcome.last_error["code"],
                "settled": settled,
            },
        )
        return settled

    async def _batch(self, message: IndexMessage) -> None:
        try:
            await batches.finish(self._caller(message), message.store_id, message.batch_id)
        except NotFoundError:
            await self._again(message)

    async def _detach(self, message: IndexMessage) -> None:
        store_id, file_id = message.store_id, message.file_id
        if await item_row(self._caller(message), store_id, file_id) is None:
            await detaching.forget(self._caller(message), store_id, file_id)
            await self._compact(message)
        else:
            await self._again(message)

    async def _deleted(self, message: IndexMessage) -> None:
        if await file_resources.missing(self._caller(message), [message.file_id]):
            await self.deps.blobs.delete(layout.file_blob(message.owner, message.file_id))
            await detaching.detach_everywhere(self._caller(message), message.file_id)
        else:
            await self._again(message)

    async def _drop(self, message: IndexMessage) -> None:
        try:
            await store_row(self._caller(message), message.store_id)
        except NotFoundError:
            await stores.drop(self._caller(message), message.store_id)
        else:
            await self._again(message)

    async def _reembed(self, message: IndexMessage) -> None:
        """Go on with embedding a store anew; the rest, and what waits for the quota, is left to another message."""
        caller, store_id = self._caller(message), message.store_id
        try:
            record, _ = await store_row(caller, store_id)
        except NotFoundError:
            return
        asked = record.reembedding
        if asked is None or asked.token != message.token:
            await self._again(message)
            return
        following, wait = replace(message, token=random_text(12), idle=0, returns=0), 0.0
        try:
            last = await reembedding.advance(caller, store_id, Space(asked.name, asked.dimensions), message.file_id)
        except reembedding.ModelGone:
            await self._end_reembedding(message, failed=True)
            return
        except EmbeddingPaused as pause:
            wait, idle = pause.seconds, 0 if pause.advanced else message.idle + 1
            if idle > MOST_IDLE:
                raise
            following = replace(following, idle=idle)
        else:
            if last is None:
                await self._end_reembedding(message, failed=False)
                return
            following = replace(following, file_id=last)
        await self.deps.ingestion.send(following.to_json(), wait)
        changes = {"token": following.token, "until": self.deps.now() + OVERDUE}
        await reembedding.settle(caller, store_id, message.token, lambda asked: asked.replace(**changes))

    async def _end_reembedding(self, message: IndexMessage, *, failed: bool) -> None:
        def change(asked: Reembedding) -> Reembedding | None:
            return asked.replace(until=None) if failed else None

        if await reembedding.settle(self._caller(message), message.store_id, message.token, change):
            which = {"vector_store_id": message.store_id}
            if failed:
                logger.error("store not embedded anew", extra={"action": "reembedding_failed", **which})
            else:
                logger.info("store embedded anew", extra={"action": "store_reembedded", **which})
        while await self._compact(message):
            pass

    async def _compact(self, message: IndexMessage) -> bool:
        return await self.deps.index.compact(await index_of(self._caller(message), message.store_id))

    async def _again(self, message: IndexMessage) -> None:
        await again(self.deps.ingestion, message, WAITS)
