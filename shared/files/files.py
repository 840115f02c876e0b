"""Files: a row per file in the owner's partition, and its bytes in a blob."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final

from shared import foreign_ids, holds, idempotency, ids, layout
from shared.blobs.base import BlobNotFound, read_all
from shared.deps import Caller
from shared.errors import InvalidRequest, not_found, too_large
from shared.files import index_messages
from shared.json_types import Json
from shared.objects.file import File
from shared.objects.file_requests import CreateFile
from shared.optimistic import check_shape
from shared.paging import ListQuery, Page, newest_page
from shared.store.base import Delete, Put, Record

#: Bytes of a file that is uploaded whole.
MAX_BYTES: Final = 512 * 1024 * 1024


class IncomingFile:
    """A file on its way in. Without `finish` there is no file; `discard` removes what has arrived."""

    def __init__(self, caller: Caller):
        self.id = ids.newest_first(layout.FILE, ids.FILE_LENGTH)
        self._caller = caller
        self._size: int | None = None

    @property
    def received(self) -> bool:
        """Whether the bytes are there."""
        return self._size is not None

    async def receive(self, pieces: AsyncIterator[bytes]) -> None:
        """Store the bytes as they come. Raises ApiError 413 if they are too many."""
        self._size = await self._caller.deps.blobs.write(
            layout.file_blob(self._caller.owner, self.id), limited(pieces, MAX_BYTES)
        )

    async def finish(self, filename: str, body: CreateFile) -> Json:
        """Commit the file's row: from now on the bytes received are a file. Returns the file as answered."""
        seconds = None if body.expires_after is None else body.expires_after.seconds
        return await self._commit(filename, body.purpose, seconds)

    async def _commit(self, filename: str, purpose: str, seconds: int | None = None) -> Json:
        assert self._size is not None
        now = self._caller.deps.now()
        expires_at = None if seconds is None else now + seconds
        file = File(
            id=self.id, purpose=purpose, filename=filename, bytes=self._size, created_at=now, expires_at=expires_at
        )
        data = file.to_json()
        await self._caller.deps.store.commit(
            layout.files(self._caller.owner), [Put(self.id, data, due=expires_at), *self._caller.answering(data)]
        )
        return data

    async def keep(self, filename: str) -> Json:
        """Make it a file that a tool produced."""
        return await self._commit(filename, "assistants_output")

    async def discard(self) -> None:
        """Remove the bytes that have arrived; no row was written."""
        await self._caller.deps.blobs.delete(layout.file_blob(self._caller.owner, self.id))


async def produce(caller: Caller, filename: str, pieces: AsyncIterator[bytes]) -> Json:
    """Store what a tool made as a file of the owner's."""
    upload = IncomingFile(caller)
    await upload.receive(pieces)
    return await upload.keep(filename)


async def limited(pieces: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """The pieces, up to so many bytes. Raises ApiError 413."""
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > limit:
            raise too_large(limit, size)
        yield piece


async def get(caller: Caller, file_id: str, param: str = "file_id") -> Json:
    """A file that has not expired. Raises NotFoundError."""
    return (await _row(caller, file_id, param)).data


async def list_page(caller: Caller, query: ListQuery, purpose: str | None) -> Page:
    """The owner's files, newest first unless asked otherwise."""
    now = caller.deps.now()

    def keep(row: Record) -> bool:
        return not _expired(row.data, now) and purpose in (None, row.data["purpose"])

    return await newest_page(caller.deps.store, layout.files(caller.owner), layout.FILE, "file", query, keep)


async def content(caller: Caller, file_id: str) -> tuple[Json, AsyncIterator[bytes]]:
    """A file and its bytes. Raises NotFoundError, also when the bytes are gone."""
    data = await get(caller, file_id)
    pieces = caller.deps.blobs.read(layout.file_blob(caller.owner, file_id))
    try:
        first = await anext(pieces, b"")
    except BlobNotFound as error:
        raise not_found("file", file_id) from error
    return data, _chained(first, pieces)


async def head(caller: Caller, file_id: str, size: int) -> bytes:
    """The first bytes of a file, `size` at most; none if the bytes are gone."""
    try:
        return await read_all(caller.deps.blobs, layout.file_blob(caller.owner, file_id), 0, size)
    except BlobNotFound:
        return b""


async def delete(caller: Caller, file_id: str) -> Json:
    """Remove a file; its bytes go after its row, so that no row is without bytes. Raises NotFoundError, and OnHold."""
    row = await _row(caller, file_id, "file_id")
    await holds.check_file(caller, file_id)
    await remove(caller, row)
    return {"id": file_id, "object": "file", "deleted": True}


async def remove(caller: Caller, row: Record) -> None:
    """Remove row and bytes of a file, and take it out of vector stores; housekeeping does it with expired ones."""
    file_id = row.data["id"]
    await caller.deps.ingestion.send(index_messages.deleted(caller.owner, file_id).to_json())
    answer = await idempotency.forgotten(caller.deps.store, layout.files(caller.owner), row.key)
    await caller.deps.store.commit(layout.files(caller.owner), [Delete(row.key), *answer])
    await caller.deps.blobs.delete(layout.file_blob(caller.owner, file_id))


async def missing(caller: Caller, file_ids: Iterable[str]) -> list[str]:
    """Those of the ids that lead to no file, in order and without repetition."""
    wanted = [*dict.fromkeys(file_ids)]
    found = await names(caller, wanted)
    return [file_id for file_id in wanted if file_id not in found]


async def names(caller: Caller, file_ids: Iterable[str]) -> dict[str, str]:
    """File id -> filename, of those that there are."""
    now = caller.deps.now()
    rows = await _rows(caller, file_ids)
    return {row.data["id"]: row.data["filename"] for row in rows if not _expired(row.data, now)}


async def sizes(caller: Caller, file_ids: Iterable[str]) -> dict[str, int]:
    """File id -> bytes, of those that there are."""
    return {row.data["id"]: row.data["bytes"] for row in await _rows(caller, file_ids)}


async def check(caller: Caller, file_ids: Iterable[str], param: str) -> None:
    """Refuse a body that names files which do not exist. Raises InvalidRequest."""
    lost = await missing(caller, file_ids)
    if lost:
        raise InvalidRequest(f"The following file IDs were not found: {', '.join(lost)}", param=param)


async def _rows(caller: Caller, file_ids: Iterable[str]) -> list[Record]:
    """The rows of those that there are."""
    wanted = dict.fromkeys(file_ids)
    if not wanted:
        return []  # to gather nothing takes a turn of the event loop
    found = await asyncio.gather(*(_stored(caller, file_id) for file_id in wanted))
    return [row for row in found if row is not None]


async def _row(caller: Caller, file_id: str, param: str) -> Record:
    if not file_id.startswith(layout.FOREIGN_FILE):
        check_shape(file_id, "file", "file", param)
    row = await _stored(caller, file_id)
    if row is None or _expired(row.data, caller.deps.now()):
        raise not_found("file", file_id)
    return row


async def _stored(caller: Caller, file_id: str) -> Record | None:
    if not ids.is_key(file_id):
        return None
    return await foreign_ids.read(caller.deps.store, layout.files(caller.owner), file_id)


def _expired(data: Json, now: int) -> bool:
    return data["expires_at"] is not None and data["expires_at"] <= now


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
