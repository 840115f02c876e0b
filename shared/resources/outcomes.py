"""How a file's time in progress ends, and how a file leaves a store: its row and all counts in one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.deps import Deps
from shared.errors import NotFoundError
from shared.objects.common import Json
from shared.objects.vector_store import BatchRecord, FileStatus, ItemRecord, StoreRecord, partition_of
from shared.resources import files, ingestion_messages
from shared.resources.attachments import stores_of
from shared.resources.records import until_committed
from shared.resources.vector_store_rows import (
    batch_put,
    batch_row,
    item_put,
    item_row,
    number_put,
    store_put,
    store_row,
)
from shared.store.base import Change, Delete

#: Stores that a deleted file leaves side by side.
AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file."""

    status: FileStatus
    usage_bytes: int = 0
    last_error: Json | None = None


def failed(code: str, message: str) -> Outcome:
    """It could not be indexed."""
    return Outcome("failed", last_error={"code": code, "message": message})


async def settle(deps: Deps, owner: str, store_id: str, file_id: str, token: str, outcome: Outcome) -> bool:
    """End a file's time in progress; False if it is over already, or the file is gone or attached anew."""

    async def attempt() -> bool:
        try:
            store = await store_row(deps, owner, store_id)
        except NotFoundError:
            return False
        row = await item_row(deps, owner, store_id, file_id)
        if row is None or row[0].token != token or row[0].file.status != "in_progress":
            return False
        await deps.store.commit(partition_of(owner, store_id), await ends(deps, owner, store, [row], outcome))
        return True

    return await until_committed(attempt)


async def ends(
    deps: Deps, owner: str, store: tuple[StoreRecord, str], rows: Sequence[tuple[ItemRecord, str]], outcome: Outcome
) -> list[Change]:
    """The changes that end files in progress: their rows, the store, and the batches that wait for them."""
    record, version = store
    changes: list[Change] = []
    batches: dict[str, tuple[BatchRecord, str]] = {}
    for item, item_version in rows:
        for batch_id in item.waiting:
            if batch_id not in batches:
                batches[batch_id] = await batch_row(deps, owner, record.store.id, batch_id)
            batches[batch_id][0].batch.file_counts.move("in_progress", outcome.status)
        record.store.file_counts.move(item.file.status, outcome.status)
        record.store.usage_bytes += outcome.usage_bytes
        item.file.status, item.waiting = outcome.status, []
        item.file.usage_bytes, item.file.last_error = outcome.usage_bytes, outcome.last_error
        changes.append(item_put(item, deps.now(), item_version))
    record.settle()
    return [store_put(record, version), *(batch_put(*batch) for batch in batches.values()), *changes]


async def detach(deps: Deps, owner: str, store_id: str, file_id: str) -> bool:
    """Take a file out of a store; False if it is not there. Raises NotFoundError without the store."""
    await deps.ingestion.send(ingestion_messages.detach(owner, store_id, file_id))

    async def attempt() -> bool:
        record, version = await store_row(deps, owner, store_id)
        row = await item_row(deps, owner, store_id, file_id)
        if row is None:
            return False
        changes = await leaves(deps, owner, (record, version), row)
        await deps.store.commit(partition_of(owner, store_id), changes)
        return True

    found = await until_committed(attempt)
    await forget(deps, owner, store_id, file_id)
    return found


async def leaves(deps: Deps, owner: str, store: tuple[StoreRecord, str], row: tuple[ItemRecord, str]) -> list[Change]:
    """The changes that take a file out of its store; batches that wait for it count it as cancelled."""
    record, version = store
    item, item_version = row
    store_id, file_id = record.store.id, item.file.id
    changes: list[Change] = []
    if item.file.status == "in_progress":
        _, *changes = await ends(deps, owner, store, [row], Outcome("cancelled"))
        changes.pop()
    record.store.file_counts.move(item.file.status, None)
    record.store.usage_bytes -= item.file.usage_bytes
    record.settle()
    lookup = await deps.store.get(partition_of(owner, store_id), file_id)
    gone = number_put(file_id, item.number, None if lookup is None else lookup.version, gone=True)
    return [store_put(record, version), *changes, Delete(item_put(item, 0).key, item_version), gone]


async def forget(deps: Deps, owner: str, store_id: str, file_id: str) -> None:
    """Remove what else is known of a file that is not in the store any more."""
    await deps.index.remove(store_id, file_id)
    await deps.store.commit(stores_of(owner), [Delete(f"{file_id}:{store_id}")])


async def delete_file(deps: Deps, owner: str, file_id: str) -> Json:
    """Remove a file, also from every store it is in. Raises NotFoundError."""
    data = await files.delete(deps, owner, file_id)
    await detach_everywhere(deps, owner, file_id)
    return data


async def detach_everywhere(deps: Deps, owner: str, file_id: str) -> None:
    """Take a file out of every store it is in: thousands, if threads have made stores for it."""

    async def leave(store_id: str) -> None:
        try:
            await detach(deps, owner, store_id, file_id)
        except NotFoundError:
            await forget(deps, owner, store_id, file_id)

    while rows := await deps.store.scan(stores_of(owner), f"{file_id}:", f"{file_id};", AT_ONCE):
        await asyncio.gather(*(leave(row.data["store_id"]) for row in rows))
