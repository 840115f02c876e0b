"""The last insurance, on a timer: what is overdue although every message about it was lost, and bytes nobody owns."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from shared import deadline, foreign_ids, holds, layout, owners
from shared.blobs.base import BlobsUnavailable
from shared.deps import Caller, Deps
from shared.files import files, index_messages, uploads
from shared.objects.vector_store import ItemRecord, StoreRecord
from shared.queue.base import QueueUnavailable
from shared.retention import aging
from shared.runs import joining, lifecycle, queue_messages
from shared.runs.recorder import Recorder
from shared.search.base import IndexUnavailable
from shared.store.base import Delete, Put, Record, StoreError, Unavailable, UnreadableRecord
from shared.usage import adding_up
from shared.vector_stores.rows import OVERDUE as OVERDUE_SECONDS
from shared.vector_stores.rows import index_of, item_put, store_put

logger = logging.getLogger(__name__)

#: A blob this young may belong to an upload that is not finished.
ORPHAN_SECONDS: Final = 6 * 3600
#: Vectors this old belong to no file that is still being indexed: that may take a day with a small quota.
VECTORS_SECONDS: Final = 7 * 24 * 3600

#: A part of an upload as old as this belongs to none: uploads live an hour.
PART_SECONDS: Final = 24 * 3600
#: Bytes of files of the store's own that are rewritten, so that nothing deleted stays in them; takes some seconds.
REWRITTEN_BYTES: Final = 256 * 2**20

#: What a port says that cannot do it now.
AWAY: Final = (StoreError, BlobsUnavailable, IndexUnavailable, QueueUnavailable)

#: What becomes of an overdue record: (deps, partition, record).
Overdue = Callable[[Deps, str, Record], Awaitable[None]]


async def overdue_run(deps: Deps, partition: str, row: Record) -> None:
    """A run that nobody ended: its time is over, or its cancellation was lost. One that has ended is not due again."""
    recorder = Recorder.of(deps, row)
    if recorder.record.is_in_line:
        await joining.look_after(recorder)
        return
    if lifecycle.is_active(recorder.run.status):  # should we die after its end, somebody counts what it has used
        await queue_messages.watch(deps, recorder.record, deps.clock() + deps.settings.lease_seconds)
    if recorder.run.status == "cancelling":
        await recorder.end("cancelled")
    elif lifecycle.has_expired(recorder.run, deps.clock()):
        await recorder.end("expired")
    elif not lifecycle.is_active(recorder.run.status):
        await recorder.commit()


async def overdue_file(deps: Deps, partition: str, row: Record) -> None:
    """A file whose `expires_at` has come; one on hold is hidden from its owner, and kept."""
    caller = Caller(deps, layout.owner_of(partition))
    if not await holds.on_file(caller, row.data["id"]):
        await files.remove(caller, row)


async def overdue_store(deps: Deps, partition: str, row: Record) -> None:
    """An expired store stays to be seen, but cannot be searched any more; one that is embedded anew is gone on with."""
    record = StoreRecord.from_json(row.data)
    if record.expired(deps.now()):
        await deps.index.drop(await index_of(Caller(deps, layout.owner_of(partition)), record.store.id))
        await deps.store.commit(partition, [Put(row.key, row.data, row.version)])
    elif record.reembedding is not None and record.reembedding.until is not None:
        owner = layout.owner_of(partition)
        message = index_messages.reembed(owner, record.store.id, record.reembedding.token)
        await deps.ingestion.send(message.to_json())
        record.reembedding.until = deps.now() + OVERDUE_SECONDS
        await deps.store.commit(partition, [store_put(record, row.version)])


async def overdue_item(deps: Deps, partition: str, row: Record) -> None:
    """A file that is still in progress although its message is gone."""
    item = ItemRecord.from_json(row.data)
    file = item.file
    owner = layout.owner_of(partition)
    await deps.ingestion.send(index_messages.files(owner, file.vector_store_id, [file.id], item.token).to_json())
    # It may be waiting behind thousands of others: one more message each minute would not help.
    await deps.store.commit(partition, [item_put(item, deps.now(), row.version)])


async def overdue_index(deps: Deps, partition: str, row: Record) -> None:
    """A search index that still has bytes of files that were removed."""
    await deps.index.purge(layout.store_of_index(partition))


async def overdue_row(deps: Deps, partition: str, row: Record) -> None:
    """A row that is kept until its time: a day for a repeated request, a month for what no webhook could be told."""
    await deps.store.commit(partition, [Delete(row.key, row.version)])


#: By the prefix of the record's key.
OVERDUE: Final[Mapping[str, Overdue]] = {
    layout.RUN: overdue_run,
    layout.FILE: overdue_file,
    layout.STORE_KEY: overdue_store,
    layout.ITEM: overdue_item,
    layout.UPLOAD: uploads.overdue,
    layout.MANIFEST_KEY: overdue_index,
    layout.ANSWER: overdue_row,
    layout.UNDELIVERED: overdue_row,
}


async def sweep(deps: Deps) -> None:
    """Look after every overdue record. One that cannot be dealt with now, or is damaged, is left to the next time."""
    async for partition, row in deps.store.overdue(deps.now()):
        act = next((act for prefix, act in OVERDUE.items() if row.key.startswith(prefix)), None)
        if act is None:
            continue
        logger.info("overdue", extra={"action": "overdue", "key": row.key})
        try:
            await act(deps, partition, row)
        except deadline.Overdue:
            raise
        except Exception:
            # One owner's damaged row must not keep the others' from being looked after.
            logger.warning("overdue kept", extra={"action": "overdue_kept", "key": row.key}, exc_info=True)


async def unreadable(deps: Deps) -> list[tuple[str, str]]:
    """Queue and id of every message that failed and that nobody here can read. Raises QueueUnavailable."""
    queues = {"runs-poison": deps.queue, "ingestion-poison": deps.ingestion}
    if deps.backup_steps is not None:
        queues["backups-poison"] = deps.backup_steps
    return [(name, id_) for name, queue in queues.items() for id_ in (await queue.poison()).unreadable]


async def report_poison(deps: Deps) -> None:
    """Log every message in a poison queue that nobody here can read: it waits for a person."""
    try:
        for name, id_ in await unreadable(deps):
            extra = {"action": "poison_unreadable", "queue": name, "message_id": id_}
            logger.error("poison message unreadable", extra=extra)
        await deps.telemetry.look({"runs": deps.queue, "ingestion": deps.ingestion})
    except QueueUnavailable:
        logger.warning("poison not seen", extra={"action": "poison_not_seen"}, exc_info=True)


async def remove_orphans(deps: Deps) -> None:
    """Delete the bytes of uploads that were never finished, of files whose row is gone, and of broken commits."""
    await deps.store.sweep(deps.now() - ORPHAN_SECONDS)
    stored: Counter[str] = Counter()
    async for blob in deps.blobs.list(layout.FILES):
        try:
            owner, file_id = layout.owner_and_file(blob.name)
        except ValueError:
            logger.warning("foreign blob", extra={"action": "blob_foreign", "blob": blob.name})
            continue
        stored[owner] += blob.size
        if blob.modified > deps.now() - ORPHAN_SECONDS:
            continue
        if await _is_gone(deps, owner, file_id):
            logger.info("orphan removed", extra={"action": "orphan_removed", "blob": blob.name})
            await deps.blobs.delete(blob.name)
            stored[owner] -= blob.size
    for prefix, seconds in ((layout.VECTORS, VECTORS_SECONDS), (layout.PARTS, PART_SECONDS)):
        async for blob in deps.blobs.list(prefix):
            if blob.modified <= deps.now() - seconds:
                await deps.blobs.delete(blob.name)
    for store_id in {layout.store_of_segment(blob.name) async for blob in deps.blobs.list(layout.SEGMENTS)}:
        await _sweep_index(deps, store_id)
    for owner in stored:
        await adding_up.note_stored(deps.store, owner, stored[owner], deps.clock())
    await deps.blobs.sweep(deps.now() - ORPHAN_SECONDS)


async def _is_gone(deps: Deps, owner: str, file_id: str) -> bool:
    """Whether nobody has the file; a row that cannot be read keeps its bytes."""
    try:
        return await foreign_ids.read(deps.store, layout.files(owner), file_id) is None
    except UnreadableRecord:
        return False


async def _sweep_index(deps: Deps, store_id: str) -> None:
    """Remove segments that a store's index does not name; one that cannot be read keeps the others from nothing."""
    try:
        await deps.index.sweep(store_id)
    except deadline.Overdue:
        raise
    except Exception:
        extra = {"action": "index_not_swept", "vector_store_id": store_id}
        logger.warning("index not swept", extra=extra, exc_info=True)


async def age(deps: Deps) -> None:
    """Delete threads that are past their time; what cannot be done now is left to the next time."""
    try:
        await aging.sweep(deps)
    except AWAY:
        logger.warning("old threads kept", extra={"action": "old_threads_kept"}, exc_info=True)


async def add_up_usage(deps: Deps) -> None:
    """Add up what runs of earlier days have used; what cannot be done now is left to the next time."""
    try:
        names = sorted(await owners.names(deps))
    except StoreError:
        logger.warning("owners not read", extra={"action": "owners_not_read"}, exc_info=True)
        return
    for owner in names:
        try:
            await adding_up.add_up(deps.store, owner, deps.clock())
        except Exception as error:
            extra = {"action": "usage_not_added_up", "owner": owner}
            logger.warning("usage not added up", extra=extra, exc_info=True)
            if isinstance(error, Unavailable):
                return  # the others' rows are as far away


async def scrub(deps: Deps, *, thorough: bool = False) -> None:
    """Have the store overwrite what deleted records left in its own files."""
    try:
        await deps.store.scrub(REWRITTEN_BYTES if thorough else 0)
    except StoreError:
        logger.warning("store not scrubbed", extra={"action": "store_not_scrubbed"}, exc_info=True)
