"""Routes of assistants."""

from __future__ import annotations

from starlette.responses import Response

from shared.api.answers import answer, answer_list
from shared.api.idempotency import OF_ASSISTANTS
from shared.api.openapi import Deleted, ListOf
from shared.api.query import PAGE_QUERY
from shared.api.routing import Routes
from shared.assistants import assistants
from shared.deps import Caller
from shared.objects.assistant import Assistant
from shared.objects.assistant_requests import CreateAssistant, ModifyAssistant
from shared.paging import ListQuery

routes = Routes("/v1/assistants", "Assistants")


@routes.post("", gives=Assistant, repeatable=OF_ASSISTANTS)
async def create(caller: Caller, body: CreateAssistant) -> Response:
    """Create an assistant."""
    return answer(await assistants.create(caller, body))


@routes.get("", gives=ListOf(Assistant), query=[PAGE_QUERY])
async def list_all(caller: Caller, query: ListQuery) -> Response:
    """List the assistants."""
    return answer_list(*await assistants.list_page(caller, query))


@routes.get("/{assistant_id}", gives=Assistant)
async def retrieve(caller: Caller, assistant_id: str) -> Response:
    """Get an assistant."""
    return answer(await assistants.get(caller, assistant_id))


@routes.post("/{assistant_id}", gives=Assistant, optional_body=True, repeatable=OF_ASSISTANTS)
async def modify(caller: Caller, assistant_id: str, body: ModifyAssistant) -> Response:
    """Modify an assistant: what is omitted stays, null resets."""
    return answer(await assistants.modify(caller, assistant_id, body))


@routes.delete("/{assistant_id}", gives=Deleted)
async def delete(caller: Caller, assistant_id: str) -> Response:
    """Delete an assistant; its threads and runs stay."""
    return answer(await assistants.delete(caller, assistant_id))
