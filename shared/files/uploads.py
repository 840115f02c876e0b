"""Uploads: files that come in parts. The parts are blobs of their own until the upload is completed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

from shared import ids, layout
from shared.blobs.base import BlobNotFound
from shared.deps import Caller, Deps
from shared.errors import InvalidRequest
from shared.files import files
from shared.json_types import Json
from shared.objects.file import File
from shared.objects.upload import PartRecord, Upload, UploadPart, UploadRecord
from shared.objects.upload_requests import CompleteUpload, CreateUpload
from shared.optimistic import check_shape, find
from shared.store.base import Conflict, Delete, Put, Record

#: Bytes of a file that comes in parts.
MAX_BYTES: Final = 8 * 1024**3
#: Bytes of a part.
MAX_PART: Final = 64 * 1024 * 1024
#: Seconds for which an upload takes parts.
LIFETIME: Final = 3600


class UploadIsOver(InvalidRequest):
    """An upload was completed, cancelled, or its time is over."""

    def __init__(self, upload_id: str, status: str):
        super().__init__(f"Upload '{upload_id}' has status '{status}'.")


def new_id() -> str:
    """The id of an upload to come."""
    return ids.newest_first_hex(layout.UPLOAD)


async def create(caller: Caller, body: CreateUpload) -> Json:
    """Begin an upload. Raises InvalidRequest."""
    if body.bytes > MAX_BYTES:
        raise InvalidRequest(f"Uploads may have {MAX_BYTES} bytes at most.", param="bytes", code="invalid_value")
    now = caller.deps.now()
    upload = Upload(
        id=new_id() if caller.once is None else caller.once.id,
        bytes=body.bytes,
        created_at=now,
        filename=body.filename,
        purpose=body.purpose,
        expires_at=now + LIFETIME,
    )
    record = UploadRecord(
        upload=upload,
        file_id=ids.newest_first(layout.FILE, ids.FILE_LENGTH),
        lifetime=None if body.expires_after is None else body.expires_after.seconds,
    )
    data = upload.to_json()
    await caller.deps.store.commit(layout.upload(caller.owner, upload.id), [_put(record), *caller.answering(data)])
    return data


async def pending(caller: Caller, upload_id: str) -> tuple[UploadRecord, str]:
    """The row of an upload that still takes parts. Raises NotFoundError, InvalidRequest, and UploadIsOver."""
    check_shape(upload_id, "upload", "upload", "upload_id")
    row = await find(caller.deps.store, layout.upload(caller.owner, upload_id), upload_id, "upload")
    record = UploadRecord.from_json(row.data)
    if record.upload.status == "pending" and record.upload.expires_at <= caller.deps.now():
        record.upload.status = "expired"
    if record.upload.status != "pending":
        raise UploadIsOver(upload_id, record.upload.status)
    return record, row.version


async def receive_part(caller: Caller, upload_id: str, pieces: AsyncIterator[bytes]) -> PartRecord:
    """Store a part's bytes; the upload was found pending. Raises ApiError 413."""
    part = UploadPart(id=ids.newest_first_hex(layout.PART), created_at=caller.deps.now(), upload_id=upload_id)
    blob = layout.part_blob(caller.owner, upload_id, part.id)
    return PartRecord(part=part, size=await caller.deps.blobs.write(blob, files.limited(pieces, MAX_PART)))


async def add_part(caller: Caller, record: PartRecord) -> Json:
    """Commit a part's row: from now on the bytes received are a part."""
    part = record.part.to_json()
    changes = [Put(record.part.id, record.to_json()), *caller.answering(part)]
    await caller.deps.store.commit(layout.upload(caller.owner, record.part.upload_id), changes)
    return part


async def discard_part(caller: Caller, record: PartRecord) -> None:
    """Remove the bytes of a part without a row."""
    await caller.deps.blobs.delete(layout.part_blob(caller.owner, record.part.upload_id, record.part.id))


async def complete(caller: Caller, upload_id: str, body: CompleteUpload) -> Json:
    """Make the parts, in the order given, a file. Raises NotFoundError or InvalidRequest."""
    partition = layout.upload(caller.owner, upload_id)
    data = await caller.carry_out(partition, lambda: _complete(caller, upload_id, body))
    await forget_parts(caller, upload_id)
    return data


