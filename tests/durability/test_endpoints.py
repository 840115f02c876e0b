"""The embedded host, killed while one of its model's two endpoints fails half of the time."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest

from tests.durability.hosts import Client, Hosts, die_at_every_commit
from tests.durability.stories import assistant, check, tell
from tests.fakes.responses_server import FakeResponses, serving_in_thread


class BothCount(Client):
    """Knows what either endpoint has reported."""

    fakes: list[FakeResponses]

    async def reported(self, thread: str) -> int:
        return sum(fake.reported[thread] for fake in self.fakes)


@pytest.fixture
def fakes():
    return [FakeResponses(fault_rate=0.5), FakeResponses()]


@pytest.fixture
def urls(fakes):
    with ExitStack() as stack:
        yield [stack.enter_context(serving_in_thread(fake)) for fake in fakes]


@pytest.fixture
def model_url(urls):
    return urls[0]


@pytest.fixture
def environment(urls, turns):
    endpoints = {"spare": {"base_url": urls[1], "priority": 2}}
    return {"MODEL_ENDPOINTS": json.dumps(endpoints), "MODEL_TURNS": turns}


@pytest.fixture
async def client(hosts, fakes):
    client = BothCount(hosts)
    client.fakes = fakes
    yield client
    await client.close()


@pytest.mark.long
@pytest.mark.parametrize("turns", ["streamed", "background"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_at_every_commit_while_turns_go_on_elsewhere(hosts: Hosts, client, fakes, when, turns):
    async def told() -> None:
        thread, run = await tell(client, await assistant(client), "mixed")
        await check(client, hosts, "mixed", thread, run)
        steps = (await client.get(f"threads/{thread}/runs/{run['id']}/steps"))["data"]
        assert {step["metadata"]["endpoint"] for step in steps} <= {"main", "spare"}

    await die_at_every_commit(hosts, when, told, most=24)
    assert fakes[1].requests > 0, "nothing went on elsewhere"
