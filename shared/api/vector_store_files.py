"""Routes of files in vector stores, one by one and in batches."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.responses import Response

from shared.api.answers import answer, answer_list
from shared.api.json_body import body
from shared.api.openapi import Deleted, ListOf, documented, paging, parameter
from shared.api.requests import caller, list_query
from shared.api.routing import resource
from shared.objects.vector_store import ContentPage, FileBatch, VectorStoreFile
from shared.objects.vector_store_requests import AttachFile, CreateFileBatch, UpdateFile
from shared.vector_stores import batches, files

router = resource("/v1/vector_stores/{vector_store_id}", "Vector store files")

#: Milliseconds after which polling helpers should ask again.
POLL_AFTER: Final = {"openai-poll-after-ms": "500"}

STATUS: Final = parameter("filter", {"type": "string", "enum": [*files.STATUSES]}, "Only files of this status.")
FILES: Final = documented(ListOf(VectorStoreFile), query=[*paging(), STATUS])


@router.post("/files", **documented(VectorStoreFile, AttachFile))
async def attach(request: Request, vector_store_id: str) -> Response:
    """Attach a file."""
    deps, owner = caller(request)
    return answer(await files.attach(deps, owner, vector_store_id, await body(request, AttachFile)))


@router.get("/files", **FILES)
async def list_all(request: Request, vector_store_id: str) -> Response:
    """List a vector store's files."""
    deps, owner = caller(request)
    status = request.query_params.get("filter") or None
    page = await files.list_page(deps, owner, vector_store_id, list_query(request), status)
    return answer_list(*page)


@router.get("/files/{file_id}", **documented(VectorStoreFile))
async def retrieve(request: Request, vector_store_id: str, file_id: str) -> Response:
    """Get a file in a vector store."""
    deps, owner = caller(request)
    return answer(await files.get(deps, owner, vector_store_id, file_id), headers=POLL_AFTER)


@router.post("/files/{file_id}", **documented(VectorStoreFile, UpdateFile))
async def update(request: Request, vector_store_id: str, file_id: str) -> Response:
    """Replace a file's attributes."""
    deps, owner = caller(request)
    wanted = await body(request, UpdateFile)
    return answer(await files.update(deps, owner, vector_store_id, file_id, wanted))


@router.delete("/files/{file_id}", **documented(Deleted))
async def detach(request: Request, vector_store_id: str, file_id: str) -> Response:
    """Take a file out of a vector store; the file itself stays."""
    deps, owner = caller(request)
    return answer(await files.detach(deps, owner, vector_store_id, file_id))


@router.get("/files/{file_id}/content", **documented(ContentPage))
async def content(request: Request, vector_store_id: str, file_id: str) -> Response:
    """Get a file's text as it was read."""
    deps, owner = caller(request)
    return answer(await files.content(deps, owner, vector_store_id, file_id))


@router.post("/file_batches", **documented(FileBatch, CreateFileBatch))
async def create_batch(request: Request, vector_store_id: str) -> Response:
    """Attach many files."""
    deps, owner = caller(request)
    wanted = await body(request, CreateFileBatch)
    return answer(await files.attach_batch(deps, owner, vector_store_id, wanted))


@router.get("/file_batches/{batch_id}", **documented(FileBatch))
async def retrieve_batch(request: Request, vector_store_id: str, batch_id: str) -> Response:
    """Get a batch."""
    deps, owner = caller(request)
    return answer(await batches.get(deps, owner, vector_store_id, batch_id), headers=POLL_AFTER)


@router.post("/file_batches/{batch_id}/cancel", **documented(FileBatch))
async def cancel_batch(request: Request, vector_store_id: str, batch_id: str) -> Response:
    """Stop indexing a batch's files."""
    deps, owner = caller(request)
    return answer(await batches.cancel(deps, owner, vector_store_id, batch_id))


@router.get("/file_batches/{batch_id}/files", **FILES)
async def list_batch(request: Request, vector_store_id: str, batch_id: str) -> Response:
    """List a batch's files."""
    deps, owner = caller(request)
    status = request.query_params.get("filter") or None
    page = await files.list_page(deps, owner, vector_store_id, list_query(request), status, batch_id)
    return answer_list(*page)
