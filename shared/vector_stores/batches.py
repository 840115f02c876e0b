"""File batches: files attached together, in as many commits as it takes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

from shared import ids, layout
from shared.deps import Caller
from shared.errors import NotFoundError
from shared.files import index_messages
from shared.json_types import Json
from shared.objects.vector_store import (
    BatchRecord,
    FileBatch,
    FileCounts,
    FileSpec,
    FileStatus,
    ItemRecord,
)
from shared.optimistic import check_shape, until_committed
from shared.prepared import Earlier
from shared.store.base import Conflict, Put
from shared.vector_stores.attaching import AT_ONCE, attach_pending
from shared.vector_stores.file_status import IndexingResult, ends
from shared.vector_stores.rows import batch_put, batch_row, store_row

#: Rows read at once.
STRIDE: Final = 500


async def create(caller: Caller, store_id: str, specs: Sequence[FileSpec]) -> Json:
    """Make a batch that was asked for. Returns it as it begins."""
    batch = _new(caller, store_id, specs)
    data = batch.to_json()
    await _start(caller, batch, specs, caller.answering(data))
    return data


async def start(
    caller: Caller, store_id: str, specs: Sequence[FileSpec], rows: Sequence[Put] = (), after: Earlier = ()
) -> None:
    """Make a batch that nobody has asked for, in one commit with other rows of the store."""
    await _start(caller, _new(caller, store_id, specs), specs, rows, after)


def _new(caller: Caller, store_id: str, specs: Sequence[FileSpec]) -> FileBatch:
    return FileBatch(
        id=ids.newest_first_hex(layout.BATCH),
        created_at=caller.deps.now(),
        vector_store_id=store_id,
        file_counts=FileCounts(in_progress=len(specs), total=len(specs)),
    )


async def _start(
    caller: Caller, batch: FileBatch, specs: Sequence[FileSpec], rows: Sequence[Put], after: Earlier = ()
) -> None:
    """Store a batch and attach its files; whatever a crash leaves undone, the ingestion does."""
    store_id = batch.vector_store_id
    await caller.deps.ingestion.send(index_messages.batch(caller.owner, store_id, batch.id).to_json())
    record = BatchRecord(batch=batch, pending=[*specs])
    await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), [*rows, batch_put(record)], after)
    # Who keeps losing the race for the batch's row may leave the rest to the winner, or to the message.
    with contextlib.suppress(Conflict):
        await finish(caller, store_id, batch.id)


async def finish(caller: Caller, store_id: str, batch_id: str) -> None:
    """Attach what is still pending. Raises NotFoundError."""

    async def attempt() -> bool:
        record, version = await batch_row(caller, store_id, batch_id)
        if record.pending:
            await attach_pending(caller, store_id, record, version)
        return len(record.pending) > AT_ONCE

    while await until_committed(attempt):
        pass


async def get(caller: Caller, store_id: str, batch_id: str) -> Json:
    """A batch. Raises NotFoundError."""
    check_shape(batch_id, "file batch", layout.BATCH.rstrip("_"), "batch_id")
    try:
        record, _ = await batch_row(caller, store_id, batch_id)
    except NotFoundError:
        await store_row(caller, store_id)
        raise
    return record.batch.to_json()


async def cancel(caller: Caller, store_id: str, batch_id: str) -> Json:
    """Stop indexing the batch's files that are still in progress. Raises NotFoundError."""
    await get(caller, store_id, batch_id)
    await until_committed(lambda: _drop_pending(caller, store_id, batch_id, "cancelled"))
    while await until_committed(lambda: _cancel_some(caller, store_id, batch_id)):
        pass
    data = await get(caller, store_id, batch_id)
    # All of it can be done again, so what is answered may be written last.
    if rows := caller.answering(data):
        await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), rows)
    return data


async def give_up(caller: Caller, store_id: str, batch_id: str) -> None:
    """Files that could not be attached after many tries count as failed. Raises NotFoundError."""
    await until_committed(lambda: _drop_pending(caller, store_id, batch_id, "failed"))


async def _drop_pending(caller: Caller, store_id: str, batch_id: str, status: FileStatus) -> None:
    """From now on no more files are attached; a cancelled batch will end as cancelled if any file does."""
    record, version = await batch_row(caller, store_id, batch_id)
    if record.batch.status != "in_progress" or record.cancelled:
        return
    for _ in record.pending:
        record.batch.file_counts.move("in_progress", status)
    record.cancelled, record.pending = status == "cancelled", []
    await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), [batch_put(record, version)])


async def _cancel_some(caller: Caller, store_id: str, batch_id: str) -> bool:
    """Cancel as many files as fit into a commit; False when there were none left."""
    store, _ = await store_row(caller, store_id)
    rows: list[tuple[ItemRecord, str]] = []
    async for item, version in _items(caller, store_id, store.next):
        if batch_id in item.waiting and len(rows) < AT_ONCE:
            rows.append((item, version))
    if not rows:
        return False
    changes = await ends(caller, store_id, rows, IndexingResult("cancelled"))
    await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), changes)
    return True


async def _items(caller: Caller, store_id: str, end: int) -> AsyncIterator[tuple[ItemRecord, str]]:
    for first in range(0, end, STRIDE):
        low, high = ids.key_at(layout.ITEM, first), ids.key_at(layout.ITEM, min(first + STRIDE, end))
        for row in await caller.deps.store.scan(layout.vector_store(caller.owner, store_id), low, high, STRIDE):
            yield ItemRecord.from_json(row.data), row.version
