"""The embedded host, killed."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from tests.durability.hosts import OVER, RUNS, die_at_every_commit, die_once, live_dangerously, patience
from tests.durability.stories import STORIES, assistant, check, check_usage, tell

CODE = {"type": "code_interpreter"}


#: What they consist of is in others, too.
OTHERS = [
    pytest.param(each, marks=pytest.mark.long)
    for each in ("text", "client function", "server tool", "letter", "approved")
]


@pytest.mark.parametrize("story", ["mixed", *OTHERS])
@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=pytest.mark.long)])
async def test_death_at_every_commit_in_turn(hosts, client, story, when):
    """A run is begun on a host that dies at its n-th commit, and ends on the next one, for n = 1, 2, ..."""
    runs: list[dict[str, Any]] = []
    lost = 0

    async def told() -> tuple[str, dict[str, Any]]:
        return await tell(client, await assistant(client), story)

    for count in range(1, 20):
        (thread, run), has_died = await die_once(hosts, f"{when}:{count}", told)
        await check(client, hosts, story, thread, run)
        await check_usage(client, runs := [*runs, run])
        events = (await client.get(f"threads/{thread}/runs/{run['id']}/events?limit=100"))["data"]
        lost += sum(each["type"] == "lease.lost" for each in events)
        await hosts.close()
        if not has_died:
            assert count > 2, "the host should have died at least twice"
            assert lost > 0, "no run says that it lost a driver"
            return
    raise AssertionError("the story never ended")


@pytest.mark.parametrize("when", ["before", "between", "after"])
async def test_death_at_every_commit_of_a_streamed_text(hosts, client, when):
    """Its message is stored before the model begins it: whoever goes on writes another, and leaves nothing behind."""

    async def listen() -> None:
        assistant_id = (await client.ask("POST", "assistants", {"model": "gpt-fake"})).json()["id"]
        thread = await client.thread(STORIES["text"][0])
        run = await client.finish(thread, await client.begin(thread, assistant_id, "", stream=True))
        await check(client, hosts, "text", thread, run)

    await die_at_every_commit(hosts, when, listen, least=2)


async def test_many_runs_under_random_deaths(hosts, client):
    hosts.start()
    assistant_id = await assistant(client)
    names = [random.choice([*STORIES]) for _ in range(RUNS)]

    async def kill() -> None:
        await hosts.kill(hosts.pids[0])
        hosts.start()

    ends = await live_dangerously([tell(client, assistant_id, story) for story in names], kill, at_once=10)

    for story, (thread, run) in zip(names, ends, strict=True):
        await check(client, hosts, story, thread, run)
    await check_usage(client, [run for _, run in ends])


@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_around_the_writing_of_usage_neither_loses_nor_doubles_it(hosts, client, when):
    """The host dies as it writes what a run has used: the run's watchdog brings the next one to do it."""
    mortal = hosts.start(die=f"{when}:1:usage")
    assistant_id = await assistant(client)
    ends = [await tell(client, assistant_id, "text")]
    async with patience("the death of the host"):
        await hosts.death(mortal)
    hosts.start()
    await check_usage(client, [run for _, run in ends])
    await client.ask("DELETE", f"threads/{ends[0][0]}")
    ends.append(await tell(client, assistant_id, "server tool"))
    await check_usage(client, [run for _, run in ends])


async def test_two_hosts_on_one_file_never_drive_one_run_at_once(hosts, client, tmp_path):
    hosts.start()
    hosts.start(role="worker")
    hosts.start(role="worker")
    assistant_id = await assistant(client)
    names = [random.choice([*STORIES]) for _ in range(RUNS)]

    ends = await asyncio.gather(*(tell(client, assistant_id, story) for story in names))

    for story, (thread, run) in zip(names, ends, strict=True):
        assert run["status"] in OVER
        await check(client, hosts, story, thread, run)
        sent = [call for call in hosts.letters() if hosts.letters().count(call) > 1]
        assert sent == []


@pytest.mark.parametrize("environment", [{"SIDE_EFFECTS_PER_HOUR": "2"}])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_around_the_count_of_a_letter_neither_sends_nor_counts_it_twice(hosts, client, when):
    """A letter that was counted and not sent is not sent by the next host; what is left of the limit is known by it."""
    mortal = hosts.start(die=f"{when}:1:counts")
    assistant_id = await assistant(client)
    telling = asyncio.create_task(tell(client, assistant_id, "letter"))
    await hosts.death(mortal)
    hosts.start()
    await check(client, hosts, "letter", *await telling)
    assert hosts.letters() == []

    left = 1 if when == "after" else 2
    for number in (1, 2, 3):
        thread, run = await tell(client, assistant_id, "letter")
        assert run["status"] == "completed"
        assert len(hosts.letters()) == min(number, left)
        steps = (await client.get(f"threads/{thread}/runs/{run['id']}/steps?order=asc"))["data"]
        output = steps[0]["step_details"]["tool_calls"][0]["function"]["output"]
        assert output == "sent" if number <= left else "2 calls with side effects an hour" in output


@pytest.mark.parametrize("environment", [{"SANDBOX": "unsafe-subprocess"}])
async def test_code_during_which_the_box_dies_twice_is_not_run_a_third_time(hosts, client):
    """What ends a box must not end every box that comes after it."""
    begun = hosts.home / "begun"
    code = f"open({str(begun)!r}, 'a').write('x')\nimport time\ntime.sleep(10)"
    pid = hosts.start()
    assistant_id = (await client.ask("POST", "assistants", {"model": "gpt-fake", "tools": [CODE]})).json()["id"]
    thread = await client.thread(f"call code_interpreter {json.dumps({'code': code})}\nthen\nsay Hello.")
    run = await client.begin(thread, assistant_id)

    for deaths in (1, 2):
        async with patience("the code to begin"):
            while not begun.exists() or begun.stat().st_size < deaths:  # noqa: ASYNC110  the code has no event for it
                await asyncio.sleep(0.02)
        await hosts.kill(pid)
        pid = hosts.start()

    assert (await client.finish(thread, run))["status"] == "completed"
    assert begun.read_text() == "xx"
    steps = (await client.get(f"threads/{thread}/runs/{run['id']}/steps?order=asc"))["data"]
    [call] = steps[0]["step_details"]["tool_calls"]
    assert "the box stopped" in call["code_interpreter"]["outputs"][0]["logs"]


@pytest.mark.parametrize("environment", [{"BUDGETS": '{"me": {"tokens_per_day": 1000000, "runs_at_once": 2}}'}])
@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=pytest.mark.long)])
async def test_death_at_every_change_of_a_budget_leaves_it_right(hosts, client, when):
    """What is used up is the sum of the runs, and no dead one keeps a place."""
    used = 0

    async def told() -> tuple[str, dict[str, Any]]:
        return await tell(client, await assistant(client), "server tool")

    for count in range(1, 8):
        (thread, run), _ = await die_once(hosts, f"{when}:{count}:budget", told)
        await check(client, hosts, "server tool", thread, run)
        used += run["usage"]["total_tokens"]
        await hosts.close()
    hosts.start()
    body = {"assistant_id": await assistant(client), "thread": {"messages": [{"role": "user", "content": "say Hi."}]}}
    begun = await client.ask("POST", "threads/runs", body)
    assert int(begun.headers["x-ratelimit-remaining-tokens"]) == 1_000_000 - used
