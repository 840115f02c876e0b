"""Requests with an `Idempotency-Key`, whose host dies before or after any of its commits."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2 as httpx
import pytest

from tests.durability.hosts import EVERY_OTHER, Client, die_at_every_commit, patience


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
    """Make one of each, and see that there is one of each, and that every request is answered as it was."""
    asked: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = []

    async def once(key: str, path: str, **request: Any) -> dict[str, Any]:
        asked.append((key, path, request, await insist(client, key, path, **request)))
        return asked[-1][-1]

    assistant = (await once("a", "assistants", json={"model": "gpt-fake"}))["id"]
    thread = (await once("t", "threads", json={"messages": [{"role": "user", "content": "say One."}]}))["id"]
    message = {"role": "user", "content": "say Hello."}
    await once("m", f"threads/{thread}/messages", json=message)
    run = await once("r", f"threads/{thread}/runs", json={"assistant_id": assistant})
    await client.finish(thread, run)
    both = {"assistant_id": assistant, "thread": {"messages": [message]}}
    second = await once("b", "threads/runs", json=both)
    await client.finish(second["thread_id"], second)
    await once("f", "files", files={"file": ("a.txt", b"words")}, data={"purpose": "assistants"})

    for key, path, request, answer in asked:
        assert await insist(client, key, path, **request) == answer
    assert len((await client.get("assistants"))["data"]) == 1
    assert [each["id"] for each in (await client.get("threads"))["data"]] == [second["thread_id"], thread]
    for each, questions in ((thread, 2), (second["thread_id"], 1)):
        messages = (await client.get(f"threads/{each}/messages"))["data"]
        assert [message["role"] for message in messages] == ["assistant", *["user"] * questions]
        assert len((await client.get(f"threads/{each}/runs"))["data"]) == 1
    assert len((await client.get("files"))["data"]) == 1


async def keep(client: Client) -> None:
    """Upload a file in parts, keep it in stores, change things and cancel; see that all of it happened once."""
    announced = {"filename": "a.txt", "bytes": 11, "purpose": "assistants", "mime_type": "text/plain"}
    upload = (await insist(client, "u", "uploads", json=announced))["id"]
    parts = [
        (await insist(client, text.strip(), f"uploads/{upload}/parts", files={"data": ("x", text.encode())}))["id"]
        for text in ("hello ", "world")
    ]
    completed = await insist(client, "c", f"uploads/{upload}/complete", json={"part_ids": parts})
    file = completed["file"]["id"]
    full = (await insist(client, "full", "vector_stores", json={"file_ids": [file]}))["id"]
    store = (await insist(client, "s", "vector_stores", json={"name": "Papers"}))["id"]
    await insist(client, "f", f"vector_stores/{store}/files", json={"file_id": file})
    batch = await insist(client, "b", f"vector_stores/{store}/file_batches", json={"file_ids": [file]})
    await insist(client, "x", f"vector_stores/{store}/file_batches/{batch['id']}/cancel")
    await insist(client, "m", f"vector_stores/{store}", json={"name": "Books"})
    attributes = {"attributes": {"year": 2026}}
    await insist(client, "a", f"vector_stores/{store}/files/{file}", json=attributes)

    assert [each["id"] for each in (await client.get("files"))["data"]] == [file]
    assert [each["id"] for each in (await client.get("vector_stores"))["data"]] == [store, full]
    assert (await client.get(f"vector_stores/{store}"))["name"] == "Books"
    async with patience("the full store's file"):
        while (await client.get(f"vector_stores/{full}"))["file_counts"]["completed"] == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for each in (store, full):
        assert (await client.get(f"vector_stores/{each}"))["file_counts"]["total"] == 1
    assert (await client.get(f"vector_stores/{store}/files/{file}")).items() >= attributes.items()
    assert (await client.get(f"vector_stores/{store}/file_batches/{batch['id']}"))["status"] != "in_progress"


async def change(client: Client) -> None:
    """Change a thread and what is in it, and cancel a run."""
    assistant = (await insist(client, "a", "assistants", json={"model": "gpt-fake"}))["id"]
    said = {"role": "user", "content": 'call get_weather {"city": "Oslo"}'}
    thread = (await insist(client, "t", "threads", json={"messages": [said]}))["id"]
    note = {"metadata": {"note": "x"}}
    await insist(client, "ma", f"assistants/{assistant}", json=note)
    await insist(client, "mt", f"threads/{thread}", json=note)
    [message] = (await client.get(f"threads/{thread}/messages"))["data"]
    await insist(client, "mm", f"threads/{thread}/messages/{message['id']}", json=note)
    tools = [{"type": "function", "function": {"name": "get_weather"}}]
    run = await insist(client, "r", f"threads/{thread}/runs", json={"assistant_id": assistant, "tools": tools})
    path = f"threads/{thread}/runs/{run['id']}"
    await insist(client, "mr", path, json=note)
    assert (await insist(client, "x", f"{path}/cancel"))["status"] == "cancelling"
    run = await client.finish(thread, run)
    assert (run["status"], run["metadata"]) == ("cancelled", note["metadata"])
    assert (await insist(client, "x", f"{path}/cancel"))["status"] == "cancelling"
    for each in (f"assistants/{assistant}", f"threads/{thread}", f"threads/{thread}/messages/{message['id']}"):
        assert (await client.get(each))["metadata"] == note["metadata"]


@pytest.fixture
def environment(storage):
    return storage


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("storage", "live"),
    [("embedded", live), ("embedded", keep), ("embedded", change), ("azure", live)],
    indirect=["storage"],
)
@pytest.mark.parametrize(("when", "steps"), EVERY_OTHER)
async def test_whenever_a_host_dies_a_request_is_carried_out_once(hosts, client, when, steps, live):
    await die_at_every_commit(hosts, when, lambda: live(client), what="", steps=steps, least=8)
