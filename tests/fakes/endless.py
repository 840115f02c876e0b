"""A server whose answers have no end: each goes on until its reader has had enough, or until a bound of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

#: Bytes after which even this server gives up.
GIVES_UP = 200 * 1024 * 1024
PIECE = b" " * 1024 * 1024


@dataclass
class Endless:
    """How it answers, and what became of that."""

    status: int = 200
    #: Seconds between two pieces, and the bytes of one.
    pause: float = 0.0
    piece: bytes = PIECE
    #: Seconds between two bytes of its head.
    head_pause: float = 0.0
    #: Where its answers point.
    location: str = ""
    #: Where it listens; what was asked for, and bytes that were sent for each.
    url: str = ""
    asked: list[str] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split(b"\r\n")[0].decode())
            self.sent.append(0)
            place = len(self.sent) - 1
            begin = f"HTTP/1.1 {self.status} So\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            begin += f"Location: {self.location}\r\n\r\n" if self.location else "\r\n"
            for byte in begin if self.head_pause else [begin]:
                writer.write(byte.encode())
                await writer.drain()
                await asyncio.sleep(self.head_pause)
            while self.sent[place] < GIVES_UP:
                writer.write(b"%x\r\n%b\r\n" % (len(self.piece), self.piece))
                await writer.drain()
                self.sent[place] += len(self.piece)
                await asyncio.sleep(self.pause)
        writer.close()


@asynccontextmanager
async def endless(server: Endless) -> AsyncIterator[str]:
    """Serve on loopback; yields the address."""
    listening = await asyncio.start_server(server._answer, "127.0.0.1", 0)
    try:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield server.url
    finally:
        listening.close()
        for each in server._open:
            each.close()
        await listening.wait_closed()
