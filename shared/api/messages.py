"""Routes of messages."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from shared.api.answers import answer, answer_page
from shared.api.idempotency import IN_THREAD
from shared.api.openapi import Deleted, ListOf
from shared.api.query import PAGE_QUERY, text
from shared.api.routing import Routes
from shared.deps import Caller
from shared.objects.message import Message
from shared.objects.message_requests import CreateMessage, ModifyMessage
from shared.paging import ListQuery
from shared.runs import service
from shared.threads import messages

routes = Routes("/v1/threads/{thread_id}/messages", "Messages")

RUN_ID: Final = text("run_id", "Only messages this run wrote.")


@routes.post("", gives=Message, verb="post_messages", repeatable=IN_THREAD, waits=True)
async def create(caller: Caller, thread_id: str, body: CreateMessage) -> Response:
    """Add a message to a thread; refused while a run is active, unless it may wait in line."""
    return answer(await service.add_message(caller, thread_id, body))


@routes.get("", gives=ListOf(Message), query=[PAGE_QUERY, RUN_ID], verb="read")
async def list_all(caller: Caller, thread_id: str, query: ListQuery, run_id: str | None) -> Response:
    """List the messages of a thread."""
    return answer_page(await messages.list_page(caller, thread_id, query, run_id))


@routes.get("/{message_id}", gives=Message, verb="read")
async def retrieve(caller: Caller, thread_id: str, message_id: str) -> Response:
    """Get a message."""
    return answer(await messages.get(caller, thread_id, message_id))


@routes.post("/{message_id}", gives=Message, optional_body=True, repeatable=IN_THREAD)
async def modify(caller: Caller, thread_id: str, message_id: str, body: ModifyMessage) -> Response:
    """Replace a message's metadata."""
    return answer(await messages.modify(caller, thread_id, message_id, body))


@routes.delete("/{message_id}", gives=Deleted)
async def delete(caller: Caller, thread_id: str, message_id: str) -> Response:
    """Delete a message."""
    return answer(await messages.delete(caller, thread_id, message_id))
