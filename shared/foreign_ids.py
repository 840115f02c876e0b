"""Ids that objects had elsewhere and keep here: an alias row leads from such an id to its record's key.

The record lies under a key made by us, so that lists keep their order, and shows its own id. The alias is written in
the same commit and read where an id of ours would have been the key itself. It stays when the object is deleted: a
cursor still marks its place. Who brings objects in is `moving/`.
"""

from __future__ import annotations

from shared import ids, layout
from shared.store.base import Put, Record, Store


async def read(store: Store, partition: str, identifier: str) -> Record | None:
    """The record of an id that may be a key. A read more only where the id is not that of a record."""
    if ids.may_be_ours(identifier):
        return await store.get(partition, identifier) or await _aliased(store, partition, identifier)
    found = await _aliased(store, partition, identifier) or await store.get(partition, identifier)
    # A message that has waited in line may have got its alias between the two looks.
    return found or await _aliased(store, partition, identifier)


async def key_of(store: Store, partition: str, identifier: str) -> str | None:
    """The key that a foreign id stands for, or stood for: None for ids of ours and for what is no id."""
    if not ids.is_key(identifier):
        return None
    row = await store.get(partition, layout.alias_key(identifier))
    return None if row is None else str(row.data["key"])


def alias(identifier: str, key: str) -> Put:
    """The row that leads from a foreign id to its record's key."""
    return Put(layout.alias_key(identifier), {"key": key})


async def _aliased(store: Store, partition: str, identifier: str) -> Record | None:
    key = await key_of(store, partition, identifier)
    return None if key is None else await store.get(partition, key)
