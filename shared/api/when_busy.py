"""`When-Busy: queue` over HTTP: a request for a thread whose run is not over waits in line instead of being refused."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from shared.errors import InvalidRequest
from shared.json_types import Json

HEADER: Final = "when-busy"
#: As it is among a request's headers.
NAME: Final = HEADER.encode()
#: The one thing to ask for: else the request is refused.
QUEUE: Final = "queue"

#: As the OpenAPI document has it.
PARAMETER: Final[Json] = {
    "name": "When-Busy",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": [QUEUE]},
    "description": "`queue`: while a run is active on the thread, the request waits in line, and is not refused.",
}


def is_to_wait(request: Request) -> bool:
    """Whether the request may wait until its thread is free. Raises InvalidRequest for words that nobody knows."""
    given = request.headers.getlist(HEADER)
    if not given:
        return False
    asked = ", ".join(given)  # as whoever forwards them may have done before
    if {each.strip().lower() for each in asked.split(",")} != {QUEUE}:
        words = f"Invalid 'When-Busy' header: '{asked}'. Supported values are: '{QUEUE}'."
        raise InvalidRequest(words, code="invalid_value")
    return True
