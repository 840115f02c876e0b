"""How a file's time in progress ends: its row and all counts in one commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared import layout
from shared.deps import Caller
from shared.errors import NotFoundError
from shared.json_types import Json
from shared.objects.vector_store import BatchRecord, FileStatus, ItemRecord
from shared.optimistic import until_committed
from shared.store.base import Change
from shared.vector_stores import webhook_events
from shared.vector_stores.attaching import AT_ONCE
from shared.vector_stores.rows import (
    batch_put,
    batch_row,
    item_put,
    item_row,
    store_put,
    store_row,
)


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
        return await until_done(attempt)
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


async def until_done(attempt: Callable[[], Awaitable[bool | None]]) -> bool:
    """Repeat what takes several commits until it says how it ended."""
    while (done := await until_committed(attempt)) is None:
        continue
    return done
