"""What a run has used is counted once, whoever drove it and however it ended."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

from shared.llm.base import TurnUsage
from shared.llm.scripted import call, fail, text, usage
from shared.prepared import Earlier
from shared.runs import service
from shared.runs.worker import Worker
from shared.store.base import Change, Put
from tests.unit.workbench import Bench


async def steps(bench: Bench) -> list[Any]:
    first, last = "step_", "step`"
    return [row.data["step"] for row in await bench.box.deps.store.scan(bench.key.partition, first, last, 100)]


async def test_a_turn_that_a_dead_driver_left_is_marked_with_the_turn_that_follows(bench):
    await bench.begin()
    await bench.hold("somebody who dies", -1)
    bench.llm.script([text("Hi."), usage(100, 7)])

    await bench.box.handle_run(bench.message("watch"))

    record, [step] = await bench.record(), await steps(bench)
    assert (record.run.usage.total_tokens, step["usage"]["total_tokens"]) == (107, 107)
    assert step["metadata"] == {"usage": "partly reported"}


async def test_a_driver_that_dies_while_its_calls_are_carried_out_has_left_no_turn(bench):
    await bench.begin()
    bench.llm.script([call("send_letter", text="Dear Ann"), usage(100, 7)], [text("Sent."), usage(110, 8)])
    await bench.box.handle_run(bench.message("start"))
    assert [step["metadata"] for step in await steps(bench)] == [{}, {}]
    assert (await bench.record()).run.usage.total_tokens == 225


class Cancelling:
    """A store in which a client's cancellation comes right before the commit that ends the run."""

    def __init__(self, bench: Bench):
        self.bench, self.store = bench, bench.box.deps.store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def commit(self, partition: str, changes: Sequence[Change], *after: Earlier) -> list[str]:
        data = [each.data for each in changes if isinstance(each, Put) and each.key == self.bench.key.run_id]
        if data and data[0]["run"]["status"] == "completed":
            await service.cancel(self.bench.caller, self.bench.key)
        return await self.store.commit(partition, changes, *after)


async def test_a_turn_whose_usage_came_before_the_cancellation_is_counted(bench):
    """The provider has reported it, though what it wrote is not kept."""
    await bench.begin()
    bench.llm.script([text("Hi."), usage(100, 7)])
    deps = dataclasses.replace(bench.box.deps, store=Cancelling(bench))

    await Worker(deps).handle(bench.message("start"))

    run = (await bench.record()).run
    assert (run.status, run.usage.total_tokens) == ("cancelled", 107)


async def in_the_background(bench: Bench) -> None:
    bench.box.deps.settings.model_turns = "background"
    await bench.begin()
    await bench.box.handle_run(bench.message("start"))
    assert (await bench.record()).response_id is not None


async def test_what_a_cancelled_background_turn_used_is_counted(bench):
    bench.llm.polls_before_done, bench.llm.used_when_cancelled = 10, TurnUsage(100, 3)
    bench.llm.script([text("Hi.")])
    await in_the_background(bench)

    await service.cancel(bench.caller, bench.key)
    await bench.box.handle_run(bench.message("cancel"))

    run = (await bench.record()).run
    assert (run.status, run.usage.total_tokens) == ("cancelled", 103)


async def test_what_a_failed_background_turn_used_is_counted_once(bench):
    bench.llm.script([TurnUsage(100, 3), fail()])
    await in_the_background(bench)
    await asyncio.sleep(0)

    for _ in range(3):
        await bench.box.handle_run(bench.message("poll"))

    run = (await bench.record()).run
    assert (run.status, run.usage.total_tokens) == ("failed", 103)


async def test_what_a_lost_response_used_is_counted_with_the_turn_that_was_begun_anew(bench):
    bench.llm.script([usage(100, 3), fail(broke_off=True)], [text("Hi."), usage(110, 7)])
    await in_the_background(bench)
    await asyncio.sleep(0)
    for _ in range(3):
        await bench.box.handle_run(bench.message("poll"))
        await asyncio.sleep(0)

    run, [step] = (await bench.record()).run, await steps(bench)
    assert (run.status, run.usage.total_tokens, step["usage"]["total_tokens"]) == ("completed", 220, 220)
