"""What a connection is given to write in one moment goes out in one piece.

A server writes a head and its body one after the other; each would be a call of the operating system, a packet, and a
client that wakes up for half of an answer.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

#: Bytes that do not wait for more: from here on the transport tells when there is too much.
ENOUGH: Final = 64 * 1024


class JoinedWrites:
    """A transport that writes at the end of the moment; in all else it is the one that it was made of."""

    __slots__ = ("_loop", "_pieces", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keep the data until the moment is over, or there is enough."""
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= ENOUGH:
            self._send()

    def close(self) -> None:
        """Write what is kept, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        pieces, self._pieces, self._size = self._pieces, [], 0
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))
