"""Budgets in races: whoever takes turns at once, in however many processes, overshoots by less than one turn."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from shared.app import storage_for
from shared.budgets.budgets import Budgets
from shared.budgets.ledger import MOST_OVER, Amount, Ledger
from shared.config import Settings
from shared.errors import RateLimited
from shared.llm.base import LlmError
from shared.objects.common import Usage
from shared.objects.run import Run, RunRecord
from shared.objects.thread import Counters
from shared.settings.values import BudgetLimits
from shared.wakes import Wakes

LIMIT, LARGEST = 1000, 200
ROOT = Path(__file__).parents[2]


def begun(owner: str, number: int) -> RunRecord:
    now = int(time.time())
    thread = f"thread_{number}_of_{os.getpid()}"
    run = Run(
        id=f"run_{number}", created_at=now, assistant_id="asst_1", thread_id=thread, model="m", expires_at=now + 600
    )
    return RunRecord(run=run, owner=owner, next=Counters(), first=Counters())


async def take_turns(budgets: Budgets, record: RunRecord, spent: list[int]) -> None:
    """Take turns until the budget is used up; their tokens are known when they are over, and were estimated before."""
    with pytest.raises(LlmError, match="You exceeded your current quota"):
        while True:
            await budgets.reserve(record, LARGEST // 2, LARGEST // 2)
            await asyncio.sleep(random.choice((0, 0.001)))
            used = random.randint(1, LARGEST)
            spent.append(used)
            record.spent = record.spent.plus(Usage(prompt_tokens=used, total_tokens=used))
            await budgets.settle(record, over=False)
    await budgets.settle(record, over=True)


async def race(home: Path, owner: str, processes: int, tasks: int) -> tuple[list[int], int]:
    """What was spent, turn by turn, and what the row says in the end."""
    settings = Settings(_env_file=None, box_home=home, budgets={"*": {"tokens_per_day": LIMIT}})
    spent: list[int] = []
    async with AsyncExitStack() as stack:
        budgets, wakes = [], Wakes()  # which siblings hear, too
        for _ in range(processes):
            storage = storage_for(settings)
            stack.push_async_callback(storage.store.close)
            budgets.append(Budgets(settings, storage.store, wakes, time.time))
        runs = (begun(owner, number) for number in range(processes * tasks))
        await asyncio.gather(*(take_turns(budgets[n % processes], run, spent) for n, run in enumerate(runs)))
        row = await storage.store.get(f"{owner}:budget", "budget")
    assert row is not None
    return spent, row.data["day"]["tokens"]


@pytest.mark.parametrize("races", [40, pytest.param(1000, marks=pytest.mark.long)])
async def test_many_races_overshoot_by_less_than_one_turn(tmp_path, races):
    overshot = 0
    for number in range(races):
        spent, told = await race(tmp_path, f"owner-{number}", processes=1 + number % 3, tasks=4)
        assert sum(spent) == told >= LIMIT
        assert sum(spent) - LIMIT < LARGEST
        overshot += sum(spent) > LIMIT
    assert overshot, "nobody ever overshot: the races prove nothing"


PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.unit.test_budgets import race
print(sum(asyncio.run(race(Path(sys.argv[1]), "me", 1, 6))[0]))
"""


async def test_processes_on_one_file_see_one_budget(tmp_path):
    await race(tmp_path, "makes-the-file", 1, 1)
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        for _ in range(3)
    ]
    told = await asyncio.gather(*(each.communicate() for each in started))
    spent = sum(int(out) for out, _ in told)
    assert LIMIT <= spent < LIMIT + LARGEST


async def test_no_more_runs_are_admitted_at_once_than_may_be_however_many_ask(tmp_path):
    settings = Settings(
        _env_file=None, box_home=tmp_path, budgets={"me": {"runs_at_once": 5, "requests_per_minute": 90}}
    )
    storage = storage_for(settings)
    several = [Budgets(settings, storage.store, storage.wakes, time.time) for _ in range(3)]
    runs = [begun("me", number) for number in range(30)]
    asked = (several[n % 3].admit(run) for n, run in enumerate(runs))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(each is None for each in outcomes) == 5
    assert all(isinstance(each, RateLimited) for each in outcomes if each is not None)
    await storage.store.close()


