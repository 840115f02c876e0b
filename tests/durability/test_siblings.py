"""Two processes of the embedded host at one address, of which either is killed: the other has all it needs."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.durability.hosts import RUNS, Client, Hosts, live_dangerously, patience
from tests.durability.stories import SERVER_TOOLS, STORIES, assistant, check, tell

pytestmark = pytest.mark.long

STORY = "mixed"


@pytest.fixture
def environment() -> dict[str, str]:
    return {"BOX_PROCESSES": "2"}


async def up(hosts: Hosts) -> None:
    """Wait until they hear one another: whoever is stopped earlier may hold the database's lock."""
    wake = hosts.home / "wake"
    async with patience("the sockets of both"):
        while {str(pid) for pid in hosts.pids} - {name.partition("-")[0] for name in names_in(wake)}:  # noqa: ASYNC110  a folder has no event
            await asyncio.sleep(0.02)


def names_in(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


@asynccontextmanager
async def client_of(hosts: Hosts, pid: int) -> AsyncIterator[Client]:
    """A client whose connection this process has accepted, as the other one was asleep."""
    client, others = Client(hosts), [each for each in hosts.pids if each != pid]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        await client.get("assistants")
    finally:
        for other in others:
            with suppress(ProcessLookupError):
                os.kill(other, signal.SIGCONT)
    try:
        yield client
    finally:
        await client.close()


async def tell_across(first: Client, second: Client, assistant_id: str) -> tuple[str, dict[str, Any]]:
    """A run is begun at the first process; the second is asked how it goes, and gets the outputs."""
    thread = await first.thread(STORIES[STORY][0])
    run = await first.begin(thread, assistant_id, SERVER_TOOLS.get(STORY, "*"))
    return thread, await second.finish(thread, run)


@pytest.mark.parametrize("mortal", ["first", "second"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_of_either_at_every_commit_in_turn(hosts, when, mortal):
    for count in range(1, 25):
        die = f"{when}:{count}"
        first = hosts.start("sibling", die if mortal == "first" else "")
        second = hosts.start("sibling", die if mortal == "second" else "")
        await up(hosts)
        async with client_of(hosts, first) as begins, client_of(hosts, second) as goes_on:
            assistant_id = await assistant(begins)
            telling = asyncio.create_task(tell_across(begins, goes_on, assistant_id))
            dying = asyncio.create_task(hosts.death(first if mortal == "first" else second))
            thread, run = await telling
            await asyncio.wait({dying}, timeout=0.2)
            await check(goes_on, hosts, STORY, thread, run)
            survived = not dying.done()
            dying.cancel()
        await hosts.close()
        if survived:
            assert count > 2, "it should have died at least twice"
            return
    raise AssertionError("the story never ended")


async def test_many_runs_under_random_deaths(hosts, client):
    """Whoever dies is started again, as the parent does; connections wait meanwhile."""
    for _ in range(2):
        hosts.start("sibling")
    assistant_id = await assistant(client)
    names = [random.choice([*STORIES]) for _ in range(RUNS)]

    async def kill() -> None:
        await hosts.kill(random.choice(hosts.pids))
        hosts.start("sibling")

    ends = await live_dangerously([tell(client, assistant_id, story) for story in names], kill, at_once=10)

    for story, (thread, run) in zip(names, ends, strict=True):
        await check(client, hosts, story, thread, run)
