"""A POST to the endpoint whose answer is a stream of events, as plain dictionaries.

The SDK says where to, as whom and over which connections; what it does in between for each request and event costs
several times what is needed, and is not asked of it. What goes wrong is raised as the SDK and its transport raise it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from shared import json_text
from shared.json_types import Json
from shared.llm.responses.endpoint import CONNECT_SECONDS, Endpoint

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from httpx2 import AsyncClient

_REFUSED: Final = 400
_DATA: Final = b"data:"
_EVENT: Final = b"event:"
#: How nearly all events begin.
_NAMED: Final = b"event: "
#: Headers by which the SDK tells its makers how it is used.
_OF_THE_SDK: Final = "X-Stainless-"
_LAST: Final = b"[DONE]"
#: Bytes of one event; more is no event but an answer without end, which would fill the memory.
_MOST_BYTES: Final = 64 * 1024 * 1024
#: Bytes of all events of a turn, which is kept whole. The longest turns of today (128,000 tokens) take some 40 MB.
_MOST_OF_A_TURN: Final = 2 * _MOST_BYTES
#: Bytes of a refusal that are looked at.
_LONGEST_REFUSAL: Final = 64 * 1024


class EventLines:
    """Server-sent events out of the pieces in which they arrive."""

    def __init__(self, unread: frozenset[bytes] = frozenset()) -> None:
        """Of events with the names `unread` nothing but the `type` is read."""
        self._unread = unread
        self._held: list[bytes] = []
        self._size = self._fed = 0

    def feed(self, piece: bytes) -> list[Json]:
        """The events that are whole by now. Raises ValueError for what is no JSON object, or has no end."""
        self._held.append(piece)
        self._size += len(piece)
        self._fed += len(piece)
        if self._size > _MOST_BYTES:
            raise ValueError("an event without end")
        if self._fed > _MOST_OF_A_TURN:
            raise ValueError("a turn without end")
        if b"\n" not in piece and b"\r" not in piece:
            return []  # within a line: joining it now, and again with each piece, would take ever longer
        text, after = b"".join(self._held), b""
        if b"\r" in text:
            # The other half of a line end may be on its way.
            text, after = (text[:-1], b"\r") if text.endswith(b"\r") else (text, b"")
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *blocks, rest = text.split(b"\n\n")
        self._held, self._size = [rest, after], len(rest) + len(after)
        return [event for block in blocks if (event := self._event(block)) is not None]

    def _event(self, block: bytes) -> Json | None:
        name, usual, text = block.partition(b"\ndata: ")
        if usual and name.startswith(_NAMED) and b"\n" not in text:
            name, text = name[len(_NAMED) :], text.strip()
        else:
            name, text = _parts(block)
        if name in self._unread:
            return {"type": name.decode()}
        if not text or text.startswith(_LAST):
            return None
        event = json_text.read(text)
        if not isinstance(event, dict):
            raise ValueError("an event that is no object")
        return event


def _parts(block: bytes) -> tuple[bytes, bytes]:
    """The name and the data of an event, whatever its lines."""
    name, data = b"", []
    for line in block.split(b"\n"):
        if line.startswith(_DATA):
            data.append(line[len(_DATA) :])
        elif line.startswith(_EVENT):
            name = line[len(_EVENT) :].strip()
    return name, b"\n".join(data).strip()


class EventAnswer:
    """An answer that began well; leaving its block ends it, and frees the connection if it was read to its end."""

    def __init__(self, response: ClientResponse, unread: frozenset[bytes]) -> None:
        self.headers: Mapping[str, str] = response.headers
        self._response, self._lines = response, EventLines(unread)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.release()

    async def events(self) -> list[Json]:
        """The next events, those of a piece together; none when the answer is over.

        Raises APIError for one that tells of nothing but an error, ValueError for what is no event.
        """
        while piece := await self._response.content.readany():
            if events := self._lines.feed(piece):
                for event in events:
                    if event.get("error"):
                        raise _told(event["error"], str(self._response.url))
                return events
        return []

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing more to read."""
        return self._response.content.at_eof()

    async def read_to_the_end(self) -> None:
        """Read and forget what is left."""
        while not self.has_ended:
            await self._response.content.readany()


