"""Requests with an `Idempotency-Key`, whose host dies before or after any of its commits."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2 as httpx
import pytest

from tests.durability.hosts import Client, patience


async def insist(client: Client, key: str, path: str, **request: Any) -> dict[str, Any]:
    """Send a request again with its key until it is answered."""
    async with patience(f"an answer to {path}"):
        while True:
            try:
                response = await client.http.post(path, headers={"Idempotency-Key": key}, **request)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if response.status_code < 500:
                assert response.status_code == 200, response.text
                return dict(response.json())
            await asyncio.sleep(0.05)


async def live(client: Client) -> None:
    """Make one of each, and see that there is one of each."""
    assistant = (await insist(client, "a", "assistants", json={"model": "gpt-fake"}))["id"]
    thread = (await insist(client, "t", "threads", json={"messages": [{"role": "user", "content": "say One."}]}))["id"]
    message = {"role": "user", "content": "say Hello."}
    await insist(client, "m", f"threads/{thread}/messages", json=message)
    run = await insist(client, "r", f"threads/{thread}/runs", json={"assistant_id": assistant})
    await client.finish(thread, run)
    both = {"assistant_id": assistant, "thread": {"messages": [message]}}
    second = await insist(client, "b", "threads/runs", json=both)
    await client.finish(second["thread_id"], second)
    upload = {"files": {"file": ("a.txt", b"words")}, "data": {"purpose": "assistants"}}
    await insist(client, "f", "files", **upload)

    assert len((await client.get("assistants"))["data"]) == 1
    assert [each["id"] for each in (await client.get("threads"))["data"]] == [second["thread_id"], thread]
    for each, questions in ((thread, 2), (second["thread_id"], 1)):
        messages = (await client.get(f"threads/{each}/messages"))["data"]
        assert [message["role"] for message in messages] == ["assistant", *["user"] * questions]
        assert len((await client.get(f"threads/{each}/runs"))["data"]) == 1
    assert len((await client.get("files"))["data"]) == 1


@pytest.mark.long
@pytest.mark.parametrize("when", ["after", "before"])
async def test_whenever_a_host_dies_a_request_is_carried_out_once(hosts, client, tmp_path, when):
    for count in range(1, 60):
        hosts.home = tmp_path / str(count)
        hosts.home.mkdir()
        mortal = hosts.start(die=f"{when}:{count}:all")
        living = asyncio.create_task(live(client))
        dying = asyncio.create_task(hosts.death(mortal))
        await asyncio.wait({living, dying}, return_when=asyncio.FIRST_COMPLETED)
        survived = not dying.done()
        if not survived:
            hosts.start()
        await living
        dying.cancel()
        await hosts.close()
        if survived:
            assert count > 15, "the host should have died at each of its commits"
            return
    raise AssertionError("the story never ended")
