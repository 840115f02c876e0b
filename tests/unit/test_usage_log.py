"""What runs have used is written once each, and many that end together share a commit."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress

import pytest

from bench.counting import counting
from shared.app import build, storage_for
from shared.config import Settings
from shared.llm.scripted import ScriptedLlm
from shared.objects.common import Usage
from shared.objects.run import Run, RunRecord
from shared.objects.thread import Counters
from shared.store.base import Unavailable
from shared.usage import adding_up
from shared.usage.log import UsageLog

OWNER = "me"


def ended(number: int, tokens: int = 10, ended_at: float | None = None, owner: str = OWNER) -> RunRecord:
    run = Run(id=f"run_{number}", created_at=1, assistant_id="asst_1", thread_id="thread_1", model="m")
    spent = Usage(prompt_tokens=tokens, total_tokens=tokens)
    at = int(time.time() if ended_at is None else ended_at)
    return RunRecord(run=run, owner=owner, next=Counters(), first=Counters(), spent=spent, ended_at=at)


@pytest.fixture
async def counter():
    return Counter[str]()


@pytest.fixture
async def store(tmp_path, counter):
    settings = Settings(_env_file=None, box_home=tmp_path, sandbox="none")
    box = build(settings, storage=counting(storage_for(settings), counter), llm=ScriptedLlm())
    yield box.deps.store
    await box.close()


async def rows(store) -> list[dict]:
    return [row.data for row in await store.scan("me:usage", "!", "~", 1000)]


async def test_runs_that_end_within_a_second_share_a_commit(store, counter):
    log, done = UsageLog(store, time.time, wait=0.05), list[int]()

    async def call_off() -> None:
        done.append(len(done))

    for number in range(250):
        log.note(ended(number), call_off)
    log.note(ended(1, owner="other"), call_off)
    async with asyncio.timeout(5):
        while len(done) < 251:  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.01)
    assert counter == {"table.commit": 4}
    assert len(await rows(store)) == 250


async def test_a_run_that_was_written_before_is_left_alone_and_the_others_are_written(store):
    log = UsageLog(store, time.time)
    await log.write([ended(1), ended(1)])
    await log.write([ended(number) for number in range(3)])
    await log.write([ended(2)])
    await log.write_missing([ended(number) for number in range(4)])
    assert [row["input_tokens"] for row in await rows(store)] == [10] * 4


class Away:
    """A store that is away."""

    async def commit(self, partition, changes):
        raise Unavailable("throttled")


async def test_a_watchdog_stays_while_usage_cannot_be_written(caplog):
    log, done = UsageLog(Away(), time.time, wait=0), list[str]()

    async def call_off() -> None:
        done.append("called off")

    log.note(ended(1), call_off)
    await log.flush()
    assert done == []
    assert [record.action for record in caplog.records] == ["usage_not_written"]


class Dying:
    """A store of a host that dies before its n-th commit."""

    def __init__(self, store, count):
        self.store, self.count = store, count

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def commit(self, partition, changes):
        self.count -= 1
        if self.count == 0:
            raise asyncio.CancelledError
        return await self.store.commit(partition, changes)


async def test_days_are_added_up_though_the_host_dies_before_every_commit(store):
    long_ago = time.time() - 5 * 24 * 3600
    await UsageLog(store, lambda: long_ago).write([ended(number, number, long_ago) for number in range(180)])
    now = time.time()
    for count in range(1, 8):
        with suppress(asyncio.CancelledError):
            await adding_up.add_up(Dying(store, count), OWNER, now)
        now += 3600
        left = [row for row in await rows(store) if "runs" in row]
        assert sum(row["runs"] for row in left) == 180
        assert sum(row["input_tokens"] for row in left) == sum(range(180))
    assert len(left) == 1


async def test_two_hosts_that_add_up_at_once_lose_and_double_nothing(store):
    long_ago = time.time() - 5 * 24 * 3600
    await UsageLog(store, lambda: long_ago).write([ended(number, number, long_ago) for number in range(180)])
    for hours in range(4):
        await asyncio.gather(*(adding_up.add_up(store, OWNER, time.time() + 3600 * hours) for _ in range(3)))
    [row] = [row for row in await rows(store) if "runs" in row]
    assert (row["runs"], row["input_tokens"]) == (180, sum(range(180)))


async def test_who_comes_late_while_a_day_is_being_added_up_is_told_by_the_row_that_says_so(store):
    long_ago = time.time() - 5 * 24 * 3600
    log = UsageLog(store, time.time)
    await log.write([ended(1, 10, long_ago)])
    for hours in range(2):
        await adding_up.add_up(store, OWNER, time.time() + 3600 * hours)
    await asyncio.gather(*(log.write([ended(1, 10, long_ago)]) for _ in range(5)))
    assert sum(row.get("runs", 0) for row in await rows(store)) == 1
