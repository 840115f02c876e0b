"""HTTP clients for answers that are read whole: one without end costs neither memory nor time without end."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httpx2

#: Bytes of an answer, unpacked. The longest that anybody waits for are model turns and charts.
MOST_BYTES: Final = 64 * 1024 * 1024


class WholeAnswers(httpx2.AsyncClient):
    """A client whose answers are bounded, errors included: in bytes, and by the request's `read` seconds in all.

    These seconds begin with the request: a head that trickles in counts, too. What is asked for as a stream is its
    reader's business. With another kind of client behind it (`class Both(WholeAnswers, Other)`) it bounds that one's
    answers.
    """

    async def send(self, request: Any, *, stream: bool = False, **options: Any) -> Any:
        """The answer with its body. Raises what the client does; ReadError and ReadTimeout past the limits."""
        if stream:
            return await super().send(request, stream=True, **options)
        try:
            async with asyncio.timeout(request.extensions["timeout"]["read"]):
                response = await super().send(request, stream=True, **options)
                try:
                    # Where `aread` would keep it, had that a limit.
                    response._content = await _body(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise httpx2.ReadTimeout("the answer had no end", request=request) from error
        return response


async def _body(response: Any) -> bytes:
    read = bytearray()
    async for piece in response.aiter_bytes():
        read += piece
        if len(read) > MOST_BYTES:
            raise httpx2.ReadError(f"the answer has more than {MOST_BYTES // 2**20} MB", request=response.request)
    return bytes(read)
