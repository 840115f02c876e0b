"""The manifest of a store's index: which segments it is made of, and which files in them are dead.

One record per vector store, changed by versioned commits; whoever loses a race reads again and repeats its change.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from shared import layout
from shared.search.base import IndexUnavailable
from shared.store.base import Conflict, Delete, NotFound, Put, Store, Unavailable

ATTEMPTS: Final = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """A segment in a manifest."""

    id: str
    rows: int
    embedder: str | None
    #: Bytes of the header part, of everything before the texts, and of the whole.
    header: int
    head: int
    size: int
    #: Dead files with their numbers of rows.
    dead: dict[str, int] = field(default_factory=dict)

    @property
    def live_rows(self) -> int:
        """Rows that can be found."""
        return self.rows - sum(self.dead.values())

    def without(self, file_id: str, rows: int) -> Entry:
        """The same with the file dead."""
        return replace(self, dead={**self.dead, file_id: rows})


@dataclass(frozen=True, slots=True)
class Manifest:
    """A store's segments, oldest first."""

    entries: tuple[Entry, ...] = ()
    version: str | None = None


class Manifests:
    """Reads and changes manifests in the record store."""

    def __init__(self, store: Store):
        self._store = store

    async def read(self, store_id: str) -> Manifest:
        """The manifest; empty for a store without one."""
        try:
            record = await self._store.get(layout.index(store_id), layout.MANIFEST_KEY)
        except Unavailable as error:
            raise IndexUnavailable(str(error)) from error
        if record is None:
            return Manifest()
        return Manifest(tuple(Entry(**entry) for entry in record.data["entries"]), record.version)

    async def write(self, store_id: str, manifest: Manifest, entries: tuple[Entry, ...]) -> bool:
        """Replace the manifest that was read, or remove an empty one; False when somebody else was faster."""
        put = Put(layout.MANIFEST_KEY, {"entries": [asdict(entry) for entry in entries]}, manifest.version)
        try:
            await self._store.commit(
                layout.index(store_id), [put if entries else Delete(layout.MANIFEST_KEY, manifest.version)]
            )
        except (Conflict, NotFound):
            return False
        except Unavailable as error:
            raise IndexUnavailable(str(error)) from error
        return True

    async def forget(self, store_id: str) -> None:
        """Remove the manifest."""
        try:
            await self._store.commit(layout.index(store_id), [Delete(layout.MANIFEST_KEY)])
        except Unavailable as error:
            raise IndexUnavailable(str(error)) from error


async def pause(attempt: int) -> None:
    """Wait a little, longer with each lost race. Raises IndexUnavailable after too many."""
    if attempt == ATTEMPTS:
        raise IndexUnavailable("The index is being changed too often.")
    await asyncio.sleep(random.uniform(0, min(0.01 * 2**attempt, 0.5)))
