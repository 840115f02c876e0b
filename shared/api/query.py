"""The query parameters of a route: one declaration documents them and reads them for the handler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from shared.api.requests import list_query
from shared.json_types import Json


@dataclass(frozen=True, slots=True)
class Query:
    """One or more parameters of the query string that reach the handler as one value."""

    #: The handler's argument.
    argument: str
    #: As OpenAPI describes them; none for what the document does not mention.
    parameters: tuple[Json, ...]
    #: The value of a request. Raises InvalidRequest.
    read: Callable[[Request], object]


def parameter(name: str, schema: Json, description: str) -> Json:
    """A query parameter that may be left out, as OpenAPI describes it."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def text(name: str, description: str, *, values: list[str] | None = None, argument: str | None = None) -> Query:
    """A parameter read as `str | None`: one that is empty is as one that is not there.

    `values` are documented here and checked by the use case. The handler's argument is called like the parameter,
    unless `argument` names it.
    """

    def read(request: Request) -> str | None:
        return request.query_params.get(name) or None

    schema: Json = {"type": "string"} if values is None else {"type": "string", "enum": values}
    return Query(argument or name, (parameter(name, schema, description),), read)


def paging(default: int = 20, max_limit: int = 100) -> Query:
    """The parameters of every list, read as `query: ListQuery`; `limit` is from 1 to `max_limit`."""

    def read(request: Request) -> object:
        return list_query(request, default, max_limit)

    limits = {"type": "integer", "minimum": 1, "maximum": max_limit, "default": default}
    orders = {"type": "string", "enum": ["asc", "desc"], "default": "desc"}
    parameters = (
        parameter("limit", limits, "How many objects to return."),
        parameter("order", orders, "By creation time, newest first unless `asc`."),
        parameter("after", {"type": "string"}, "The id after which the page begins."),
        parameter("before", {"type": "string"}, "The id before which the page ends."),
    )
    return Query("query", parameters, read)


#: The parameters of most lists.
PAGE_QUERY: Final = paging()
