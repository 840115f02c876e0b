"""Routes of vector stores."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from shared.api.answers import answer, answer_list
from shared.api.json_body import body
from shared.api.openapi import Deleted, ListOf, documented, paging
from shared.api.requests import caller, list_query
from shared.api.routing import resource
from shared.objects.vector_store import SearchPage, VectorStore
from shared.objects.vector_store_requests import CreateVectorStore, ModifyVectorStore, SearchVectorStore
from shared.vector_stores import stores
from shared.vector_stores.search import search as search_store

router = resource("/v1/vector_stores", "Vector stores")


@router.post("", **documented(VectorStore, CreateVectorStore, optional_body=True))
async def create(request: Request) -> Response:
    """Create a vector store, with files if there are any."""
    deps, owner = caller(request)
    return answer(await stores.create(deps, owner, await body(request, CreateVectorStore)))


@router.get("", **documented(ListOf(VectorStore), query=paging()))
async def list_all(request: Request) -> Response:
    """List the vector stores."""
    deps, owner = caller(request)
    return answer_list(*await stores.list_page(deps, owner, list_query(request)))


@router.get("/{vector_store_id}", **documented(VectorStore))
async def retrieve(request: Request, vector_store_id: str) -> Response:
    """Get a vector store."""
    deps, owner = caller(request)
    return answer(await stores.get(deps, owner, vector_store_id))


@router.post("/{vector_store_id}", **documented(VectorStore, ModifyVectorStore, optional_body=True))
async def modify(request: Request, vector_store_id: str) -> Response:
    """Modify a vector store: what is omitted stays, null resets."""
    deps, owner = caller(request)
    return answer(await stores.modify(deps, owner, vector_store_id, await body(request, ModifyVectorStore)))


@router.delete("/{vector_store_id}", **documented(Deleted))
async def delete(request: Request, vector_store_id: str) -> Response:
    """Delete a vector store; its files stay."""
    deps, owner = caller(request)
    return answer(await stores.delete(deps, owner, vector_store_id))


@router.post("/{vector_store_id}/search", **documented(SearchPage, SearchVectorStore))
async def search(request: Request, vector_store_id: str) -> Response:
    """Search a vector store."""
    deps, owner = caller(request)
    return answer(await search_store(deps, owner, vector_store_id, await body(request, SearchVectorStore)))
