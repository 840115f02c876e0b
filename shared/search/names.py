"""Which index a vector store has: that of its id, unless it came in with the id, which others may have, too.

Then a row in the index's partition names the owner's own one. It is written before the store and never changes, and so
it is read once.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import Final

from shared import layout
from shared.store.base import Conflict, Put, Store

#: Stores whose names are remembered; a hundred bytes each.
REMEMBERED: Final = 10_000


class IndexNames:
    """The names of indexes, by owner and store."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    async def of(self, store: Store, owner: str, store_id: str) -> str:
        """The name under which the index has the owner's vector store."""
        known = self._known.get((owner, store_id))
        if known is not None:
            return known
        row = await store.get(layout.index(store_id), layout.own_index_key(owner))
        name = store_id if row is None else str(row.data["index"])
        if len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[owner, store_id] = name
        return name

    async def keep_apart(self, store: Store, owner: str, store_id: str) -> None:
        """Give the owner's vector store, which is about to come in, an index of its own."""
        own = f"{store_id}-{sha256(owner.encode()).hexdigest()[:12]}"
        with suppress(Conflict):
            await store.commit(layout.index(store_id), [Put(layout.own_index_key(owner), {"index": own})])
        self._known.pop((owner, store_id), None)
