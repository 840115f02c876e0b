"""Routes of files."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from shared.api.answers import answer, answer_list
from shared.api.multipart import FormPart, malformed, parts
from shared.api.openapi import Deleted, ListOf, answers, documented, paging, parameter
from shared.api.requests import caller, list_query
from shared.api.routing import resource
from shared.errors import too_large
from shared.files import files
from shared.json_types import Json
from shared.objects.file import File
from shared.objects.file_requests import PURPOSES, CreateFile
from shared.objects.parse import missing, parse
from shared.vector_stores import file_status

router = resource("/v1/files", "Files")

#: Versions of Azure's API such as `2024-05-01-preview`; the newer prefix has `preview` and `latest`.
DATED: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
#: What a form may add to the size of the file in it.
FORM_BYTES: Final = 1024 * 1024
MAX_LIMIT: Final = 10_000

PURPOSE: Final = parameter("purpose", {"type": "string"}, "Only files of this purpose.")
FORM: Final = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "purpose": {"type": "string", "enum": [*PURPOSES]},
        "filename": {"type": "string"},
        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
        "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2_592_000},
    },
    "required": ["file", "purpose"],
}
TAKES_FORM: Final = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}}
GIVES_BYTES: Final = answers({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}})


@router.post("", **documented(File) | {"openapi_extra": TAKES_FORM})
async def create(request: Request) -> Response:
    """Upload a file of up to 512 MB; the parts of the form may come in any order."""
    deps, owner = caller(request)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > files.MAX_BYTES + FORM_BYTES:
        raise too_large(files.MAX_BYTES, int(announced))
    upload = files.IncomingFile(deps, owner)
    finished = False
    try:
        filename, fields = await _receive(request, upload)
        form = parse(CreateFile, fields)
        if filename is None:
            raise missing("file")
        # From here on the file may exist, even if we never hear of it.
        finished = True
    finally:
        if not finished:
            await upload.discard()
    return answer(shown(request, await upload.finish(form.filename or filename, form)))


@router.get("", **documented(ListOf(File), query=[*paging(MAX_LIMIT, MAX_LIMIT), PURPOSE]))
async def list_all(request: Request) -> Response:
    """List the files."""
    deps, owner = caller(request)
    query = list_query(request, MAX_LIMIT, MAX_LIMIT)
    page = await files.list_page(deps, owner, query, request.query_params.get("purpose") or None)
    return answer_list([shown(request, record.data) for record in page.records], page.has_more)


@router.get("/{file_id}", **documented(File))
async def retrieve(request: Request, file_id: str) -> Response:
    """Get a file's description."""
    deps, owner = caller(request)
    return answer(shown(request, await files.get(deps, owner, file_id)))


@router.delete("/{file_id}", **documented(Deleted))
async def delete(request: Request, file_id: str) -> Response:
    """Delete a file."""
    deps, owner = caller(request)
    return answer(await file_status.delete_file(deps, owner, file_id))


@router.get("/{file_id}/content", response_model=None, responses=GIVES_BYTES)
async def content(request: Request, file_id: str) -> Response:
    """Get a file's bytes, whatever its purpose."""
    deps, owner = caller(request)
    file, pieces = await files.content(deps, owner, file_id)
    headers = {"Content-Length": str(file["bytes"]), "Content-Disposition": disposition(file["filename"])}
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


def shown(request: Request, file: Json) -> Json:
    """The file as answered: under dated versions of Azure's API without an expiry that there is not.

    Azure.AI.OpenAI 2.1 for .NET cannot read a null there.
    """
    if file["expires_at"] is not None or DATED.match(request.query_params.get("api-version", "")) is None:
        return file
    return {name: value for name, value in file.items() if name != "expires_at"}


def disposition(filename: str) -> str:
    """The header that names the download; names beyond ASCII come a second time, in UTF-8."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", filename)
    header = f'attachment; filename="{plain}"'
    return header if plain == filename else f"{header}; filename*=UTF-8''{quote(filename, safe='')}"


async def _receive(request: Request, upload: files.IncomingFile) -> tuple[str | None, Json]:
    """The file's name and the other fields; the bytes are on their way to their blob as soon as they come."""
    filename: str | None = None
    fields: Json = {}
    async for part in parts(request):
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
