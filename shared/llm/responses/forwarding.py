"""The provider port over the model's endpoint: a call goes out with our credentials, its answer comes back as it is.

Nothing is repeated here: clients do that themselves, as they would against the provider.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from shared.deadline import Overdue, within
from shared.errors import ProviderError
from shared.llm.provider import ProviderAnswer, ProviderCall
from shared.llm.responses import unreachable
from shared.llm.responses.endpoint import CONNECT_SECONDS, CredentialRefused, Endpoint
from shared.llm.responses.event_errors import Events, error_event
from shared.llm.responses.forwarded_errors import LONGEST_ERROR, NOT_AGAIN, PASSED_HEADERS, refused
from shared.llm.responses.probe import NO_IDENTITY

if TYPE_CHECKING:
    from httpx2 import Response

logger = logging.getLogger(__name__)

#: Seconds without a byte of the answer, as the SDKs wait.
SILENT_SECONDS: Final = 600.0
AGENT: Final = "api-in-a-box"
EVENTS: Final = "text/event-stream"
BROKE_OFF: Final = "The model's provider broke the answer off."
NO_CONNECTION: Final = "The model's provider could not be reached."


class EndpointProvider:
    """`Provider` at a Responses API endpoint."""

    def __init__(self, endpoint: Endpoint):
        self._endpoint = endpoint

    @asynccontextmanager
    async def call(self, call: ProviderCall) -> AsyncGenerator[ProviderAnswer]:
        """The answer while the block lasts. Raises ProviderError, and what the body's pieces raise."""
        response = await self._send(call)
        try:
            if not response.is_success:
                text = await _beginning(response)
                raise refused(response.status_code, response.headers, text, response.request.url.host)
            headers = {name: response.headers[name] for name in PASSED_HEADERS if name in response.headers}
            if "content-encoding" in response.headers:
                headers.pop("content-length", None)  # it is decoded on the way
            yield ProviderAnswer(response.status_code, headers, _pieces(response))
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    async def _send(self, call: ProviderCall) -> Response:
        """The answer's head; the body goes out before it, or beside it."""
        from httpx2 import Timeout

        body = call.body if isinstance(call.body, bytes) else _Outgoing(call.body)
        try:
            with within():
                transport = self._endpoint.transport()
                request = transport.build_request(
                    "POST",
                    self._endpoint.base_url.rstrip("/") + call.path,
                    content=body,
                    headers={
                        "Accept": call.accept,
                        "Accept-Encoding": "identity",
                        "Authorization": await self._endpoint.authorization(),
                        "Content-Type": call.content_type,
                        "User-Agent": AGENT,
                    },
                    timeout=Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS),
                )
                return await transport.send(request, stream=True, follow_redirects=False)
        except _foreign_errors() as error:
            if isinstance(body, _Outgoing) and body.failure is not None:
                raise body.failure from None
            raise _not_reached(error, call.path) from error


class _Outgoing:
    """A body's pieces; what they raised would otherwise come back as a trouble of the connection."""

    def __init__(self, pieces: AsyncIterator[bytes]):
        self._pieces = pieces
        self.failure: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield piece
        except Exception as error:
            self.failure = error
            raise


async def _pieces(response: Response) -> AsyncIterator[bytes]:
    """The body as it comes; errors within a stream of events are told without hosts and keys."""
    events = Events(response.request.url.host)
    streamed = response.headers.get("content-type", "").startswith(EVENTS)
    try:
        async with aclosing(_arriving(response)) as arriving:
            async for piece in arriving:
                if whole := events.feed(piece) if streamed else piece:
                    yield whole
    except _foreign_errors() as error:
        broken = _broken_off(error, response.request.url.path)
        if not (streamed and events.between_events):
            raise broken from error
        yield error_event(broken)
        return
    if streamed and (rest := events.rest()):
        yield rest


async def _arriving(response: Response) -> AsyncGenerator[bytes]:
    """The pieces of the body, each within the time that the host grants. Raises Overdue and the transport's errors."""
    pieces = response.aiter_bytes()
    while True:
        with within():
            piece = await anext(pieces, None)
        if piece is None:
            return
        yield piece


async def _beginning(response: Response) -> str:
    """What the provider said of an error, as far as anybody reads."""
    read = b""
    try:
        async with aclosing(_arriving(response)) as arriving:
            async for piece in arriving:
                read += piece
                if len(read) >= LONGEST_ERROR:
                    break
    except _foreign_errors():
        logger.info("the rest of an error was lost", extra={"action": "provider_error_cut"})
    return read[:LONGEST_ERROR].decode(errors="replace")


def _not_reached(error: Exception, path: str) -> ProviderError:
    told, status = unreachable.kind(error) or NO_CONNECTION, 502
    headers: dict[str, str] = {}
    if isinstance(error, CredentialRefused):
        told, headers = NO_IDENTITY, NOT_AGAIN
    elif isinstance(error, Overdue) or told == unreachable.NO_ANSWER:
        # The provider may be at work still, and asks for money again.
        told, status, headers = unreachable.NO_ANSWER, 504, NOT_AGAIN
    _log(error, path, status)
    return ProviderError(told, status, headers=headers)


def _broken_off(error: Exception, path: str) -> ProviderError:
    late = isinstance(error, Overdue) or unreachable.kind(error) == unreachable.NO_ANSWER
    _log(error, path, 504 if late else 502)
    return ProviderError(unreachable.NO_ANSWER, 504) if late else ProviderError(BROKE_OFF, 502)


def _log(error: Exception, path: str, status: int) -> None:
    extra = {
        "action": "provider_failed",
        "path": path,
        "status": status,
        "reason": unreachable.story(error, str(error)),
    }
    logger.warning("provider failed", extra=extra)


def _foreign_errors() -> tuple[type[Exception], ...]:
    """What may come out of the transport, the credential, and settings that are no address."""
    from aiohttp import ClientError
    from azure.core.exceptions import AzureError
    from httpx2 import HTTPError, InvalidURL

    return (CredentialRefused, Overdue, AzureError, ClientError, HTTPError, InvalidURL, OSError, ValueError)
