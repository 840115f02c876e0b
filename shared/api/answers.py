"""Answers: stored JSON goes out as it is, every error in the one envelope."""

from __future__ import annotations

import json
import logging

from fastapi import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from shared.errors import ApiError, NotFoundError, ServerError
from shared.objects.common import Json
from shared.paging import Page, list_json
from shared.store.base import Conflict

logger = logging.getLogger(__name__)


def answer(data: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    # ASCII: half of a surrogate pair, which JSON can spell, has no other encoding.
    return Response(json.dumps(data, separators=(",", ":")).encode("ascii"), status, headers, "application/json")


def answer_page(page: Page) -> Response:
    """A list of records as they are stored."""
    return answer_list([record.data for record in page.records], page.has_more)


def answer_list(data: list[Json], has_more: bool) -> Response:
    """A list of objects as they are shown."""
    return answer(list_json(data, has_more))


def answer_error(error: Exception, method: str, request_id: str) -> Response:
    """The one place where errors become answers. What nobody foresaw is logged, and told to nobody."""
    if isinstance(error, ApiError):
        return answer(error.body(), error.status)
    logger.error("request failed", extra={"action": "request_failed", "request_id": request_id}, exc_info=error)
    # Clients repeat what fails this way; after a conflict nothing was written, otherwise nobody knows.
    harmless = method == "GET" or isinstance(error, Conflict)
    unknown = ServerError()
    return answer(unknown.body(), unknown.status, {"x-should-retry": "true" if harmless else "false"})


async def unknown_url(request: Request, error: Exception) -> Response:
    """No such route, or no such method on it. Both are the same to clients."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status not in (404, 405):
        raise error
    path = request.scope["box"].path
    not_there = NotFoundError(f"Invalid URL ({request.method} {path})")
    return answer(not_there.body(), not_there.status)
