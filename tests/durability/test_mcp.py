"""The embedded host, killed around calls of an MCP server's tools."""

from __future__ import annotations

import asyncio

import pytest

from tests.durability.hosts import Hosts
from tests.fakes.mcp_server import mcp_server

STORY = 'call order {"umbrella": "red"}\ncall forecast {"city": "Oslo"}\nthen\nsay Hello.'


@pytest.fixture
def server():
    with mcp_server() as server:
        yield server


@pytest.fixture
def environment(server):
    return {"MCP_ALLOWED_HOSTS": server.host}


@pytest.mark.long
@pytest.mark.parametrize(("when", "asks"), [("before", "never"), ("after", "always")])
async def test_death_at_every_commit_orders_at_most_once(hosts: Hosts, client, server, when, asks):
    tool = {"type": "mcp", "server_label": "weather", "server_url": server.url(), "require_approval": asks}
    for count in range(1, 20):
        server.calls.clear()
        mortal = hosts.start(die=f"{when}:{count}")
        made = await client.ask("POST", "assistants", {"model": "gpt-fake", "tools": [tool]})
        thread = await client.thread(STORY)
        run = asyncio.create_task(begin_and_finish(client, thread, made.json()["id"]))
        dying = asyncio.create_task(hosts.death(mortal))
        await asyncio.wait({run, dying}, return_when=asyncio.FIRST_COMPLETED)
        survived = not dying.done()
        if not survived:
            hosts.start()
        ended = await run
        steps = (await client.get(f"threads/{thread}/runs/{ended['id']}/steps?order=asc"))["data"]
        order, forecast = (call["output"] for call in steps[1]["step_details"]["tool_calls"])
        ordered = server.calls.count(("order", "red"))
        assert ended["status"] == "completed"
        assert (order == "ordered red" and ordered == 1) or ("unknown whether" in order and ordered <= 1)
        assert forecast == "rain in Oslo"
        assert [each["type"] for each in steps] == ["activities", "tool_calls", "message_creation"]
        dying.cancel()
        await hosts.close()
        if survived:
            assert count > 3, "the host should have died at least three times"
            return
    raise AssertionError("the story never ended")


async def begin_and_finish(client, thread, assistant_id):
    return await client.finish(thread, await client.begin(thread, assistant_id))
