"""Routes of files in vector stores, one by one and in batches."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from shared.api.answers import answer, answer_list, answer_polled
from shared.api.idempotency import IN_STORE
from shared.api.openapi import Deleted, ListOf
from shared.api.query import PAGE_QUERY, text
from shared.api.routing import Routes
from shared.deps import Caller
from shared.objects.vector_store import ContentPage, FileBatch, VectorStoreFile
from shared.objects.vector_store_requests import AttachFile, CreateFileBatch, UpdateFile
from shared.paging import ListQuery
from shared.vector_stores import batches, files

routes = Routes("/v1/vector_stores/{vector_store_id}", "Vector store files")


STATUS: Final = text("filter", "Only files of this status.", values=[*files.STATUSES], argument="status")


@routes.post("/files", gives=VectorStoreFile, repeatable=IN_STORE)
async def attach(caller: Caller, vector_store_id: str, body: AttachFile) -> Response:
    """Attach a file."""
    return answer(await files.attach(caller, vector_store_id, body))


@routes.get("/files", gives=ListOf(VectorStoreFile), query=[PAGE_QUERY, STATUS])
async def list_all(caller: Caller, vector_store_id: str, query: ListQuery, status: str | None) -> Response:
    """List a vector store's files."""
    page = await files.list_page(caller, vector_store_id, query, status)
    return answer_list(*page)


@routes.get("/files/{file_id}", gives=VectorStoreFile)
async def retrieve(caller: Caller, vector_store_id: str, file_id: str) -> Response:
    """Get a file in a vector store."""
    return answer_polled(await files.get(caller, vector_store_id, file_id), caller.deps.now())


@routes.post("/files/{file_id}", gives=VectorStoreFile, repeatable=IN_STORE)
async def update(caller: Caller, vector_store_id: str, file_id: str, body: UpdateFile) -> Response:
    """Replace a file's attributes."""
    return answer(await files.update(caller, vector_store_id, file_id, body))


@routes.delete("/files/{file_id}", gives=Deleted)
async def detach(caller: Caller, vector_store_id: str, file_id: str) -> Response:
    """Take a file out of a vector store; the file itself stays."""
    return answer(await files.detach(caller, vector_store_id, file_id))


@routes.get("/files/{file_id}/content", gives=ContentPage)
async def content(caller: Caller, vector_store_id: str, file_id: str) -> Response:
    """Get a file's text as it was read."""
    return answer(await files.content(caller, vector_store_id, file_id))


@routes.post("/file_batches", gives=FileBatch, repeatable=IN_STORE)
async def create_batch(caller: Caller, vector_store_id: str, body: CreateFileBatch) -> Response:
    """Attach many files."""
    return answer(await files.attach_batch(caller, vector_store_id, body))


@routes.get("/file_batches/{batch_id}", gives=FileBatch)
async def retrieve_batch(caller: Caller, vector_store_id: str, batch_id: str) -> Response:
    """Get a batch."""
    return answer_polled(await batches.get(caller, vector_store_id, batch_id), caller.deps.now())


@routes.post("/file_batches/{batch_id}/cancel", gives=FileBatch, repeatable=IN_STORE)
async def cancel_batch(caller: Caller, vector_store_id: str, batch_id: str) -> Response:
    """Stop indexing a batch's files."""
    return answer(await batches.cancel(caller, vector_store_id, batch_id))


@routes.get("/file_batches/{batch_id}/files", gives=ListOf(VectorStoreFile), query=[PAGE_QUERY, STATUS])
async def list_batch(
    caller: Caller, vector_store_id: str, batch_id: str, query: ListQuery, status: str | None
) -> Response:
    """List a batch's files."""
    page = await files.list_page(caller, vector_store_id, query, status, batch_id)
    return answer_list(*page)
