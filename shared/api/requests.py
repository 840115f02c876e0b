"""What a request brings beside its body, read strictly: its list parameters, and who sent it."""

from __future__ import annotations

import re
from typing import Final, Literal, cast

from starlette.requests import Request

from shared.deps import Caller
from shared.objects.parse import out_of_bounds, wrong_type, wrong_value
from shared.paging import ListQuery

INTEGER: Final = re.compile(r"-?[0-9]+")


def caller(request: Request) -> Caller:
    """The owner whose key was presented, with the host's ports."""
    return Caller(request.app.deps, request.scope["box"].owner)


def list_query(request: Request, limit: int = 20, max_limit: int = 100) -> ListQuery:
    """The list parameters of the query string. Raises InvalidRequest."""
    order = request.query_params.get("order") or "desc"
    if order not in ("asc", "desc"):
        raise wrong_value("order", order, ("asc", "desc"))
    return ListQuery(
        limit=_limit(request, limit, max_limit),
        order=cast("Literal['asc', 'desc']", order),
        after=request.query_params.get("after") or None,
        before=request.query_params.get("before") or None,
    )


def include(request: Request) -> list[str]:
    """`include[]` of the query string, in either spelling."""
    if not request.scope["query_string"]:
        return []
    return [*request.query_params.getlist("include[]"), *request.query_params.getlist("include")]


def _limit(request: Request, default: int, maximum: int) -> int:
    text = request.query_params.get("limit")
    if not text:
        return default
    if INTEGER.fullmatch(text) is None:
        raise wrong_type("limit", "an integer", text)
    # Python refuses to read very long numbers.
    limit = int(text[:20])
    if limit > maximum:
        raise out_of_bounds("limit", text, maximum, above=True)
    if limit < 1:
        raise out_of_bounds("limit", text, 1, above=False)
    return limit
