"""The embedded host, killed around calls of an MCP server's tools."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.durability.hosts import Hosts, die_at_every_commit
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
    await die_at_every_commit(hosts, when, lambda: order_and_check(client, server, asks, hosts))


async def order_and_check(client, server, asks, hosts=None):
    """An umbrella is ordered once, or nobody knows; the forecast is heard.

    Hosts of a folder can keep headers: each request has its own, and the run's row none in the end.
    """
    server.calls.clear()
    server.headers.clear()
    tool = {"type": "mcp", "server_label": "weather", "server_url": server.url(), "require_approval": asks}
    tool |= {"authorization": "of-somebody"} if hosts else {}
    made = await client.ask("POST", "assistants", {"model": "gpt-fake", "tools": [tool]})
    thread = await client.thread(STORY)
    ended = await client.finish(thread, await client.begin(thread, made.json()["id"]))
    steps = (await client.get(f"threads/{thread}/runs/{ended['id']}/steps?order=asc"))["data"]
    order, forecast = (call["output"] for call in steps[1]["step_details"]["tool_calls"])
    ordered = server.calls.count(("order", "red"))
    assert ended["status"] == "completed"
    assert (order == "ordered red" and ordered == 1) or ("unknown whether" in order and ordered <= 1)
    assert forecast == "rain in Oslo"
    assert [each["type"] for each in steps] == ["activities", "tool_calls", "message_creation"]
    if hosts:
        assert {each["authorization"] for each in server.headers} == {"Bearer of-somebody"}
        assert kept_headers(hosts, ended["id"]) == {}


def kept_headers(hosts: Hosts, run_id: str):
    """What the run's row has of them."""
    with closing(sqlite3.connect(f"file:{hosts.home / 'box.db'}?mode=ro", uri=True)) as database:
        [(row,)] = database.execute("SELECT data FROM records WHERE key = ?", (run_id,)).fetchall()
    return json.loads(row)["headers"]
