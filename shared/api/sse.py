"""Server-sent events: one line of JSON per event, sent the moment it happens, with a comment when nothing does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Final

from fastapi.responses import StreamingResponse

from shared.runs.events import Event, Listener

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
                event = await asyncio.wait_for(listener.events.get(), ping_seconds)
            except TimeoutError:
                yield PING
                continue
            said = [event]
            while not listener.events.empty():
                said.append(listener.events.get_nowait())
            yield b"".join(encode(each) for each in said if each is not None)
            if said[-1] is None:
                return
    finally:
        listener.leave()


def encode(event: Event) -> bytes:
    """One event as it goes over the wire."""
    # ASCII: there are more line ends than SSE's in Unicode, clients split at them; and half a pair has no encoding.
    data = event.data if isinstance(event.data, str) else json.dumps(event.data, separators=(",", ":"))
    return f"event: {event.name}\ndata: {data}\n\n".encode()
