"""Uploads: files that come in parts, and the bodies of their calls."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.json_types import Json
from shared.objects.bounds import AtMost
from shared.objects.common import ApiObject, RequestBody, StoredRecord
from shared.objects.file_requests import FileExpiresAfter, Purpose


class Upload(ApiObject):
    """A file on its way, part by part."""

    id: str
    object: Literal["upload"] = "upload"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"] = "pending"
    expires_at: int
    file: Json | None = None


class UploadPart(ApiObject):
    """A part of an upload."""

    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str


class UploadRecord(StoredRecord):
    """An upload's row."""

    upload: Upload
    #: The file it will be, and how long that lives.
    file_id: str
    lifetime: int | None = None


class PartRecord(StoredRecord):
    """A part's row."""

    part: UploadPart
    size: int


class CreateUpload(RequestBody):
    """The body of POST /uploads."""

    filename: Annotated[str, Field(min_length=1, max_length=1024)]
    purpose: Purpose
    bytes: Annotated[int, Field(ge=0)]
    mime_type: str
    expires_after: FileExpiresAfter | None = None


class CompleteUpload(RequestBody):
    """The body of POST /uploads/{id}/complete."""

    part_ids: Annotated[list[str], AtMost(10_000)]
    md5: str | None = None
