"""`NAME-poison` in Azure, where the Functions host puts what failed too often: seen, given back, dropped.

The service shows 32 messages without touching them. To see more they are taken: hidden for some seconds, with one more
attempt counted, and let go again. What a running host holds at that moment is not seen.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeVar

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from shared import json_text
from shared.azure.account import code_of, retry
from shared.backoff import Backoff
from shared.json_types import Json
from shared.queue.base import PEEKED, Poison, PoisonMessage, QueueUnavailable

T = TypeVar("T")

#: Seconds for which messages are hidden while others are looked for, should that be broken off.
HIDDEN_SECONDS: Final = 60


class PoisonQueue:
    """The messages of one queue that failed too often."""

    def __init__(self, poison: QueueClient, send_back: Callable[[str], Awaitable[object]], backoff: Backoff) -> None:
        """The client leaves contents as they are, as `send_back` must, which raises QueueUnavailable."""
        self._poison, self._send_back, self._backoff = poison, send_back, backoff

    async def look(self) -> Poison:
        """How many there are, and who at the front cannot be read. Raises QueueUnavailable."""
        seen = await self._peek(PEEKED)
        unreadable = tuple(message.id for message in seen if body_of(message) is None)
        return Poison(max(await self._count(), len(seen)), unreadable)

    async def messages(self, limit: int) -> list[PoisonMessage]:
        """So many at the front; more than 32 are taken for it. Raises QueueUnavailable."""
        seen = await self._peek(min(limit, PEEKED))
        if limit > PEEKED and len(seen) == PEEKED:
            async with self._taken() as pages:
                seen = []
                async for page in pages:
                    seen += page
                    if len(seen) >= limit:
                        break
        return [_shown(each) for each in seen[:limit]]

    async def settle(self, ids: Collection[str] | None, *, give_back: bool) -> list[str]:
        """Take those, or all that are there now, out for good, or give them back; the ids of those that were there.

        Raises QueueUnavailable.
        """
        # What is given back may fail and come here again at once: that is not settled in the same go.
        most = await self._count() if ids is None else len(ids)
        settled: list[str] = []
        async with self._taken(settled) as pages:
            async for page in pages:
                for message in page:
                    if len(settled) < most and (ids is None or message.id in ids):
                        await self._settle(message, give_back)
                        settled.append(message.id)
                if len(settled) >= most:
                    break
        return settled

    async def _settle(self, message: QueueMessage, give_back: bool) -> None:
        if give_back:
            await self._send_back(message.content)
        await self._ask(partial(self._poison.delete_message, message))

    @asynccontextmanager
    async def _taken(self, settled: Collection[str] = ()) -> AsyncIterator[AsyncIterator[list[QueueMessage]]]:
        """All messages, page by page, hidden from others meanwhile; what is not settled is let go at the end."""
        held: dict[str, QueueMessage] = {}

        async def pages() -> AsyncIterator[list[QueueMessage]]:
            while page := await self._ask(self._take) or []:
                new = [message for message in page if message.id not in held]
                held.update((message.id, message) for message in page)
                if len(new) < len(page):
                    return  # the first come back: looking took longer than they were hidden
                yield new

        try:
            yield pages()
        finally:
            left = [message for message in held.values() if message.id not in settled]
            for start in range(0, len(left), PEEKED):
                await asyncio.gather(*map(self._let_go, left[start : start + PEEKED]))

    async def _take(self) -> list[QueueMessage]:
        pages = self._poison.receive_messages(
            messages_per_page=PEEKED, max_messages=PEEKED, visibility_timeout=HIDDEN_SECONDS
        )
        return [message async for message in pages]

    async def _let_go(self, message: QueueMessage) -> None:
        await self._ask(partial(self._poison.update_message, message.id, message.pop_receipt, visibility_timeout=0))

    async def _count(self) -> int:
        properties = await self._ask(self._poison.get_queue_properties)
        return 0 if properties is None else properties.approximate_message_count or 0

    async def _peek(self, limit: int) -> list[QueueMessage]:
        return await self._ask(partial(self._poison.peek_messages, limit)) or []

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """The answer; None if the queue, or the message, is not there or is somebody else's now."""
        try:
            return await retry(call, self._backoff)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            if code_of(error) == "PopReceiptMismatch":
                return None
            raise QueueUnavailable(str(error)) from error


def body_of(message: QueueMessage) -> Json | None:
    """The JSON object in a message as we and the host send them; None for anything else."""
    try:
        body = json_text.read(base64.b64decode(message.content, validate=True))
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _shown(message: QueueMessage) -> PoisonMessage:
    since = 0.0 if message.inserted_on is None else message.inserted_on.timestamp()
    return PoisonMessage(message.id, since, str(message.content))
