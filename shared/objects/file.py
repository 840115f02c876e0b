"""The file, as stored and as answered."""

from __future__ import annotations

from typing import Literal

from shared.objects.stored import ApiObject


class File(ApiObject, kw_only=True):
    """An uploaded or produced file; its bytes are a blob."""

    id: str
    object: Literal["file"] = "file"
    purpose: str
    filename: str
    bytes: int
    created_at: int
    expires_at: int | None = None
    status: Literal["uploaded", "processed", "error"] = "processed"
    status_details: str | None = None
