"""One request and its answer, as ASGI tells of them, on a connection that `connections` reads.

In place of uvicorn's own, which looks at every header by itself and writes a head and its body one after the other: two
packets, and a client that wakes up for half of an answer. Here a head waits for the first of its body, be it empty.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

logger = logging.getLogger(__name__)

#: What no header may have in it; a line of the head has two of them, at its end.
CONTROLS: Final = bytes([*range(9), *range(10, 32), 127])
#: Answers that never have a body, nor a word about its length.
BARE: Final = (204, 304)
FAILED: Final = b"HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

Header = tuple[bytes, bytes]


class Exchange:
    """A request that is read, and the answer to it; `run` lets an app give it. Names are those of uvicorn's."""

    __slots__ = (
        "_head",
        "_left",
        "_on_response",
        "_own_headers",
        "_waits_for_word",
        "body",
        "disconnected",
        "flow",
        "keep_alive",
        "message_event",
        "more_body",
        "response_complete",
        "response_started",
        "scope",
        "transport",
    )

    def __init__(
        self,
        scope: Scope,
        transport: asyncio.Transport,
        flow: FlowControl,
        *,
        own_headers: list[Header],
        expects_word: bool,
        keep_alive: bool,
        on_response: Callable[[], None],
    ) -> None:
        """`own_headers` go before those of the app. The client waits with its body if it `expects_word` first."""
        self.scope, self.transport, self.flow = scope, transport, flow
        self._own_headers, self._waits_for_word, self._on_response = own_headers, expects_word, on_response
        #: Whether the connection may have a next request.
        self.keep_alive = keep_alive
        #: Set when there is something to receive.
        self.message_event = asyncio.Event()
        #: What has come of the body and was not received, and whether more will.
        self.body, self.more_body = bytearray(), True
        self.disconnected = self.response_started = self.response_complete = False
        #: The head of the answer, until it is written.
        self._head = b""
        #: Bytes of the body still to come, as the head said; None: it said nothing, each piece tells its own length.
        self._left: int | None = None

    async def run(self, app: ASGIApp, tasks: set[asyncio.Task[None]]) -> None:
        """Let the app answer, as one of the server's tasks. An answer that it does not end is cut."""
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:  # of a task of its own, for which nobody waits
            logger.error("answer cut", extra={"action": "answer_cut"}, exc_info=error)
        finally:
            tasks.discard(task)
            self._on_response = _nothing  # the connection, which knows this
        if not self.response_complete and not self.disconnected:
            if not self.response_started:
                self.transport.write(FAILED)
            self.transport.close()

    def take(self, piece: bytes) -> None:
        """More of the body is there."""
        self.body += piece
        if len(self.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        self.message_event.set()

    def end_body(self) -> None:
        """The body is whole."""
        self.more_body = False
        self.message_event.set()

    async def receive(self) -> Message:
        """ASGI's `receive`."""
        if self._waits_for_word and not self.response_started and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._waits_for_word = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """ASGI's `send`. Raises RuntimeError for what is no answer."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        said = message["type"], self.response_started
        if said == ("http.response.start", False):
            self.response_started = True
            self._head = self._head_of(message["status"], [*self._own_headers, *message.get("headers", ())])
        elif said == ("http.response.body", True) and not self.response_complete:
            self._write(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} has no place here")

    def _head_of(self, status: int, headers: list[Header]) -> bytes:
        """The head in full. Raises ValueError for a header that would be two."""
        lines = [STATUS_LINE[status]] + [b"%b: %b\r\n" % header for header in headers]
        named = dict(headers)  # in small letters, as ASGI asks for
        length = named.get(b"content-length")
        if length is not None:
            self._left = int(length)
        elif self.scope["method"] == "HEAD" or status in BARE:
            self._left = 0
        elif b"transfer-encoding" not in named:
            lines.append(b"transfer-encoding: chunked\r\n")
        if b"close" in named.get(b"connection", b"").lower():
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        if len(head) - len(head.translate(None, CONTROLS)) != len(b"\r\n") * len(lines):
            raise ValueError("a header with a control character")
        return head + b"\r\n"

    def _write(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            body = b""
        elif self._left is None:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body += b"" if more else b"0\r\n\r\n"
        else:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body is not as long as its head says")
        self.transport.write(self._head + body)
        self._head = b""
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self._on_response()


def _nothing() -> None:
    pass
