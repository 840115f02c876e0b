"""What carries requests to an endpoint: the SDK's client over aiohttp, with limits that it has no settings for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiohttp import ClientSession
from httpx2 import Limits, Response
from openai import DefaultAioHttpClient

from shared.whole_answers import WholeAnswers

#: More than a process can have open files: the SDK's own limit lets a thousand runs wait for the others.
_MOST_CONNECTIONS: Final = 1_000_000
#: Bytes of a header of an answer.
_LONGEST_HEADER: Final = 64 * 1024


# aiohttp below the SDK takes a third less processor time per turn than its own transport.
class Transport(WholeAnswers, DefaultAioHttpClient):
    """A client that takes what gateways add to an answer, and no answer without end."""

    def __init__(self) -> None:
        hooks = {"response": [_forget_body_of_redirect]}
        super().__init__(limits=Limits(max_connections=_MOST_CONNECTIONS), event_hooks=hooks)
        made: tuple[Any, ...] = (self._transport, *self._mounts.values())
        for each in made:
            if each is not None:
                each.get_client = partial(_session, each.get_client)


async def _forget_body_of_redirect(response: Response) -> None:
    """Leave unread what the client would read, be it without end, before it goes where the answer points."""
    if response.has_redirect_location:
        response._content = b""  # where `aread` would keep it
        await response.aclose()


def _session(make: Callable[[], ClientSession]) -> ClientSession:
    made = make()
    connector = made.connector
    made.detach()
    return ClientSession(connector=connector, max_line_size=_LONGEST_HEADER, max_field_size=_LONGEST_HEADER)
