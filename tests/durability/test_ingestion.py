"""Files on their way into a vector store, while hosts die under them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2 as httpx
import pytest

from tests.durability.hosts import EVERY_OTHER, Client, die_at_every_commit, patience

WORDS = ["alpha", "beta"]


async def upload(client: Client, word: str) -> str:
    """A file; if the answer is lost, there may be two."""
    async with patience(f"the upload of {word}"):
        while True:
            try:
                files = {"file": (f"{word}.txt", word.encode())}
                answer = await client.http.post("files", data={"purpose": "assistants"}, files=files)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                return str(answer.json()["id"])


async def store(client: Client) -> str:
    """The only vector store: an answer that was lost is looked up."""
    async with patience("a vector store"):
        while True:
            stores = (await client.get("vector_stores"))["data"]
            if stores:
                return str(stores[0]["id"])
            await client.ask_once("POST", "vector_stores", {"name": "only"})


async def fill(client: Client, store_id: str, file_ids: list[str]) -> None:
    """Attach the files, again if nobody knows of it."""
    async with patience("a file batch"):
        while (await client.get(f"vector_stores/{store_id}"))["file_counts"]["total"] < len(file_ids):
            await client.ask_once("POST", f"vector_stores/{store_id}/file_batches", {"file_ids": file_ids})


async def settled(client: Client, store_id: str) -> dict[str, Any]:
    async with patience("a vector store without files in progress"):
        while True:
            found = await client.get(f"vector_stores/{store_id}")
            if found["status"] == "completed":
                return dict(found)
            await asyncio.sleep(0.05)


async def live(client: Client) -> None:
    """Upload files, attach all, detach the last, look what is there, and delete the store."""
    file_ids = [await upload(client, word) for word in WORDS]
    store_id = await store(client)
    await fill(client, store_id, file_ids)
    await settled(client, store_id)
    last = f"vector_stores/{store_id}/files/{file_ids[-1]}"
    async with patience("a file to be detached"):
        while (await client.ask("GET", last)).status_code == 200:
            await client.ask_once("DELETE", last)
    await check(client, store_id)
    async with patience("the vector store to be gone"):
        while (await client.get("vector_stores"))["data"]:
            await client.ask_once("DELETE", f"vector_stores/{store_id}")


async def check(client: Client, store_id: str) -> None:
    """Every attached file is indexed once, the detached one is not, and the counts say so."""
    found = await settled(client, store_id)
    counts = {"in_progress": 0, "completed": 1, "failed": 0, "cancelled": 0, "total": 1}
    assert found["file_counts"] == counts
    files = (await client.get(f"vector_stores/{store_id}/files"))["data"]
    assert found["usage_bytes"] == sum(file["usage_bytes"] for file in files)
    query = {"query": WORDS, "max_num_results": 50}
    page = (await client.ask("POST", f"vector_stores/{store_id}/search", query)).json()
    assert sorted(hit["filename"] for hit in page["data"]) == ["alpha.txt"]


@pytest.mark.long
@pytest.mark.parametrize(("when", "steps"), EVERY_OTHER)
async def test_death_at_one_commit_after_the_other(hosts, client, when, steps):
    """A host dies at its n-th commit about vector stores, n = 1, 3, ... or 2, 4, ...; the next one ends its work."""
    await die_at_every_commit(hosts, when, lambda: live(client), what="files", steps=steps, least=14)
