"""Taking files out of vector stores: row and counts in one commit, then what the index and others keep of them."""

from __future__ import annotations

import asyncio
from typing import Final

from shared import idempotency, layout
from shared.deps import Caller
from shared.errors import NotFoundError
from shared.files import files, index_messages
from shared.json_types import Json
from shared.objects.vector_store import ItemRecord
from shared.store.base import Change, Delete
from shared.vector_stores import kept_vectors
from shared.vector_stores.file_status import IndexingResult, ends, until_done
from shared.vector_stores.rows import index_of, item_put, item_row, number_put, store_put, store_row

#: Stores that a deleted file leaves side by side.
STORES_AT_ONCE: Final = 50


async def detach(caller: Caller, store_id: str, file_id: str) -> bool:
    """Take a file out of a store; False if it is not there. Raises NotFoundError without the store."""
    await caller.deps.ingestion.send(index_messages.detach(caller.owner, store_id, file_id).to_json())

    async def attempt() -> bool | None:
        row = await item_row(caller, store_id, file_id)
        if row is None:
            await store_row(caller, store_id)
            return False
        if in_progress := row[0].file.status == "in_progress":
            changes = await ends(caller, store_id, [row], IndexingResult("cancelled"))
        else:
            changes = await _leaves(caller, store_id, row)
        await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), changes)
        return None if in_progress else True

    found = await until_done(attempt)
    await forget(caller, store_id, file_id)
    return found


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


async def is_attached(caller: Caller, file_id: str) -> bool:
    """Whether a file is in a store. What is noted may be left of a deleted one: version 0.1 took only its rows away."""
    first, last = layout.attached_range(file_id)
    while rows := await caller.deps.store.scan(layout.attached(caller.owner), first, last, STORES_AT_ONCE):
        items = await asyncio.gather(*(item_row(caller, row.data["store_id"], file_id) for row in rows))
        if any(item is not None for item in items):
            return True
        first = f"{rows[-1].key}!"
    return False


async def _leaves(caller: Caller, store_id: str, row: tuple[ItemRecord, str]) -> list[Change]:
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
