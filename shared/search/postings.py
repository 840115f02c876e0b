"""Building a segment's arrays from chunks, and merging the arrays of several segments. Loads numpy: import it late."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.search import terms
from shared.search.base import Chunk, Vector
from shared.search.segment import Arrays, Segment, quantise

Mask = NDArray[np.bool_]


def build(chunks: Sequence[Chunk], vectors: Sequence[Vector] | None, sizes: Sequence[int]) -> Arrays:
    """The arrays of a new segment; `sizes` are the bytes each stored text takes."""
    ids, hashes = terms.split([chunk.text for chunk in chunks])
    lengths = np.array([len(row) for row in ids], dtype=np.uint32)
    flat = np.array([number for row in ids for number in row], dtype=np.int64)
    rows = np.repeat(np.arange(len(ids)), lengths)
    order = np.argsort(hashes)
    places = np.empty(len(hashes), dtype=np.int64)
    places[order] = np.arange(len(hashes))
    keys, counts = np.unique(places[flat] * len(ids) + rows, return_counts=True)
    embedded, scales = quantise(vectors) if vectors is not None else no_vectors(len(ids))
    return Arrays(
        vectors=embedded,
        scales=scales,
        terms=hashes[order],
        starts=starts_of(keys // max(len(ids), 1), len(hashes)),
        chunks=narrow(keys % max(len(ids), 1), len(ids)),
        counts=np.minimum(counts, 255).astype(np.uint8),
        lengths=lengths,
        overlaps=np.array([chunk.overlap for chunk in chunks], dtype=np.uint32),
        positions=positions_of(sizes),
    )


def merge(segments: Sequence[Segment], alive: Sequence[Mask]) -> Arrays:
    """The arrays of the segments' live rows, in order; all must have been embedded alike."""
    every = np.unique(np.concatenate([segment.arrays.terms for segment in segments]))
    term_parts, chunk_parts, count_parts, size_parts = [], [], [], []
    first = 0
    for segment, mask in zip(segments, alive, strict=True):
        arrays = segment.arrays
        new_rows = np.cumsum(mask) - 1 + first
        kept = mask[arrays.chunks]
        places = np.searchsorted(every, arrays.terms)
        term_parts.append(np.repeat(places, np.diff(arrays.starts))[kept].astype(np.uint32))
        chunk_parts.append(new_rows[arrays.chunks[kept]].astype(np.uint32))
        count_parts.append(arrays.counts[kept])
        size_parts.append(np.diff(arrays.positions)[mask])
        first += int(mask.sum())
    numbers = np.concatenate(term_parts)
    # A stable sort keeps each term's chunks ascending.
    order = np.argsort(numbers, kind="stable")
    return Arrays(
        vectors=np.concatenate([s.arrays.vectors[m] for s, m in zip(segments, alive, strict=True)]),
        scales=np.concatenate([s.arrays.scales[m] for s, m in zip(segments, alive, strict=True)]),
        terms=every,
        starts=starts_of(numbers[order], len(every)),
        chunks=narrow(np.concatenate(chunk_parts)[order], first),
        counts=np.concatenate(count_parts)[order],
        lengths=np.concatenate([s.arrays.lengths[m] for s, m in zip(segments, alive, strict=True)]),
        overlaps=np.concatenate([s.arrays.overlaps[m] for s, m in zip(segments, alive, strict=True)]),
        positions=positions_of(np.concatenate(size_parts)),
    )


def no_vectors(rows: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Vectors of chunks that were not embedded."""
    return np.empty((rows, 0), dtype=np.int8), np.ones(rows, dtype=np.float32)


def starts_of(numbers: NDArray[np.int64] | NDArray[np.uint32], terms_count: int) -> NDArray[np.uint32]:
    """Where each term's postings begin, from the postings' ascending term numbers."""
    return np.searchsorted(numbers, np.arange(terms_count + 1)).astype(np.uint32)


def positions_of(sizes: Sequence[int] | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Where each text begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.uint64))]).astype(np.uint64)


def narrow(rows: NDArray[np.int64] | NDArray[np.uint32], limit: int) -> NDArray[np.uint32]:
    """Row numbers in two bytes where that is enough: postings are most of a segment."""
    return rows.astype(np.uint16 if limit <= 1 << 16 else np.uint32)
