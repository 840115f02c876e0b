"""Making segments: from one file's chunks, or from the live rows of several segments. Loads numpy: import it late."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from shared.search import postings
from shared.search.base import Chunk, Embedded
from shared.search.segment import Segment, encode

#: From byte, to byte in a segment's texts.
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Merged:
    """A segment to be written: its bytes before the texts, and which texts of each source follow."""

    head: bytes
    header: int
    rows: int
    texts: list[list[Span]]


def make(file_id: str, chunks: Sequence[Chunk], embedded: Embedded | None) -> tuple[bytes, int, list[bytes]]:
    """A new segment for a file: bytes before the texts, size of the header part, the texts."""
    texts = [zlib.compress(chunk.text.encode("utf-8", "replace")) for chunk in chunks]
    vectors = None if embedded is None else embedded.vectors
    arrays = postings.build(chunks, vectors, [len(text) for text in texts])
    head, header = encode({file_id: len(chunks)}, None if embedded is None else embedded.name, arrays)
    return head, header, texts


def merge(segments: Sequence[Segment], dead: Sequence[Collection[str]]) -> Merged:
    """One segment with everything alive."""
    files: dict[str, int] = {}
    for segment, gone in zip(segments, dead, strict=True):
        files |= {file_id: rows for file_id, rows in segment.header.files.items() if file_id not in gone}
    masks = [alive(segment, gone) for segment, gone in zip(segments, dead, strict=True)]
    head, header = encode(files, segments[0].header.embedder, postings.merge(segments, masks))
    texts = [spans(segment, mask) for segment, mask in zip(segments, masks, strict=True)]
    return Merged(head, header, sum(files.values()), texts)


def alive(segment: Segment, dead: Collection[str], allowed: Collection[str] | None = None) -> postings.Mask:
    """Which rows belong to files that are not dead and (if given) allowed."""
    mask = np.ones(segment.rows, dtype=np.bool_)
    if not dead and allowed is None:
        return mask
    first = 0
    for file_id, rows in segment.header.files.items():
        if file_id in dead or (allowed is not None and file_id not in allowed):
            mask[first : first + rows] = False
        first += rows
    return mask


def spans(segment: Segment, mask: postings.Mask) -> list[Span]:
    """Where the texts of the rows in the mask lie, neighbours joined."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    positions = segment.arrays.positions
    return [(int(positions[first]), int(positions[last])) for first, last in zip(edges[::2], edges[1::2], strict=True)]
