"""Seconds until a batch of one-line files can be searched: `python -m bench.small_files [--azurite] [COUNT] [FOLDER]`.

The embedded host of this checkout, or of the one in FOLDER, with the demo's embeddings; on SQLite, or on Azurite.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import aiohttp

from bench import processes, runs
from tests import azurite


async def measure(url: str, count: int) -> float:
    """Seconds from the batch's creation to its end."""
    async with aiohttp.ClientSession() as session:
        client, files = runs.Client(session, url), []
        for number in range(count):
            form = aiohttp.FormData({"purpose": "assistants"})
            form.add_field("file", f"This is line {number}.".encode(), filename=f"{number}.txt")
            async with session.post(f"{url}/files", data=form, headers=client.headers) as response:
                files.append((await response.json())["id"])
        store = (await client.post("vector_stores", {}))["id"]
        started = time.perf_counter()
        batch = await client.post(f"vector_stores/{store}/file_batches", {"file_ids": files})
        while batch["status"] == "in_progress":
            await asyncio.sleep(0.05)
            batch = await client.get(f"vector_stores/{store}/file_batches/{batch['id']}")
        assert batch["file_counts"]["completed"] == count, batch
        return time.perf_counter() - started


def main(count: int, checkout: processes.Checkout, *, on_azurite: bool) -> None:
    """Print the figures."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        storage = stack.enter_context(azurite.running(home)) if on_azurite else ""
        settings = {"EMBEDDING_MODEL": "", "AzureWebJobsStorage": storage}
        model_url = stack.enter_context(processes.model(0))
        url, pid = stack.enter_context(processes.box(model_url, home / "box", checkout, **settings))
        took = asyncio.run(measure(url, count))
        busy = processes.cpu_seconds(pid)
        print(f"{count} one-line files in one batch: {took:.1f} s, {busy:.1f} s of the box's processor time")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--azurite"]
    folder = Path(words[1]).resolve() if words[1:] else processes.HERE.folder
    own = folder / ".venv/bin/python"
    checkout = processes.Checkout(folder, str(own) if own.exists() else sys.executable)
    main(int(words[0]) if words else 500, checkout, on_azurite="--azurite" in sys.argv)
