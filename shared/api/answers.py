"""Answers: stored JSON goes out as it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from shared import json_text
from shared.json_types import Json
from shared.paging import Page, list_json

#: Milliseconds after which polling helpers ask again.
POLL_AFTER: Final = 500
#: The same for what is younger than so many seconds; times of creation are whole seconds.
YOUNG: Final = ((1, 100), (2, 250))


NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class JsonResponse(Response):
    """JSON in ASCII."""

    media_type = "application/json"

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.body, self.status_code, self.background = body, status, None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
        self.raw_headers += [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ]


def answer(data: Json, status: int = 200, headers: Mapping[str, str] = NO_HEADERS) -> Response:
    """A JSON answer; every answer of the API but streams and downloads is made here."""
    return JsonResponse(json_text.ascii_bytes(data), status, headers)


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
