"""What waits for the caller's approval."""

from __future__ import annotations

from starlette.responses import Response

from shared.api.answers import answer
from shared.api.openapi import ListOf
from shared.api.query import PAGE_QUERY
from shared.api.routing import Routes
from shared.deps import Caller
from shared.objects.approval import Approval
from shared.paging import ListQuery, list_json
from shared.runs import approvals

routes = Routes("/v1/approvals", "Approvals")


@routes.get("", gives=ListOf(Approval), query=[PAGE_QUERY])
async def list_approvals(caller: Caller, query: ListQuery) -> Response:
    """List the tool calls that wait for approval, newest first."""
    found, has_more = await approvals.page(caller, query)
    return answer(list_json(found, has_more))
