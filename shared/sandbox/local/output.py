"""What an interpreter prints: read as it comes, kept up to a limit, never allowed to keep the event loop busy."""

from __future__ import annotations

import asyncio
import os
from typing import Final

#: Bytes of one read.
_PIECE: Final = 65536
#: Seconds between reads once nothing more is kept; the printing process waits meanwhile.
_PAUSE_SECONDS: Final = 0.01


class Output:
    """The reading end of the pipe that carries standard output and error."""

    def __init__(self, descriptor: int, limit: int):
        os.set_blocking(descriptor, False)
        self._descriptor: int | None = descriptor
        self._limit = limit
        self._kept = bytearray()
        self._cut = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self._read)

    def take(self) -> str:
        """The text so far, which is then forgotten."""
        text = self._kept.decode(errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
        if self._cut:
            text += f"\n[output was cut after {self._limit} bytes]"
        self._kept, self._cut = bytearray(), False
        return text

    def drain(self) -> None:
        """Read what is still in the pipe, when nobody writes any more."""
        while self._once():
            pass

    def close(self) -> None:
        """Stop reading, keeping what was read."""
        self.drain()
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _read(self) -> None:
        if self._once() and self._cut and self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._descriptor is not None:
            self._loop.add_reader(self._descriptor, self._read)

    def _once(self) -> bool:
        """Read and keep one piece; False when there is none."""
        if self._descriptor is None:
            return False
        try:
            piece = os.read(self._descriptor, _PIECE)
        except BlockingIOError:
            return False
        if not piece:
            self._loop.remove_reader(self._descriptor)  # the end would be reported for ever
            return False
        room = self._limit - len(self._kept)
        self._cut = self._cut or len(piece) > room
        self._kept += piece[:room]
        return True
