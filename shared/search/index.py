"""The index: immutable segments in the blob home, named by a manifest in the record store.

The same code serves a folder with SQLite and Azure Storage, without any service of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shared.blobs.base import Blobs
from shared.ids import random_text
from shared.named_locks import NamedLocks
from shared.search import compaction
from shared.search.base import (
    Chunk,
    EmbedChunks,
    Embedded,
    EmbedQueries,
    Hit,
    IndexUnavailable,
    OtherSpace,
    Ranking,
    Scope,
    Space,
)
from shared.search.manifest import Manifest, Manifests, SegmentEntry, pause
from shared.search.segments import MEMORY, SegmentGone, Segments
from shared.search.texts import Texts
from shared.store.base import Store

if TYPE_CHECKING:
    from shared.search.ranking import ChunkPlace, RankedPart

#: How often a search starts again because a segment was merged away under it.
ATTEMPTS: Final = 5


class SegmentIndex:
    """`Index` over `Store` and `Blobs`."""

    def __init__(self, store: Store, blobs: Blobs, memory: int = MEMORY, clock: Callable[[], float] = time.time):
        self._manifests = Manifests(store, clock)
        self._segments = Segments(blobs, memory)
        self._texts = Texts(self._segments)
        self._compactions = NamedLocks()

    async def add(self, store_id: str, file_id: str, chunks: Sequence[Chunk], embedded: Embedded | None) -> int:
        """Write a segment for the file, then name it; until then nobody sees it."""
        entry = await self._write(store_id, file_id, chunks, embedded)
        await self._name(store_id, file_id, entry)
        return entry.size

    async def reembed(self, store_id: str, file_id: str, embed: EmbedChunks) -> int | None:
        """The same with other vectors; somebody else's change of the file wins."""
        for _ in range(ATTEMPTS):
            try:
                source, chunks = await self._live(store_id, file_id)
            except SegmentGone:
                continue
            if source is None:
                return None
            entry = await self._write(store_id, file_id, chunks, await embed(chunks))
            if await self._name(store_id, file_id, entry, instead_of=source):
                return entry.size
        raise IndexUnavailable("The file is being changed too often.")

    async def enter(self, store_id: str, space: Space) -> None:
        """Note it in the manifest; an index without one has no vectors, and takes the space of its first."""
        attempt = 0
        while True:
            manifest = await self._manifests.read(store_id)
            if manifest.version is None or manifest.space == space:
                return
            if await self._manifests.write(store_id, manifest, manifest.entries, space):
                return
            await pause(attempt)
            attempt += 1

    async def files(self, store_id: str) -> dict[str, Space | None]:
        """As the segments' headers tell."""
        for _ in range(ATTEMPTS):
            entries = (await self._manifests.read(store_id)).entries
            with suppress(SegmentGone):
                headers = await asyncio.gather(*[self._segments.header(store_id, entry) for entry in entries])
                return {
                    file_id: header.space
                    for entry, header in zip(entries, headers, strict=True)
                    for file_id in header.files
                    if file_id not in entry.dead
                }
        raise IndexUnavailable("The index is being compacted too often.")

    async def space(self, store_id: str) -> Space | None:
        """As the manifest notes it, from the first vectors on."""
        return (await self._manifests.read(store_id)).space

    async def remove(self, store_id: str, file_id: str) -> None:
        """Mark the file dead wherever it is."""
        await self._replace(store_id, file_id, None)

    async def search(
        self, scopes: Sequence[Scope], queries: Sequence[str], limit: int, ranking: Ranking, embed: EmbedQueries
    ) -> list[Hit]:
        """Rank all scopes' segments together, then read the texts of the best."""
        from shared.search.ranking import rank  # heavy (numpy): loaded on first use

        known: dict[str, Embedded | None] = {}
        for _ in range(ATTEMPTS):
            try:
                parts = [part for found in await asyncio.gather(*map(self._parts, scopes)) for part in found]
                embedded = await _embedded(parts, embed, known) if ranking.embedding_weight > 0 else []
                if not embedded and ranking.text_weight <= 0:
                    ranking = replace(ranking, text_weight=1.0)
                ranked = await asyncio.to_thread(rank, parts, queries, limit, ranking, embedded)
                return await self._hits(parts, ranked)
            except SegmentGone:
                continue
        raise IndexUnavailable("The index is being compacted too often.")

    async def chunks(self, store_id: str, file_id: str) -> list[Chunk]:
        """The file's chunks from its live segment."""
        for _ in range(ATTEMPTS):
            try:
                return (await self._live(store_id, file_id))[1]
            except SegmentGone:
                continue
        raise IndexUnavailable("The index is being compacted too often.")

    async def drop(self, store_id: str) -> None:
        """Forget the manifest, then delete what it named."""
        await self._manifests.forget(store_id)
        await self._segments.delete(store_id, [name for name, _ in await self._segments.stored(store_id)])

    async def compact(self, store_id: str) -> bool:
        """Merge what is worth merging; whoever comes second leaves it to the first."""
        try:
            async with self._compactions.of(store_id):
                return await compaction.compact(store_id, self._manifests, self._segments)
        except SegmentGone:
            return False

    async def purge(self, store_id: str) -> None:
        """Rewrite every segment with dead rows. Whoever compacts at the same time may be ahead: then once more."""
        for _ in range(ATTEMPTS):
            with suppress(SegmentGone):
                async with self._compactions.of(store_id):
                    while await compaction.compact(store_id, self._manifests, self._segments, dead=0.0):
                        continue
                return
        raise IndexUnavailable("The index is being compacted too often.")

    async def sweep(self, store_id: str) -> None:
        """The same; and remove what crashed writers left behind, also of a store that is gone."""
        manifest = await self._manifests.read(store_id)
        if any(entry.dead for entry in manifest.entries):
            await self.purge(store_id)
        await compaction.sweep(store_id, self._manifests, self._segments)

    async def _write(
        self, store_id: str, file_id: str, chunks: Sequence[Chunk], embedded: Embedded | None
    ) -> SegmentEntry:
        """Store a segment with the file's chunks; no manifest names it yet."""
        from shared.search import merging  # heavy (numpy): loaded on first use

        head, header, texts = await asyncio.to_thread(merging.make, file_id, chunks, embedded)

        async def pieces() -> AsyncIterator[bytes]:
            yield head
            yield b"".join(texts)

        segment_id = random_text(24)
        size = await self._segments.write(store_id, segment_id, pieces())
        name, dimensions = (None, 0) if embedded is None else (embedded.name, embedded.space.dimensions)
        return SegmentEntry(segment_id, len(chunks), name, header, len(head), size, dimensions)

    async def _name(
        self, store_id: str, file_id: str, entry: SegmentEntry, instead_of: SegmentEntry | None = None
    ) -> bool:
        """Name a segment that was written, or delete it. Raises OtherSpace."""
        try:
            named = await self._replace(store_id, file_id, entry, instead_of)
        except OtherSpace:
            await self._segments.delete(store_id, [entry.id])
            raise
        if not named:
            await self._segments.delete(store_id, [entry.id])
        return named

    async def _replace(
        self, store_id: str, file_id: str, entry: SegmentEntry | None, instead_of: SegmentEntry | None = None
    ) -> bool:
        """Have the file in this segment only; with `instead_of`, unless it is not in that one any more."""
        async with self._manifests.locks.of(store_id):
            return await self._replace_now(store_id, file_id, entry, instead_of)

    async def _replace_now(
        self, store_id: str, file_id: str, entry: SegmentEntry | None, instead_of: SegmentEntry | None
    ) -> bool:
        attempt = 0
        while True:
            manifest = await self._manifests.read(store_id)
            if instead_of is not None and not _holds(manifest, instead_of, file_id):
                return False
            kept = await self._without(store_id, manifest, file_id)
            if kept is not None:
                space = _space_with(manifest, entry)
                entries = kept if entry is None else (*kept, entry)
                if entries == manifest.entries or await self._manifests.write(store_id, manifest, entries, space):
                    named = {kept.id for kept in entries}
                    await self._segments.delete(store_id, [old.id for old in manifest.entries if old.id not in named])
                    return True
            await pause(attempt)
            attempt += 1

    async def _without(self, store_id: str, manifest: Manifest, file_id: str) -> tuple[SegmentEntry, ...] | None:
        """The entries with the file dead, wholly dead ones left out; None when a segment went away meanwhile."""
        try:
            headers = await asyncio.gather(*[self._segments.header(store_id, entry) for entry in manifest.entries])
        except SegmentGone:
            return None
        entries = [
            entry.without(file_id, header.files[file_id])
            if file_id in header.files and file_id not in entry.dead
            else entry
            for entry, header in zip(manifest.entries, headers, strict=True)
        ]
        return tuple(entry for entry in entries if entry.live_rows > 0)

    async def _parts(self, scope: Scope) -> list[RankedPart]:
        from shared.search import merging, ranking  # heavy (numpy): loaded on first use

        entries = (await self._manifests.read(scope.store_id)).entries
        opened = await asyncio.gather(*[self._segments.open(scope.store_id, entry) for entry in entries])
        return [
            ranking.RankedPart(scope.store_id, segment, merging.alive(segment, entry.dead, scope.files))
            for entry, segment in zip(entries, opened, strict=True)
        ]

    async def _hits(self, parts: Sequence[RankedPart], ranked: Sequence[tuple[ChunkPlace, float]]) -> list[Hit]:
        wanted: dict[int, list[int]] = {}
        for (part, row), _ in ranked:
            wanted.setdefault(part, []).append(row)
        found = await asyncio.gather(
            *[self._texts.read(parts[part].store_id, parts[part].segment, rows) for part, rows in wanted.items()]
        )
        texts = dict(zip(wanted, found, strict=True))
        hits: dict[tuple[str, int], Hit] = {}
        for (part, row), score in ranked:
            file_id, index = parts[part].segment.header.owner(row)
            # A file may be in two of the stores.
            hits.setdefault((file_id, index), Hit(parts[part].store_id, file_id, index, texts[part][row], score))
        return list(hits.values())

    async def _live(self, store_id: str, file_id: str) -> tuple[SegmentEntry | None, list[Chunk]]:
        """The segment in which the file is, and its chunks."""
        for entry in (await self._manifests.read(store_id)).entries:
            rows = (await self._segments.header(store_id, entry)).rows(file_id)
            if not rows or file_id in entry.dead:
                continue
            segment = await self._segments.open(store_id, entry)
            texts = await self._texts.read(store_id, segment, rows)
            return entry, [Chunk(texts[row], int(segment.arrays.overlaps[row])) for row in rows]
        return None, []


def _holds(manifest: Manifest, segment: SegmentEntry, file_id: str) -> bool:
    return any(entry.id == segment.id and file_id not in entry.dead for entry in manifest.entries)


def _space_with(manifest: Manifest, entry: SegmentEntry | None) -> Space | None:
    """The index's space when the entry is added. Raises OtherSpace."""
    if entry is None or entry.space is None:
        return manifest.space
    if manifest.space is not None and not manifest.space.takes(entry.space):
        raise OtherSpace(entry.space.name)
    return entry.space


async def _embedded(
    parts: Sequence[RankedPart], embed: EmbedQueries, known: dict[str, Embedded | None]
) -> list[Embedded]:
    """The queries' vectors by every embedder that has vectors in the parts; `known` are those already asked for."""
    embedders = (part.segment.header.embedder for part in parts if part.mask.any())
    names = [*dict.fromkeys(name for name in embedders if name is not None)]
    missing = [name for name in names if name not in known]
    known |= zip(missing, await asyncio.gather(*(embed(name) for name in missing)), strict=True)
    return [found for name in names if (found := known[name]) is not None]
