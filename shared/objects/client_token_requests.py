"""The request that makes a token for a browser or a device."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from shared.objects.bounds import AtMost
from shared.objects.client_token import VERBS, Verb
from shared.objects.common import RequestBody

#: Seconds for which a token may be made, and is if nothing is said.
SHORTEST_SECONDS: Final = 60
LONGEST_SECONDS: Final = 3600
USUAL_SECONDS: Final = 600
#: Assistants of a token.
MOST_ASSISTANTS: Final = 20


class RequestedLimits(RequestBody):
    """How much may be done with the token."""

    messages: Annotated[int, Field(ge=0, le=10_000)] | None = None
    runs: Annotated[int, Field(ge=0, le=10_000)] | None = None
    #: In each run.
    completion_tokens: Annotated[int, Field(ge=256)] | None = None


class CreateClientToken(RequestBody):
    """The body of POST /client_tokens: what the bearer may do, in a thread that is there or one that it will make."""

    assistant_ids: Annotated[list[str], Field(min_length=1), AtMost(MOST_ASSISTANTS)]
    thread_id: str | None = None
    expires_in: Annotated[int, Field(ge=SHORTEST_SECONDS, le=LONGEST_SECONDS)] = USUAL_SECONDS
    verbs: Annotated[list[Verb], Field(min_length=1), AtMost(len(VERBS))] | None = None
    limits: RequestedLimits | None = None
