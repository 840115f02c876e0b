"""What the timer does about vector stores: expired ones lose their chunks, forgotten files are taken up again.

Uploads that are over are removed along with them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from shared.deps import Deps
from shared.files import index_messages, uploads
from shared.objects.vector_store import ITEM_PREFIX, STORE_KEY, ItemRecord, StoreRecord
from shared.store.base import Put, Record
from shared.vector_stores.rows import item_put


async def overdue_store(deps: Deps, partition: str, row: Record) -> None:
    """An expired store stays to be seen, but cannot be searched any more."""
    record = StoreRecord.model_validate(row.data)
    if record.expired(deps.now()):
        await deps.index.drop(record.store.id)
        await deps.store.commit(partition, [Put(row.key, row.data, row.version)])


async def overdue_item(deps: Deps, partition: str, row: Record) -> None:
    """A file that is still in progress although its message is gone."""
    item = ItemRecord.model_validate(row.data)
    file = item.file
    owner = partition.partition(":")[0]
    await deps.ingestion.send(index_messages.files(owner, file.vector_store_id, [file.id], item.token))
    # It may be waiting behind thousands of others: one more message each minute would not help.
    await deps.store.commit(partition, [item_put(item, deps.now(), row.version)])


#: By the prefix of the record's key.
OVERDUE: Final[Mapping[str, Callable[[Deps, str, Record], Awaitable[None]]]] = {
    STORE_KEY: overdue_store,
    ITEM_PREFIX: overdue_item,
    uploads.PREFIX: uploads.overdue,
}
