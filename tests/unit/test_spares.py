"""Messages that nobody needs any more: used again, or removed."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import pytest

from shared.prepared import Prepared
from shared.queue.base import QueueUnavailable, Received, Sent
from shared.queue.spares import Spares


class Notes:
    """A queue that notes what it is asked, and can lose messages to somebody else, or fail."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.taken: set[Sent] = set()
        self.fails = False

    async def send(self, body, delay=0.0) -> Sent:
        self.asked.append(("send", body["n"]))
        return Sent(len(self.asked))

    def prepare(self, body, delay, spare=None) -> Prepared[Sent]:
        return Prepared(partial(self.send, body) if spare is None else partial(self.replace, spare, body))

    async def replace(self, spare, body) -> Sent:
        self.asked.append(("replace", body["n"]))
        if self.fails:
            raise QueueUnavailable
        return await self.send(body) if spare in self.taken else Sent(len(self.asked))

    async def delete(self, message: Received | Sent) -> None:
        self.asked.append(("delete", message.handle))
        if self.fails:
            raise QueueUnavailable


@pytest.fixture
def queue() -> Notes:
    return Notes()


@pytest.fixture
def spares(queue) -> Spares:
    return Spares(queue)


async def send(spares: Spares, n: int, delay: float = 60) -> Sent:
    message = spares.prepare({"n": n}, delay)
    await message.make()
    return message.outcome


async def test_a_message_that_is_not_needed_becomes_the_next_one(queue, spares):
    for n in range(3):
        await spares.take_back(await send(spares, n), 60)
    assert queue.asked == [("send", 0), ("replace", 1), ("replace", 2)]


async def test_what_is_needed_stays(queue, spares):
    for n in range(3):
        await send(spares, n)
    assert queue.asked == [("send", 0), ("send", 1), ("send", 2)]


async def test_one_that_somebody_has_taken_is_not_used(queue, spares):
    sent = await send(spares, 0)
    await spares.take_back(sent, 60)
    queue.taken.add(sent)
    await send(spares, 1)
    assert queue.asked == [("send", 0), ("replace", 1), ("send", 1)]


async def test_who_cannot_tell_whether_it_was_sent_says_so(queue, spares):
    await spares.take_back(await send(spares, 0), 60)
    queue.fails = True
    with pytest.raises(QueueUnavailable):
        await send(spares, 1)
    await send(spares, 2)
    assert queue.asked == [("send", 0), ("replace", 1), ("send", 2)]


@pytest.mark.parametrize(("kept", "left"), [(0.05, 60), (60, 0.1)])
async def test_one_that_nobody_uses_is_removed_before_it_comes(queue, kept, left):
    spares = Spares(queue, kept)
    await spares.take_back(await send(spares, 0), left)
    async with asyncio.timeout(5):
        while queue.asked[-1] != ("delete", 1):  # noqa: ASYNC110  the double has no event for it
            await asyncio.sleep(0.01)
    await send(spares, 1)
    assert queue.asked == [("send", 0), ("delete", 1), ("send", 1)]


async def test_one_that_may_be_there_already_is_removed_at_once(queue, spares):
    await spares.take_back(await send(spares, 0, 0), 0)
    assert queue.asked == [("send", 0), ("delete", 1)]


async def test_whoever_closes_leaves_none_behind(queue, spares):
    for sent in [await send(spares, n) for n in range(3)]:
        await spares.take_back(sent, 60)
    await spares.close()
    await spares.close()
    assert queue.asked[3:] == [("delete", 1), ("delete", 2), ("delete", 3)]


async def test_one_that_cannot_be_removed_is_told(queue, spares, caplog):
    await spares.take_back(await send(spares, 0), 60)
    queue.fails = True
    with caplog.at_level(logging.WARNING):
        await spares.close()
    assert [record.action for record in caplog.records] == ["message_not_taken_back"]
