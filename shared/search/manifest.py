"""The manifest of a store's index: which segments it is made of, and which files in them are dead.

One record per vector store, changed by versioned commits; whoever loses a race reads again and repeats its change.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Final

from shared import layout
from shared.backoff import Backoff
from shared.json_types import Json
from shared.named_locks import NamedLocks
from shared.search.base import IndexUnavailable, Space
from shared.store.base import Conflict, Delete, NotFound, Put, Store, Unavailable, UnreadableRecord

#: Seconds that the bytes of a removed file may stay, unless so much is dead that they go at once.
PURGE_SECONDS: Final = 24 * 3600
#: Between attempts at a manifest that others change, too.
BACKOFF: Final = Backoff(first=0.01, longest=0.5, attempts=41, spread=(0.0, 1.0))


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment as its store's manifest lists it."""

    id: str
    rows: int
    embedder: str | None
    #: Bytes of the header part, of everything before the texts, and of the whole.
    header: int
    head: int
    size: int
    #: How many numbers a vector has; 0 in entries that were written before this was noted.
    dimensions: int = 0
    #: Dead files with their numbers of rows.
    dead: dict[str, int] = field(default_factory=dict)
    #: What a later version wrote beside; kept.
    more: Json = field(default_factory=dict)

    @staticmethod
    def from_json(data: Json) -> SegmentEntry:
        """The entry in a stored manifest."""
        known = {name: value for name, value in data.items() if name in _FIELDS}
        return SegmentEntry(**known, more={name: value for name, value in data.items() if name not in _FIELDS})

    def to_json(self) -> Json:
        """The entry as stored in the manifest."""
        data = asdict(self)
        return {**self.more, **{name: data[name] for name in _FIELDS}}

    @property
    def space(self) -> Space | None:
        """The space of its vectors; None: it has none."""
        return None if self.embedder is None else Space(self.embedder, self.dimensions)

    @property
    def live_rows(self) -> int:
        """Rows that can be found."""
        return self.rows - sum(self.dead.values())

    def without(self, file_id: str, rows: int) -> SegmentEntry:
        """The same with the file dead."""
        return replace(self, dead={**self.dead, file_id: rows})


_FIELDS: Final = frozenset(each.name for each in fields(SegmentEntry)) - {"more"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A store's segments, oldest first."""

    entries: tuple[SegmentEntry, ...] = ()
    version: str | None = None
    #: The space of the index: vectors of no other one are added.
    space: Space | None = None
    #: When housekeeping is to rewrite segments with dead rows (unix seconds); None: there are none.
    purge_at: int | None = None
    #: What a later version wrote beside the entries; kept.
    more: Json = field(default_factory=dict)


class Manifests:
    """Reads and changes manifests in the record store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time):
        self._store, self.clock = store, clock
        #: Whoever of this process reads a manifest to change it waits for the one before: nobody loses a race here.
        self.locks = NamedLocks()

    async def read(self, store_id: str) -> Manifest:
        """The manifest; empty for a store without one."""
        try:
            record = await self._store.get(layout.index(store_id), layout.MANIFEST_KEY)
        except (Unavailable, UnreadableRecord) as error:
            raise IndexUnavailable(str(error)) from error
        if record is None:
            return Manifest()
        entries = tuple(SegmentEntry.from_json(entry) for entry in record.data["entries"])
        noted = record.data.get("space")
        space = most_common(entries) if noted is None else Space(noted["name"], noted["dimensions"])
        more = {name: record.data[name] for name in record.data.keys() - {"entries", "space", "purge_at"}}
        return Manifest(entries, record.version, space, record.data.get("purge_at"), more)

    async def write(
        self, store_id: str, manifest: Manifest, entries: tuple[SegmentEntry, ...], space: Space | None
    ) -> bool:
        """Replace the manifest that was read, or remove an empty one; False when somebody else was faster."""
        data = {**manifest.more, "entries": [entry.to_json() for entry in entries]}
        if space is not None:
            data["space"] = asdict(space)
        due = None
        if any(entry.dead for entry in entries):
            due = data["purge_at"] = manifest.purge_at or int(self.clock()) + PURGE_SECONDS
        put = Put(layout.MANIFEST_KEY, data, manifest.version, due)
        try:
            await self._store.commit(
                layout.index(store_id), [put if entries else Delete(layout.MANIFEST_KEY, manifest.version)]
            )
        except (Conflict, NotFound):
            return False
        except (Unavailable, UnreadableRecord) as error:
            raise IndexUnavailable(str(error)) from error
        return True

    async def forget(self, store_id: str) -> None:
        """Remove a store's manifest: without it, no segment of the store is read."""
        try:
            await self._store.commit(layout.index(store_id), [Delete(layout.MANIFEST_KEY)])
        except (Unavailable, UnreadableRecord) as error:
            raise IndexUnavailable(str(error)) from error


def most_common(entries: Sequence[SegmentEntry]) -> Space | None:
    """The space of most rows, for indexes that were written before it was noted."""
    rows: Counter[Space] = Counter()
    for entry in entries:
        if entry.space is not None:
            rows[entry.space] += entry.live_rows
    return max(rows, key=lambda space: rows[space], default=None)


async def pause(attempt: int) -> None:
    """Wait a little, longer with each lost race. Raises IndexUnavailable after too many."""
    if attempt + 1 == BACKOFF.attempts:
        raise IndexUnavailable("The index is being changed too often.")
    await asyncio.sleep(BACKOFF.delay(attempt + 1))
