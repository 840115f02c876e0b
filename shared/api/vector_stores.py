"""Routes of vector stores."""

from __future__ import annotations

from starlette.responses import Response

from shared.api.answers import answer, answer_list
from shared.api.idempotency import IN_STORE, NEW_STORE
from shared.api.openapi import Deleted, ListOf
from shared.api.query import PAGE_QUERY
from shared.api.routing import Routes
from shared.deps import Caller
from shared.objects.vector_store import SearchPage, StoreEmbedding, VectorStore
from shared.objects.vector_store_requests import CreateVectorStore, ModifyVectorStore, SearchVectorStore
from shared.paging import ListQuery
from shared.vector_stores import reembedding, stores
from shared.vector_stores.search import search as search_store

routes = Routes("/v1/vector_stores", "Vector stores")


@routes.post("", gives=VectorStore, optional_body=True, repeatable=NEW_STORE)
async def create(caller: Caller, body: CreateVectorStore) -> Response:
    """Create a vector store, with files if there are any."""
    return answer(await stores.create(caller, body))


@routes.get("", gives=ListOf(VectorStore), query=[PAGE_QUERY])
async def list_all(caller: Caller, query: ListQuery) -> Response:
    """List the vector stores."""
    return answer_list(*await stores.list_page(caller, query))


@routes.get("/{vector_store_id}", gives=VectorStore)
async def retrieve(caller: Caller, vector_store_id: str) -> Response:
    """Get a vector store."""
    return answer(await stores.get(caller, vector_store_id))


@routes.post("/{vector_store_id}", gives=VectorStore, optional_body=True, repeatable=IN_STORE)
async def modify(caller: Caller, vector_store_id: str, body: ModifyVectorStore) -> Response:
    """Modify a vector store: what is omitted stays, null resets."""
    return answer(await stores.modify(caller, vector_store_id, body))


@routes.delete("/{vector_store_id}", gives=Deleted)
async def delete(caller: Caller, vector_store_id: str) -> Response:
    """Delete a vector store; its files stay."""
    return answer(await stores.delete(caller, vector_store_id))


@routes.post("/{vector_store_id}/search", gives=SearchPage)
async def search(caller: Caller, vector_store_id: str, body: SearchVectorStore) -> Response:
    """Search a vector store."""
    return answer(await search_store(caller, vector_store_id, body))


@routes.get("/{vector_store_id}/embedding", gives=StoreEmbedding)
async def embedding(caller: Caller, vector_store_id: str) -> Response:
    """Get by what model a vector store's vectors are made, and how embedding it anew goes on."""
    return answer(await reembedding.state(caller, vector_store_id))


@routes.post("/{vector_store_id}/embedding", gives=StoreEmbedding)
async def reembed(caller: Caller, vector_store_id: str) -> Response:
    """Embed a vector store anew, by the model that new ones get; it can be searched all the while."""
    return answer(await reembedding.begin(caller, vector_store_id))