class TestLedger:
    """Times that pass, and drivers that die."""

    NOW = 1_796_000_000.0

    def ledger(self, data=None, now=NOW, **limits) -> Ledger:
        return Ledger(data, BudgetLimits(**limits), now)

    def test_a_total_that_is_told_twice_counts_once(self):
        ledger = self.ledger()
        for total in (100, 100, 150, 120):
            ledger.settle("run", Amount(total, total / 10), over=False)
        assert ledger.data["day"] == {"name": "20261130", "tokens": 150, "cost": 15.0}
        assert ledger.data["largest"]["tokens"] == 100

    def test_what_a_dead_driver_reserved_is_free_after_its_time(self):
        ledger = self.ledger(tokens_per_day=100)
        assert ledger.reserve("dead", Amount(100), self.NOW + 600) is None
        assert ledger.reserve("alive", Amount(90), self.NOW + 600) == 1.0
        later = self.ledger(ledger.data, self.NOW + 601, tokens_per_day=100)
        assert later.reserve("alive", Amount(90), self.NOW + 900) is None

    def test_the_next_driver_of_the_same_run_takes_its_place(self):
        ledger = self.ledger(tokens_per_day=100)
        assert ledger.reserve("run", Amount(90), self.NOW + 600) is None
        assert ledger.reserve("run", Amount(90), self.NOW + 600) is None

    def test_a_day_and_a_month_end_by_themselves(self):
        ledger = self.ledger(tokens_per_day=100)
        ledger.settle("run", Amount(100), over=True)
        assert ledger.shortage().limit == "tokens_per_day"
        tomorrow = self.ledger(ledger.data, self.NOW + 86_400, tokens_per_day=100, tokens_per_month=100)
        assert tomorrow.data["day"]["tokens"] == 0
        assert tomorrow.shortage() is None  # it is December by then

    def test_a_run_that_another_one_began_counts_once_however_long_it_waits_between_turns(self):
        ledger = self.ledger(tokens_per_day=1000)
        assert ledger.reserve("child", Amount(90), self.NOW + 7200) is None
        ledger.settle("child", Amount(100), over=False)
        later = self.ledger(ledger.data, self.NOW + 3600, tokens_per_day=1000)
        later.settle("child", Amount(150), over=True)
        assert later.data["day"]["tokens"] == 150
        assert self.ledger(later.data, self.NOW + 3600 + 1000).data["runs"] == {}

    def test_outputs_that_come_when_a_run_has_just_ended_take_no_place(self):
        ledger = self.ledger(runs_at_once=1)
        ledger.enter("run", self.NOW + 600)
        ledger.settle("run", Amount(10), over=True)
        ledger.enter("run", self.NOW + 600)  # the run was read before it ended
        assert ledger.crowded("next") is None

    def test_of_many_runs_that_are_over_the_latest_are_kept(self):
        data = None
        for number in range(3):
            ledger = self.ledger(data, self.NOW + number)
            ledger.enter("waits", self.NOW + 600)
            for each in range(MOST_OVER):
                ledger.settle(f"{number}-{each}", Amount(1), over=True)
            data = ledger.data
        kept = self.ledger(data, self.NOW + 3).data["runs"]
        assert {*kept} == {"waits", *(f"2-{each}" for each in range(MOST_OVER))}

    def test_runs_that_are_over_are_forgotten_and_those_that_wait_are_not(self):
        ledger = self.ledger()
        ledger.enter("over", self.NOW + 600)
        ledger.settle("over", Amount(10), over=True)
        ledger.enter("waits", self.NOW + 86_400)
        assert {*self.ledger(ledger.data, self.NOW + 1000).data["runs"]} == {"waits"}
        assert self.ledger(ledger.data, self.NOW + 40 * 86_400).data["runs"] == {}


async def test_money_without_prices_is_refused(tmp_path):
    settings = Settings(_env_file=None, box_home=tmp_path, budgets={"me": {"assistants": {"a": {"cost_per_day": 1}}}})
    storage = storage_for(settings)
    with pytest.raises(ValueError, match="PRICES"):
        Budgets(settings, storage.store, storage.wakes, time.time)
    await storage.store.close()
