"""Routes of files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from shared.api.answers import answer, answer_list
from shared.api.idempotency import NEW_FILE
from shared.api.multipart import FormPart, malformed
from shared.api.openapi import Binary, Deleted, Form, ListOf
from shared.api.query import Query, paging, text
from shared.api.routing import Routes
from shared.deps import Caller
from shared.files import files
from shared.json_types import Json
from shared.objects.file import File
from shared.objects.file_requests import PURPOSES, CreateFile
from shared.objects.parse import missing, parse
from shared.paging import ListQuery
from shared.vector_stores import detaching

routes = Routes("/v1/files", "Files")

#: Versions of Azure's API such as `2024-05-01-preview`; the newer prefix has `preview` and `latest`.
DATED_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
#: Files of a page at most, as the API has it; other lists give 100.
MAX_LIMIT: Final = 10_000

PURPOSE: Final = text("purpose", "Only files of this purpose.")
#: Whether a dated version of Azure's API is asked for.
DATED: Final = Query(
    "dated", (), lambda request: DATED_VERSION.match(request.query_params.get("api-version", "")) is not None
)
FORM: Final = Form(
    {
        "type": "object",
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "purpose": {"type": "string", "enum": [*PURPOSES]},
            "filename": {"type": "string"},
            "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
            "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2_592_000},
        },
        "required": ["file", "purpose"],
    },
    max_bytes=files.MAX_BYTES,
)


@routes.post("", form=FORM, gives=File, query=[DATED], repeatable=NEW_FILE)
async def create(caller: Caller, body: AsyncIterator[FormPart], dated: bool) -> Response:
    """Upload a file of up to 512 MB. Azure's host takes no request above 100 MB: send larger files to `/v1/uploads`."""
    upload = files.IncomingFile(caller)
    finished = False
    try:
        filename, fields = await _receive(body, upload)
        form = parse(CreateFile, fields)
        if filename is None:
            raise missing("file")
        # From here on the file may exist, even if we never hear of it.
        finished = True
    finally:
        if not finished:
            await upload.discard()
    return answer(shown(await upload.finish(form.filename or filename, form), dated=dated))


@routes.get("", gives=ListOf(File), query=[paging(MAX_LIMIT, MAX_LIMIT), PURPOSE, DATED])
async def list_all(caller: Caller, query: ListQuery, purpose: str | None, dated: bool) -> Response:
    """List the files."""
    page = await files.list_page(caller, query, purpose)
    return answer_list([shown(record.data, dated=dated) for record in page.records], page.has_more)


@routes.get("/{file_id}", gives=File, query=[DATED])
async def retrieve(caller: Caller, file_id: str, dated: bool) -> Response:
    """Get a file's description."""
    return answer(shown(await files.get(caller, file_id), dated=dated))


@routes.delete("/{file_id}", gives=Deleted)
async def delete(caller: Caller, file_id: str) -> Response:
    """Delete a file."""
    return answer(await detaching.delete_file(caller, file_id))


@routes.get("/{file_id}/content", gives=Binary())
async def content(caller: Caller, file_id: str) -> Response:
    """Get a file's bytes, whatever its purpose."""
    file, pieces = await files.content(caller, file_id)
    headers = {"Content-Length": str(file["bytes"]), "Content-Disposition": disposition(file["filename"])}
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


def shown(file: Json, *, dated: bool) -> Json:
    """The file as answered: under dated versions of Azure's API without an expiry that there is not.

    Azure.AI.OpenAI 2.1 for .NET cannot read a null there.
    """
    if file["expires_at"] is not None or not dated:
        return file
    return {name: value for name, value in file.items() if name != "expires_at"}


def disposition(filename: str) -> str:
    """The header that names the download; names beyond ASCII come a second time, in UTF-8."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", filename)
    header = f'attachment; filename="{plain}"'
    return header if plain == filename else f"{header}; filename*=UTF-8''{quote(filename, safe='')}"


async def _receive(parts: AsyncIterator[FormPart], upload: files.IncomingFile) -> tuple[str | None, Json]:
    """The file's name and the other fields; the bytes are on their way to their blob as soon as they come."""
    filename: str | None = None
    fields: Json = {}
    async for part in parts:
        if part.name != "file":
            await _add_field(fields, part)
        elif filename is None:
            filename = part.filename or "upload"
            await upload.receive(part.pieces)
        else:
            raise malformed("it has two files")
    return filename, fields


async def _add_field(fields: Json, part: FormPart) -> None:
    """Put a field where it belongs: `expires_after[seconds]` is a number inside an object."""
    text = await part.text()
    outer, bracket, inner = part.name.partition("[")
    if not bracket:
        fields[part.name] = text
        return
    inside = fields.setdefault(outer, {})
    if isinstance(inside, dict):
        inside[inner.removesuffix("]")] = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else text
