"""What a request brings, read strictly: its JSON body, its list parameters, and who sent it."""

from __future__ import annotations

import json
import re
from typing import Final, Literal, TypeVar, cast

from fastapi import Request
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from shared.deps import Deps
from shared.errors import InvalidRequest
from shared.files.files import too_large
from shared.objects.parse import out_of_bounds, parse, wrong_type, wrong_value
from shared.paging import ListQuery

Model = TypeVar("Model", bound=BaseModel)

#: A JSON body; the contract's own limits let a new thread grow to some 20 MB.
MAX_BODY: Final = 32 * 1024 * 1024

INTEGER: Final = re.compile(r"-?[0-9]+")

MALFORMED: Final = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The API expects a JSON payload, but what was sent was not valid JSON.)"
)


def caller(request: Request) -> tuple[Deps, str]:
    """The ports, and the owner whose key was presented."""
    return request.app.state.deps, request.scope["box"].owner


async def body(request: Request, model: type[Model]) -> Model:
    """The body as a request model; no body is an empty object. Raises ApiError."""
    raw = await _bytes(request)
    try:
        value: object = from_json(raw, allow_inf_nan=False) if raw.strip() else {}
        # A number such as 1e999 is read as infinite, and has no form in which it could be answered.
        if b"Infinity" in to_json(value, inf_nan_mode="constants"):
            json.dumps(value, allow_nan=False)
    except ValueError:
        raise InvalidRequest(MALFORMED) from None
    return parse(model, value)


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


async def _bytes(request: Request) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BODY:
            raise too_large(MAX_BODY, size)
        pieces.append(piece)
    return b"".join(pieces)
