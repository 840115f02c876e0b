"""Seconds until a batch of one-line files can be searched: `python -m bench.small_files [COUNT] [FOLDER]`.

The embedded host of this checkout, or of the one in FOLDER, with the demo's embeddings.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from bench import processes, runs


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


def main(count: int, checkout: processes.Checkout) -> None:
    """Print the figure."""
    with tempfile.TemporaryDirectory() as home, processes.model(0) as model_url:
        settings = {"EMBEDDING_MODEL": ""}
        with processes.box(model_url, Path(home) / "box", checkout, **settings) as (url, _):
            print(f"{count} one-line files in one batch: {asyncio.run(measure(url, count)):.1f} s")


if __name__ == "__main__":
    folder = Path(sys.argv[2]) if sys.argv[2:] else processes.HERE.folder
    main(int(sys.argv[1]) if sys.argv[1:] else 500, processes.Checkout(folder, str(folder / ".venv/bin/python")))