async def _complete(caller: Caller, upload_id: str, body: CompleteUpload) -> Json:
    record, version = await pending(caller, upload_id)
    await _check_parts(caller, record, body.part_ids)
    try:
        await caller.deps.blobs.write(layout.file_blob(caller.owner, record.file_id), _joined(caller, upload_id, body))
    except BlobNotFound as error:
        raise Conflict("the upload was completed or cancelled meanwhile") from error
    record.upload.file = await _make_file(caller, record)
    record.upload.status = "completed"
    data = record.upload.to_json()
    changes = [_put(record, version), *caller.answering(data)]
    await caller.deps.store.commit(layout.upload(caller.owner, upload_id), changes)
    return data


async def cancel(caller: Caller, upload_id: str) -> Json:
    """Give an upload up. Raises NotFoundError or InvalidRequest."""
    partition = layout.upload(caller.owner, upload_id)

    async def attempt() -> Json:
        record, version = await pending(caller, upload_id)
        record.upload.status = "cancelled"
        data = record.upload.to_json()
        await caller.deps.store.commit(partition, [_put(record, version), *caller.answering(data)])
        return data

    data = await caller.carry_out(partition, attempt)
    await forget_parts(caller, upload_id)
    return data


async def forget_parts(caller: Caller, upload_id: str) -> None:
    """Remove the parts of an upload that is over."""
    async for blob in caller.deps.blobs.list(layout.part_blob(caller.owner, upload_id)):
        await caller.deps.blobs.delete(blob.name)


async def overdue(deps: Deps, partition: str, row: Record) -> None:
    """An upload whose time is over: nothing of it stays."""
    await forget_parts(Caller(deps, layout.owner_of(partition)), row.key)
    while rows := await deps.store.scan(partition, "!", "~", 100):
        await deps.store.commit(partition, [Delete(each.key) for each in rows])


async def _check_parts(caller: Caller, record: UploadRecord, part_ids: Sequence[str]) -> None:
    partition = layout.upload(caller.owner, record.upload.id)
    rows = await asyncio.gather(*(caller.deps.store.get(partition, each) for each in part_ids if ids.is_key(each)))
    parts = [PartRecord.from_json(row.data) for row in rows if row is not None and row.key.startswith(layout.PART)]
    if len(parts) < len(part_ids) or len(set(part_ids)) < len(part_ids):
        raise InvalidRequest("Some of the part IDs were not found.", param="part_ids", code="invalid_value")
    size = sum(part.size for part in parts)
    if size != record.upload.bytes:
        raise InvalidRequest(
            f"The parts have {size} bytes together, but {record.upload.bytes} were announced.", param="part_ids"
        )


async def _joined(caller: Caller, upload_id: str, body: CompleteUpload) -> AsyncIterator[bytes]:
    """The parts' bytes. Raises InvalidRequest at the end, so that nothing is stored if they are not those expected."""
    digest = hashlib.md5(usedforsecurity=False)
    for part_id in body.part_ids:
        async for piece in caller.deps.blobs.read(layout.part_blob(caller.owner, upload_id, part_id)):
            digest.update(piece)
            yield piece
    if body.md5 is not None and body.md5.lower() != digest.hexdigest():
        raise InvalidRequest("The MD5 checksum does not match the uploaded parts.", param="md5", code="invalid_value")


async def _make_file(caller: Caller, record: UploadRecord) -> Json:
    """The file's row; if a crash came after it was written, it is there already."""
    now = caller.deps.now()
    file = File(
        id=record.file_id,
        purpose=record.upload.purpose,
        filename=record.upload.filename,
        bytes=record.upload.bytes,
        created_at=now,
        expires_at=None if record.lifetime is None else now + record.lifetime,
    )
    try:
        await caller.deps.store.commit(layout.files(caller.owner), [Put(file.id, file.to_json(), due=file.expires_at)])
    except Conflict:
        return await files.get(caller, file.id)
    return file.to_json()


def _put(record: UploadRecord, version: str | None = None) -> Put:
    """The row; housekeeping removes it some time after it is over."""
    return Put(record.upload.id, record.to_json(), version, due=record.upload.expires_at)
