"""The embedded host, killed while an assistant asks another one, which asks a third, which sends a letter."""

from __future__ import annotations

import json

import pytest

from tests.durability.hosts import die_at_every_commit

LETTER = 'call send_letter {"text": "hi"}\nthen\nsay Sent.'
ASK = f"call post {json.dumps({'message': LETTER})}\nthen\nsay Sent."
STORY = f"call post {json.dumps({'message': ASK})}\nthen\nsay Hello."


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_at_every_commit_asks_once_and_sends_at_most_one_letter(hosts, client, when):
    await die_at_every_commit(hosts, when, lambda: ask_and_check(hosts, client), least=5)


async def ask_and_check(hosts, client):
    sent = len(hosts.letters())
    asking = await asks(client, await asks(client, await assistant(client, metadata={"server_tools": "*"})))
    thread = await client.thread(STORY)
    ended = await client.finish(thread, await client.begin(thread, asking))
    await check(client, thread, ended, letters=len(hosts.letters()) - sent)


async def assistant(client, **more):
    return (await client.ask("POST", "assistants", {"model": "gpt-fake", **more})).json()["id"]


async def asks(client, other):
    """An assistant that may ask the other."""
    details = {"id": other, "name": "post", "description": "Sends letters."}
    return await assistant(client, tools=[{"type": "connected_agent", "connected_agent": details}])


async def check(client, thread, run, letters):
    """The run ended well, after one run of each assistant below; the letter was sent, or nobody knows."""
    child, child_run = await only_child(client, thread, run)
    grandchild, last = await only_child(client, child, child_run)
    steps = (await client.get(f"threads/{grandchild}/runs/{last['id']}/steps?order=asc"))["data"]
    output = steps[0]["step_details"]["tool_calls"][0]["function"]["output"]
    assert (output == "sent" and letters == 1) or ("unknown whether" in output and letters <= 1)


async def only_child(client, thread, run):
    """The thread and the run of the assistant that the run asked, once."""
    assert run["status"] == "completed"
    path = f"threads/{thread}/runs/{run['id']}"
    calls, said = (await client.get(f"{path}/steps?order=asc"))["data"]
    assert said["type"] == "message_creation"
    [call] = calls["step_details"]["tool_calls"]
    asked = call["connected_agent"]
    assert asked["output"] == "Sent."
    threads = (await client.get("threads?limit=100"))["data"]
    children = [each["id"] for each in threads if each["metadata"].get("parent_run_id") == run["id"]]
    assert children == [asked["thread_id"]]
    [child] = (await client.get(f"threads/{children[0]}/runs"))["data"]
    assert child["id"] == asked["run_id"]
    return children[0], child
