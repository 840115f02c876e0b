"""A segment: the immutable part of an index that one write adds, and its bytes.

    8 bytes     length of the header
    header      JSON: chunks, embedder, files and where each array lies
    arrays      vectors, term counts, text positions: all a search needs
    texts       one zlib stream per chunk, read by range when it is a hit

Loads numpy: import it late.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.search.base import Space

#: Bytes: arrays begin at a multiple.
ALIGNMENT: Final = 8
NAMES: Final = ("vectors", "scales", "terms", "starts", "chunks", "counts", "lengths", "overlaps", "positions")
#: Bytes in front of the header, which say its length.
PREFIX: Final = 8


@dataclass(frozen=True, slots=True)
class Arrays:
    """What a search reads. Rows are chunks; postings are ordered by term, then chunk."""

    #: Rows of unit vectors as int8, and what to multiply each row by; without columns when nothing was embedded.
    vectors: NDArray[np.int8]
    scales: NDArray[np.float32]
    #: Term hashes, ascending; the postings of term i are `starts[i]:starts[i + 1]`.
    terms: NDArray[np.uint64]
    starts: NDArray[np.uint32]
    #: Per posting: the chunk, and how often the term occurs in it (255 at most).
    chunks: NDArray[np.uint32]
    counts: NDArray[np.uint8]
    #: Per chunk: terms in it, and characters shared with the chunk before.
    lengths: NDArray[np.uint32]
    overlaps: NDArray[np.uint32]
    #: Per chunk and one more: where its text begins in the texts.
    positions: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Header:
    """The small part of a segment that tells what is in it."""

    #: File ids with their numbers of chunks, in row order.
    files: dict[str, int]
    embedder: str | None
    layout: dict[str, Any]
    #: The files' names and the row after each one's last.
    names: list[str]
    ends: list[int]

    @property
    def space(self) -> Space | None:
        """The space of the vectors; None: there are none."""
        dimensions = self.layout["vectors"][2][1]
        return None if self.embedder is None or dimensions == 0 else Space(self.embedder, dimensions)

    def rows(self, file_id: str) -> range:
        """The file's rows; none when it is not here."""
        if file_id not in self.files:
            return range(0)
        end = self.ends[self.names.index(file_id)]
        return range(end - self.files[file_id], end)

    def owner(self, row: int) -> tuple[str, int]:
        """The file a row belongs to, and the row's number in it."""
        place = bisect_right(self.ends, row)
        name = self.names[place]
        return name, row - self.ends[place] + self.files[name]


@dataclass(frozen=True, slots=True)
class Segment:
    """An opened segment, without its texts."""

    id: str
    header: Header
    arrays: Arrays
    #: Bytes before the texts; also what the segment takes in memory.
    size: int

    @property
    def rows(self) -> int:
        """How many chunks it holds, dead ones included."""
        return len(self.arrays.lengths)

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; 0 when nothing was embedded."""
        return int(self.arrays.vectors.shape[1])


def encode(files: dict[str, int], embedder: str | None, arrays: Arrays) -> tuple[bytes, int]:
    """A segment's bytes before its texts, and the size of the header part."""
    layout: dict[str, Any] = {}
    parts: list[bytes] = []
    offset = 0
    for name in NAMES:
        array: NDArray[Any] = np.ascontiguousarray(getattr(arrays, name))
        data = array.tobytes()
        layout[name] = [offset, array.dtype.str, list(array.shape)]
        padding = -len(data) % ALIGNMENT
        parts.append(data + bytes(padding))
        offset += len(data) + padding
    header = json.dumps({"files": files, "embedder": embedder, "layout": layout}).encode()
    header += b" " * (-len(header) % ALIGNMENT)
    return b"".join([len(header).to_bytes(PREFIX, "little"), header, *parts]), PREFIX + len(header)


def decode_header(data: bytes) -> Header:
    """The header from the first bytes of a segment."""
    length = int.from_bytes(data[:PREFIX], "little")
    fields = json.loads(data[PREFIX : PREFIX + length])
    files = fields["files"]
    return Header(files, fields["embedder"], fields["layout"], list(files), list(accumulate(files.values())))


def decode(segment_id: str, data: bytes) -> Segment:
    """Open a segment from its bytes before the texts; the arrays are views of them."""
    header = decode_header(data)
    base = PREFIX + int.from_bytes(data[:PREFIX], "little")
    arrays = {}
    for name, (offset, dtype, shape) in header.layout.items():
        flat = np.frombuffer(data, dtype=dtype, count=int(np.prod(shape)), offset=base + offset)
        arrays[name] = flat.reshape(shape)
    return Segment(segment_id, header, Arrays(**arrays), len(data))


def quantise(vectors: Sequence[Sequence[float]] | NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Unit vectors as int8 rows, and each row's factor."""
    matrix = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(matrix, axis=1)
    peaks = np.abs(matrix).max(axis=1, initial=0)
    peaks[peaks == 0] = norms[norms == 0] = 1
    return np.rint(matrix * (127 / peaks)[:, None]).astype(np.int8), (peaks / (127 * norms)).astype(np.float32)
