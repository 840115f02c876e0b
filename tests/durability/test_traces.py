"""Runs whose drivers die: whoever goes on, in whatever process, adds to the same trace."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.durability.hosts import Hosts, patience
from tests.fakes.collector import attribute, collector
from tests.fakes.weather import WEATHER

STORY = 'call get_weather {"city": "Oslo"}\nthen\ncall look_up {"word": "rain"}\nthen\nsay Hello.'


@pytest.fixture
def collected():
    with collector() as collected:
        yield collected


@pytest.fixture
def environment(collected):
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collected.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=s%20cret",
        "OTEL_BSP_SCHEDULE_DELAY": "20",
    }


async def test_a_run_whose_driver_dies_stays_one_trace(hosts: Hosts, client, collected):
    """The first turn was told by a process that died later, when it carried on what the client had answered."""
    assert await live(hosts, client, collected, "before:5")
    assert len(collected.instances) == 2
    assert len(collected.named("wait for tool outputs")) == 1
    assert collected.headers[-1]["x-key"] == "s cret"


@pytest.mark.long
async def test_death_before_each_commit_leaves_one_trace(hosts: Hosts, client, collected):
    for count in range(2, 20):
        dead = await live(hosts, client, collected, f"before:{count}")
        await hosts.close()
        if not dead:
            assert count > 4, "the host should have died at least three times"
            return
    raise AssertionError("the story never ended")


async def live(hosts: Hosts, client, collected, die: str) -> bool:
    """A run whose first host dies there, and another goes on: one trace. Whether the host died."""
    collected.spans.clear()
    collected.instances.clear()
    mortal = hosts.start(die=die)
    made = await client.ask("POST", "assistants", {"model": "gpt-fake", "name": "Helper", "tools": [WEATHER]})
    run = asyncio.create_task(begin_and_finish(client, made.json()["id"]))
    dying = asyncio.create_task(hosts.death(mortal))
    await asyncio.wait({run, dying}, return_when=asyncio.FIRST_COMPLETED)
    dead = dying.done()
    if dead:
        hosts.start()
    check(collected, await run, await told(collected, (await run)["id"]))
    dying.cancel()
    return dead


async def begin_and_finish(client, assistant_id: str) -> dict[str, Any]:
    thread = await client.thread(STORY)
    return await client.finish(thread, await client.begin(thread, assistant_id))


async def told(collected, run_id: str) -> Any:
    """The span of the run, when that of the lease has come, too, under which it ended: the last one that is told."""
    async with patience("the run's span", 20):
        while True:
            for whole in collected.named("invoke_agent"):
                ends = [each.end_time_unix_nano for each in collected.named("lease")]
                if attribute(whole, "box.run.id") == run_id and ends and max(ends) >= whole.end_time_unix_nano:
                    return whole
            await asyncio.sleep(0.02)


def check(collected, run: dict[str, Any], whole: Any) -> None:
    assert run["status"] == "completed"
    spans = [*collected.spans]
    assert len(collected.named("invoke_agent")) == 1
    assert {each.trace_id for each in spans} == {whole.trace_id}
    assert {each.parent_span_id for each in spans if each is not whole} == {whole.span_id}
    assert abs(whole.start_time_unix_nano / 1e9 - run["created_at"]) < 2
    assert whole.end_time_unix_nano > whole.start_time_unix_nano
    assert all(attribute(each, "box.lease.holder") for each in collected.named("lease"))
    assert collected.named("chat")
