"""The transport of `reach.client`: each request goes to addresses that were checked, and its answer is bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2

from shared.tls import tls
from shared.tools.base import NotTaken, ToolFailure
from shared.tools.hop import Hop


class Bounded(httpx2.AsyncByteStream):
    """The body of an answer. Raises ReadError past a limit."""

    def __init__(self, stream: Any, most_bytes: int) -> None:
        self._stream, self._most_bytes = stream, most_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for piece in self._stream:
            seen += len(piece)
            if seen > self._most_bytes:
                raise _not_taken(f"it is larger than {self._most_bytes // 1_000_000} MB")
            yield piece

    async def aclose(self) -> None:
        """Stop reading."""
        await self._stream.aclose()


class CheckedTransport(httpx2.AsyncBaseTransport):
    """A transport that goes to checked addresses only."""

    def __init__(self, check: Callable[[Any], Awaitable[Hop]], most_bytes: int, secret_query: dict[str, str]) -> None:
        """`check` gives a URL's addresses, or raises ToolFailure; `secret_query` is added where a query is sent."""
        self._check, self._most_bytes, self._secret_query = check, most_bytes, secret_query
        # A connection kept for an address would be used for another name without checking its certificate.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._inner = httpx2.AsyncHTTPTransport(verify=tls(), limits=limits, trust_env=False)

    async def handle_async_request(self, request: Any) -> Any:
        """The answer of the first address that can be reached. Raises ConnectError and ReadError."""
        try:
            hop = await self._check(request.url)
        except ToolFailure as failure:
            raise httpx2.ConnectError(str(failure)) from failure
        told = hop.told()
        request.headers.update(told["headers"] | {"Accept-Encoding": "identity"})
        request.extensions = {**request.extensions, **told["extensions"]}
        response = await self._first_answer(request, hop)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise _not_taken("it is compressed, though that was not asked for")
        response.stream = Bounded(response.stream, self._most_bytes)
        return response

    async def _first_answer(self, request: Any, hop: Hop) -> Any:
        refused: Exception = httpx2.ConnectError("no address")
        for address in hop.addresses:
            request.url = hop.at(address)
            if self._secret_query:
                request.url = request.url.copy_merge_params(self._secret_query)
            try:
                return await self._inner.handle_async_request(request)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                refused = error
            finally:
                request.url = hop.url
        raise refused

    async def aclose(self) -> None:
        """Release connections."""
        await self._inner.aclose()


def _not_taken(why: str) -> Exception:
    """What libraries know as a trouble of the connection; `reach.told` finds the words."""
    error = httpx2.ReadError(f"the answer was not taken: {why}")
    error.__cause__ = NotTaken(why)
    return error
