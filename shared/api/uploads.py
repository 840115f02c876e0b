"""Routes of uploads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from fastapi.responses import Response

from shared.api.answers import answer
from shared.api.multipart import FormPart
from shared.api.openapi import Form
from shared.api.routing import Routes
from shared.deps import Caller
from shared.files import uploads
from shared.json_types import Json
from shared.objects.parse import missing
from shared.objects.upload import Upload, UploadPart
from shared.objects.upload_requests import CompleteUpload, CreateUpload

routes = Routes("/v1/uploads", "Uploads")

FORM: Final = Form(
    {
        "type": "object",
        "properties": {"data": {"type": "string", "format": "binary"}},
        "required": ["data"],
    }
)


@routes.post("", gives=Upload)
async def create(caller: Caller, body: CreateUpload) -> Response:
    """Begin a file that comes in parts: on Azure, one of more than 100 MB must."""
    return answer(await uploads.create(caller, body))


@routes.post("/{upload_id}/parts", form=FORM, gives=UploadPart)
async def add_part(caller: Caller, upload_id: str, body: AsyncIterator[FormPart]) -> Response:
    """Add a part of up to 64 MB."""
    await uploads.pending(caller, upload_id)
    part: Json | None = None
    async for each in body:
        if each.name == "data" and part is None:
            part = await uploads.add_part(caller, upload_id, each.pieces)
    if part is None:
        raise missing("data")
    return answer(part)


@routes.post("/{upload_id}/complete", gives=Upload)
async def complete(caller: Caller, upload_id: str, body: CompleteUpload) -> Response:
    """Make the parts a file, in the order given."""
    return answer(await uploads.complete(caller, upload_id, body))


@routes.post("/{upload_id}/cancel", gives=Upload)
async def cancel(caller: Caller, upload_id: str) -> Response:
    """Give an upload up."""
    return answer(await uploads.cancel(caller, upload_id))
