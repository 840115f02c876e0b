"""Messages for later that nobody needs any more: each waits a moment to become the next one that is sent.

A message that only insures, as a run's watchdog does, is sent and taken back with nearly every run: two requests. To
let one say something else is a single one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from shared.json_types import Json
from shared.prepared import Prepared
from shared.queue.base import Queue, QueueUnavailable, Sent

logger = logging.getLogger(__name__)

#: Seconds that a message waits for its next use before it is removed.
SPARE_SECONDS: Final = 5.0


class Spares:
    """Prepares messages to come later, and takes them back.

    Who dies leaves spare messages behind: they say what was true when they were sent, and come as every message may.
    """

    def __init__(self, queue: Queue, kept: float = SPARE_SECONDS) -> None:
        self._queue, self._kept = queue, kept
        #: With the timers that remove them, the newest last.
        self._spare: dict[Sent, asyncio.TimerHandle] = {}
        self._removing: set[asyncio.Task[None]] = set()

    def prepare(self, body: Json, delay: float) -> Prepared[Sent]:
        """As the queue's own, in place of a spare message if there is one."""
        spare = None
        if self._spare:
            # The newest: in a quiet hour the others are removed.
            spare, timer = self._spare.popitem()
            timer.cancel()
        return self._queue.prepare(body, delay, spare)

    async def take_back(self, sent: Sent, left: float) -> None:
        """The message is not needed, and will be visible in `left` seconds: it is removed before, or used again."""
        if left <= 0:
            await self._remove(sent)
        else:
            timer = asyncio.get_running_loop().call_later(min(self._kept, left / 2), self._expire, sent)
            self._spare[sent] = timer

    async def close(self) -> None:
        """Delete the messages that no run has taken, and wait until that is done."""
        for sent, timer in [*self._spare.items()]:
            timer.cancel()
            self._expire(sent)
        if self._removing:
            await asyncio.wait(self._removing)

    def _expire(self, sent: Sent) -> None:
        del self._spare[sent]
        task = asyncio.create_task(self._remove(sent))
        self._removing.add(task)
        task.add_done_callback(self._removing.discard)

    async def _remove(self, sent: Sent) -> None:
        try:
            await self._queue.delete(sent)
        except QueueUnavailable:
            logger.warning("message not taken back", extra={"action": "message_not_taken_back"})
