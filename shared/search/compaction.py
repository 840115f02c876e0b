"""Keeping a store's index in few, mostly live segments.

A new segment is written, then the manifest names it in place of its sources, then the sources are deleted: a crash
between any two steps leaves at most blobs that no manifest names, which a later compaction removes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final

from shared.ids import random_text
from shared.search.manifest import Manifest, Manifests, SegmentEntry, pause
from shared.search.segments import Segments

if TYPE_CHECKING:
    from shared.search.segment import Segment

#: Rows up to which a segment is small, and up to which it is middling.
TIERS: Final = (2_000, 25_000)
#: Segments a tier may have before they are merged.
CROWD: Final = 8
#: The share of dead rows above which a segment is rewritten.
DEAD: Final = 0.2
#: A blob no manifest names may belong to a writer that is about to name it; after an hour it does not.
ORPHAN_SECONDS: Final = 3600


def plan(entries: Sequence[SegmentEntry], dead: float = DEAD) -> list[SegmentEntry]:
    """The segments to merge now, in order; empty when all is well. `dead` is the share of dead rows one may have."""
    for group in tiers(entries):
        if len(group) > CROWD:
            return group
    return [entry for entry in entries if entry.rows - entry.live_rows > dead * entry.rows][:1]


def tiers(entries: Sequence[SegmentEntry]) -> list[list[SegmentEntry]]:
    """Segments of like size and like embedding; the largest are left alone."""
    groups: dict[tuple[str | None, int, int], list[SegmentEntry]] = {}
    for entry in entries:
        tier = sum(entry.live_rows > limit for limit in TIERS)
        if tier < len(TIERS):
            groups.setdefault((entry.embedder, entry.dimensions, tier), []).append(entry)
    return list(groups.values())


async def compact(store_id: str, manifests: Manifests, segments: Segments, dead: float = DEAD) -> bool:
    """Carry out the plan, if there is one. Raises SegmentGone when somebody else is compacting."""
    planned = plan((await manifests.read(store_id)).entries, dead)
    if not planned:
        return False
    sources, opened = await comparable(store_id, planned, segments)
    merged = await merge(store_id, sources, opened, segments)
    async with manifests.locks.of(store_id):
        swapped = await swap(store_id, sources, merged, manifests)
    if swapped:
        await segments.delete(store_id, [source.id for source in sources])
    else:
        await segments.delete(store_id, [merged.id])
    await sweep(store_id, manifests, segments)
    return True


async def comparable(
    store_id: str, planned: Sequence[SegmentEntry], segments: Segments
) -> tuple[list[SegmentEntry], list[Segment]]:
    """The planned segments whose vectors are as long as the first one's, opened: a name may mean another model now."""
    opened = [await segments.open(store_id, entry) for entry in planned]
    alike = [number for number, segment in enumerate(opened) if segment.dimensions == opened[0].dimensions]
    return [planned[number] for number in alike], [opened[number] for number in alike]


async def merge(
    store_id: str, sources: Sequence[SegmentEntry], opened: Sequence[Segment], segments: Segments
) -> SegmentEntry:
    """Write one segment with everything alive in the sources."""
    from shared.search import merging  # heavy (numpy): loaded on first use

    merged = await asyncio.to_thread(merging.merge, opened, [source.dead for source in sources])

    async def pieces() -> AsyncIterator[bytes]:
        yield merged.head
        for segment, spans in zip(opened, merged.texts, strict=True):
            async for piece in read_spans(store_id, segment, spans, segments):
                yield piece

    segment_id = random_text(24)
    size = await segments.write(store_id, segment_id, pieces())
    embedder, dimensions = sources[0].embedder, opened[0].dimensions
    return SegmentEntry(segment_id, merged.rows, embedder, merged.header, len(merged.head), size, dimensions)


async def read_spans(
    store_id: str, segment: Segment, spans: Sequence[tuple[int, int]], segments: Segments
) -> AsyncIterator[bytes]:
    """The stored texts between positions of a segment."""
    for start, end in spans:
        async for piece in segments.stream(store_id, segment.id, segment.size + start, segment.size + end):
            yield piece


async def swap(store_id: str, sources: Sequence[SegmentEntry], merged: SegmentEntry, manifests: Manifests) -> bool:
    """Name the merged segment instead of its sources; False when one of them is gone already."""
    attempt = 0
    while True:
        manifest = await manifests.read(store_id)
        entries = replaced(manifest, sources, merged)
        if entries is None:
            return False
        if await manifests.write(store_id, manifest, entries, manifest.space):
            return True
        await pause(attempt)
        attempt += 1


def replaced(
    manifest: Manifest, sources: Sequence[SegmentEntry], merged: SegmentEntry
) -> tuple[SegmentEntry, ...] | None:
    """The manifest's entries after the merge; files that died meanwhile are dead in the merged segment too."""
    now = {entry.id: entry for entry in manifest.entries}
    if any(source.id not in now for source in sources):
        return None
    for source in sources:
        for file_id, rows in now[source.id].dead.items():
            if file_id not in source.dead:
                merged = merged.without(file_id, rows)
    old = {source.id for source in sources}
    rest = tuple(entry for entry in manifest.entries if entry.id not in old)
    return (merged, *rest) if merged.live_rows > 0 else rest


async def sweep(store_id: str, manifests: Manifests, segments: Segments) -> None:
    """Delete what crashed writers left behind."""
    stored = await segments.stored(store_id)
    named = {entry.id for entry in (await manifests.read(store_id)).entries}
    long_ago = int(manifests.clock()) - ORPHAN_SECONDS
    await segments.delete(store_id, [name for name, modified in stored if name not in named and modified < long_ago])
