"""Routes of messages."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from shared.api.answers import answer, answer_page
from shared.api.json_body import body
from shared.api.openapi import Deleted, ListOf, documented, paging, parameter
from shared.api.requests import caller, list_query
from shared.api.routing import resource
from shared.objects.message import CreateMessage, Message, ModifyMessage
from shared.runs.create import settle
from shared.threads import messages

router = resource("/v1/threads/{thread_id}/messages", "Messages")

RUN_ID = parameter("run_id", {"type": "string"}, "Only messages this run wrote.")


@router.post("", **documented(Message, CreateMessage))
async def create(request: Request, thread_id: str) -> Response:
    """Add a message to a thread; refused while a run is active."""
    deps, owner = caller(request)
    return answer(await messages.create(deps, owner, thread_id, await body(request, CreateMessage), settle))


@router.get("", **documented(ListOf(Message), query=[*paging(), RUN_ID]))
async def list_all(request: Request, thread_id: str) -> Response:
    """List the messages of a thread."""
    deps, owner = caller(request)
    run_id = request.query_params.get("run_id") or None
    return answer_page(await messages.list_page(deps, owner, thread_id, list_query(request), run_id))


@router.get("/{message_id}", **documented(Message))
async def retrieve(request: Request, thread_id: str, message_id: str) -> Response:
    """Get a message."""
    deps, owner = caller(request)
    return answer(await messages.get(deps, owner, thread_id, message_id))


@router.post("/{message_id}", **documented(Message, ModifyMessage, optional_body=True))
async def modify(request: Request, thread_id: str, message_id: str) -> Response:
    """Replace a message's metadata."""
    deps, owner = caller(request)
    return answer(await messages.modify(deps, owner, thread_id, message_id, await body(request, ModifyMessage)))


@router.delete("/{message_id}", **documented(Deleted))
async def delete(request: Request, thread_id: str, message_id: str) -> Response:
    """Delete a message."""
    deps, owner = caller(request)
    return answer(await messages.delete(deps, owner, thread_id, message_id))
