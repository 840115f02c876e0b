"""Routes of uploads."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.responses import Response

from shared.api.answers import answer
from shared.api.json_body import body
from shared.api.multipart import parts
from shared.api.openapi import documented
from shared.api.requests import caller
from shared.api.routing import resource
from shared.files import uploads
from shared.json_types import Json
from shared.objects.parse import missing
from shared.objects.upload import CompleteUpload, CreateUpload, Upload, UploadPart

router = resource("/v1/uploads", "Uploads")

FORM: Final = {
    "type": "object",
    "properties": {"data": {"type": "string", "format": "binary"}},
    "required": ["data"],
}
TAKES_FORM: Final = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}}


@router.post("", **documented(Upload, CreateUpload))
async def create(request: Request) -> Response:
    """Begin a file that comes in parts."""
    deps, owner = caller(request)
    return answer(await uploads.create(deps, owner, await body(request, CreateUpload)))


@router.post("/{upload_id}/parts", **documented(UploadPart) | {"openapi_extra": TAKES_FORM})
async def add_part(request: Request, upload_id: str) -> Response:
    """Add a part of up to 64 MB."""
    deps, owner = caller(request)
    await uploads.pending(deps, owner, upload_id)
    part: Json | None = None
    async for each in parts(request):
        if each.name == "data" and part is None:
            part = await uploads.add_part(deps, owner, upload_id, each.pieces)
    if part is None:
        raise missing("data")
    return answer(part)


@router.post("/{upload_id}/complete", **documented(Upload, CompleteUpload))
async def complete(request: Request, upload_id: str) -> Response:
    """Make the parts a file, in the order given."""
    deps, owner = caller(request)
    return answer(await uploads.complete(deps, owner, upload_id, await body(request, CompleteUpload)))


@router.post("/{upload_id}/cancel", **documented(Upload))
async def cancel(request: Request, upload_id: str) -> Response:
    """Give an upload up."""
    deps, owner = caller(request)
    return answer(await uploads.cancel(deps, owner, upload_id))
