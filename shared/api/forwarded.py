"""A request handed on to the model's provider and its answer handed back, both as they come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import RootModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.api.json_body import body as json_body
from shared.api.multipart import parts
from shared.deps import Caller
from shared.errors import too_large
from shared.forwarding.calls import EMBEDDINGS, Naming, OtherCall, not_passed_on, outgoing
from shared.forwarding.form import MAX_FORM, OutgoingForm
from shared.json_types import Json
from shared.llm.provider import Provider, ProviderCall

logger = logging.getLogger(__name__)

#: Sixteen pictures, a mask and a dozen fields.
MAX_FORM_PARTS: Final = 40
#: Keys and values of a body for embeddings: 300,000 tokens, which providers take at once.
MAX_TOKENS: Final = 310_000
FORM: Final = "multipart/form-data"
#: For proxies, as on streams of our own.
UNBUFFERED: Final = (b"x-accel-buffering", b"no")


class AnyBody(RootModel[dict[str, Any]]):
    """An object whose members the provider knows."""


@dataclass(slots=True)
class Arriving:
    """The body of the request, and whether it is there."""

    over: asyncio.Event

    async def noting(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces, and then a note that there are no more."""
        async for piece in pieces:
            yield piece
        self.over.set()


async def forwarded(caller: Caller, request: Request, call: OtherCall) -> Response:
    """The provider's answer. Raises NotFoundError, InvalidRequest, and ProviderError while it is sent."""
    provider, settings = caller.deps.provider, caller.deps.settings
    info = request.scope["box"]
    if provider is None:
        raise not_passed_on(info.path, allowed=settings.forward_other_calls)
    naming = Naming(settings.model_aliases, info.deployment)
    accept = request.headers.get("accept", "")
    if not (accept.isascii() and accept.isprintable() and accept):
        accept = "*/*"  # no other can be sent on
    arriving = Arriving(asyncio.Event())
    if call.takes_form and request.headers.get("content-type", "").lower().startswith(FORM):
        form = OutgoingForm(call, naming)
        pieces = arriving.noting(form.pieces(parts(_of_size(request), MAX_FORM_PARTS)))
        outward = ProviderCall(call.path, form.content_type, pieces, accept)
    else:
        body: Json = (await _json(request, call)).root
        outward = ProviderCall(call.path, "application/json", outgoing(call, body, naming), accept)
        arriving.over.set()
    return Forwarded(provider, outward, arriving, caller.owner)


async def _json(request: Request, call: OtherCall) -> AnyBody:
    if call is EMBEDDINGS:
        return await json_body(request, AnyBody, MAX_TOKENS)
    return await json_body(request, AnyBody)


def _of_size(request: Request) -> Request:
    """The request, if it does not announce too much."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MAX_FORM:
        raise too_large(MAX_FORM, int(announced))
    return request


class Forwarded(Response):
    """The answer of the provider, asked for when this is sent. A client that leaves ends the call there, too."""

    def __init__(self, provider: Provider, call: ProviderCall, arriving: Arriving, owner: str):
        self._provider, self._call, self._arriving, self._owner = provider, call, arriving, owner
        self._status: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay until the answer is whole. Raises ProviderError, and ClientDisconnect."""
        started = time.perf_counter()
        relaying = asyncio.create_task(self._relay(send))
        leaving = asyncio.create_task(self._until_left(receive))
        try:
            await asyncio.wait([relaying, leaving], return_when=asyncio.FIRST_COMPLETED)
            if not relaying.done():
                raise ClientDisconnect
            await relaying
        finally:
            for task in (relaying, leaving):
                task.cancel()
            await asyncio.wait([relaying, leaving])
            self._log(time.perf_counter() - started)

    async def _relay(self, send: Send) -> None:
        async with self._provider.call(self._call) as answer:
            self._status = answer.status
            headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
            await send({"type": "http.response.start", "status": answer.status, "headers": [*headers, UNBUFFERED]})
            async for piece in answer.pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async def _until_left(self, receive: Receive) -> None:
        """Wait for the client to leave. While its body comes, whoever reads that would notice."""
        await self._arriving.over.wait()
        while (await receive())["type"] != "http.disconnect":
            pass

    def _log(self, seconds: float) -> None:
        extra = {
            "action": "call_forwarded",
            "owner": self._owner,
            "path": self._call.path,
            "status": self._status,
            "seconds": round(seconds, 3),
        }
        logger.info("call forwarded", extra=extra)
