"""The embedded host, killed while an assistant asks another one, which asks a third, which sends a letter."""

from __future__ import annotations

import asyncio
import json

import pytest

LETTER = 'call send_letter {"text": "hi"}\nthen\nsay Sent.'
ASK = f"call post {json.dumps({'message': LETTER})}\nthen\nsay Sent."
STORY = f"call post {json.dumps({'message': ASK})}\nthen\nsay Hello."


async def begin_and_finish(client, thread, assistant_id):
    return await client.finish(thread, await client.begin(thread, assistant_id))


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_at_every_commit_asks_once_and_sends_at_most_one_letter(hosts, client, when):
    for count in range(1, 40):
        mortal = hosts.start(die=f"{when}:{count}")
        sent = len(hosts.letters())
        asking = await asks(client, await asks(client, await assistant(client, metadata={"server_tools": "*"})))
        thread = await client.thread(STORY)
        run = asyncio.create_task(begin_and_finish(client, thread, asking))
        dying = asyncio.create_task(hosts.death(mortal))
        await asyncio.wait({run, dying}, return_when=asyncio.FIRST_COMPLETED)
        survived = not dying.done()
        if not survived:
            hosts.start()
        ended = await run
        await check(client, thread, ended, letters=len(hosts.letters()) - sent)
        dying.cancel()
        await hosts.close()
        if survived:
            assert count > 5, "the host should have died at least five times"
            return
    raise AssertionError("the story never ended")


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
