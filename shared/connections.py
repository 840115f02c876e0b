"""Limits for those who connect to the embedded host and send no request; uvicorn knows none for them.

A connection is *waiting* while no whole request of it is there: only such are closed, those least recently heard first.
Streams may stay open for as long as they like.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if sys.platform != "win32":
    import resource

#: Seconds for the head of a request, from its first byte (or the connection) on.
HEAD_SECONDS: Final = 30.0
#: Seconds without a byte of a body that somebody waits for.
BODY_SECONDS: Final = 60.0
#: Descriptors left for files, storage and models.
RESERVED: Final = 128

TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_MANY: Final = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class GuardedProtocol(H11Protocol):
    """uvicorn's protocol with limits; `guarded` makes the class that one server uses."""

    most: ClassVar[int]
    head_seconds: ClassVar[float]
    body_seconds: ClassVar[float]
    #: The least recently heard first.
    waiting: ClassVar[dict[GuardedProtocol, None]]

    _timer: asyncio.TimerHandle | None = None
    #: When the head began; None between requests.
    _begun: float | None = None
    _heard = 0.0

    def connection_made(self, transport: Any) -> None:
        """Take the connection, at the cost of one that waits if there are too many."""
        super().connection_made(transport)
        self.waiting[self] = None
        self._begun = self._heard = self.loop.time()
        self._watch(self.head_seconds)
        if len(self.waiting) * 2 > self.most or len(self.connections) > self.most:
            next(iter(self.waiting)).end(TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.waiting.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note when something came, and whether the request is whole."""
        self._heard = self.loop.time()
        if self._begun is None:
            self._begun = self._heard
        super().data_received(data)
        self._sort()

    def on_response_complete(self) -> None:
        """The connection waits again, for its next request."""
        self._begun = None
        super().on_response_complete()
        self._sort()

    def end(self, words: bytes = b"") -> None:
        """Close, with a word if no answer has begun."""
        self.waiting.pop(self, None)
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            self.transport.write(words)
        self.transport.close()

    def _sort(self) -> None:
        self.waiting.pop(self, None)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and not self.transport.is_closing():
            self.waiting[self] = None
            if self._timer is None and self._begun is not None:
                self._watch(self.head_seconds)

    def _watch(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """End a request that is late, or look again when it might be."""
        self._timer = None
        if self not in self.waiting or self._begun is None:
            return
        now = self.loop.time()
        if self.conn.their_state is h11.SEND_BODY:
            left = self.body_seconds if self.flow.read_paused else self._heard + self.body_seconds - now
        else:
            left = self._begun + self.head_seconds - now
        if left <= 0:
            self.end(TOO_LATE)
        else:
            self._watch(left)


def guarded(
    most: int, *, head_seconds: float = HEAD_SECONDS, body_seconds: float = BODY_SECONDS
) -> type[GuardedProtocol]:
    """The protocol of a server with at most so many connections, and no more than descriptors are there for."""
    if sys.platform != "win32":
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors != resource.RLIM_INFINITY:
            most = min(most, max(descriptors - RESERVED, 16))
    own = {"most": most, "head_seconds": head_seconds, "body_seconds": body_seconds, "waiting": {}}
    return type("Protocol", (GuardedProtocol,), own)
