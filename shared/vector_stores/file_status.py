"""How a file's time in progress ends, and how a file leaves a store: its row and all counts in one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared import idempotency, layout
from shared.deps import Caller
from shared.errors import NotFoundError
from shared.files import files, index_messages
from shared.json_types import Json
from shared.objects.vector_store import BatchRecord, FileStatus, ItemRecord
from shared.optimistic import until_committed
from shared.store.base import Change, Delete
from shared.vector_stores import kept_vectors, webhook_events
from shared.vector_stores.attaching import AT_ONCE
from shared.vector_stores.rows import (
    batch_put,
    batch_row,
    index_of,
    item_put,
    item_row,
    number_put,
    store_put,
    store_row,
)

#: Stores that a deleted file leaves side by side.
STORES_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class IndexingResult:
    """What came of indexing a file: the status it ends with, bytes in the index, and the error or what was left out."""

    status: FileStatus
    usage_bytes: int = 0
    last_error: Json | None = None


def failed(code: str, message: str) -> IndexingResult:
    """The result of a file that could not be indexed; `code` is one of the API's (docs/contract.md)."""
    return IndexingResult("failed", last_error={"code": code, "message": message})


async def end_indexing(caller: Caller, store_id: str, file_id: str, token: str, outcome: IndexingResult) -> bool:
    """End a file's time in progress; False if it is over already, or the file is gone or attached anew."""

    async def attempt() -> bool | None:
        row = await item_row(caller, store_id, file_id)
        if row is None or row[0].token != token or row[0].file.status != "in_progress":
            return False
        changes = await ends(caller, store_id, [row], outcome)
        if caller.deps.settings.webhooks:
            await webhook_events.send(caller, row[0], row[0].file.status)
        await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), changes)
        return True if row[0].file.status != "in_progress" else None

    try:
        return await _until_done(attempt)
    except NotFoundError:
        return False


async def ends(
    caller: Caller, store_id: str, rows: Sequence[tuple[ItemRecord, str]], outcome: IndexingResult
) -> list[Change]:
    """The changes that end files in progress: their rows, the store, and the batches that wait for them.

    A file that more batches wait for than fit into a commit stays in progress for the rest of them.
    """
    batches: dict[str, tuple[BatchRecord, str]] = {}
    share = AT_ONCE // len(rows)
    for item, _ in rows:
        told, item.waiting = item.waiting[:share], item.waiting[share:]
        for batch_id in told:
            if batch_id not in batches:
                batches[batch_id] = await batch_row(caller, store_id, batch_id)
            batches[batch_id][0].batch.file_counts.move("in_progress", outcome.status)
    # Everybody writes to the store's row: it is read last, so as to be fresh when it is written.
    record, version = await store_row(caller, store_id)
    for item, _ in rows:
        if not item.waiting:
            record.store.file_counts.move(item.file.status, outcome.status)
            record.store.usage_bytes += outcome.usage_bytes
            item.file.status, item.file.usage_bytes = outcome.status, outcome.usage_bytes
            item.file.last_error = outcome.last_error
    record.derive()
    changed = [item_put(item, caller.deps.now(), item_version) for item, item_version in rows]
    return [store_put(record, version), *(batch_put(*batch) for batch in batches.values()), *changed]


async def detach(caller: Caller, store_id: str, file_id: str) -> bool:
    """Take a file out of a store; False if it is not there. Raises NotFoundError without the store."""
    await caller.deps.ingestion.send(index_messages.detach(caller.owner, store_id, file_id).to_json())

    async def attempt() -> bool | None:
        row = await item_row(caller, store_id, file_id)
        if row is None:
            await store_row(caller, store_id)
            return False
        if row[0].file.status == "in_progress":
            changes = await ends(caller, store_id, [row], IndexingResult("cancelled"))
            await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), changes)
            return None
        await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), await leaves(caller, store_id, row))
        return True

    found = await _until_done(attempt)
    await forget(caller, store_id, file_id)
    return found


async def leaves(caller: Caller, store_id: str, row: tuple[ItemRecord, str]) -> list[Change]:
    """The changes that take a file, not in progress any more, out of its store."""
    item, item_version = row
    lookup = await caller.deps.store.get(layout.vector_store(caller.owner, store_id), item.file.id)
    gone = number_put(item.file.id, item.number, None if lookup is None else lookup.version, gone=True)
    answers = await idempotency.forgotten(caller.deps.store, layout.vector_store(caller.owner, store_id), item.file.id)
    record, version = await store_row(caller, store_id)
    record.store.file_counts.move(item.file.status, None)
    record.store.usage_bytes -= item.file.usage_bytes
    record.derive()
    return [store_put(record, version), Delete(item_put(item, 0).key, item_version), gone, *answers]


async def _until_done(attempt: Callable[[], Awaitable[bool | None]]) -> bool:
    """Repeat what takes several commits until it says how it ended."""
    while (done := await until_committed(attempt)) is None:
        continue
    return done


async def forget(caller: Caller, store_id: str, file_id: str) -> None:
    """Remove what else is known of a file that is not in the store any more."""
    index = await index_of(caller, store_id)
    await caller.deps.index.remove(index, file_id)
    await kept_vectors.forget(caller.deps.blobs, index, file_id)
    await caller.deps.store.commit(layout.attached(caller.owner), [Delete(layout.attached_key(file_id, store_id))])


async def delete_file(caller: Caller, file_id: str) -> Json:
    """Remove a file, also from every store it is in. Raises NotFoundError."""
    data = await files.delete(caller, file_id)
    await detach_everywhere(caller, file_id)
    return data


async def detach_everywhere(caller: Caller, file_id: str) -> None:
    """Take a file out of every store it is in: thousands, if threads have made stores for it."""

    async def leave(store_id: str) -> None:
        try:
            await detach(caller, store_id, file_id)
        except NotFoundError:
            await forget(caller, store_id, file_id)

    while rows := await caller.deps.store.scan(
        layout.attached(caller.owner), *layout.attached_range(file_id), STORES_AT_ONCE
    ):
        await asyncio.gather(*(leave(row.data["store_id"]) for row in rows))
