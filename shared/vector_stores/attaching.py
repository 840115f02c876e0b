"""Attaching files to vector stores: checked, numbered, counted, and announced to the ingestion queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from shared import ids, layout
from shared.deps import Caller, Deps
from shared.errors import InvalidRequest, wrong_shape
from shared.files import files, index_messages
from shared.json_types import Json
from shared.objects.tools.resources import ChunkingStrategy
from shared.objects.vector_store import (
    BatchRecord,
    FileSpec,
    FileStatus,
    ItemRecord,
    StoreRecord,
    VectorStoreFile,
)
from shared.objects.vector_store_requests import AttachFile, chunking_json
from shared.optimistic import until_committed
from shared.search.parsing.formats import refusal, supported
from shared.store.base import Conflict, Put
from shared.vector_stores.rows import batch_put, item_put, item_row, number_put, store_put, store_row

#: Files attached in one commit: two rows each, beside the store's and a batch's.
AT_ONCE: Final = 40


async def specs(caller: Caller, bodies: Sequence[AttachFile], param: str) -> list[FileSpec]:
    """What is to be attached, each file once. Raises InvalidRequest for files that do not exist."""
    wanted = {body.file_id: body for body in bodies}
    for file_id in wanted:
        if not file_id.startswith(("file", layout.FOREIGN_FILE)):
            raise wrong_shape(param, file_id, "file")
    await files.check(caller, wanted, param)
    found = await asyncio.gather(*(files.get(caller, file_id) for file_id in wanted))
    return [
        FileSpec(
            file_id=file["id"],
            filename=file["filename"],
            chunking_strategy=chunking_json(body.chunking_strategy),
            attributes=body.attributes or {},
        )
        for file, body in zip(found, wanted.values(), strict=True)
    ]


async def searchable(
    caller: Caller, file_ids: Iterable[str], strategy: ChunkingStrategy | None = None, param: str = "file_ids"
) -> list[FileSpec]:
    """The same for files named by a request that fails as a whole. Raises InvalidRequest, also for other formats."""
    bodies = [AttachFile(file_id=file_id, chunking_strategy=strategy) for file_id in file_ids]
    found = await specs(caller, bodies, param)
    wrong = [spec.filename for spec in found if not supported(spec.filename)]
    if wrong:
        raise InvalidRequest(refusal(wrong), param="file_ids", code="unsupported_file")
    return found


async def attach(caller: Caller, store_id: str, files_: Sequence[FileSpec]) -> list[ItemRecord]:
    """Attach up to `AT_ONCE` files. Raises NotFoundError."""
    token = await announce(caller, store_id, files_)
    return await until_committed(lambda: _attempt(caller, store_id, files_, token, None))


async def attach_one(caller: Caller, store_id: str, file: Sequence[FileSpec]) -> Json:
    """Attach the one file that was asked for; the file in the store, as answered. Raises NotFoundError."""
    token = await announce(caller, store_id, file)

    async def attempt() -> Json:
        [item] = await _attempt(caller, store_id, file, token, None, answers=True)
        return item.file.to_json()

    return await caller.carry_out(layout.vector_store(caller.owner, store_id), attempt)


async def attach_pending(caller: Caller, store_id: str, record: BatchRecord, version: str) -> None:
    """Attach the next of a batch's pending files. Raises Conflict when somebody else is doing it, or NotFoundError."""
    now, later = record.pending[:AT_ONCE], record.pending[AT_ONCE:]
    token = await announce(caller, store_id, now)
    rest = record.replace(pending=later)
    await _attempt(caller, store_id, now, token, (rest, version))


async def announce(caller: Caller, store_id: str, files_: Sequence[FileSpec]) -> str:
    """Before they are attached, note where the files will be, and have them indexed. Returns the attachment's token."""
    file_ids = [spec.file_id for spec in files_]
    await asyncio.gather(*(_note(caller, store_id, file_id) for file_id in file_ids))
    token = ids.random_text(12)
    await caller.deps.ingestion.send(index_messages.files(caller.owner, store_id, file_ids, token).to_json())
    return token


async def _note(caller: Caller, store_id: str, file_id: str) -> None:
    key = layout.attached_key(file_id, store_id)
    if await caller.deps.store.get(layout.attached(caller.owner), key) is None:
        try:
            await caller.deps.store.commit(layout.attached(caller.owner), [Put(key, {"store_id": store_id})])
        except Conflict:
            return  # somebody else has noted it


async def _attempt(
    caller: Caller,
    store_id: str,
    files_: Sequence[FileSpec],
    token: str,
    batch: tuple[BatchRecord, str] | None,
    *,
    answers: bool = False,
) -> list[ItemRecord]:
    # In this order: if a file comes or goes meanwhile, a row that is written has another version than was read.
    lookups = await asyncio.gather(
        *(caller.deps.store.get(layout.vector_store(caller.owner, store_id), spec.file_id) for spec in files_)
    )
    known = await asyncio.gather(*(item_row(caller, store_id, spec.file_id) for spec in files_))
    # Last, so that it is fresh when it is written, and knows a next number that no file read before has.
    record, version = await store_row(caller, store_id)
    changes, items = [], []
    for spec, row, lookup in zip(files_, known, lookups, strict=True):
        item = _item(caller.deps, record, spec, token, None if row is None else row[0])
        if batch is not None:
            _join(item, batch[0])
        changes.append(item_put(item, caller.deps.now(), None if row is None else row[1]))
        if row is None:
            changes.append(number_put(spec.file_id, item.number, None if lookup is None else lookup.version))
        items.append(item)
    record.store.last_active_at = caller.deps.now()
    record.derive()
    if batch is not None:
        changes.append(batch_put(*batch))
    if answers:
        changes += caller.answering(items[0].file.to_json())
    await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), [store_put(record, version), *changes])
    return items


def _join(item: ItemRecord, record: BatchRecord) -> None:
    """Have the batch wait for the file, or count it there if it has ended already."""
    item.batches.append(record.batch.id)
    if item.file.status == "in_progress":
        item.waiting.append(record.batch.id)
    else:
        record.batch.file_counts.move("in_progress", item.file.status)


def _item(deps: Deps, record: StoreRecord, spec: FileSpec, token: str, known: ItemRecord | None) -> ItemRecord:
    """The file's row: a new one, or that of a file attached again, which keeps its place. Counts it in the store.

    A file that is indexed the way it is asked for stays so: whoever cancels the attachment must not lose it.
    """
    if known is not None and indexed(known, spec):
        changed = known.file.replace(attributes=spec.attributes)
        return known.replace(file=changed, filename=spec.filename, token=token)
    number = record.next if known is None else known.number
    status: FileStatus = spec.ended or "in_progress"
    if known is None:
        record.next += 1
        record.store.file_counts.move(None, status)
    else:
        record.store.file_counts.move(known.file.status, status)
        record.store.usage_bytes -= known.file.usage_bytes
    return ItemRecord(
        file=VectorStoreFile(
            id=spec.file_id,
            created_at=deps.now(),
            vector_store_id=record.store.id,
            status=status,
            last_error=spec.last_error,
            chunking_strategy=spec.chunking_strategy,
            attributes=spec.attributes,
        ),
        number=number,
        filename=spec.filename,
        token=token,
        batches=[*spec.batches] if known is None else known.batches,
        waiting=[] if known is None else known.waiting,
    )


def indexed(item: ItemRecord, spec: FileSpec) -> bool:
    """Whether the file can be found already, cut as the specification says."""
    return item.file.status == "completed" and item.file.chunking_strategy == spec.chunking_strategy
