"""Routes of uploads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response

from shared.api.answers import answer
from shared.api.idempotency import IN_UPLOAD, NEW_UPLOAD
from shared.api.multipart import FormPart
from shared.api.openapi import Form
from shared.api.routing import Routes
from shared.deps import Caller
from shared.files import uploads
from shared.files.uploads import UploadIsOver
from shared.objects.parse import missing
from shared.objects.upload import PartRecord, Upload, UploadPart
from shared.objects.upload_requests import CompleteUpload, CreateUpload

routes = Routes("/v1/uploads", "Uploads")

FORM: Final = Form(
    {
        "type": "object",
        "properties": {"data": {"type": "string", "format": "binary"}},
        "required": ["data"],
    }
)


@routes.post("", gives=Upload, repeatable=NEW_UPLOAD)
async def create(caller: Caller, body: CreateUpload) -> Response:
    """Begin a file that comes in parts: on Azure, one of more than 100 MB must."""
    return answer(await uploads.create(caller, body))


@routes.post("/{upload_id}/parts", form=FORM, gives=UploadPart, repeatable=IN_UPLOAD)
async def add_part(caller: Caller, upload_id: str, body: AsyncIterator[FormPart]) -> Response:
    """Add a part of up to 64 MB."""
    over: UploadIsOver | None = None
    part: PartRecord | None = None
    added = False
    try:
        await uploads.pending(caller, upload_id)
    except UploadIsOver as error:
        if caller.once is None:
            raise
        over = error  # perhaps the part was added before: that is known at the end of the form
    try:
        async for each in body:
            if each.name == "data" and part is None:
                part = await uploads.receive_part(caller, upload_id, each.pieces)
        if part is None:
            raise missing("data")
        if over is not None:
            raise over
        # From here on the part may exist, even if we never hear of it.
        added = True
    finally:
        if part is not None and not added:
            await uploads.discard_part(caller, part)
    return answer(await uploads.add_part(caller, part))


@routes.post("/{upload_id}/complete", gives=Upload, repeatable=IN_UPLOAD)
async def complete(caller: Caller, upload_id: str, body: CompleteUpload) -> Response:
    """Make the parts a file, in the order given."""
    return answer(await uploads.complete(caller, upload_id, body))


@routes.post("/{upload_id}/cancel", gives=Upload, repeatable=IN_UPLOAD)
async def cancel(caller: Caller, upload_id: str) -> Response:
    """Give an upload up."""
    return answer(await uploads.cancel(caller, upload_id))
