"""The texts of chunks, read from segments in blocks that are kept in memory within a bound."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from shared.search.segments import Segments

if TYPE_CHECKING:
    from shared.search.segment import Segment

#: Bytes read at once: some 80 chunks, compressed.
BLOCK: Final = 128 * 1024
#: Bytes of blocks kept.
MEMORY: Final = 48 * 1024 * 1024


class Texts:
    """Reads the texts of a segment's chunks by row."""

    def __init__(self, segments: Segments):
        self._segments = segments
        self._blocks: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    async def read(self, store_id: str, segment: Segment, rows: Iterable[int]) -> dict[int, str]:
        """The texts of some rows. Raises SegmentGone."""
        positions = segment.arrays.positions
        spans = {row: (int(positions[row]), int(positions[row + 1])) for row in rows}
        numbers = sorted({number for span in spans.values() for number in covering(*span)})
        blocks = dict(
            zip(numbers, await asyncio.gather(*[self._block(store_id, segment, n) for n in numbers]), strict=True)
        )
        return {row: zlib.decompress(cut(blocks, *span)).decode() for row, span in spans.items()}

    async def _block(self, store_id: str, segment: Segment, number: int) -> bytes:
        key = (segment.id, number)
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key]
        start, end = number * BLOCK, min((number + 1) * BLOCK, int(segment.arrays.positions[-1]))
        block = await self._segments.read(store_id, segment.id, segment.size + start, segment.size + end)
        self._blocks[key] = block
        while len(self._blocks) * BLOCK > MEMORY:
            self._blocks.popitem(last=False)
        return block


def covering(start: int, end: int) -> range:
    """The numbers of the blocks that hold the bytes from `start` up to `end`."""
    return range(start // BLOCK, (end - 1) // BLOCK + 1)


def cut(blocks: dict[int, bytes], start: int, end: int) -> bytes:
    """The bytes from `start` up to `end` out of their blocks."""
    numbers = covering(start, end)
    offset = numbers.start * BLOCK
    return b"".join(blocks[number] for number in numbers)[start - offset : end - offset]
