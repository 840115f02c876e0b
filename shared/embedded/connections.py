"""Limits for those who connect to the embedded host and send no request, or one without end; uvicorn knows none.

A connection is *waiting* while no whole request of it is there: only such are closed, those least recently heard first.
Streams may stay open for as long as they like. Requests are read by llhttp, in native code, which knows no limits
either, and takes a request that offers another protocol (h2c, as Java's client does) for the last one of HTTP.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import chain
from typing import Any, ClassVar, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.embedded.joined_writes import JoinedWrites
from shared.tasks import begun

if sys.platform != "win32":
    import resource

#: Seconds for the head of a request, from its first byte (or the connection) on.
HEAD_SECONDS: Final = 30.0
#: Seconds without a byte of a body that somebody waits for.
BODY_SECONDS: Final = 60.0
#: Bytes of a head, and of anything else than a body; what is read at once may go beyond.
HEAD_BYTES: Final = 64 * 1024
#: Descriptors left for files, storage and models.
RESERVED: Final = 128

TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_MANY: Final = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

#: Headers that offer another protocol.
OFFERS: Final = frozenset({b"upgrade", b"connection", b"http2-settings"})


class GuardedProtocol(HttpToolsProtocol):
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
    #: Whether the head of the request is there.
    _has_head = False
    #: To be answered as soon as all is read that has come.
    _next: tuple[RequestResponseCycle, Any] | None = None
    _reading = False
    #: Bytes since the parser last found something that is no part of a head, or what is too much of one.
    _unsaid = 0

    def connection_made(self, transport: Any) -> None:
        """Take the connection, at the cost of one that waits if there are too many."""
        super().connection_made(cast("asyncio.Transport", JoinedWrites(transport, self.loop)))
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
        self._unsaid += len(data)
        self._unset_keepalive_if_required()
        self._reading = True
        self._feed(data)
        self._reading = False
        if self._unsaid > HEAD_BYTES and not self.transport.is_closing():
            self.end(TOO_LARGE)
        if self._next is not None:
            (cycle, app), self._next = self._next, None
            self._begin(cycle, app)
        self._sort()

    def _feed(self, data: bytes) -> None:
        """Read what came. Many requests may be there at once, each with an offer of its own: no call within a call."""
        try:
            while data:
                try:
                    self.parser.feed_data(data)
                    data = b""
                except httptools.HttpParserUpgrade as offer:
                    data = self._without_offer(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def _without_offer(self, rest: bytes) -> bytes:
        """What to read to go on with HTTP/1.1: the request again, without the offer. Raises HttpParserError."""
        if self.parser.get_method() == b"CONNECT":
            raise httptools.HttpParserError("a tunnel is no request")
        if self._unsaid > HEAD_BYTES:
            return b""  # it is refused in a moment
        lines = [b"%b %b HTTP/1.1" % (self.parser.get_method(), self.url)]
        lines += [b"%b: %b" % pair for pair in self.headers if pair[0] not in OFFERS]
        self.parser = httptools.HttpRequestParser(self)
        return b"\r\n".join([*lines, b"", rest])

    # -- what the parser finds ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._has_head = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. One behind the body is left out: whoever checks the head has seen it by then."""
        if not self._has_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there: begin to answer, unless it offers another protocol: then it is read again, or refused."""
        self._unsaid = len(self.url) + sum(map(len, chain.from_iterable(self.headers)))
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            raise ValueError("not a version of ours")
        if self._unsaid > HEAD_BYTES or self.parser.should_upgrade():
            return
        self._has_head, self._unsaid = True, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """More of the body."""
        if self._has_head:
            self._unsaid = 0
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._has_head:
            self._unsaid = 0
            super().on_message_complete()

    # -- answers -----------------------------------------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Let a request be answered: once all is read that has come; one behind another in the loop's next turn."""
        if self._reading:
            self._next = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        task = begun(cycle.run_asgi(app))
        if not task.done():
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    # -- limits ------------------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """The connection waits again, for its next request."""
        self._begun = None
        super().on_response_complete()
        self._sort()

    def end(self, words: bytes = b"") -> None:
        """Close, with a word if no answer has begun."""
        self.waiting.pop(self, None)
        answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if not answering and not self.transport.is_closing():
            self.transport.write(words)
        self.transport.close()

    def _awaits_body(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and cycle.more_body and not self.pipeline

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _sort(self) -> None:
        self.waiting.pop(self, None)
        if (self._is_idle() or self._awaits_body()) and not self.transport.is_closing():
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
        if self._awaits_body():
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
