"""Routes of threads."""

from __future__ import annotations

from starlette.responses import Response

from shared.api.answers import answer, answer_list
from shared.api.idempotency import IN_THREAD, NEW_THREAD
from shared.api.openapi import Deleted, ListOf
from shared.api.query import PAGE_QUERY
from shared.api.routing import Routes
from shared.deps import Caller
from shared.objects.thread import Thread
from shared.objects.thread_requests import CreateThread, ModifyThread
from shared.paging import ListQuery
from shared.threads import threads

routes = Routes("/v1/threads", "Threads")


@routes.post("", gives=Thread, optional_body=True, verb="post_messages", repeatable=NEW_THREAD)
async def create(caller: Caller, body: CreateThread) -> Response:
    """Create a thread, with messages if there are any."""
    return answer(await threads.create(caller, body))


@routes.get("", gives=ListOf(Thread), query=[PAGE_QUERY])
async def list_all(caller: Caller, query: ListQuery) -> Response:
    """List the threads (an extra: the hosted API never had it)."""
    return answer_list(*await threads.list_page(caller, query))


@routes.get("/{thread_id}", gives=Thread, verb="read")
async def retrieve(caller: Caller, thread_id: str) -> Response:
    """Get a thread."""
    return answer(await threads.get(caller, thread_id))


@routes.post("/{thread_id}", gives=Thread, optional_body=True, repeatable=IN_THREAD)
async def modify(caller: Caller, thread_id: str, body: ModifyThread) -> Response:
    """Modify a thread: what is omitted stays, null resets."""
    return answer(await threads.modify(caller, thread_id, body))


@routes.delete("/{thread_id}", gives=Deleted)
async def delete(caller: Caller, thread_id: str) -> Response:
    """Delete a thread with its messages, runs and steps."""
    return answer(await threads.delete(caller, thread_id))
