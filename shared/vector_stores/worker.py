"""Carries out the messages of the queue `ingestion`. Each may come twice, too early, or long after it matters."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from shared.deps import Deps
from shared.errors import NotFoundError
from shared.files import files as file_resources
from shared.files.index_messages import files as files_message
from shared.objects.common import Json
from shared.objects.vector_store import ItemRecord
from shared.vector_stores import batches, file_status, stores
from shared.vector_stores.file_status import failed
from shared.vector_stores.indexing import read
from shared.vector_stores.rows import item_row, store_row

logger = logging.getLogger(__name__)

#: Seconds until a message whose commit is still missing is looked at again; then it is taken that it never came. The
#: store may try for minutes.
RETURNS: Final = (0.2, 2.0, 20.0, 60.0, 120.0)


class IngestionWorker:
    """The queue's handler."""

    def __init__(self, deps: Deps):
        self.deps = deps
        self._kinds: dict[str, Callable[[Json], Awaitable[None]]] = {
            "files": self._files,
            "batch": self._batch,
            "detach": self._detach,
            "deleted": self._deleted,
            "drop": self._drop,
        }

    async def handle(self, body: Json) -> None:
        """Do what a message asks. If it raises, the message comes again."""
        await self._kinds[body["kind"]](body)

    async def poisoned(self, body: Json) -> None:
        """A message failed too often: files do not stay in progress for ever."""
        if body["kind"] == "batch":
            with contextlib.suppress(NotFoundError):
                await batches.give_up(self.deps, body["owner"], body["store_id"], body["batch_id"])
        if body["kind"] != "files":
            return
        for file_id in body["file_ids"]:
            row = await item_row(self.deps, body["owner"], body["store_id"], file_id)
            if row is not None and row[0].token == body["token"]:
                await self._settle(body, row[0], failed("server_error", "The file could not be indexed."))

    async def _files(self, body: Json) -> None:
        """Index one file; of several, each gets a message of its own."""
        owner, store_id, file_ids = body["owner"], body["store_id"], body["file_ids"]
        if len(file_ids) > 1:
            for file_id in file_ids:
                await self.deps.ingestion.send(files_message(owner, store_id, [file_id], body["token"]))
            return
        row = await item_row(self.deps, owner, store_id, file_ids[0])
        if row is None or row[0].token != body["token"]:
            await self._again(body)
        else:
            if row[0].file.status != "in_progress" or not await self._index(body, row[0]):
                await self._unindex(body, row[0].file.id)
            await self.deps.index.compact(store_id)

    async def _index(self, body: Json, item: ItemRecord) -> bool:
        """Whether the file can be found now."""
        outcome = await read(self.deps, body["owner"], body["store_id"], item)
        return await self._settle(body, item, outcome) and outcome.status == "completed"

    async def _unindex(self, body: Json, file_id: str) -> None:
        """Forget the chunks of a file that was detached, cancelled or found bad, perhaps while it was indexed."""
        row = await item_row(self.deps, body["owner"], body["store_id"], file_id)
        if row is None or row[0].file.status in ("failed", "cancelled"):
            await self.deps.index.remove(body["store_id"], file_id)

    async def _settle(self, body: Json, item: ItemRecord, outcome: file_status.Outcome) -> bool:
        owner, store_id = body["owner"], body["store_id"]
        settled = await file_status.settle(self.deps, owner, store_id, item.file.id, item.token, outcome)
        logger.info(
            "file ingested",
            extra={
                "action": "file_ingested",
                "vector_store_id": store_id,
                "file_id": item.file.id,
                "status": outcome.status,
                "settled": settled,
            },
        )
        return settled

    async def _batch(self, body: Json) -> None:
        try:
            await batches.finish(self.deps, body["owner"], body["store_id"], body["batch_id"])
        except NotFoundError:
            await self._again(body)

    async def _detach(self, body: Json) -> None:
        owner, store_id, file_id = body["owner"], body["store_id"], body["file_id"]
        if await item_row(self.deps, owner, store_id, file_id) is None:
            await file_status.forget(self.deps, owner, store_id, file_id)
            await self.deps.index.compact(store_id)
        else:
            await self._again(body)

    async def _deleted(self, body: Json) -> None:
        if await file_resources.missing(self.deps, body["owner"], [body["file_id"]]):
            await file_status.detach_everywhere(self.deps, body["owner"], body["file_id"])
        else:
            await self._again(body)

    async def _drop(self, body: Json) -> None:
        try:
            await store_row(self.deps, body["owner"], body["store_id"])
        except NotFoundError:
            await stores.drop(self.deps, body["owner"], body["store_id"])
        else:
            await self._again(body)

    async def _again(self, body: Json) -> None:
        """Look for the announced commit once more, later; but not for ever."""
        returns = body.get("returns", 0)
        if returns < len(RETURNS):
            await self.deps.ingestion.send({**body, "returns": returns + 1}, RETURNS[returns])
