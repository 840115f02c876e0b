"""Answers: stored JSON goes out as it is."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from shared import json_text
from shared.json_types import Json
from shared.paging import Page, list_json

#: Milliseconds after which polling helpers ask again.
POLL_AFTER: Final = 500
#: The same for what is younger than so many seconds; times of creation are whole seconds.
YOUNG: Final = ((1, 100), (2, 250))


def answer(data: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer in ASCII; every answer of the API but streams and downloads is made here."""
    return Response(json_text.ascii_bytes(data), status, headers, "application/json")


def answer_page(page: Page) -> Response:
    """A list of records as they are stored."""
    return answer_list([record.data for record in page.records], page.has_more)


def answer_list(data: list[Json], has_more: bool) -> Response:
    """A list of objects as they are shown."""
    return answer(list_json(data, has_more))


def answer_polled(data: Json, now: int) -> Response:
    """An object that helpers ask for until it is over, and when to ask again: soon while it is young."""
    age = now - data["created_at"]
    after = next((milliseconds for seconds, milliseconds in YOUNG if age < seconds), POLL_AFTER)
    return answer(data, headers={"openai-poll-after-ms": str(after)})
