"""How much time an invocation has, and what happens when it is over."""

from __future__ import annotations

import asyncio
import math

import pytest

from shared import deadline
from shared.deadline import Overdue, Until, invocation, left, within


@pytest.mark.parametrize(
    ("override", "granted"),
    [("", 900), ("-1", 900), ("00:05:00", 300), ("1.00:00:30", 86430)],
)
def test_the_host_says_how_long(override: str, granted: float):
    assert deadline.function_timeout(override) == granted


async def test_work_ends_before_the_invocation_is_cut_and_that_before_the_host_cuts_it():
    clock = asyncio.get_running_loop().time
    begun = clock()
    with pytest.raises(Overdue), invocation(0.5):
        with pytest.raises(Overdue), within():
            await asyncio.sleep(10)
        assert 0.4 <= clock() - begun < 0.45
        await asyncio.sleep(10)
    assert clock() - begun < 0.5


async def test_tasks_of_an_invocation_share_its_end():
    async def seconds() -> float:
        return left()

    with invocation(600):
        task = asyncio.create_task(seconds())
    assert 500 < await task <= 540
    assert left() == math.inf


async def test_a_timeout_of_the_work_is_its_own():
    with pytest.raises(TimeoutError), invocation(60), within():
        raise TimeoutError


@pytest.mark.parametrize("is_late", [False, True])
async def test_who_is_cancelled_by_others_stays_so(is_late: bool):
    async def work() -> None:
        with Until(asyncio.get_running_loop().time() + (0 if is_late else 60)):
            try:
                await asyncio.sleep(0.01)
            finally:
                task.cancel()
                await asyncio.sleep(10)

    task = asyncio.create_task(work())
    await asyncio.wait([task])
    assert task.cancelled()
