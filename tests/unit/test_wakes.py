"""Processes that share a home: what one calls, whoever waits for it in another hears at once."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from shared.queue.sqlite import SqliteQueue
from shared.siblings import AT_ONCE
from shared.sqlite import Database
from shared.wakes import Wakes, wakes_at

#: Longer than any test: who wakes by a poll is late.
LONG = 30.0


@asynccontextmanager
async def two(home: Path) -> AsyncIterator[tuple[Wakes, Wakes]]:
    """What two processes at this home have."""
    first, second = wakes_at(home, shared=True), wakes_at(home, shared=True)
    first.open()
    second.open()
    try:
        yield first, second
    finally:
        first.close()
        second.close()


def sockets(home: Path) -> list[str]:
    return os.listdir(home / "wake")


async def test_a_name_is_heard_here_and_by_the_sibling(tmp_path):
    async with two(tmp_path) as (first, second), asyncio.timeout(5):
        for caller in (first, second):
            with first.listening("run_1") as here, second.listening("run_1") as there:
                caller.call("run_1")
                await asyncio.gather(here.listen(LONG), there.listen(LONG))
    assert sockets(tmp_path) == []


async def test_nobody_hears_other_names(tmp_path):
    async with two(tmp_path) as (first, second):
        with second.listening("run_1") as ear, second.listening("run_2") as other:
            first.call("run_2")
            await other.listen(LONG)
            assert not ear.is_set()


async def test_a_call_between_two_looks_counts(tmp_path):
    wakes = Wakes()
    with wakes.listening("run_1") as ear:
        wakes.call("run_1")
        async with asyncio.timeout(5):
            await ear.listen(LONG)
        started = time.monotonic()
        await ear.listen(0.05)
        assert time.monotonic() - started >= 0.04, "it was heard once"


async def test_a_burst_reaches_a_sibling_that_is_too_busy_to_listen(tmp_path):
    """What its socket does not take is sent when it does."""
    async with two(tmp_path) as (first, second), asyncio.timeout(10):
        names = [f"run_{number}" for number in range(40 * AT_ONCE)]
        with ExitStack() as stack:
            ears = [stack.enter_context(second.listening(name)) for name in names]
            for name in names:
                first.call(name)
            await asyncio.gather(*(ear.listen(LONG) for ear in ears))


@pytest.fixture
def near() -> Iterator[Path]:
    """A home with a path that is short enough for the address of a socket."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


async def test_the_socket_of_a_process_that_was_killed_is_removed(near):
    async with two(near) as (first, second):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
            dead.bind(str(near / "wake" / "4711-dead"))
        assert len(sockets(near)) == 3
        with second.listening("run_1") as ear:
            first.call("run_1")
            async with asyncio.timeout(5):
                await ear.listen(LONG)
        assert len(sockets(near)) == 2


async def test_one_process_has_no_socket(tmp_path):
    wakes = wakes_at(tmp_path, shared=False)
    wakes.open()
    wakes.call("run_1")
    wakes.close()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="addresses of sockets are short there")
async def test_a_home_may_have_a_long_path(tmp_path):
    home = tmp_path / ("a" * 100) / ("b" * 100)
    async with two(home) as (first, second), asyncio.timeout(5):
        with second.listening("run_1") as ear:
            first.call("run_1")
            await ear.listen(LONG)


async def test_a_message_is_taken_at_once_by_another_process(tmp_path):
    databases = [Database(tmp_path / "box.db") for _ in range(2)]
    async with two(tmp_path) as wakes, asyncio.timeout(10):
        queues = [
            SqliteQueue(database, "runs", mine, poll_seconds=LONG)
            for database, mine in zip(databases, wakes, strict=True)
        ]
        took = []
        for number in range(20):
            receiving = asyncio.create_task(queues[1].receive(1, 30, LONG))
            await asyncio.sleep(0.01)
            sent = time.monotonic()
            await queues[0].send({"number": number})
            [message] = await receiving
            took.append(time.monotonic() - sent)
            await queues[1].delete(message)
    for database in databases:
        await database.close()
    assert sorted(took)[10] < 0.05
