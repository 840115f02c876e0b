"""Routes of threads."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from shared.api.answers import answer, answer_list
from shared.api.json_body import body
from shared.api.openapi import Deleted, ListOf, documented, paging
from shared.api.requests import caller, list_query
from shared.api.routing import resource
from shared.objects.thread import CreateThread, ModifyThread, Thread
from shared.threads import threads

router = resource("/v1/threads", "Threads")


@router.post("", **documented(Thread, CreateThread, optional_body=True))
async def create(request: Request) -> Response:
    """Create a thread, with messages if there are any."""
    deps, owner = caller(request)
    return answer(await threads.create(deps, owner, await body(request, CreateThread)))


@router.get("", **documented(ListOf(Thread), query=paging()))
async def list_all(request: Request) -> Response:
    """List the threads (an extra: the hosted API never had it)."""
    deps, owner = caller(request)
    return answer_list(*await threads.list_page(deps, owner, list_query(request)))


@router.get("/{thread_id}", **documented(Thread))
async def retrieve(request: Request, thread_id: str) -> Response:
    """Get a thread."""
    deps, owner = caller(request)
    return answer(await threads.get(deps, owner, thread_id))


@router.post("/{thread_id}", **documented(Thread, ModifyThread, optional_body=True))
async def modify(request: Request, thread_id: str) -> Response:
    """Modify a thread: what is omitted stays, null resets."""
    deps, owner = caller(request)
    return answer(await threads.modify(deps, owner, thread_id, await body(request, ModifyThread)))


@router.delete("/{thread_id}", **documented(Deleted))
async def delete(request: Request, thread_id: str) -> Response:
    """Delete a thread with its messages, runs and steps."""
    deps, owner = caller(request)
    return answer(await threads.delete(deps, owner, thread_id))
