"""Routes of assistants."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from shared.api.answers import answer, answer_list
from shared.api.json_body import body
from shared.api.openapi import Deleted, ListOf, documented, paging
from shared.api.requests import caller, list_query
from shared.api.routing import resource
from shared.assistants import assistants
from shared.objects.assistant import Assistant, CreateAssistant, ModifyAssistant

router = resource("/v1/assistants", "Assistants")


@router.post("", **documented(Assistant, CreateAssistant))
async def create(request: Request) -> Response:
    """Create an assistant."""
    deps, owner = caller(request)
    return answer(await assistants.create(deps, owner, await body(request, CreateAssistant)))


@router.get("", **documented(ListOf(Assistant), query=paging()))
async def list_all(request: Request) -> Response:
    """List the assistants."""
    deps, owner = caller(request)
    return answer_list(*await assistants.list_page(deps, owner, list_query(request)))


@router.get("/{assistant_id}", **documented(Assistant))
async def retrieve(request: Request, assistant_id: str) -> Response:
    """Get an assistant."""
    deps, owner = caller(request)
    return answer(await assistants.get(deps, owner, assistant_id))


@router.post("/{assistant_id}", **documented(Assistant, ModifyAssistant, optional_body=True))
async def modify(request: Request, assistant_id: str) -> Response:
    """Modify an assistant: what is omitted stays, null resets."""
    deps, owner = caller(request)
    return answer(await assistants.modify(deps, owner, assistant_id, await body(request, ModifyAssistant)))


@router.delete("/{assistant_id}", **documented(Deleted))
async def delete(request: Request, assistant_id: str) -> Response:
    """Delete an assistant; its threads and runs stay."""
    deps, owner = caller(request)
    return answer(await assistants.delete(deps, owner, assistant_id))
