"""Answers: stored JSON goes out as it is."""

from __future__ import annotations

import json

from fastapi.responses import Response

from shared.json_types import Json
from shared.paging import Page, list_json


def answer(data: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer in ASCII; every answer of the API but streams and downloads is made here."""
    # ASCII: half of a surrogate pair, which JSON can spell, has no other encoding.
    return Response(json.dumps(data, separators=(",", ":")).encode("ascii"), status, headers, "application/json")


def answer_page(page: Page) -> Response:
    """A list of records as they are stored."""
    return answer_list([record.data for record in page.records], page.has_more)


def answer_list(data: list[Json], has_more: bool) -> Response:
    """A list of objects as they are shown."""
    return answer(list_json(data, has_more))
