"""A request's body on its way through the host to the worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Self

import aiohttp

#: Pieces that wait for the worker; then the caller waits.
WAITING = 4


class TooLarge(Exception):
    """A body without a Content-Length turned out to be over the limit."""


class Upload:
    """The body is read to its end, whether the worker still wants it or not: until then the host gives no answer."""

    def __init__(self, content: aiohttp.StreamReader, most: int):
        self._content, self._most = content, most
        self._waiting: asyncio.Queue[bytes | Exception] = asyncio.Queue(WAITING)
        self._wanted = True

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def pieces(self) -> AsyncIterator[bytes]:
        """What the worker gets. Raises TooLarge, or what the caller's connection broke with."""
        while piece := await self._waiting.get():
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def end(self) -> None:
        """Let the caller send the rest, which nobody wants. Raises TooLarge."""
        self._wanted = False
        while not self._waiting.empty():
            self._waiting.get_nowait()
        await self._reading

    async def _read(self) -> None:
        try:
            size = 0
            while piece := await self._content.readany():
                size += len(piece)
                if size > self._most:
                    raise TooLarge
                await self._hand_on(piece)
        except Exception as error:
            await self._hand_on(error)
            raise
        await self._hand_on(b"")

    async def _hand_on(self, piece: bytes | Exception) -> None:
        if self._wanted or not piece:
            await self._waiting.put(piece)
