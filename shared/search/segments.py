"""Segments in the blob home: written once, opened by one range read, kept in memory within a bound."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final

from shared import layout
from shared.blobs.base import BlobNotFound, Blobs, BlobsUnavailable, read_all
from shared.search.base import IndexUnavailable
from shared.search.manifest import SegmentEntry

if TYPE_CHECKING:
    from shared.search.segment import Header, Segment

#: Bytes of opened segments kept; 100,000 chunks take about half of it.
MEMORY: Final = 256 * 1024 * 1024
#: Segments read side by side.
PARALLEL: Final = 16
#: Headers kept.
HEADERS: Final = 256


class SegmentGone(Exception):
    """The segment was merged into another one; the manifest tells which."""


class Segments:
    """The segments of all stores: blobs, read once and kept while there is room."""

    def __init__(self, blobs: Blobs, memory: int = MEMORY):
        self._blobs, self._memory = blobs, memory
        self._opened: OrderedDict[str, Segment] = OrderedDict()
        self._headers: OrderedDict[str, Header] = OrderedDict()
        self._opening: dict[str, asyncio.Task[Segment]] = {}
        self._reads = asyncio.Semaphore(PARALLEL)

    async def open(self, store_id: str, entry: SegmentEntry) -> Segment:
        """The segment without its texts, from memory if it is there. Raises SegmentGone."""
        if entry.id in self._opened:
            self._opened.move_to_end(entry.id)
            return self._opened[entry.id]
        if entry.id not in self._opening:
            task = asyncio.create_task(self._load(store_id, entry))
            self._opening[entry.id] = task
            task.add_done_callback(lambda _: self._opening.pop(entry.id, None))
        # One caller's cancellation must not take the segment from the others.
        return await asyncio.shield(self._opening[entry.id])

    async def header(self, store_id: str, entry: SegmentEntry) -> Header:
        """Which files the segment holds. Raises SegmentGone."""
        from shared.search.segment import decode_header  # heavy (numpy): loaded on first use

        if entry.id in self._opened:
            return self._opened[entry.id].header
        if entry.id not in self._headers:
            self._headers[entry.id] = decode_header(await self.read(store_id, entry.id, 0, entry.header))
            if len(self._headers) > HEADERS:
                self._headers.popitem(last=False)
        return self._headers[entry.id]

    async def read(self, store_id: str, segment_id: str, start: int, end: int) -> bytes:
        """A part of a segment at once. Raises SegmentGone."""
        try:
            async with self._reads:
                return await read_all(self._blobs, layout.segment_blob(store_id, segment_id), start, end)
        except BlobNotFound as error:
            raise SegmentGone(segment_id) from error
        except BlobsUnavailable as error:
            raise IndexUnavailable(str(error)) from error

    async def write(self, store_id: str, segment_id: str, pieces: AsyncIterable[bytes]) -> int:
        """Store a new segment's bytes and return their number."""
        try:
            return await self._blobs.write(layout.segment_blob(store_id, segment_id), pieces)
        except BlobsUnavailable as error:
            raise IndexUnavailable(str(error)) from error

    async def stream(self, store_id: str, segment_id: str, start: int, end: int) -> AsyncIterator[bytes]:
        """A part of a segment, piece by piece. Raises SegmentGone."""
        try:
            async for piece in self._blobs.read(layout.segment_blob(store_id, segment_id), start, end):
                yield piece
        except BlobNotFound as error:
            raise SegmentGone(segment_id) from error
        except BlobsUnavailable as error:
            raise IndexUnavailable(str(error)) from error

    async def delete(self, store_id: str, segment_ids: Sequence[str]) -> None:
        """Remove segments no manifest names any more."""
        try:
            for segment_id in segment_ids:
                await self._blobs.delete(layout.segment_blob(store_id, segment_id))
        except BlobsUnavailable as error:
            raise IndexUnavailable(str(error)) from error

    async def stored(self, store_id: str) -> list[tuple[str, int]]:
        """Ids of all stored segments with the second each was written."""
        prefix = layout.segment_blob(store_id)
        try:
            return [(info.name[len(prefix) :], info.modified) async for info in self._blobs.list(prefix)]
        except BlobsUnavailable as error:
            raise IndexUnavailable(str(error)) from error

    async def _load(self, store_id: str, entry: SegmentEntry) -> Segment:
        from shared.search.segment import decode  # heavy (numpy): loaded on first use

        segment = decode(entry.id, await self.read(store_id, entry.id, 0, entry.head))
        self._opened[entry.id] = segment
        while len(self._opened) > 1 and sum(kept.size for kept in self._opened.values()) > self._memory:
            self._opened.popitem(last=False)
        return segment
