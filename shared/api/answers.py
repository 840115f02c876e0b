"""Answers: stored JSON goes out as it is."""

from __future__ import annotations

from fastapi.responses import Response

from shared import json_text
from shared.json_types import Json
from shared.paging import Page, list_json


def answer(data: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer in ASCII; every answer of the API but streams and downloads is made here."""
    return Response(json_text.ascii_bytes(data), status, headers, "application/json")


def answer_page(page: Page) -> Response:
    """A list of records as they are stored."""
    return answer_list([record.data for record in page.records], page.has_more)


def answer_list(data: list[Json], has_more: bool) -> Response:
    """A list of objects as they are shown."""
    return answer(list_json(data, has_more))
