"""The rows of a vector store: itself, its files by number, where each file's number is, and batches."""

from __future__ import annotations

from typing import Final

from shared import ids, layout
from shared.deps import Caller
from shared.errors import NotFoundError, not_found
from shared.objects.vector_store import (
    BatchRecord,
    ItemRecord,
    StoreRecord,
)
from shared.optimistic import find
from shared.store.base import Put

KIND: Final = "vector store"
#: Seconds after which housekeeping looks why a file is still in progress.
OVERDUE: Final = 1800


async def index_of(caller: Caller, store_id: str) -> str:
    """What the index calls the store: it knows no owners."""
    return await caller.deps.index_names.of(caller.deps.store, caller.owner, store_id)


async def store_row(caller: Caller, store_id: str) -> tuple[StoreRecord, str]:
    """The store and its version. Raises NotFoundError."""
    row = await caller.deps.store.get(layout.vector_store(caller.owner, store_id), layout.STORE_KEY)
    if row is None:
        raise not_found(KIND, store_id)
    return StoreRecord.from_json(row.data), row.version


def store_put(record: StoreRecord, version: str | None = None) -> Put:
    """The store's row; housekeeping looks at it when it expires, and whether its embedding anew goes on."""
    until = None if record.reembedding is None else record.reembedding.until
    due = min((each for each in (record.store.expires_at, until) if each is not None), default=None)
    return Put(layout.STORE_KEY, record.to_json(), version, due)


async def number_of(caller: Caller, store_id: str, file_id: str, *, gone: bool = False) -> int | None:
    """The number of a file in the store; `gone`: also if it was detached since."""
    # A batch's id, say, is the key of a row, too.
    row = (
        await caller.deps.store.get(layout.vector_store(caller.owner, store_id), file_id)
        if file_id.startswith((layout.FILE, layout.FOREIGN_FILE)) and ids.is_key(file_id)
        else None
    )
    if row is None or (row.data["gone"] and not gone):
        return None
    number: int = row.data["number"]
    return number


async def item_row(caller: Caller, store_id: str, file_id: str) -> tuple[ItemRecord, str] | None:
    """A file in the store and its version."""
    number = await number_of(caller, store_id, file_id)
    if number is None:
        return None
    row = await caller.deps.store.get(layout.vector_store(caller.owner, store_id), ids.key_at(layout.ITEM, number))
    return None if row is None else (ItemRecord.from_json(row.data), row.version)


def item_put(record: ItemRecord, now: int, version: str | None = None) -> Put:
    """The change that writes a file's row; housekeeping looks after one in progress `OVERDUE` seconds after `now`."""
    due = now + OVERDUE if record.file.status == "in_progress" else None
    return Put(ids.key_at(layout.ITEM, record.number), record.to_json(), version, due)


def number_put(file_id: str, number: int, version: str | None = None, *, gone: bool = False) -> Put:
    """Where a file's row is; kept after it is gone, because lists may go on from it."""
    return Put(file_id, {"number": number, "gone": gone}, version)


async def batch_row(caller: Caller, store_id: str, batch_id: str) -> tuple[BatchRecord, str]:
    """A batch and its version. Raises NotFoundError."""
    row = await find(caller.deps.store, layout.vector_store(caller.owner, store_id), batch_id, "file batch")
    return BatchRecord.from_json(row.data), row.version


def batch_put(record: BatchRecord, version: str | None = None) -> Put:
    """The change that writes a batch's row, its status brought in line."""
    record.derive()
    return Put(record.batch.id, record.to_json(), version)


def not_in_store(store_id: str, file_id: str) -> NotFoundError:
    """The 404 for a file that is not attached."""
    return NotFoundError(f"No file found with id '{file_id}' in vector store '{store_id}'.")
