"""The requests that begin and complete uploads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.objects.bounds import AtMost
from shared.objects.common import RequestBody
from shared.objects.file_requests import FileExpiresAfter, Purpose


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