class Wire:
    """The way to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._headers: dict[str, str] | None = None
        self._url = ""
        #: What carried the last request, and what it was found for.
        self._carrier: tuple[ClientSession, Json] | None = None
        self._carried_by: AsyncClient | None = None

    async def post(self, path: str, body: Json, seconds: float, unread: frozenset[bytes]) -> EventAnswer:
        """The answer, of which each piece may take `seconds`; whoever has it ends it.

        Raises APIStatusError for a refusal, ClientError and OSError for a connection, ValueError for a body or a
        credential that cannot be sent, and what the credential raises.
        """
        from aiohttp import ClientTimeout

        timeout = ClientTimeout(sock_connect=min(seconds, CONNECT_SECONDS), sock_read=seconds, connect=seconds)
        headers, data = await self._all_headers(), json_text.utf8_bytes(body)
        session, proxy = self._session()
        response = await session.post(self._url + path, data=data, headers=headers, timeout=timeout, **proxy)
        if response.status >= _REFUSED:
            async with response:
                raise await _refusal(response)
        return EventAnswer(response, unread)

    async def _all_headers(self) -> dict[str, str]:
        if self._headers is None:
            client = self._endpoint.client()
            named = client.default_headers.items()
            self._headers = {
                name: value for name, value in named if isinstance(value, str) and not name.startswith(_OF_THE_SDK)
            }
            self._url = str(client.base_url).rstrip("/")
        authorization = await self._endpoint.authorization()
        authorization.encode("ascii")
        return {**self._headers, "Authorization": authorization}

    def _session(self) -> tuple[ClientSession, Json]:
        transport = self._endpoint.transport()
        if self._carrier is None or self._carried_by is not transport:
            self._carrier, self._carried_by = _carrier(transport, self._url), transport
        return self._carrier


def _carrier(transport: Any, url: str) -> tuple[ClientSession, Json]:
    """The session below the SDK's transport, and the proxy that the environment names for this address."""
    from aiohttp import BasicAuth, ClientSession
    from httpx2 import URL

    chosen = transport._transport_for_url(URL(url))
    if not isinstance(chosen.client, ClientSession):
        chosen.client = chosen.get_client()
    if chosen.proxy is None:
        return chosen.client, {}
    auth = None if chosen.proxy.auth is None else BasicAuth(*chosen.proxy.auth)
    return chosen.client, {
        "proxy": str(chosen.proxy.url),
        "proxy_auth": auth,
        "proxy_headers": dict(chosen.proxy.headers),
    }


async def _beginning(response: ClientResponse) -> bytes:
    """The body, as far as anybody reads a refusal; leaving the rest unread ends the connection."""
    read = b""
    while len(read) < _LONGEST_REFUSAL and (piece := await response.content.readany()):
        read += piece
    return read[:_LONGEST_REFUSAL]


async def _refusal(response: ClientResponse) -> Exception:
    """The error that the SDK makes of such an answer."""
    from httpx2 import Request, Response
    from openai import APIStatusError

    content = await _beginning(response)
    headers = [(name, value) for name, value in response.raw_headers if name.lower() != b"content-encoding"]
    request = Request("POST", str(response.url))
    answer = Response(response.status, headers=headers, content=content, request=request)
    try:
        body: Any = json_text.read(content)
    except ValueError:
        body = answer.text
    told = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(body, dict) and isinstance(told, str):
        # As xAI has it: the words in place of the object, the code beside them.
        told = {"message": told, "code": body.get("code")}
    return APIStatusError(f"Error code: {response.status}", response=answer, body=told)


def _told(error: object, url: str) -> Exception:
    from httpx2 import Request
    from openai import APIError

    message = error.get("message") if isinstance(error, dict) else error
    return APIError(str(message or "An error occurred during streaming"), request=Request("POST", url), body=error)
