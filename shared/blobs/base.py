"""The blob port: immutable byte strings by name, written and read in pieces so that no file is held in memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

#: Bytes per piece in reads; writers accept pieces of any size.
CHUNK: Final = 256 * 1024


class BlobNotFound(Exception):
    """There is no blob of that name, or not any more."""


class BlobsUnavailable(Exception):
    """The blob home did not answer, after retries."""


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """A blob as `list` gives it: its name and when it was last written."""

    name: str
    size: int
    #: Unix seconds of the last write.
    modified: int


_NAME: Final = re.compile(r"(?=.{1,200}\Z)[\w:-][\w:.-]*(/[\w:-][\w:.-]*)*", re.ASCII)


def check_name(name: str) -> None:
    """Raise ValueError for what is no blob name, so that none can lead out of its home."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not a blob name")


class Blobs(Protocol):
    """Blobs by name: ASCII, at most 200 characters, `/`-separated segments of letters, digits, `-`, `_`, `.` and `:`.

    No segment begins with a dot.
    """

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> int:
        """Store the pieces under the name; return the size. The blob appears whole or not at all, replacing any."""
        ...

    def read(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` (exclusive; None: the end). Raises BlobNotFound at the first piece."""
        ...

    async def delete(self, name: str) -> None:
        """Remove the blob; a missing one is no error."""
        ...

    def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        """Every blob whose name begins with the prefix, in name order."""
        ...

    async def sweep(self, before: int) -> None:
        """Remove what writers left that died before that time (unix seconds), for housekeeping only."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


async def read_all(blobs: Blobs, name: str, start: int = 0, end: int | None = None) -> bytes:
    """The bytes of a small blob at once. Raises BlobNotFound."""
    return b"".join([piece async for piece in blobs.read(name, start, end)])


async def write_bytes(blobs: Blobs, name: str, data: bytes) -> int:
    """Store bytes already in memory."""

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    return await blobs.write(name, pieces())


async def in_blocks(pieces: AsyncIterable[bytes], size: int) -> AsyncIterator[bytes]:
    """The same bytes in pieces of at least `size`, save the last."""
    buffer = bytearray()
    async for piece in pieces:
        buffer += piece
        if len(buffer) >= size:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
