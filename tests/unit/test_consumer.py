"""The loop that works a queue goes on, whatever it meets there."""

from __future__ import annotations

import asyncio

from shared.queue.base import Received
from shared.queue.consumer import Consumer


class OddQueue:
    """Its first message is no JSON."""

    def __init__(self):
        self.answers = [ValueError("not JSON"), [Received({"n": 1}, 1, None)]]
        self.deleted = asyncio.Event()

    async def receive(self, limit, visibility, wait):
        if not self.answers:
            await asyncio.sleep(wait)
            return []
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def delete(self, message):
        self.deleted.set()


async def test_a_message_that_cannot_be_read_does_not_end_the_work():
    queue, handled = OddQueue(), []

    async def handle(body):
        handled.append(body)

    working = asyncio.create_task(Consumer(queue, handle, handle, limit=4, visibility=1, retry_delay=0).run())
    async with asyncio.timeout(5):
        await queue.deleted.wait()
    working.cancel()
    await asyncio.wait({working})

    assert handled == [{"n": 1}]
