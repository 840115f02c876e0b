"""The loop that hands messages of a queue on: what the queue trigger does on Azure, everywhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from shared.json_types import Json
from shared.queue.base import Queue, QueueUnavailable, Received

logger = logging.getLogger(__name__)

#: As `maxDequeueCount` in host.json: after so many attempts a message is poison.
MOST_ATTEMPTS: Final = 5
#: As `visibilityTimeout` there: so many seconds after a failure it is tried again.
RETRY_DELAY: Final = 5.0

MessageHandler = Callable[[Json], Awaitable[None]]


class Consumer:
    """Handles up to `limit` messages of one queue at once until it is cancelled."""

    def __init__(
        self,
        queue: Queue,
        handle: MessageHandler,
        poisoned: MessageHandler,
        *,
        limit: int,
        visibility: float,
        retry_delay: float = RETRY_DELAY,
    ):
        self.queue, self.handle, self.poisoned = queue, handle, poisoned
        self.limit, self.visibility, self.retry_delay = limit, visibility, retry_delay
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take and handle messages. When cancelled, messages under way are cancelled too; they will come again."""
        try:
            while True:
                if len(self._running) >= self.limit:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                for message in await self._receive():
                    task = asyncio.create_task(self._one(message))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
        finally:
            for task in self._running:
                task.cancel()
            if self._running:
                await asyncio.wait(self._running)

    async def _receive(self) -> list[Received]:
        try:
            return await self.queue.receive(self.limit - len(self._running), self.visibility, wait=1.0)
        except QueueUnavailable:
            logger.warning("queue unavailable", extra={"action": "queue_unavailable"})
        except Exception:
            # A message that is not ours, perhaps: it must not end the work for good.
            logger.exception("queue not read", extra={"action": "queue_not_read"})
        await asyncio.sleep(self.retry_delay)
        return []

    async def _one(self, message: Received) -> None:
        try:
            await self.handle(message.body)
            await self.queue.delete(message)
        except Exception:
            logger.exception("message failed", extra={"action": "message_failed", "attempt": message.attempt})
            await self._put_back(message)

    async def _put_back(self, message: Received) -> None:
        try:
            if message.attempt >= MOST_ATTEMPTS:
                await self.poisoned(message.body)
                await self.queue.delete(message)
            else:
                await self.queue.retry(message, self.retry_delay)
        except Exception:
            # It becomes visible again by itself when its visibility runs out.
            logger.exception("message kept", extra={"action": "message_kept"})
