"""Server-sent events: one line of JSON per event, sent the moment it happens, with a comment when nothing does.

A client that would not be let in any more hears no more of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.errors import ApiError, Unauthorized
from shared.runs.events import Event, Listener
from shared.store.base import StoreError

logger = logging.getLogger(__name__)

#: Proxies cut a silent connection after some minutes; clients ignore comments. As often, at the most, it is seen
#: whether the client may hear the stream still.
PING_SECONDS: Final = 15.0
PING: Final = b": ping\n\n"
#: Most streams are over by then: only for others is it watched whether the client leaves.
SOON: Final = 1.0

HEADERS: Final = (
    (b"cache-control", b"no-cache, no-store"),
    (b"x-accel-buffering", b"no"),
    (b"content-type", b"text/event-stream; charset=utf-8"),
)


class EventStream(Response):
    """The answer to a streaming request. A client that leaves stops the reading, not the run."""

    def __init__(self, listener: Listener, ping_seconds: float = PING_SECONDS) -> None:
        self.status_code = 200
        self.raw_headers = [*HEADERS]
        self._listener, self._ping_seconds = listener, ping_seconds
        #: When something was sent, by the event loop's clock.
        self._sent = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None
        #: What the client sees of whole events; None: all.
        self.shown: Callable[[bytes], bytes] | None = None
        #: Sees whether the client may hear the stream still. Raises Unauthorized, and what storage raises.
        self.check: Callable[[], Awaitable[None]] | None = None
        self._checking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what the listener hears, until that ends or the client leaves.

        What was said in the same moment goes out in one piece.
        """
        loop, listener = asyncio.get_running_loop(), self._listener
        self._sent = loop.time()
        self._timer = loop.call_later(min(SOON, self._ping_seconds), self._look, receive)
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            is_last = False
            while piece := await listener.read():
                if self.shown is not None:
                    piece = self.shown(piece)
                is_last = listener.is_over
                await send({"type": "http.response.body", "body": piece, "more_body": not is_last})
                del piece  # while nothing is said, nothing that was said is kept
                self._sent = loop.time()
            if not is_last:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._timer.cancel()
            for task in (self._watching, self._checking):
                if task is not None:
                    task.cancel()
            listener.leave()

    async def _until_left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.hang_up()

    async def _until_checked(self, check: Callable[[], Awaitable[None]]) -> None:
        try:
            await check()
        except Unauthorized as error:
            logger.info("stream shut", extra={"action": "stream_shut", "code": error.code})
            self._listener.break_off(Event("error", error.body()))
        except (ApiError, StoreError):
            return  # it cannot be told now: the next look tells

    def _look(self, receive: Receive) -> None:
        """Send a comment when nothing was sent for so long, and notice from now on when the client leaves.

        From the second look on, see whether it may hear the stream still: short streams need not.
        """
        loop = asyncio.get_running_loop()
        if self._watching is None:
            self._watching = loop.create_task(self._until_left(receive))
        elif self.check is not None and (self._checking is None or self._checking.done()):
            self._checking = loop.create_task(self._until_checked(self.check))
        left = self._sent + self._ping_seconds - loop.time()
        if left <= 0:
            self._listener.remark(PING)
        self._timer = loop.call_later(left if left > 0 else self._ping_seconds, self._look, receive)
