"""Limits for those who connect to the embedded host and send no request, or one without end; uvicorn knows none.

A connection is *waiting* while no whole request of it is there: only such are closed, those least recently heard first.
Streams may stay open for as long as they like. Requests are read by llhttp, in native code, which knows no limits
either, and takes a request that offers another protocol (h2c, as Java's client does) for the last one of HTTP.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from itertools import chain
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.embedded.exchange import Exchange
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

    #: The newest request.
    cycle: Exchange  # type: ignore[assignment]
    #: Requests behind one that is not answered yet.
    pipeline: deque[Exchange]  # type: ignore[assignment]
    #: To be answered as soon as all is read that has come.
    _next: Exchange | None = None
    _timer: asyncio.TimerHandle | None = None
    #: When the head began; None between requests.
    _begun: float | None = None
    _heard = 0.0
    #: Whether the head of the request is there.
    _has_head = False
    #: Bytes since the parser last found something that is no part of a head, or what is too much of one.
    _unsaid = 0

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
        self._unsaid += len(data)
        self._feed(data)
        if self._unsaid > HEAD_BYTES and not self.transport.is_closing():
            self.end(TOO_LARGE)
        if self._next is not None:
            exchange, self._next = self._next, None
            self._start(exchange)
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
        self.url, self.headers, self._has_head = b"", [], False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. One behind the body is left out: whoever checks the head has seen it by then."""
        if not self._has_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is there: begin to answer, unless it offers another protocol: then it is read again, or refused."""
        self._unsaid = len(self.url) + sum(map(len, chain.from_iterable(self.headers)))
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise ValueError("not a version of ours")
        if self._unsaid > HEAD_BYTES or self.parser.should_upgrade():
            return
        self._has_head, self._unsaid = True, 0
        address = httptools.parse_url(self.url)
        path = address.path.decode("ascii")
        scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": self.parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": address.path,
            "query_string": address.query or b"",
            "headers": self.headers,
        }
        self._begin(scope, keep_alive=version != "1.0" and self.parser.should_keep_alive())

    def _begin(self, scope: Scope, *, keep_alive: bool) -> None:
        """Let the request be answered, after those before it."""
        before = self.cycle
        self.cycle = Exchange(
            scope,
            self.transport,
            self.flow,
            own_headers=self.server_state.default_headers,
            expects_word=dict(self.headers).get(b"expect", b"").lower() == b"100-continue",
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._next = self.cycle
        else:
            self.flow.pause_reading()
            self.pipeline.append(self.cycle)

    def _start(self, exchange: Exchange) -> None:
        """Let it be answered, by a task that the server then knows of."""
        begun(exchange.run(self.app, self.tasks))

    def on_body(self, body: bytes) -> None:
        """More of the body."""
        if self._has_head:
            self._unsaid = 0
            if not self.cycle.response_complete:
                self.cycle.take(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._has_head:
            self._unsaid = 0
            if not self.cycle.response_complete:
                self.cycle.end_body()

    # -- limits ------------------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """The connection waits again, for its next request, unless that is there."""
        self._begun = None
        self._heard = self.loop.time()
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self.loop.call_soon(self._start, self.pipeline.popleft())  # not within this one
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
            if self._timer is None:
                self._watch(self.head_seconds)

    def _watch(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """End a connection that is late with a request, or with the next one; or look again when it might be."""
        self._timer = None
        if self not in self.waiting:
            return
        now = self.loop.time()
        if self._begun is None:
            left = self._heard + self.timeout_keep_alive - now
        elif self._awaits_body():
            left = self.body_seconds if self.flow.read_paused else self._heard + self.body_seconds - now
        else:
            left = self._begun + self.head_seconds - now
        if left <= 0:
            self.end(b"" if self._begun is None else TOO_LATE)
        else:
            self._watch(min(left, self.head_seconds))


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
