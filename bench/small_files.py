"""Seconds until a batch of small files can be searched, and the processor time that takes.

`python -m bench.small_files [COUNT] [FOLDER] [--lines LINES] [--home sqlite|azurite|functions]`: of this checkout or of
the one in FOLDER, with the demo's embeddings. The embedded host on SQLite or on Azurite, or the Functions app under the
stand-in host, on Azurite.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import aiohttp

from bench import functions, processes, runs
from tests import azurite


async def measure(url: str, texts: list[str], pid: int) -> tuple[float, float]:
    """Seconds from the batch's creation to its end, and the process's processor seconds meanwhile."""
    async with aiohttp.ClientSession() as session:
        client, files = runs.Client(session, url), []
        for number, text in enumerate(texts):
            form = aiohttp.FormData({"purpose": "assistants"})
            form.add_field("file", text.encode(), filename=f"{number}.txt")
            async with session.post(f"{url}/files", data=form, headers=client.headers) as response:
                files.append((await response.json())["id"])
        store = (await client.post("vector_stores", {}))["id"]
        started, busy = time.perf_counter(), processes.cpu_seconds(pid)
        batch = await client.post(f"vector_stores/{store}/file_batches", {"file_ids": files})
        while batch["status"] == "in_progress":
            await asyncio.sleep(0.05)
            batch = await client.get(f"vector_stores/{store}/file_batches/{batch['id']}")
        assert batch["file_counts"]["completed"] == len(texts), batch
        return time.perf_counter() - started, processes.cpu_seconds(pid) - busy


def main(texts: list[str], checkout: processes.Checkout, where: str) -> None:
    """Print the figures."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        storage = "" if where == "sqlite" else stack.enter_context(azurite.running(home))
        model_url = stack.enter_context(processes.model(0))
        if where == "functions":
            address, _ = stack.enter_context(functions.serving(checkout, home, model_url, storage, EMBEDDING_MODEL=""))
            url, pid = f"{address}/v1", asyncio.run(functions.worker_pid(address))
        else:
            settings = {"EMBEDDING_MODEL": "", "AzureWebJobsStorage": storage}
            url, pid = stack.enter_context(processes.box(model_url, home / "box", checkout, **settings))
        took, busy = asyncio.run(measure(url, texts, pid))
        print(f"{len(texts)} files in one batch: {took:.1f} s, {busy:.2f} s of the box's processor time")


def texts(count: int, lines: int) -> list[str]:
    """Files of so many lines, no two alike; 50 lines are a page."""
    return ["\n".join(f"This is line {line} of the file {number}." for line in range(lines)) for number in range(count)]


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("count", nargs="?", type=int, default=500)
    words.add_argument("folder", nargs="?", type=Path, default=processes.HERE.folder)
    words.add_argument("--lines", type=int, default=1)
    words.add_argument("--home", choices=("sqlite", "azurite", "functions"), default="sqlite")
    asked = words.parse_args()
    own = asked.folder.resolve() / ".venv/bin/python"
    python = str(own) if own.exists() else sys.executable
    main(texts(asked.count, asked.lines), processes.Checkout(asked.folder.resolve(), python), asked.home)
