"""Server-sent events: one line of JSON per event, sent the moment it happens, with a comment when nothing does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from fastapi.responses import StreamingResponse

from shared.runs.events import Listener

#: Proxies cut a silent connection after some minutes; clients ignore comments.
PING_SECONDS: Final = 15.0
PING: Final = b": ping\n\n"


def event_stream(listener: Listener, ping_seconds: float = PING_SECONDS) -> StreamingResponse:
    """The answer to a streaming request. A client that leaves stops the reading, not the run."""
    headers = {"Cache-Control": "no-cache, no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(wire(listener, ping_seconds), media_type="text/event-stream", headers=headers)


async def wire(listener: Listener, ping_seconds: float) -> AsyncGenerator[bytes]:
    """The bytes of the stream; what was said in the same moment goes out in one piece."""
    try:
        while True:
            try:
                piece = await asyncio.wait_for(listener.read(), ping_seconds)
            except TimeoutError:
                yield PING
                continue
            if not piece:
                return
            yield piece
    finally:
        listener.leave()
