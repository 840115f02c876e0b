"""The record store in one Azure table: a commit is an entity-group transaction, a version is an etag."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final
from uuid import uuid4

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables.aio import TableServiceClient

from shared import layout
from shared.azure.account import BACKOFF, retry
from shared.backoff import Backoff
from shared.blobs.base import BlobNotFound, Blobs, BlobsUnavailable
from shared.json_types import Json
from shared.prepared import Earlier, Prepared
from shared.store.base import (
    Change,
    Conflict,
    NotFound,
    Put,
    Record,
    Unavailable,
    UnreadableRecord,
    check_changes,
    decode,
    encode,
    format_of,
    is_key,
    log_left_out,
)
from shared.store.entities import data_properties, spilled, text_of
from shared.store.spill import Spill
from shared.store.table import EntityTable
from shared.store.transaction import Operation, Transaction
from shared.store.twins import key_of, twins_between, with_twins

#: Entities in one answer, at most.
ENTITIES_PER_PAGE: Final = 1000
#: What every entity meets.
EVERYTHING: Final = "PartitionKey ge ''"


class TablesStore:
    """A `Store` in one table, which is created when it is missing. The blobs are their owner's to close."""

    def __init__(
        self, service: TableServiceClient, blobs: Blobs, table: str = "records", backoff: Backoff = BACKOFF
    ) -> None:
        self._service, self._backoff = service, backoff
        self._table = EntityTable(service, table)
        self._spill = Spill(blobs)

    async def get(self, partition: str, key: str) -> Record | None:
        """Read one record."""
        entity = await self._entity(partition, key)
        return None if entity is None else await self._record(entity)

    async def scan(self, partition: str, first: str, last: str, limit: int, *, backwards: bool = False) -> list[Record]:
        """Read a range of keys, page by page where the service cuts it; backwards by the twins that tell the way."""
        if limit <= 0:
            return []
        read = self._last if backwards else self._first
        records = await asyncio.gather(*(self._record(each) for each in await read(partition, first, last, limit)))
        return [record for record in records if record is not None]

    async def _first(self, partition: str, first: str, last: str, limit: int) -> list[Json]:
        """The first entities of a range."""
        found: list[Json] = []
        async for page in self._pages(partition, first, last, limit):
            found += page
            if len(found) >= limit:
                break
        return found[:limit]

    async def _last(self, partition: str, first: str, last: str, limit: int) -> list[Json]:
        """The last entities of a range, the last first."""
        found: list[Json] = []
        while len(found) < limit and first < last:
            wanted = limit - len(found)
            low = await self._low(partition, first, last, wanted) if layout.is_collection(partition) else first
            end: deque[Json] = deque(maxlen=wanted)
            async for page in self._pages(partition, low, last, ENTITIES_PER_PAGE):
                end.extend(page)
            found += reversed(end)
            last = low
        return found

    async def _low(self, partition: str, first: str, last: str, wanted: int) -> str:
        """Where the last so many records of a range begin, as far as their twins tell."""
        found = await self._first(partition, *twins_between(first, last), wanted)
        low = key_of(found[-1]["RowKey"]) if len(found) == wanted else first
        return low if first < low < last else first

    async def _pages(self, partition: str, first: str, last: str, limit: int) -> AsyncIterator[list[Json]]:
        """The entities of a range as the service cuts it, `limit` at a time at most."""
        condition = f"PartitionKey eq {_text(partition)} and RowKey ge {_text(first)} and RowKey lt {_text(last)}"
        after: str | None = ""
        while after is not None:
            page, after = await self._page(condition, min(limit, ENTITIES_PER_PAGE), after)
            yield page

    def prepare(self, partition: str, put: Put) -> Prepared[None]:
        """A row for a commit of its own."""
        check_changes(partition, [put])

        async def write() -> None:
            with suppress(Conflict):
                await self.commit(partition, [put])

        return Prepared(write)

    async def commit(self, partition: str, changes: Sequence[Change], after: Earlier = ()) -> list[str]:
        """Apply all changes in one transaction, after the blobs that they need were written."""
        check_changes(partition, changes)
        if not changes:
            return []
        for each in after:
            await each.make()
        transaction = Transaction(self._table, self._create_table, uuid4().hex, self._backoff)
        own = await self._operations(partition, changes, transaction.token)
        operations = with_twins(partition, own, transaction.token)
        replaced = self._spill.seen((partition, change.key) for change in changes)
        try:
            versions = await transaction.apply(operations)
        except (Conflict, NotFound):
            await self._spill.remove(operation.entity["blob"] for operation in operations if "blob" in operation.entity)
            raise
        for operation in operations:
            self._spill.see((partition, operation.change.key), operation.entity.get("blob"))
        await self._spill.remove(replaced)
        return [versions.get(change.key, "") for change in changes]

    async def overdue(self, now: int) -> AsyncIterator[tuple[str, Record]]:
        """Every record that is due; the service reads the whole table for it."""
        after: str | None = ""
        while after is not None:
            page, after = await self._page(f"due le {now}L", ENTITIES_PER_PAGE, after)
            for entity in page:
                try:
                    record = await self._record(entity)
                except UnreadableRecord as error:
                    log_left_out(entity["RowKey"], error)
                    continue
                if record is not None:
                    yield entity["PartitionKey"], record

    async def formats(self, most: int | None = None) -> Counter[str]:
        """Count the formats of the first rows, twins among them; one that is replaced meanwhile does not count."""
        found: Counter[str] = Counter()
        after: str | None = ""
        while after is not None and (most is None or found.total() < most):
            limit = ENTITIES_PER_PAGE if most is None else min(ENTITIES_PER_PAGE, most - found.total())
            page, after = await self._page(EVERYTHING, limit, after)
            for entity in page:
                try:
                    text = text_of(entity) if "blob" not in entity else await self._spill.read(entity["blob"])
                except BlobNotFound:
                    continue
                found[format_of(text)] += 1
        return found

    async def sweep(self, before: int) -> int:
        """Remove blobs written before that time which no record refers to; returns how many."""
        removed = 0
        try:
            async for place, name in self._spill.older(before):
                entity = await self._entity(*place)
                if entity is None or entity.get("blob") != name:
                    await self._spill.remove([name])
                    removed += 1
        except BlobsUnavailable as error:
            raise Unavailable(str(error)) from error
        return removed

    async def scrub(self, rewrite_up_to: float = 0) -> bool:
        """The service's files are its own business."""
        return True

    async def close(self) -> None:
        """Close the service's client."""
        await self._service.close()

    async def _entity(self, partition: str, key: str) -> Json | None:
        if not (is_key(partition) and is_key(key)):
            return None
        try:
            return await retry(lambda: self._table.get(partition, key), self._backoff)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise Unavailable(str(error)) from error

    async def _record(self, entity: Json) -> Record | None:
        """The record in the entity; a replaced one is read again, since its blob is gone."""
        current: Json | None = entity
        while current is not None:
            place = (current["PartitionKey"], current["RowKey"])
            try:
                text = text_of(current) if "blob" not in current else await self._spill.read(current["blob"])
            except BlobNotFound as error:
                replaced, current = current["blob"], await self._entity(*place)
                if current is not None and current.get("blob") == replaced:
                    raise UnreadableRecord(f"the data of {place[1]} is missing") from error
                continue
            except (TypeError, UnicodeDecodeError) as error:
                raise UnreadableRecord(f"the data of {place[1]} is none of ours") from error
            if "blob" in current:
                self._spill.see(place, current["blob"])
            return Record(place[1], decode(text), current["etag"])
        return None

    async def _page(self, condition: str, limit: int, after: str) -> tuple[list[Json], str | None]:
        """An answer to a query, and where to go on after it: the service cuts answers as it likes. None: it was all."""
        try:
            page, more = await retry(lambda: self._table.query(condition, limit, after), self._backoff)
        except ResourceNotFoundError:
            return [], None  # a missing table is an empty one
        except AzureError as error:
            raise Unavailable(str(error)) from error
        return page, more or None

    async def _operations(self, partition: str, changes: Sequence[Change], token: str) -> list[Operation]:
        """The changes with their entities; data too large for one goes to a blob now."""
        texts = [encode(change.data) if isinstance(change, Put) else "" for change in changes]
        over = spilled(texts)
        operations = []
        for index, (change, text) in enumerate(zip(changes, texts, strict=True)):
            entity: Json = {"PartitionKey": partition, "RowKey": change.key}
            if isinstance(change, Put):
                entity["token"] = token
                if change.due is not None:
                    entity["due"] = change.due
                if index in over:
                    entity["blob"] = await self._spill.write((partition, change.key), text)
                else:
                    entity |= data_properties(text)
            operations.append(Operation(change, entity))
        return operations

    async def _create_table(self) -> None:
        try:
            await retry(self._table.create, self._backoff)
        except ResourceExistsError:
            return
        except AzureError as error:
            raise Unavailable(str(error)) from error


def _text(value: str) -> str:
    """A text in a condition."""
    return "'" + value.replace("'", "''") + "'"
