"""What is deleted in many steps is gone in the end, wherever hosts die under them, and others have what is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared import ids, layout
from shared.deps import Caller
from shared.store.base import MAX_CHANGES, Put
from shared.vector_stores.rows import index_of
from tests.durability.hosts import EVERY_OTHER, Client, Hosts, die_at_every_commit, opened, patience
from tests.durability.test_ingestion import settled, upload

#: More messages than a commit takes.
MESSAGES = 120


@pytest.fixture
def environment(storage):
    return storage


async def made(client: Client, path: str, body: Any) -> str:
    """Something new; if the answer is lost, there may be two."""
    return str((await client.ask("POST", path, body)).json()["id"])


async def live(hosts: Hosts, client: Client) -> None:
    file, kept = [await upload(client, word) for word in ("alpha", "beta")]
    gone, *stores = [await made(client, "vector_stores", {"file_ids": [file, kept]}) for _ in range(3)]
    for each in (gone, *stores):
        await settled(client, each)
    thread = await made(client, "threads", {})
    async with opened(hosts) as box:  # one request for each would take long
        rows = [Put(ids.key_at(layout.MESSAGE, number), {"content": "x"}) for number in range(MESSAGES)]
        for some in (rows[:MAX_CHANGES], rows[MAX_CHANGES:]):
            await box.deps.store.commit(layout.thread(hosts.owner, thread), some)
    for path in (f"threads/{thread}", f"vector_stores/{gone}", f"files/{file}"):
        assert (await client.ask("DELETE", path)).status_code in (200, 404)  # it may be the second one
    await check(client, stores)
    async with opened(hosts) as box, patience("what is deleted to be gone"):
        caller = Caller(box.deps, hosts.owner)
        while True:
            if not [each async for each in left_of(caller, thread, gone, file, stores)]:
                break
            await asyncio.sleep(0.1)


async def left_of(caller: Caller, thread: str, gone: str, file: str, stores: list[str]) -> AsyncIterator[str]:
    """What there still is of a thread, a vector store and a file that was in `stores`, too."""
    owner, store, blobs = caller.owner, caller.deps.store, caller.deps.blobs
    for partition, first, last in [
        (layout.thread(owner, thread), "!", "~~"),
        (layout.threads(owner), thread, f"{thread}~"),
        (layout.vector_store(owner, gone), "!", "~~"),
        (layout.vector_stores(owner), gone, f"{gone}~"),
        (layout.attached(owner), *layout.attached_range(file)),
    ]:
        for row in await store.scan(partition, first, last, 5):
            yield f"{partition} {row.key}"
    for each in stores:
        for chunk in await caller.deps.index.chunks(await index_of(caller, each), file):
            yield chunk.text
    for prefix in (layout.segment_blob(await index_of(caller, gone)), layout.file_blob(owner, file)):
        async for blob in blobs.list(prefix):
            yield blob.name


async def check(client: Client, stores: list[str]) -> None:
    """The other stores have lost the file, and nothing else."""
    for each in stores:
        async with patience("the file to leave its stores"):
            while True:
                found = await client.get(f"vector_stores/{each}")
                if found["file_counts"]["total"] == 1:
                    break
                await asyncio.sleep(0.05)
        page = (await client.ask("POST", f"vector_stores/{each}/search", {"query": "alpha beta"})).json()
        assert [hit["filename"] for hit in page["data"]] == ["beta.txt"]


@pytest.mark.long
@pytest.mark.parametrize("storage", ["embedded", "azure"], indirect=True)
@pytest.mark.parametrize(("when", "steps"), EVERY_OTHER)
async def test_death_at_one_deletion_after_the_other(hosts, client, when, steps):
    """A host dies at its n-th commit that deletes something, n = 1, 3, ... or 2, 4, ..."""
    await die_at_every_commit(hosts, when, lambda: live(hosts, client), what="deletes", steps=steps, least=5)
