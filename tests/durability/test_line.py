"""A busy thread's line, as its hosts die before or after any of their commits, and as two of them add to it at once."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import httpx2 as httpx
import pytest

from tests.durability.hosts import Client, die_at_every_commit, patience
from tests.durability.stories import assistant, check_events

#: It waits for its client until the line is complete.
FIRST = 'call get_weather {"city": "Oslo"}\nthen\nsay One.'


async def insist(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send a request that may wait in line again and again, until it is answered: it is carried out once."""
    headers = {"Idempotency-Key": secrets.token_hex(8), "When-Busy": "queue"}
    async with patience(f"an answer to {path}"):
        while True:
            try:
                response = await client.http.post(path, headers=headers, json=body)
            except httpx.TransportError:
                response = None
            if response is not None and response.status_code < 500:
                assert response.status_code == 200, response.text
                return dict(response.json())
            await asyncio.sleep(0.05)


async def begin(client: Client) -> tuple[str, str, dict[str, Any]]:
    """A thread whose run waits for its client, and the path below which things are added."""
    assistant_id = await assistant(client)
    thread = (await insist(client, "threads", {"messages": [said(FIRST)]}))["id"]
    path = f"threads/{thread}"
    run = await insist(client, f"{path}/runs", {"assistant_id": assistant_id})
    async with patience("a run that waits for its client"):
        while run["status"] != "requires_action":
            assert run["status"] in ("queued", "in_progress"), run
            await asyncio.sleep(client.hosts.poll_seconds)
            run = await client.get(f"{path}/runs/{run['id']}")
    return path, assistant_id, run


def said(words: str) -> dict[str, Any]:
    return {"role": "user", "content": words}


async def texts(client: Client, path: str) -> list[str]:
    messages = (await client.get(f"{path}/messages?order=asc&limit=100"))["data"]
    return [each["content"][0]["text"]["value"] for each in messages]


async def tell(client: Client) -> None:
    """Messages and runs join the line of a run; then that goes on. All come once, and in order."""
    path, assistant_id, first = await begin(client)
    runs = [first]
    await insist(client, f"{path}/messages", said("say Two."))
    runs.append(await insist(client, f"{path}/runs", {"assistant_id": assistant_id}))
    dropped = await insist(client, f"{path}/runs", {"assistant_id": assistant_id, "additional_messages": [said("No.")]})
    runs.append(
        await insist(
            client, f"{path}/runs", {"assistant_id": assistant_id, "additional_messages": [said("say Three.")]}
        )
    )
    await insist(client, f"{path}/messages", said("Thanks."))
    cancelled = await client.ask("POST", f"{path}/runs/{dropped['id']}/cancel")
    assert cancelled.status_code == 200 or "'cancelled'" in cancelled.text, cancelled.text

    thread = path.partition("/")[2]
    ended = [await client.finish(thread, each) for each in runs]
    assert [each["status"] for each in ended] == ["completed"] * 3, ended
    assert await texts(client, path) == [FIRST, "One.", "say Two.", "Two.", "say Three.", "Three.", "Thanks."]
    listed = (await client.get(f"{path}/runs?order=asc"))["data"]
    assert [each["id"] for each in listed] == [*(each["id"] for each in runs[:2]), dropped["id"], runs[2]["id"]]
    assert listed[2]["status"] == "cancelled"
    for each in runs:
        events = (await client.get(f"{path}/runs/{each['id']}/events?order=asc&limit=100"))["data"]
        check_events(events)
        assert [event["type"] for event in events].count("run.admitted") == (each is not first)
    assert (await client.ask("POST", f"{path}/messages", said("Bye."))).status_code == 200, "the thread is still locked"


@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=pytest.mark.long)])
async def test_whenever_a_host_dies_the_line_goes_on_in_order(hosts, client, when):
    await die_at_every_commit(hosts, when, partial(tell, client), least=12)


@pytest.mark.parametrize("environment", [{"BOX_PROCESSES": "2"}])
async def test_two_processes_add_to_a_line_at_once(hosts, client, environment):
    for _ in range(2):
        hosts.start(role="sibling")
    path, assistant_id, first = await begin(client)
    async with AsyncExitStack() as stack:
        clients = [Client(hosts) for _ in range(4)]
        for each in clients:
            stack.push_async_callback(each.close)
        adding = [insist(clients[number % 4], f"{path}/messages", said(f"{number}?")) for number in range(12)]
        adding += [insist(clients[number % 4], f"{path}/runs", {"assistant_id": assistant_id}) for number in range(4)]
        added = await asyncio.gather(*adding)
    runs = [each for each in added if each["object"] == "thread.run"]
    thread = path.partition("/")[2]
    ended = [await client.finish(thread, each) for each in [first, *runs]]
    assert {each["status"] for each in ended} == {"completed"}
    found = await texts(client, path)
    assert sorted(each for each in found if each.endswith("?")) == sorted(f"{number}?" for number in range(12))
    assert len((await client.get(f"{path}/runs"))["data"]) == 5


class TestOnAzure:
    @pytest.fixture
    def environment(self, account):
        return {"AzureWebJobsStorage": account}

    @pytest.mark.long
    @pytest.mark.parametrize("when", ["before", "after"])
    async def test_whenever_a_host_dies_the_line_goes_on_in_order(self, hosts, client, when):
        hosts.poll_seconds = 0.3
        await die_at_every_commit(hosts, when, partial(tell, client), least=12)
