"""Who waits for a busy model: nobody while it is not, owners in turn while it is; processes tell one another."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from shared import layout
from shared.app import storage_for
from shared.busy import LONGEST_PAUSE, LONGEST_SAID, Admission, BusyLines, TooLong, WaitingLine, key_of
from shared.config import Settings
from shared.store.base import Put
from shared.wakes import Wakes
from tests.fakes.ports import Port


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Queue:
    """Requests that wait in a line, and the order in which they were let go."""

    def __init__(self, busy: BusyLines) -> None:
        self.busy = busy
        self.order: list[str] = []
        self.let_go: list[Admission | None] = []
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, owner: str, times: int = 1, *, again: bool = False) -> None:
        self.tasks += [asyncio.create_task(self._ask(owner, again)) for _ in range(times)]

    async def _ask(self, owner: str, again: bool) -> None:
        admission = await self.busy.enter("m", owner, 100, again=again)
        self.order.append(owner)
        self.let_go.append(admission)

    async def serve(self, times: int = 1) -> None:
        """As many requests of those under way are served."""
        for _ in range(times):
            admission = self.let_go.pop(0)
            assert admission is not None
            admission.leave(served=True)
            await settled()


@pytest.fixture
async def queue():
    made = Queue(BusyLines())
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


async def test_nobody_waits_while_nothing_is_busy(queue):
    assert await queue.busy.enter("m", "me", 1) is None
    assert queue.busy.left("m") == 0


async def test_owners_take_turns_however_many_requests_they_have(queue):
    queue.busy.refused("m", 0.02)
    queue.ask("crowd", 200)
    await settled()
    queue.ask("one")
    queue.ask("two", 2)
    await asyncio.sleep(0.05)
    await queue.serve(6)
    assert queue.order[:3] == ["crowd", "one", "two"]
    assert queue.order[3:6] == ["crowd", "two", "crowd"]


async def test_one_goes_first_and_each_that_is_served_makes_room_for_one_more(queue):
    queue.busy.refused("m", 0.01)
    queue.ask("me", 20)
    await asyncio.sleep(0.03)
    assert len(queue.order) == 1
    await queue.serve()
    assert len(queue.order) == 3
    await queue.serve(2)
    assert len(queue.order) == 7


async def test_who_is_refused_halves_the_room_and_comes_before_others_of_its_owner(queue):
    queue.busy.refused("m", 0.01)
    queue.ask("me", 20)
    await asyncio.sleep(0.03)
    await queue.serve(3)
    under_way = len(queue.let_go)
    queue.busy.refused("m", 0.05)
    await queue.serve(2)
    assert len(queue.let_go) == under_way - 2, "nobody asks before the time is over"


async def test_a_request_that_is_abandoned_leaves_the_line_and_takes_no_place(queue):
    queue.busy.refused("m", 0.02)
    queue.ask("me", 3)
    await settled()
    queue.tasks[0].cancel()
    await settled()
    assert queue.busy.waiting("me") == 2
    await asyncio.sleep(0.05)
    assert len(queue.order) == 1
    queue.tasks[2].cancel()
    await settled()
    await queue.serve()
    assert await queue.busy.enter("m", "me", 1) is None, "it is as if it had never been busy"


async def test_a_request_that_is_not_answered_does_not_hold_the_others_up():
    queue = Queue(BusyLines(patience=0.05))
    queue.busy.refused("m", 0.01)
    queue.ask("me", 3)
    await asyncio.sleep(0.04)
    assert len(queue.order) == 1
    await asyncio.sleep(0.2)
    assert len(queue.order) == 3
    for admission in queue.let_go:
        assert admission is not None
        admission.leave(served=True)
    assert await queue.busy.enter("m", "me", 1) is None


async def test_nobody_waits_for_longer_than_there_is_time():
    clock = Clock()
    busy = BusyLines(clock=clock)
    busy.refused("m", 24 * 3600)
    with pytest.raises(TooLong) as caught:
        await busy.enter("m", "me", 600)
    assert caught.value.seconds == LONGEST_SAID
    clock.now += LONGEST_PAUSE + 1
    assert await busy.enter("m", "me", 600) is None, "somebody finds out whether the quota was raised"
    busy.refused("m", 0.5)
    with pytest.raises(TooLong):
        await busy.enter("m", "me", 0.01)


# -- processes --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def processes(home, clock=time.time, wakes=None):
    """Two processes of one box: a store, and what they call to one another."""
    storage = storage_for(Settings(_env_file=None, box_home=home, sandbox="none"))
    store, wakes = Port(storage.store), wakes or Wakes()
    busy = [BusyLines(store, wakes, clock), BusyLines(store, wakes, clock)]
    yield store, busy
    for each in busy:
        await each.close()
    await storage.store.close()


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not await condition():  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.02)


async def test_what_one_process_is_told_holds_for_the_others(tmp_path):
    async with processes(tmp_path) as (store, (one, two)):
        two.refused("m", 1.5)
        one.refused("m", 40)

        async def is_told() -> bool:
            return two.left("m") > 30

        await until(is_told)
        row = await store.get(layout.BOX, key_of("m"))
        assert 30 < row.data["until"] - time.time() < 41


@pytest.mark.parametrize("seconds", [24 * 3600, 1e20])
async def test_what_was_said_makes_a_pause_no_longer_when_it_is_heard_again(tmp_path, seconds):
    clock, wakes = Clock(), Wakes()
    async with processes(tmp_path, clock, wakes) as (_, (one, two)):
        one.refused("m", seconds)
        two.refused("m", 2)

        async def is_told() -> bool:
            return two.left("m") == LONGEST_PAUSE

        await until(is_told)
        clock.now += LONGEST_PAUSE / 2
        wakes.call(key_of("m"))
        await asyncio.sleep(0.6)  # both look again
        clock.now += LONGEST_PAUSE / 2 + 1
        assert (one.left("m"), two.left("m")) == (0, 0)


async def test_what_cannot_have_been_said_is_not_believed(tmp_path):
    async with processes(tmp_path) as (store, (one, _)):
        await store.commit(layout.BOX, [Put(key_of("m"), {"until": 1e20}, None)])
        one.refused("m", 5)

        async def is_mended() -> bool:
            row = await store.get(layout.BOX, key_of("m"))
            return bool(row.data["until"] < time.time() + 10)

        await until(is_mended)
        assert one.left("m") < 6


async def test_a_process_that_comes_later_learns_of_it_with_its_first_refusal(tmp_path):
    async with processes(tmp_path) as (store, (one, two)):
        one.refused("m", 40)

        async def is_written() -> bool:
            return await store.get(layout.BOX, key_of("m")) is not None

        await until(is_written)
        two.refused("m", 1)

        async def is_known() -> bool:
            return two.left("m") > 30

        await until(is_known)


async def test_many_refusals_at_once_are_one_row_written_once_and_short_ones_none(tmp_path):
    async with processes(tmp_path) as (store, (one, _)):
        written = []

        async def commit(own, *change):
            written.append(change)
            return await own(*change)

        store.replace(commit=commit)
        for _ in range(50):
            one.refused("m", 0.5)
        await asyncio.sleep(0.05)
        assert written == []
        for _ in range(50):
            one.refused("m", 30)
        await asyncio.sleep(0.5)
        assert len(written) == 1


async def test_a_pause_that_ends_while_one_looks_keeps_nobody_waiting():
    moments = iter([99.999999])
    line = WaitingLine(lambda: next(moments, 100.001))
    line.until = 100.0
    async with asyncio.timeout(1):
        await line.wait("ann", again=False)
    assert line.out == 1
