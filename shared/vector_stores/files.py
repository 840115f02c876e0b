"""Files in vector stores: attached, listed, described, detached and read back."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared import ids, layout
from shared.deps import Caller
from shared.errors import InvalidRequest, not_found
from shared.json_types import Json
from shared.objects.parse import wrong_value
from shared.objects.vector_store import ContentPage, ItemRecord, TextContent
from shared.objects.vector_store_requests import AttachFile, CreateFileBatch, UpdateFile
from shared.optimistic import check_shape
from shared.paging import ListQuery, NumberRange, numbered_page
from shared.store.base import Record
from shared.vector_stores import attaching, batches, detaching, stores
from shared.vector_stores.rows import index_of, item_put, item_row, not_in_store, number_of

STATUSES: Final = ("in_progress", "completed", "failed", "cancelled")


async def attach(caller: Caller, store_id: str, body: AttachFile) -> Json:
    """Attach a file; indexing it has only begun then. Raises NotFoundError or InvalidRequest."""
    await stores.active(caller, store_id)
    specs = await attaching.specs(caller, [body], "file_id")
    return await attaching.attach_one(caller, store_id, specs)


async def attach_batch(caller: Caller, store_id: str, body: CreateFileBatch) -> Json:
    """Attach many files. Raises NotFoundError or InvalidRequest."""
    await stores.active(caller, store_id)
    specs = await attaching.specs(caller, body.each(), "file_ids" if body.files is None else "files")
    return await batches.create(caller, store_id, specs)


async def list_page(
    caller: Caller, store_id: str, query: ListQuery, status: str | None, batch_id: str | None = None
) -> tuple[list[Json], bool]:
    """The files of a store, or of a batch, and whether there are more. Raises NotFoundError or InvalidRequest."""
    record, _ = await stores.row(caller, store_id)
    if status is not None and status not in STATUSES:
        raise wrong_value("filter", status, STATUSES)
    if batch_id is not None:
        await batches.get(caller, store_id, batch_id)

    def keep(row: Record) -> bool:
        return status in (None, row.data["file"]["status"]) and (batch_id is None or batch_id in row.data["batches"])

    numbers = NumberRange(layout.ITEM, "file", end=record.next)
    by_number = replace(
        query,
        after=await _cursor(caller, store_id, query.after),
        before=await _cursor(caller, store_id, query.before),
    )
    page = await numbered_page(caller.deps.store, layout.vector_store(caller.owner, store_id), numbers, by_number, keep)
    return [row.data["file"] for row in page.records], page.has_more


async def get(caller: Caller, store_id: str, file_id: str) -> Json:
    """A file in a store. Raises NotFoundError."""
    item, _ = await _row(caller, store_id, file_id)
    return item.file.to_json()


async def update(caller: Caller, store_id: str, file_id: str, body: UpdateFile) -> Json:
    """Replace the file's attributes. Raises NotFoundError."""
    partition = layout.vector_store(caller.owner, store_id)

    async def attempt() -> Json:
        item, version = await _row(caller, store_id, file_id)
        item.file.attributes = body.attributes or {}
        data = item.file.to_json()
        changes = [item_put(item, caller.deps.now(), version), *caller.answering(data)]
        await caller.deps.store.commit(partition, changes)
        return data

    return await caller.carry_out(partition, attempt)


async def detach(caller: Caller, store_id: str, file_id: str) -> Json:
    """Take a file out of a store; the file itself stays. Raises NotFoundError."""
    await _row(caller, store_id, file_id)
    if not await detaching.detach(caller, store_id, file_id):
        raise not_in_store(store_id, file_id)
    return {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}


async def content(caller: Caller, store_id: str, file_id: str) -> Json:
    """A file's text as it was read, without the chunks' overlaps. Raises NotFoundError or InvalidRequest."""
    await stores.active(caller, store_id)
    item, _ = await _row(caller, store_id, file_id)
    if item.file.status != "completed":
        raise InvalidRequest(f"The file '{file_id}' has no content: its status is '{item.file.status}'.")
    chunks = await caller.deps.index.chunks(await index_of(caller, store_id), file_id)
    return ContentPage(data=[TextContent(text=chunk.text[chunk.overlap :]) for chunk in chunks]).to_json()


async def _row(caller: Caller, store_id: str, file_id: str) -> tuple[ItemRecord, str]:
    if not file_id.startswith(layout.FOREIGN_FILE):
        check_shape(file_id, "file", "file", "file_id")
    row = await item_row(caller, store_id, file_id)
    if row is None:
        await stores.row(caller, store_id)
        raise not_in_store(store_id, file_id)
    return row


async def _cursor(caller: Caller, store_id: str, file_id: str | None) -> str | None:
    """A file's id as a cursor over numbers; a file that was detached since still has its place."""
    if file_id is None:
        return None
    number = await number_of(caller, store_id, file_id, gone=True)
    if number is None:
        raise not_found("file", file_id)
    return ids.numbered(layout.ITEM, number)
