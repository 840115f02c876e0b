"""Blobs as the files of one folder, each under its escaped name; the folder has no subfolders.

A blob appears whole by a rename. Nothing waits for the disk: the death of the process loses nothing that was written.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeVar
from urllib.parse import quote, unquote
from uuid import uuid4

from shared.blobs.base import CHUNK, BlobInfo, BlobNotFound, BlobsUnavailable, check_name, in_blocks
from shared.home import make_private
from shared.opening import open_in_thread

T = TypeVar("T")

#: How the name of a file begins while it is written; no blob's name does.
PARTIAL: Final = ".partial-"
#: A partial file as old as this was left by a process that died.
PARTIAL_SECONDS: Final = 24 * 3600


class FolderBlobs:
    """A `Blobs` in a folder; everything that moves bytes runs in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        make_private(root)
        _sweep(root, time.time() - PARTIAL_SECONDS)

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> int:
        """Write a partial file, then rename it over whatever is there."""
        path, partial = self._path(name), self._root / f"{PARTIAL}{uuid4().hex}"
        try:
            with await _open(partial, "xb") as file:
                size = 0
                async for block in in_blocks(pieces, CHUNK):
                    size += await _in_thread(file.write, block)
                await _in_thread(file.close)
            await _in_thread(partial.replace, path)
            return size
        finally:
            partial.unlink(missing_ok=True)

    async def read(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Read the file that is there now, even if it is replaced or deleted meanwhile."""
        path = self._path(name)
        with await _open(path, "rb") as file:
            position = await _in_thread(file.seek, start)
            while end is None or position < end:
                length = CHUNK if end is None else min(CHUNK, end - position)
                piece = await _in_thread(file.read, length)
                if not piece:
                    return
                position += len(piece)
                yield piece

    async def delete(self, name: str) -> None:
        """Remove the blob's file; one that is not there is no error."""
        await _in_thread(self._path(name).unlink, True)

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        """List the files that are there now."""
        for info in await _in_thread(_listing, self._root, quote(prefix, safe="")):
            yield info

    async def sweep(self, before: int) -> None:
        """Remove partial files."""
        await _in_thread(_sweep, self._root, before)

    async def close(self) -> None:
        """There is nothing to release."""

    def _path(self, name: str) -> Path:
        check_name(name)
        return self._root / quote(name, safe="")


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:
    with _told():
        return await asyncio.to_thread(work, *arguments)


async def _open(path: Path, mode: Literal["rb", "xb"]) -> BinaryIO:
    with _told():
        return await open_in_thread(lambda: path.open(mode))


@contextmanager
def _told() -> Iterator[None]:
    """Tell failures of the file system in the port's words."""
    try:
        yield
    except FileNotFoundError as error:
        raise BlobNotFound(error.filename) from error
    except OSError as error:
        raise BlobsUnavailable(str(error)) from error


def _sweep(root: Path, before: float) -> None:
    for partial in root.glob(f"{PARTIAL}*"):
        with suppress(FileNotFoundError):  # renamed or removed since
            if partial.stat().st_mtime < before:
                partial.unlink()


def _listing(root: Path, prefix: str) -> list[BlobInfo]:
    found = []
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and not entry.name.startswith(PARTIAL):
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue  # deleted since
                found.append(BlobInfo(unquote(entry.name), stat.st_size, int(stat.st_mtime)))
    return sorted(found, key=lambda info: info.name)
