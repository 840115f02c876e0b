"""Uploads, files that come in parts: as stored and as answered."""

from __future__ import annotations

from typing import Literal

from shared.json_types import Json
from shared.objects.stored import ApiObject, StoredRecord


class Upload(ApiObject, kw_only=True):
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


class UploadPart(ApiObject, kw_only=True):
    """A part of an upload as answered: up to 64 MB."""

    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str


class UploadRecord(StoredRecord, kw_only=True):
    """An upload as stored."""

    upload: Upload
    #: The file it will be, and how long that lives.
    file_id: str
    lifetime: int | None = None


class PartRecord(StoredRecord, kw_only=True):
    """A part as stored; its bytes are a blob until the upload is over."""

    part: UploadPart
    size: int
