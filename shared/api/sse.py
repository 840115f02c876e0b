"""Server-sent events: one line of JSON per event, sent the moment it happens, with a comment when nothing does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.runs.events import Listener

#: Proxies cut a silent connection after some minutes; clients ignore comments.
PING_SECONDS: Final = 15.0
PING: Final = b": ping\n\n"

HEADERS: Final = {"Cache-Control": "no-cache, no-store", "X-Accel-Buffering": "no"}


class EventStream(Response):
    """The answer to a streaming request. A client that leaves stops the reading, not the run."""

    media_type = "text/event-stream"

    def __init__(self, listener: Listener, ping_seconds: float = PING_SECONDS) -> None:
        self.status_code = 200
        self.init_headers(HEADERS)
        self._pieces = wire(listener, ping_seconds)
        self._listener = listener
        #: What the client sees of whole events; None: all.
        self.shown: Callable[[bytes], bytes] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what the listener hears, until that ends or the client leaves."""
        watching = asyncio.create_task(self._until_left(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            is_last = False
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    if self.shown is not None:
                        piece = self.shown(piece)
                    is_last = self._listener.is_over
                    await send({"type": "http.response.body", "body": piece, "more_body": not is_last})
                    del piece  # while nothing is said, nothing that was said is kept
            if not is_last:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watching.cancel()

    async def _until_left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.hang_up()


async def wire(listener: Listener, ping_seconds: float) -> AsyncGenerator[bytes]:
    """The bytes of the stream; what was said in the same moment goes out in one piece."""
    loop = asyncio.get_running_loop()
    last = loop.time()
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        left = last + ping_seconds - loop.time()
        if left <= 0:
            listener.remark(PING)
        timer = loop.call_later(left if left > 0 else ping_seconds, look)

    timer = loop.call_later(ping_seconds, look)
    try:
        while piece := await listener.read():
            yield piece
            del piece
            last = loop.time()
    finally:
        timer.cancel()
        listener.leave()
